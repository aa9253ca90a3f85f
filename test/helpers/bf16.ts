/** Products of bf16, in plain loops, and programs of two engines beside each other. */
import type { HostOptions } from "../../src/engines/engine.ts";
import { toBf16 } from "../../src/engines/reference/run.ts";
import { grad } from "../../src/grad/grad.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { createBuilder, type Graph } from "../../src/graph/graph.ts";
import { compile } from "../../src/runtime/program.ts";
import { loadTraining, results } from "./engines.ts";
import { randomValues, relativeError, trainingGraph, type Values } from "./networks.ts";

/** y = W x, z = V y, and the loss sum(r z): a product of each kind, and the gradients of both matrices. */
export function chainOfProducts(k: number, m: number, n: number): Graph {
  const g = createBuilder();
  g.declare("W", [m, k], { name: "zeros", values: [] });
  g.declare("V", [n, m], { name: "zeros", values: [] });
  const y = g.matmul("W", g.input("x", k));
  const z = g.matmul("V", y);
  const loss = g.sum(g.mul(z, g.input("r", n)));
  g.sumAll("loss", loss);
  return grad(g.graph({ output: z, loss, y }));
}

type Found = Readonly<Record<string, ArrayLike<number>>>;
type Sizes = { readonly steps: number; readonly batch: number };

/** What a graph leaves, outputs and gradients, run twice in bf16. */
export async function runInBf16(graph: Graph, sizes: Sizes, values: Values, host: HostOptions): Promise<Found> {
  const program = await loadTraining(graph, sizes, values, { ...host, precision: "bf16" });
  await program.run();
  await program.run();
  const all = results(program);
  program.dispose();
  return all;
}

export const largestError = (got: Found, wanted: Found): number =>
  Math.max(...Object.keys(wanted).map((name) => relativeError(got[name] as never, wanted[name] as never, 1e-2)));

/** The largest error of a cell, forward and all gradients, beside the engine "reference", which rounds the same operands. */
export async function cellError(cell: Cell, sizes: Sizes & { units: number }, host: HostOptions): Promise<number> {
  const graph = trainingGraph(cell, { units: sizes.units, input: 7 });
  const values = randomValues(graph, sizes.steps, sizes.batch, 3, 0.3);
  const got = await runInBf16(graph, sizes, values, host);
  return largestError(got, await runInBf16(graph, sizes, values, { engine: "reference" }));
}

/** The largest errors of the products of `chainOfProducts` beside f64 sums of rounded operands, each from what the engine itself left. */
export async function chainError(
  [k, m, n, rows]: readonly [k: number, m: number, n: number, rows: number],
  host: HostOptions,
): Promise<number> {
  const graph = chainOfProducts(k, m, n);
  const values = randomValues(graph, rows, 1, k + m + n, 0.5);
  const program = await compile(
    graph,
    { steps: rows, batch: 1, keep: ["output", "y"] },
    { ...host, precision: "bf16" },
  );
  program.setInput("x", values.inputs.x as Float64Array);
  program.setInput("r", values.inputs.r as Float64Array);
  for (const [name, numbers] of Object.entries(values.parameters)) program.setParameter(name, numbers);
  await program.run();
  const round = (from: ArrayLike<number>): Float64Array => Float64Array.from(from, toBf16);
  const [x, r] = [round(values.inputs.x as Float64Array), round(values.inputs.r as Float64Array)];
  const [w, v] = [round(values.parameters.W as Float64Array), round(values.parameters.V as Float64Array)];
  const left = program.output("y");
  const y = round(left);
  const sums = (count: number, depth: number, at: (i: number, d: number) => number): Float64Array =>
    Float64Array.from({ length: count }, (_, i) => {
      let sum = 0;
      for (let d = 0; d < depth; d++) sum += at(i, d);
      return sum;
    });
  const number = (of: Float64Array, at: number): number => of[at] as number;
  const wanted: Found = {
    y: sums(rows * m, k, (i, d) => number(x, Math.floor(i / m) * k + d) * number(w, (i % m) * k + d)),
    output: sums(rows * n, m, (i, d) => number(y, Math.floor(i / n) * m + d) * number(v, (i % n) * m + d)),
    V: sums(n * m, rows, (i, d) => number(r, d * n + Math.floor(i / m)) * number(y, d * m + (i % m))),
  };
  const back = sums(rows * m, n, (i, d) => number(r, Math.floor(i / m) * n + d) * number(v, d * m + (i % m)));
  const got: Found = { y: left, output: program.output("output"), V: program.gradient("V").slice() };
  const gradient = program.gradient("W").slice();
  program.dispose();
  // The adjoint of y is rounded from f32 there and from f64 here, so some of its operands are neighbours.
  const rounded = round(back);
  const ofW = sums(m * k, rows, (i, d) => number(rounded, d * m + Math.floor(i / k)) * number(x, d * k + (i % k)));
  return Math.max(largestError(got, wanted), relativeError(gradient, ofW, 1e-2) / 100);
}
