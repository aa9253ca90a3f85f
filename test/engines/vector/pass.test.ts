import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../src/engines/reference/interpret.ts";
import { divisionOf, passCode, type When } from "../../../src/engines/vector/pass.ts";
import { type Builder, createBuilder, type Graph, isView, type Node, type NodeId } from "../../../src/graph/graph.ts";
import {
  type BinaryName,
  type OpName,
  opClass,
  type PointwiseName,
  type UnaryName,
} from "../../../src/graph/operations.ts";
import { createRandom, type Random } from "../../../src/nn/random.ts";
import type { Location, Pass, Section } from "../../../src/schedule/plan.ts";
import { cases } from "../../helpers/cases.ts";
import { type Body, type Machine, machines } from "../../helpers/vector-machines.ts";

type Sizes = { readonly steps: number; readonly batch: number };
type Numbers = Readonly<Record<string, ArrayLike<number>>>;
type Values = { readonly inputs: Numbers; readonly parameters: Numbers; readonly settings: Record<string, number> };

const keys: readonly [number, number] = [7, 0x1234_5678];
const keysAt = 64;
const settings = { s: 80 };

const nodeOf = (graph: Graph, id: NodeId): Node => graph.nodes[id] as Node;
const sizeOf = ({ shape }: Node): number => (typeof shape === "number" ? shape : 1);
const isNumber = ({ shape }: Node): boolean => shape === "number";
const isPointwise = ({ op }: Node): boolean => opClass[op] === "pointwise";

/** A pass that stores `stores` (and reduces), and reads `inMemory` rather than computing it. */
type Wish = {
  readonly stores: readonly NodeId[];
  readonly reductions?: readonly NodeId[];
  readonly inMemory?: ReadonlySet<NodeId>;
  readonly exact?: boolean;
  readonly columns?: number;
};

const paddedTo = (width: number, features: number): number => width * Math.ceil(features / width);

/** Each value of a graph with a place of its own, and numbers around it that are nobody's. */
function placesOf(graph: Graph, { steps, batch }: Sizes, width: number) {
  const padded = (features: number): number => paddedTo(width, features);
  const places = new Map<NodeId, Location>();
  let top = 128;
  graph.nodes.forEach((node, id) => {
    if (node.op === "constant" || node.op === "runtime_scalar" || node.shape === "none") return;
    const fixed = node.op === "parameter";
    const vector = typeof node.shape === "number";
    const rowBytes = fixed ? 0 : vector ? 4 * (padded(sizeOf(node)) + 4) : 4;
    const rows = fixed ? 1 : steps * batch;
    places.set(id, { offset: top, rowBytes, stepBytes: batch * rowBytes });
    top += rows * rowBytes + 4 * padded(sizeOf(node)) + 12 * width;
    top -= top % 16;
  });
  return { places, bytes: top };
}

function passOf(graph: Graph, places: ReadonlyMap<NodeId, Location>, wish: Wish, width: number): Pass {
  const { stores, reductions = [], inMemory = new Set(), exact = false, columns } = wish;
  const at = (id: NodeId): Location => places.get(id) as Location;
  const values = reductions.map((id) => nodeOf(graph, id).inputs[0] as NodeId);
  const compute = new Set<NodeId>();
  const loads = new Map<NodeId, Location>();
  const visit = (id: NodeId): void => {
    const node = nodeOf(graph, id);
    if (node.op === "constant" || node.op === "runtime_scalar" || compute.has(id)) return;
    if (isView(node)) loads.set(id, at(node.inputs[0] as NodeId));
    else if (!isPointwise(node) || (inMemory.has(id) && !stores.includes(id))) loads.set(id, at(id));
    else {
      node.inputs.forEach(visit);
      compute.add(id);
    }
  };
  [...stores, ...values].forEach(visit);
  const first = nodeOf(graph, (stores[0] ?? values[0]) as NodeId);
  return {
    kind: "pass",
    size: Math.max(...[...stores, ...values].map((id) => sizeOf(nodeOf(graph, id))), sizeOf(first)),
    ...(columns !== undefined && { columns }),
    compute: [...compute],
    loads,
    stores: stores.map((value) => {
      const size = sizeOf(nodeOf(graph, value));
      const apart = exact && typeof nodeOf(graph, value).shape === "number";
      return { value, at: at(value), exact: apart, padding: apart ? paddedTo(width, size) - size : 0 };
    }),
    reductions: reductions.map((id) => {
      const node = nodeOf(graph, id) as Node<"sum">;
      return { node: id, op: node.op, value: node.inputs[0] as NodeId, at: at(id) };
    }),
  };
}

