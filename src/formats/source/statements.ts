/**
 * The instructions of a plan of one step and one example, as statements of C or JavaScript over two arrays: `weights`, which nothing
 * changes, and `memory`. What the languages say differently is in `dialects.ts`.
 */
import type { Node, NodeId } from "../../graph/graph.ts";
import type { BinaryName, UnaryName } from "../../graph/operations.ts";
import type { Instruction, Location, Pass, Plan, Product, Section } from "../../schedule/plan.ts";
import type { Dialect } from "./dialects.ts";

/** Where the plan's numbers are in the two arrays. */
export type Places = {
  readonly at: (address: number) => { readonly array: "weights" | "memory"; readonly index: number };
  /** How many numbers `memory` has. */
  readonly numbers: number;
};

/** The parameters are `weights`; what lies before and behind them is `memory`. */
export function placesOf({ slabs, bytes }: Plan): Places {
  const [start, size] = [slabs.parameters, 4 * slabs.numbers];
  return {
    at: (address) =>
      address >= start && address < start + size
        ? { array: "weights", index: (address - start) / 4 }
        : { array: "memory", index: (address < start ? address : address - size) / 4 },
    numbers: (bytes - size) / 4,
  };
}

/** The statements of all instructions, a line each, indented by two spaces a level. */
export function statementsOf(plan: Plan, section: Section, dialect: Dialect): string[] {
  const { at } = placesOf(plan);
  const { graph } = section;
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const isVector = (id: NodeId): boolean => typeof node(id).shape === "number";
  /** A number in an array, `by` places further. */
  const element = (address: number, by = ""): string => {
    const { array, index } = at(address);
    const place = by === "" ? `${index}` : index === 0 ? by : `${index} + ${by}`;
    return `${array}[${place}]`;
  };
  const read = (address: number, by?: string): string => dialect.read(element(address, by));
  const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
  const loop = (count: number, variable: string, body: readonly string[]): string[] => [
    `for (${dialect.counter} ${variable} = 0; ${variable} < ${count}; ${variable}++) {`,
    ...indented(body),
    "}",
  ];
  const times = (variable: string, stride: number): string => (stride === 1 ? variable : `${variable} * ${stride}`);

  function statements(one: Instruction): string[] {
    switch (one.kind) {
      case "loop":
      case "at_once":
        return one.body.flatMap(statements);
      case "clear":
        return loop(one.bytes / 4, "j", [`${element(one.offset, "j")} = ${dialect.number(0)};`]);
      case "product":
        return productOf(one);
      case "pass":
        return passOf(one);
      case "gather": {
        const { array, index } = at(one.table);
        const row = `${dialect.whole(read(one.index.offset))} * ${one.size}`;
        const from = index === 0 ? row : `${index} + ${row}`;
        return loop(one.size, "j", [`${element(one.out.offset, "j")} = ${dialect.read(`${array}[${from} + j]`)};`]);
      }
      default:
        throw new Error(`internal: ${one.kind} in a step of inference`);
    }
  }

  function productOf({ operand, out, weights, accumulate, n }: Product): string[] {
    const lines: string[] = [];
    // Which blocks are the first to write their outputs, and set them; where some overlap by halves, all add to zeros.
    const written = new Uint8Array(n);
    const firsts = weights.map(({ n: first, countN }) => {
      const before = written.subarray(first, first + countN).reduce((sum, one) => sum + one, 0);
      written.fill(1, first, first + countN);
      return before === 0 ? true : before === countN ? false : undefined;
    });
    const clear = !accumulate && (firsts.includes(undefined) || written.includes(0));
    if (clear) lines.push(...loop(n, "j", [`${element(out.offset, "j")} = ${dialect.number(0)};`]));
    weights.forEach(({ source, strideK, strideN, countK, countN, k, n: first }, b) => {
      const adds = accumulate || clear || firsts[b] !== true;
      const to = element(out.offset + 4 * first, "j");
      const { array, index } = at(source);
      const offsets = [times("j", strideN / 4), times("i", strideK / 4)];
      const place = (index === 0 ? offsets : [`${index}`, ...offsets]).join(" + ");
      lines.push(
        ...loop(countN, "j", [
          `${dialect.variable} sum = ${adds ? dialect.read(to) : dialect.number(0)};`,
          ...loop(countK, "i", [
            `sum += ${dialect.read(`${array}[${place}]`)} * ${read(operand.offset + 4 * k, "i")};`,
          ]),
          `${to} = sum;`,
        ]),
      );
    });
    return lines;
  }

  function passOf(pass: Pass): string[] {
    const { size, columns = size } = pass;
    const value = (id: NodeId): string => {
      const one = node(id);
      if (one.op === "constant") return dialect.number(one.value);
      // With the name of its equation, if it has one: v12_lstm_f.
      return one.name === undefined ? `v${id}` : `v${id}_${one.name.replaceAll(/\W+/g, "_").replace(/_$/, "")}`;
    };
    const computed = (id: NodeId): string => {
      const one = node(id);
      const [a = "", b = ""] = one.inputs.map(value);
      if (one.op === "broadcast") return a;
      if (one.op === "one_hot") return `(${a} == j ? ${dialect.number(1)} : ${dialect.number(0)})`;
      if (Object.hasOwn(dialect.unary, one.op)) return dialect.unary[one.op as UnaryName](a);
      if (Object.hasOwn(dialect.binary, one.op)) return dialect.binary[one.op as BinaryName](a, b);
      throw new Error(`internal: ${one.op} in a step of inference`);
    };
    const declare = (id: NodeId, text: string): string => `${dialect.constant} ${value(id)} = ${text};`;
    const loadOf = (id: NodeId, { offset }: Location): string => {
      if (!isVector(id)) return declare(id, read(offset));
      const { op } = node(id);
      if (op === "repeat_interleave") return declare(id, read(offset, dialect.quotient("j", columns)));
      return declare(id, read(offset, op === "tile" ? `j % ${columns}` : "j"));
    };
    /** What `of` are computed from in this pass, the numbers of an example or the features of vectors, operands first. */
    const neededFor = (of: readonly NodeId[], vectors: boolean): string[] => {
      const needed = new Set(of);
      for (const id of pass.compute.toReversed()) {
        if (needed.has(id)) for (const operand of node(id).inputs) needed.add(operand);
      }
      const wanted = (id: NodeId): boolean => needed.has(id) && isVector(id) === vectors;
      return [
        ...[...pass.loads].filter(([id]) => wanted(id)).map(([id, location]) => loadOf(id, location)),
        ...pass.compute.filter(wanted).map((id) => declare(id, computed(id))),
      ];
    };
    const results = [...pass.stores, ...pass.reductions].map(({ value: id }) => id);
    const lines = neededFor(results, false);

    const sums = pass.reductions.map(({ op }, k) => ({ op, name: `sum${k}`, most: `most${k}` }));
    for (const { op, name, most } of sums) {
      if (op === "sum" || op === "logsumexp") lines.push(`${dialect.variable} ${name} = ${dialect.number(0)};`);
      if (op === "max_of") lines.push(`${dialect.variable} ${name} = ${dialect.lowest};`);
      if (op === "logsumexp") lines.push(`${dialect.variable} ${most} = ${dialect.lowest};`);
    }
    // The largest value first: exp of what lies below it cannot overflow.
    if (sums.some(({ op }) => op === "logsumexp")) {
      const larger = pass.reductions.flatMap(({ op, value: of }, k) =>
        op === "logsumexp" ? [`most${k} = ${dialect.binary.max(`most${k}`, value(of))};`] : [],
      );
      const summed = pass.reductions.filter(({ op }) => op === "logsumexp").map(({ value: of }) => of);
      lines.push(...loop(size, "j", [...neededFor(summed, true), ...larger]));
    }
    for (const { op, node: id, at: location } of pass.reductions) {
      if (op !== "sum_rows" && op !== "sum_columns") continue;
      const count = node(id).shape as number;
      lines.push(...loop(count, "j", [`${element(location.offset, "j")} = ${dialect.number(0)};`]));
    }
    const stored = pass.stores
      .filter(({ value: id }) => isVector(id))
      .map(({ value: id, at: location }) => `${element(location.offset, "j")} = ${value(id)};`);
    const added = pass.reductions.map(({ op, value: id, at: location }, k) => {
      if (op === "sum") return `sum${k} += ${value(id)};`;
      if (op === "max_of") return `sum${k} = ${dialect.binary.max(`sum${k}`, value(id))};`;
      if (op === "logsumexp") return `sum${k} += ${dialect.exp(`${value(id)} - most${k}`)};`;
      const by = op === "sum_rows" ? dialect.quotient("j", columns) : `j % ${columns}`;
      return `${element(location.offset, by)} = ${read(location.offset, by)} + ${value(id)};`;
    });
    if (stored.length + added.length > 0)
      lines.push(...loop(size, "j", [...neededFor(results, true), ...stored, ...added]));
    for (const { value: id, at: location, padding } of pass.stores) {
      if (!isVector(id) || padding === 0) continue;
      lines.push(...loop(padding, "j", [`${element(location.offset + 4 * size, "j")} = ${dialect.number(0)};`]));
    }
    pass.reductions.forEach(({ op, at: { offset } }, k) => {
      if (op === "sum" || op === "max_of") lines.push(`${element(offset)} = sum${k};`);
      if (op === "logsumexp") lines.push(`${element(offset)} = most${k} + ${dialect.log(`sum${k}`)};`);
    });
    for (const { value: id, at: location } of pass.stores) {
      if (!isVector(id)) lines.push(`${element(location.offset)} = ${value(id)};`);
    }
    // Its names are its own.
    return ["{", ...indented(lines), "}"];
  }

  return section.instructions.flatMap(statements);
}
