/** Small graphs around a cell, with seeded random values for everything that they read. */
import { grad } from "../../src/grad/grad.ts";
import { addCell, type Cell } from "../../src/graph/cell.ts";
import { createBuilder, type Graph, type Node, type Steps, stepsOf } from "../../src/graph/graph.ts";
import { createRandom } from "../../src/nn/random.ts";

/** A cell whose output meets random weights: loss = sum(output * r), one number per example and step. */
export function cellGraph(cell: Cell, { units, input }: { units: number; input: number }): Graph {
  const g = createBuilder();
  const layer = addCell(g, cell, { layer: "cell", units, inputs: { x: g.input("x", input) } });
  const size = g.shapeOf(layer.output) as number;
  const loss = g.sum(g.mul(layer.output, g.input("r", size)));
  g.sumAll("loss", loss);
  return g.graph({ output: layer.output, loss });
}
export const trainingGraph = (cell: Cell, sizes: { units: number; input: number }): Graph =>
  grad(cellGraph(cell, sizes));

export type Values = {
  readonly inputs: Record<string, Float64Array>;
  readonly parameters: Record<string, Float64Array>;
  readonly states: Record<string, Float64Array>;
  readonly settings: Record<string, number>;
  readonly keys: readonly [number, number];
};

/**
 * Normal numbers, rounded to f32 so that every engine starts from the same; a matrix's so small that its products are
 * not larger than what they read. Indices lie in what they are looked up in.
 */
export function randomValues(graph: Graph, steps: Steps, batch: number, seed: number, scale = 0.5): Values {
  const random = createRandom(seed);
  const draw = (count: number, size = scale): Float64Array =>
    Float64Array.from({ length: count }, () => Math.fround(size * random.normal()));
  const values: Values = { inputs: {}, parameters: {}, states: {}, settings: {}, keys: [seed, 5] };
  const shapes = new Map(graph.parameters.map((p) => [p.name, p.shape]));
  graph.nodes.forEach((node, id) => {
    const name = node.name as string;
    const rows = stepsOf(node, steps) * batch;
    if (node.op === "input") values.inputs[name] = draw(rows * featuresOf(node));
    if (node.op === "runtime_scalar") values.settings[name] = Math.fround(0.5 + random.uniform());
    if (node.op !== "index") return;
    const limits = graph.nodes.flatMap((user) => {
      if (!user.inputs.includes(id)) return [];
      return user.op === "gather" ? [shapes.get(user.parameter)?.[0] as number] : [featuresOf(user)];
    });
    const limit = Math.min(1e9, ...limits.filter((n) => n > 0));
    values.inputs[name] = Float64Array.from({ length: rows }, () => random.integer(limit));
  });
  for (const { name, shape } of graph.parameters) {
    const [rows, columns] = shape as [number, number?];
    values.parameters[name] =
      columns === undefined ? draw(rows) : draw(rows * columns, Math.min(scale, 1 / Math.sqrt(columns)));
  }
  for (const { name, size, adjoint } of graph.states) if (!adjoint) values.states[name] = draw(batch * size);
  return values;
}
const featuresOf = ({ shape }: Node): number => (typeof shape === "number" ? shape : shape === "none" ? 0 : 1);

/** The largest difference, as a share of the largest number of what is wanted (at least `floor`). */
export function relativeError(got: ArrayLike<number>, wanted: ArrayLike<number>, floor = 1e-3): number {
  if (got.length !== wanted.length) throw new Error(`${got.length} numbers against ${wanted.length}`);
  let [largest, difference] = [floor, 0];
  for (let k = 0; k < wanted.length; k++) {
    const [a, b] = [got[k] as number, wanted[k] as number];
    if (Number.isNaN(a) && Number.isNaN(b)) continue;
    largest = Math.max(largest, Math.abs(b));
    difference = Math.max(difference, a === b ? 0 : Math.abs(a - b));
    if (Number.isNaN(a) !== Number.isNaN(b)) return Number.POSITIVE_INFINITY;
  }
  return difference / largest;
}

/** The largest difference of two lists, one by one. */
export const largestDifference = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((most, value, k) => Math.max(most, Math.abs(value - (b[k] as number))), 0);