/** Passes as functions of one module, on a memory that holds the inputs; their padding is NaN. */
function load(
  graph: Graph,
  sizes: Sizes,
  wishes: readonly Wish[],
  time: When["time"],
  values: Values,
  machine: Machine,
) {
  const { width } = machine;
  const padded = (features: number): number => paddedTo(width, features);
  const { places, bytes } = placesOf(graph, sizes, width);
  const section: Section = { graph, ...sizes, instructions: [] };
  const passes = wishes.map((wish) => passOf(graph, places, wish, width));
  const context = { section, time, steps: sizes.steps, keys: keysAt, settings };
  const bodies = passes.map((pass, k): [string, Body] => {
    return [`pass${k}`, (o, t, from, to) => passCode(o, pass, context, { t, from, to } as never)];
  });
  const program = machine.make(Object.fromEntries(bodies), bytes);
  const { floats, words } = program;
  words.set(keys, keysAt / 4);
  for (const [name, at] of Object.entries(settings)) floats[at / 4] = values.settings[name] as number;
  const rows = sizes.steps * sizes.batch;
  const rowAt = (id: NodeId, row: number): number => {
    const { offset, rowBytes } = places.get(id) as Location;
    return (offset + row * rowBytes) / 4;
  };
  graph.nodes.forEach((node, id) => {
    const size = sizeOf(node);
    if (node.op === "parameter") floats.set(values.parameters[node.parameter] as ArrayLike<number>, rowAt(id, 0));
    if (node.op !== "input" && node.op !== "index") return;
    const given = Array.from(values.inputs[node.name as string] as ArrayLike<number>);
    for (let row = 0; row < rows; row++) {
      (node.op === "index" ? words : floats).set(given.slice(row * size, (row + 1) * size), rowAt(id, row));
    }
  });
  return {
    ...{ words, floats, passes, at: rowAt },
    call: (pass: number, t: number, from: number, to: number) => program.call[`pass${pass}`]?.(t, from, to),
    /** A value (rows, n), flat, and whether zeros are behind each of its rows up to a whole vector. */
    read(id: NodeId): Float32Array {
      const size = sizeOf(nodeOf(graph, id));
      return Float32Array.from({ length: rows * size }, (_, k) => {
        return floats[rowAt(id, Math.floor(k / size)) + (k % size)] as number;
      });
    },
    /** What of `before` has changed beside the rows of these values, with their padding, which must be zero. */
    mistakes(ids: readonly NodeId[], before: Int32Array, ofRows: readonly number[]): string[] {
      const found: string[] = [];
      for (const id of ids) {
        const node = nodeOf(graph, id);
        const [size, whole] = [sizeOf(node), typeof node.shape === "number" ? padded(sizeOf(node)) : 1];
        for (const row of ofRows) {
          const at = rowAt(id, row);
          for (let k = size; k < whole; k++) {
            if (words[at + k] !== 0) found.push(`${node.op} %${id}: behind row ${row} lies ${floats[at + k]}`);
          }
          before.set(words.subarray(at, at + whole), at);
        }
      }
      const other = words.findIndex((word, k) => word !== before[k]);
      if (other >= 0) found.push(`byte ${4 * other} was written: ${floats[other]}`);
      return found;
    },
  };
}

/** Numbers where functions have edges, and others. */
const edges = [0, -0, 1, -1, 0.5, -3, 3, 6, 88, -88, 1e-20, 1e20, -1e20, Infinity, -Infinity, NaN, 2.5, -0.25];

