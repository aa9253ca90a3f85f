/** Random cells from the language's grammar, as text. Their values stay bounded, so that numbers stay finite. */

import type { Result } from "../../src/engines/reference/interpret.ts";
import { cell, EquationError } from "../../src/graph/cell.ts";
import type { Graph, Node, NodeId } from "../../src/graph/graph.ts";
import { createRandom } from "../../src/nn/random.ts";
import { trainingGraph } from "./networks.ts";

export type CellShape = {
  readonly seed: number;
  /** How deep expressions nest. */
  readonly depth: number;
  /** Without what has kinks: relu, abs, step, hard_sigmoid, min and max. */
  readonly smooth?: boolean;
  /** Whether a state may be a matrix. */
  readonly matrices?: boolean;
  /** Whether `units / 2` is a size. */
  readonly even?: boolean;
};

/** A size: the names of its parts, one after the other. */
type Size = readonly string[];

/** The text of a cell: 0 to 3 states, 0 to 3 other lines, and the output. */
export function randomCell({ seed, depth, smooth = false, matrices: some = false, even = false }: CellShape): string {
  const random = createRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)] as T;
  const chance = (p: number): boolean => random.uniform() < p;
  let matrices = 0;
  let vectors = 0;
  const knownMatrices: { name: string; rows: string; columns: string }[] = [];
  const knownVectors: { name: string; size: string }[] = [];
  const key = (size: Size): string => size.join("+");

  // `k` has a size of its own, by a size line for every name that has it.
  const ofK = pick(["3", "8", "units * 2", "input", "input * 2", ...(even ? ["units / 2"] : [])]);
  const bases = ["units", "units", "input", "k"];
  const inScope: { name: string; size: string }[] = [{ name: "x", size: "input" }];
  /** Values that are matrices. */
  const memories: { name: string; rows: string; columns: string }[] = [];
  const sizeLines: string[] = [];
  const say = (name: string, size: Size): void => {
    if (key(size) === "units") sizeLines.push(`${name} : units`);
    if (key(size) === "k") sizeLines.push(`${name} : ${ofK}`);
    if (key(size) === "input") sizeLines.push(`${name} : input`);
  };
  function leaf(size: Size): string {
    if (size.length > 1) return `[${size.map((part) => leaf([part])).join(", ")}]`;
    const names = inScope.filter((value) => value.size === key(size));
    if (names.length > 0 && chance(0.8)) {
      return pick(names).name;
    }
    if (chance(0.5)) return product(size, 0);
    const known = knownVectors.filter((value) => value.size === key(size));
    if (known.length > 0 && chance(0.4)) return pick(known).name;
    const name = `b${++vectors}`;
    knownVectors.push({ name, size: key(size) });
    say(name, size);
    return name;
  }
  function product(rows: Size, below: number): string {
    const columns: Size = chance(0.25) ? [pick(bases), pick(bases)] : [pick(bases)];
    const operand = vector(columns, below);
    const same = (m: { rows: string; columns: string }): boolean => m.rows === key(rows) && m.columns === key(columns);
    const known = knownMatrices.filter(same);
    if (known.length > 0 && chance(0.3)) return `${pick(known).name} @ ${atom(operand)}`;
    const name = `W${++matrices}`;
    knownMatrices.push({ name, rows: key(rows), columns: key(columns) });
    return `${name} @ ${atom(operand)}`;
  }
  const atom = (text: string): string => (/^[\w']+$|^\[[^\]]*\]$/.test(text) ? text : `(${text})`);
  const number = (): string => pick(["0.5", "2", "1.5", "-0.75", "0.25", "1"]);
  /** What keeps a value in (-1.5, 1.5). */
  const bounded = (text: string): string =>
    pick([
      (e: string) => `tanh(${e})`,
      (e: string) => `sigmoid(${e})`,
      (e: string) => `tanh(${e}) / (softplus(${e}) + 0.5)`,
      (e: string) => `exp(-softplus(${e}))`,
      (e: string) => (smooth ? `${atom(e)} / sqrt(1 + ${atom(e)} * ${atom(e)})` : `${atom(e)} / (1.5 + abs(${e}))`),
    ])(text);
  function functionOf(e: string): string {
    return pick([
      bounded,
      bounded,
      (a: string) => `-${atom(a)}`,
      (a: string) => `softplus(${a})`,
      (a: string) => `log(1.25 + ${atom(a)} * ${atom(a)})`,
      (a: string) => `sqrt(0.5 + ${atom(a)} * ${atom(a)})`,
      (a: string) => `log(1 + exp(tanh(${a})))`,
      ...(smooth
        ? []
        : [
            (a: string) => `relu(${a})`,
            (a: string) => `abs(${a})`,
            (a: string) => `hard_sigmoid(${a})`,
            (a: string) => `step(${a}) * 0.5`,
          ]),
    ])(e);
  }
  function vector(size: Size, below: number): string {
    if (below <= 0) return leaf(size);
    const inner = (): string => vector(size, below - 1);
    const known = memories.filter(({ rows }) => rows === key(size));
    if (known.length > 0 && chance(0.2)) return reading(pick(known), below - 1);
    const kind = random.uniform();
    if (kind < 0.1) return leaf(size);
    if (kind < 0.3) return product(size, below - 1);
    if (kind < 0.5) return functionOf(inner());
    if (kind < 0.55) return `softmax(${inner()})`;
    if (kind < 0.6 && size.length > 1) return `[${size.map((part) => vector([part], below - 1)).join(", ")}]`;
    if (kind < 0.7) return `tanh(${inner()}) * ${atom(scalar(below - 1))}`;
    if (kind < 0.75) return `${pick([number(), scalar(below - 1)])} - ${atom(inner())}`;
    if (kind < 0.78 && !smooth) return `${pick(["min", "max"])}(${inner()}, ${pick([inner(), number()])})`;
    if (kind < 0.82) return `${atom(inner())} / (softplus(${inner()}) + 0.5)`;
    if (kind < 0.9) return `${atom(inner())} ${pick(["+", "-"])} ${atom(inner())}`;
    return `${bounded(inner())} * ${atom(inner())}`;
  }
  function reading({ name, columns }: (typeof memories)[number], below: number): string {
    return `tanh(${name} @ ${atom(vector([columns], below))})`;
  }
  function matrix(rows: string, columns: string, below: number): string {
    const outer = (): string => `outer(${vector([rows], below - 1)}, ${vector([columns], below - 1)})`;
    return pick([
      () => `tanh(${outer()})`,
      () => `${atom(scalar(below - 1))} * tanh(${outer()})`,
      () => `tanh(${outer()} - ${outer()})`,
      () => `0.5 - softplus(tanh(${outer()})) * ${atom(scalar(below - 1))}`,
    ])();
  }
  function scalar(below: number): string {
    const of = vector(chance(0.2) ? [pick(bases), pick(bases)] : [pick(bases)], below - 1);
    const one = pick([
      () => `mean(${of})`,
      () => `tanh(sum(${of}))`,
      ...(smooth ? [] : [() => `tanh(max(${of}))`, () => `tanh(min(${of}))`]),
    ])();
    if (below <= 0 || chance(0.6)) return one;
    if (chance(0.4)) return bounded(scalar(below - 1));
    return `${one} ${pick(["+", "-", "*"])} ${atom(scalar(below - 1))}`;
  }

  const memory = some && chance(0.5) ? { name: "M", rows: pick(bases), columns: pick(bases) } : undefined;
  if (memory !== undefined) memories.push(memory);
  const states = ["h", "c", "p"].slice(0, random.integer(4)).map((name) => ({ name, size: pick(bases) }));
  inScope.push(...states);
  for (const { name, size } of states) say(name, [size]);
  const lines: string[] = [];
  const others = random.integer(4);
  for (let k = 0; k < others; k++) {
    const size = pick(bases);
    const name = `f${k}`;
    lines.push(`${name} = ${vector([size], depth)}`);
    say(name, [size]);
    inScope.push({ name, size });
  }
  if (memory !== undefined) {
    const [value, gate] = [matrix(memory.rows, memory.columns, depth), `sigmoid(${scalar(1)})`];
    lines.push(`M' = ${pick([`0.5 * M + ${value}`, `${gate} * M + (1 - ${gate}) * (${value})`])}`);
    memories.push({ ...memory, name: "M'" });
  }
  for (const { name, size } of states) {
    const same = inScope.filter((value) => value.size === size && value.name !== name).map((value) => value.name);
    const [value, gate] = [bounded(vector([size], depth)), `sigmoid(${vector([size], 1)})`];
    const made = pick([
      () => value,
      () => value,
      () => `${gate} * ${name} + (1 - ${gate}) * ${atom(value)}`,
      () => `0.5 * ${name} + ${atom(value)}`,
      // A state that only takes over another value.
      () => (same.length > 0 ? pick(same) : value),
    ])();
    lines.push(`${name}' = ${made}`);
    inScope.push({ name: `${name}'`, size });
  }
  // Every line is on the way to the output.
  const reads = inScope.filter(
    ({ name }) => name !== "x" && (name.endsWith("'") || !states.some((s) => s.name === name)),
  );
  const shown = reads.map(({ name }) => (chance(0.3) ? name.replace("'", "") : name));
  if (memory !== undefined) shown.push(reading(pick(memories), 0));
  const read = shown.join(", ");
  const all = shown.length === 0 ? "" : ` ${pick(["+", "-"])} ${chance(0.5) ? `tanh(V @ [${read}])` : `V @ [${read}]`}`;
  lines.push(`y = ${vector(["units"], depth)}${all}`);
  sizeLines.push("y : units");
  const text = lines.join("\n");
  const mentioned = new Set(text.match(/[A-Za-z]\w*/g));
  // A vector that is learnt may stand where a state would.
  const learnt = knownVectors.filter(({ name }) => mentioned.has(name)).map(({ name }) => `${name} ~ zeros`);
  const said = sizeLines.filter((line) => mentioned.has(line.split(" ")[0] as string));
  return [text, ...new Set([...said, ...learnt])].join("\n");
}

/**
 * A random cell with its gradient. Where products leave a size open that comes out as half a number of units, another
 * cell is drawn.
 */
export function randomTrainingGraph(
  shape: Omit<CellShape, "even">,
  sizes: { readonly units: number; readonly input: number },
): { readonly source: string; readonly graph: Graph } {
  const even = sizes.units % 2 === 0;
  for (let seed = shape.seed; ; seed += 1000003) {
    const source = randomCell({ ...shape, seed, even });
    try {
      return { source, graph: trainingGraph(cell(source), sizes) };
    } catch (error) {
      if (!(error instanceof EquationError && /must be a whole number/.test(error.message))) throw error;
    }
  }
}

/**
 * Whether a value of the forward step lies so near a kink (the zero of relu, abs and step, the ends of hard_sigmoid,
 * the tie of min, max and the maximum over features) that a change by `epsilon` may cross it. A value that is exactly
 * there is so by its equations (`c - c`), and stays.
 */
export function nearKink(graph: Graph, { value }: Pick<Result, "value">, epsilon: number): boolean {
  const at = (id: NodeId, row: number, j: number): number => {
    const { shape } = graph.nodes[id] as Node;
    const all = value(id);
    return (typeof shape === "number" ? all[row * shape + j] : all[row]) as number;
  };
  const isNear = (distance: number): boolean => distance !== 0 && Math.abs(distance) < epsilon;
  return graph.nodes.slice(0, graph.forwardCount).some((node) => {
    const [a, b] = node.inputs as [NodeId, NodeId];
    const n = typeof node.shape === "number" ? node.shape : 1;
    const rows = node.shape === "none" ? 0 : value(graph.nodes.indexOf(node)).length / n;
    const anywhere = (distance: (row: number, j: number) => number): boolean => {
      for (let row = 0; row < rows; row++) {
        for (let j = 0; j < n; j++) if (isNear(distance(row, j))) return true;
      }
      return false;
    };
    switch (node.op) {
      case "relu":
      case "abs":
      case "step":
        return anywhere((row, j) => at(a, row, j));
      case "hard_sigmoid":
        return anywhere((row, j) => 3 - Math.abs(at(a, row, j)));
      case "min":
      case "max":
        return anywhere((row, j) => at(a, row, j) - at(b, row, j));
      case "max_of": {
        const size = graph.nodes[a]?.shape as number;
        return anywhere((row) => {
          const sorted = Array.from({ length: size }, (_, j) => at(a, row, j)).sort((p, q) => q - p);
          return size === 1 ? 1 : (sorted[0] as number) - (sorted[1] as number);
        });
      }
      default:
        return false;
    }
  });
}