function valuesOf(graph: Graph, { steps, batch }: Sizes, random: Random, special: boolean): Values {
  const draw = (): number =>
    Math.fround(special && random.uniform() < 0.4 ? (edges[random.integer(edges.length)] as number) : random.normal());
  const some = (count: number): number[] => Array.from({ length: count }, draw);
  const inputs: Record<string, number[]> = {};
  for (const node of graph.nodes) {
    if (node.op === "input") inputs[node.name as string] = some(steps * batch * sizeOf(node));
    if (node.op === "index") {
      inputs[node.name as string] = Array.from({ length: steps * batch }, () => random.integer(6));
    }
  }
  const parameters = Object.fromEntries(graph.parameters.map(({ name, shape }) => [name, some(shape[0] as number)]));
  return { inputs, parameters, settings: { s: Math.fround(0.5 + random.uniform()) } };
}

/** What an operation may meet: vectors (n), a parameter (n), numbers of an example, a number of all. */
type Operands = { readonly g: Builder; readonly n: number } & Readonly<
  Record<"v" | "w" | "p" | "scalar" | "other" | "number", NodeId>
>;
type Make = (o: Operands) => readonly NodeId[];
const unary =
  (op: UnaryName): Make =>
  ({ g, v, p, scalar, number }) =>
    [v, p, scalar, number].map((a) => g.unary(op, a));
const binary =
  (op: BinaryName): Make =>
  ({ g, v, w, p, scalar, other, number }) => {
    const constant = g.constant(-1.5);
    const pairs = [
      ...[[v, w] as const, [v, p] as const, [p, v] as const, [v, v] as const],
      ...[scalar, number, constant].flatMap((a) => [[v, a] as const, [a, v] as const]),
      ...[[scalar, other] as const, [scalar, number] as const, [constant, scalar] as const],
    ];
    return pairs.map(([a, b]) => g.binary(op, a, b));
  };
/** Each operation with each kind of operand. A new one without a line is a compile error. */
const operations: { readonly [K in PointwiseName]: Make } = {
  neg: unary("neg"),
  sigmoid: unary("sigmoid"),
  hard_sigmoid: unary("hard_sigmoid"),
  tanh: unary("tanh"),
  relu: unary("relu"),
  softplus: unary("softplus"),
  exp: unary("exp"),
  log: unary("log"),
  sqrt: unary("sqrt"),
  abs: unary("abs"),
  step: unary("step"),
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  min: binary("min"),
  max: binary("max"),
  where: binary("where"),
  broadcast: ({ g, n, scalar, other }) => [g.broadcast(scalar, n), g.broadcast(other, n)],
  one_hot: ({ g, n }) => [g.oneHot(g.index("index"), n)],
  mask: ({ g, n }) => [g.mask(n, 0.4, 3), g.mask(n, 0.75, 4), g.mask(n, 0.4, 3, { locked: true })],
};
/** Operations that are right to the last bit; of the others: the largest error, beside a value's size (or 1). */
const rounded: Partial<Record<OpName, number>> = {
  ...{ sigmoid: 1e-6, hard_sigmoid: 2e-7, tanh: 1e-6, softplus: 1e-6, exp: 1e-6, log: 1e-6 },
};

function operandsOf(g: Builder, n: number): Operands {
  g.declare("p", [n], { name: "zeros", values: [] });
  return {
    ...{ g, n, v: g.input("v", n), w: g.input("w", n), p: g.parameter("p") },
    ...{ scalar: g.input("scalar", "scalar"), other: g.input("other", "scalar") },
    number: g.runtimeScalar("s"),
  };
}

/** Differences between what a pass stored and what the interpreter says. */
function differences(graph: Graph, id: NodeId, got: Float32Array, wanted: Float64Array): string[] {
  const { op } = nodeOf(graph, id);
  const bound = rounded[op] ?? 0;
  return Array.from(got).flatMap((value, k) => {
    const right = wanted[k] as number;
    const single = Math.fround(right);
    const near = Number.isFinite(right) && Math.abs(value - right) <= bound * Math.max(1, Math.abs(right));
    const same = value === single || (Number.isNaN(value) && Number.isNaN(right));
    return same || near ? [] : [`${op} %${id} at ${k}: got ${value}, expected ${single}`];
  });
}

/** Equal bits; of a NaN that was computed, whichever: engines may exchange the operands of a sum. */
function sameNumber(a: number, b: number): boolean {
  const quiet = 0x7fc0_0000;
  return a === b || ((a & quiet) === quiet && (b & quiet) === quiet);
}

const range = (count: number): number[] => Array.from({ length: count }, (_, k) => k);

test("each pointwise operation has a case", () => {
  const names = Object.entries(opClass).filter(([, kind]) => kind === "pointwise");
  expect(Object.keys(operations).sort()).toEqual(names.map(([name]) => name).sort());
});

describe.each(machines)("$name", (machine) => {
  const padded = (features: number): number => paddedTo(machine.width, features);
  test.each(Object.entries(operations))(
    "%s alone, with every kind of operand, 1 to 40 features, 1 to 5 rows: the interpreter's",
    (name, make) => {
      const wrong: string[] = [];
      for (let n = 1; n <= 40; n++) {
        const sizes = { steps: 1, batch: 1 + (n % 5) };
        const g = createBuilder();
        const outputs = [...new Set(make(operandsOf(g, n)))];
        const graph = g.graph({});
        const values = valuesOf(graph, sizes, createRandom(n), true);
        const wanted = interpret(graph, { ...sizes, ...values, keys });
        // A pass whose values are one number per example has no features.
        const [vectors, scalars] = [true, false].map((vector) =>
          outputs.filter((id) => (typeof nodeOf(graph, id).shape === "number") === vector),
        ) as [NodeId[], NodeId[]];
        const wishes = [vectors, scalars].filter((list) => list.length > 0).map((stores) => ({ stores }));
        const exact = n % 2 === 0;
        const program = load(
          graph,
          sizes,
          wishes.map((wish) => ({ ...wish, exact })),
          "steps",
          values,
          machine,
        );
        const before = program.words.slice();
        const byFeatures = program.passes.map((pass) => divisionOf(pass, sizes.batch) === "features");
        wishes.forEach((_, k) => {
          program.call(k, 0, 0, byFeatures[k] ? n : sizes.batch);
        });
        for (const id of outputs) wrong.push(...differences(graph, id, program.read(id), wanted.value(id)));
        wrong.push(...program.mistakes(outputs, before, range(sizes.batch)));
      }
      expect([name, wrong]).toEqual([name, []]);
    },
  );

  const pointwise = Object.keys(operations) as PointwiseName[];
  /** A graph of `length` operations, each of any that was made before; its pointwise nodes. */
  function chainOf(random: Random, n: number, length: number): { graph: Graph; made: readonly NodeId[] } {
    const g = createBuilder();
    const { v, w, p, scalar, other, number } = operandsOf(g, n);
    const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)] as T;
    const [vectors, scalars] = [
      [v, w, p],
      [scalar, other],
    ];
    while (g.count() < length + 6) {
      const a = pick([vectors, vectors, scalars]);
      const b = pick([vectors, a, [number, g.constant(0.75)]]);
      const outputs = operations[pick(pointwise)]({
        ...{ g, n, v: pick(vectors), w: pick(b), p: pick(a), scalar: pick(scalars), other: pick(scalars), number },
      });
      // One of its cases; the others are there and nobody reads them.
      const one = pick(outputs);
      const { shape } = g.node(one);
      if (typeof shape === "number") vectors.push(one);
      else if (shape === "scalar") scalars.push(one);
    }
    const graph = g.graph({});
    return { graph, made: range(graph.nodes.length).filter((id) => isPointwise(nodeOf(graph, id))) };
  }
  const drawn = fc.record({
    // Beyond 64 features as well, which are what threads share out of one row.
    n: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.integer({ min: 41, max: 200 })),
    rows: fc.integer({ min: 1, max: 5 }),
    length: fc.integer({ min: 2, max: 40 }),
    seed: fc.nat(),
  });

  test("random chains: one pass has the bits of its operations alone; any share of rows or features too", () => {
    let shared = 0;
    fc.assert(
      fc.property(drawn, ({ n, rows, length, seed }) => {
        const random = createRandom(seed);
        const { graph, made } = chainOf(random, n, length);
        const sizes = { steps: 1, batch: rows };
        const vectors = made.filter((id) => typeof nodeOf(graph, id).shape === "number");
        const inMemory = new Set(made.filter((id) => !isNumber(nodeOf(graph, id))));
        fc.pre(vectors.length > 0);
        const values = valuesOf(graph, sizes, random, random.uniform() < 0.5);
        // Each operation by a pass of its own, which reads from memory what others have made.
        const alone = load(
          graph,
          sizes,
          [...inMemory].map((id) => ({ stores: [id], inMemory })),
          "steps",
          values,
          machine,
        );
        alone.passes.forEach((pass, k) => {
          alone.call(k, 0, 0, divisionOf(pass, rows) === "features" ? n : rows);
        });
        // All in one, of which some are stored.
        const stores = vectors.filter((_, k) => k === vectors.length - 1 || random.uniform() < 0.3);
        const wish = { stores, exact: random.uniform() < 0.3 };
        const whole = load(graph, sizes, [wish], "steps", values, machine);
        const before = whole.words.slice();
        const division = divisionOf(whole.passes[0] as Pass, rows);
        const all = division === "features" ? n : rows;
        whole.call(0, 0, 0, all);
        for (const id of stores) {
          expect(whole.read(id), `${nodeOf(graph, id).op} %${id}`).toEqual(alone.read(id));
        }
        expect(whole.mistakes(stores, before, range(rows))).toEqual([]);
        if (division === "none") return;
        // Shared out: each part has the bits of the whole, and touches nothing else.
        const unit = division === "features" ? machine.width : 1;
        const cuts = [0, 1, 2].map(() => Math.min(all, unit * random.integer(Math.ceil(all / unit) + 1)));
        const ends = [...new Set([0, ...cuts, all])].sort((a, b) => a - b);
        for (const [k, to] of ends.slice(1).entries()) {
          const from = ends[k] as number;
          const part = load(graph, sizes, [wish], "steps", values, machine);
          const expected = part.words.slice();
          for (const id of stores) {
            const written = division === "features" ? [[0, from, to === n ? padded(n) : to]] : [];
            const rowsOf = range(to - from).map((r) => [from + r, 0, padded(n)]);
            for (const [row, first, past] of (division === "features" ? written : rowsOf) as [
              number,
              number,
              number,
            ][]) {
              const at = whole.at(id, row);
              expected.set(whole.words.subarray(at + first, at + past), at + first);
            }
          }
          part.call(0, 0, from, to);
          const other = part.words.findIndex((word, at) => !sameNumber(word, expected[at] as number));
          expect(other, `of ${all} ${division} from ${from} to ${to}, number ${other}`).toBe(-1);
        }
        shared += ends.length > 2 ? 1 : 0;
      }),
      { seed: 2, numRuns: cases(40), verbose: true },
    );
    expect(shared).toBeGreaterThan(12);
  });

  test("a step of a time loop: its own rows and no other, masks of their own", () => {
    fc.assert(
      fc.property(drawn, fc.integer({ min: 1, max: 4 }), ({ rows: batch, seed, ...drawn }, steps) => {
        const n = 1 + (drawn.n % 40);
        const random = createRandom(seed);
        const sizes = { steps, batch };
        const g = createBuilder();
        const { v, w, scalar } = operandsOf(g, n);
        const [free, locked] = [g.mask(n, 0.5, 1), g.mask(n, 0.5, 2, { locked: true })];
        const value = g.sub(g.mul(g.add(v, free), g.sub(w, locked)), scalar);
        const graph = g.graph({});
        const values = valuesOf(graph, sizes, random, false);
        const wanted = interpret(graph, { ...sizes, ...values, keys }).value(value);
        const program = load(graph, sizes, [{ stores: [value] }], "loop", values, machine);
        const all = divisionOf(program.passes[0] as Pass, batch) === "features" ? n : batch;
        for (let t = steps - 1; t >= 0; t--) {
          const before = program.words.slice();
          program.call(0, t, 0, all);
          const rows = range(batch).map((b) => t * batch + b);
          expect(program.mistakes([value], before, rows)).toEqual([]);
        }
        program.read(value).forEach((got, k) => {
          expect(Math.abs(got - (wanted[k] as number))).toBeLessThan(1e-5);
        });
        // For all steps at once: the same bits.
        const once = load(graph, sizes, [{ stores: [value] }], "steps", values, machine);
        const inOne = divisionOf(once.passes[0] as Pass, batch * steps) === "features" ? n : batch * steps;
        once.call(0, 0, 0, inOne);
        expect(once.read(value)).toEqual(program.read(value));
      }),
      { seed: 3, numRuns: cases(20), verbose: true },
    );
  });

  test("sums, maxima and logsumexp of 1 to 40 features, 1 to 5 rows: what is behind a row counts for nothing", () => {
    for (let n = 1; n <= 40; n++) {
      const sizes = { steps: 1, batch: 1 + (n % 5) };
      const g = createBuilder();
      const { v, w, scalar } = operandsOf(g, n);
      const value = g.add(g.mul(v, w), scalar);
      const reductions = (["sum", "max_of", "logsumexp"] as const).map((op) => g.reduce(op, value));
      const graph = g.graph({});
      const values = valuesOf(graph, sizes, createRandom(n), false);
      // Far from zero, so that exp alone would overflow, or give 0 for all.
      const far = { ...values, inputs: { ...values.inputs, scalar: range(sizes.batch).map((k) => 200 * (k - 2)) } };
      for (const given of [values, far]) {
        const wanted = interpret(graph, { ...sizes, ...given, keys });
        const program = load(graph, sizes, [{ stores: n % 2 ? [value] : [], reductions }], "steps", given, machine);
        const before = program.words.slice();
        program.call(0, 0, 0, sizes.batch);
        const written = [...reductions, ...(n % 2 ? [value] : [])];
        expect(program.mistakes(written, before, range(sizes.batch))).toEqual([]);
        for (const id of reductions) {
          // Each number is rounded three times; a sum has n of them.
          const bound = 3 * n * 2 ** -24 * (given === far ? 405 : 15);
          program.read(id).forEach((got, row) => {
            const right = wanted.value(id)[row] as number;
            const what = `${nodeOf(graph, id).op} of ${n}, row ${row}: got ${got}, expected ${right}`;
            expect(Math.abs(got - right), what).toBeLessThan(bound);
          });
        }
      }
    }
  });

  test("matrices of 2 to 6 rows and 2 to 9 columns: views, sums of rows, of columns and of all", () => {
    for (let rows = 2; rows <= 6; rows++) {
      for (let columns = 2; columns <= 9; columns++) {
        const sizes = { steps: 1, batch: 1 + (columns % 3) };
        const g = createBuilder();
        const [a, b, m] = [g.input("a", rows), g.input("b", columns), g.input("m", rows * columns)];
        const value = g.sub(m, g.outerProduct(a, b));
        const reductions = [g.sumRows(value, columns), g.sumColumns(value, columns), g.sum(value)];
        const graph = g.graph({});
        const values = valuesOf(graph, sizes, createRandom(rows * columns), false);
        const wanted = interpret(graph, { ...sizes, ...values, keys });
        const wish = { stores: [value], reductions, exact: true, columns };
        const program = load(graph, sizes, [wish], "steps", values, machine);
        const before = program.words.slice();
        program.call(0, 0, 0, sizes.batch);
        expect(program.mistakes([value, ...reductions], before, range(sizes.batch))).toEqual([]);
        for (const id of [value, ...reductions]) {
          program.read(id).forEach((got, k) => {
            const right = wanted.value(id)[k] as number;
            const what = `${nodeOf(graph, id).op} of ${rows} x ${columns} at ${k}: got ${got}, expected ${right}`;
            expect(Math.abs(got - right), what).toBeLessThan(3 * rows * columns * 2 ** -24 * 8);
          });
        }
      }
    }
  });
});
