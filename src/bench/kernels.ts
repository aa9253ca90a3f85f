/**
 * The kernels of a training step by themselves, as the compiler emits them for a graph of one operation: products at
 * the sizes of an LSTM, elementary functions, a softmax's sum. One thread. Measured with tinybench, a development tool.
 */
import { pathToFileURL } from "node:url";
import type { EngineName } from "../engines/engine.ts";
import { type Builder, createBuilder, type Graph } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { createRandom } from "../nn/random.ts";
import { compile, type Program } from "../runtime/program.ts";
import { multiplyAdds } from "../schedule/cost.ts";
import { findPackage, requireFrom } from "./packages.ts";
import { summary } from "./turns.ts";

export type KernelRow = {
  readonly kernel: string;
  readonly msPerRun: number;
  readonly spread: number;
  /** Of products. */
  readonly gflops?: number;
  /** Of the peak of one core in the engine's vectors. */
  readonly peakShare?: number;
  /** Of what is no product. */
  readonly nsPerElement?: number;
};

export type Kernel = {
  readonly name: string;
  readonly graph: Graph;
  readonly rows: number;
  /** Numbers that it reads, where it is no product. */
  readonly elements?: number;
};

function kernel(name: string, rows: number, build: (g: Builder) => Readonly<Record<string, number>>): Kernel {
  const g = createBuilder();
  return { name, rows, graph: g.graph(build(g)) };
}

const initial = { name: "zeros", values: [] };

/** x (rows,k) times packed weights (k,n): the walk by rows. */
const product = (rows: number, k: number, n: number, what: string): Kernel =>
  kernel(`${what}: (${rows},${k}) x (${k},${n})`, rows, (g) => {
    g.declare("W", [n, k], initial);
    return { y: g.matmul("W", g.input("x", k)) };
  });

/** The sum over `rows` of outer products, (n,rows) x (rows,k): the walk by columns. */
const weightGradient = (rows: number, k: number, n: number): Kernel =>
  kernel(`weight gradient: (${n},${rows}) x (${rows},${k})`, rows, (g) => {
    g.declare("W", [n, k], initial);
    g.outer({ parameter: "W", rows: n, column: 0, columns: k }, g.input("d", n), g.input("x", k));
    return {};
  });

const pass = (name: string, rows: number, size: number, build: (g: Builder, x: number) => number): Kernel => ({
  ...kernel(`${name}: ${rows} x ${size}`, rows, (g) => ({ y: build(g, g.input("x", size)) })),
  elements: rows * size,
});

/** Of an LSTM with 128 or 512 units over 128 features, 64 steps of 32 examples. */
export function kernels(): Kernel[] {
  const [features, batch, steps] = [128, 32, 64];
  const products = [128, 512].flatMap((units) => [
    product(batch * steps, features, 4 * units, "input product"),
    product(batch, units, 4 * units, "recurrent product"),
    product(batch, 4 * units, units, "its backward"),
    weightGradient(batch * steps, units, 4 * units),
  ]);
  const functions = (["exp", "tanh", "sigmoid"] as const).map((name) =>
    pass(name, batch, 512, (g, x) => g.unary(name, x)),
  );
  return [...products, ...functions, pass("logsumexp", 20, 10_000, (g, x) => g.reduce("logsumexp", x))];
}

type KernelOptions = {
  readonly engine: EngineName;
  /** Of one core, in GFLOP/s. */
  readonly peak: number;
  /** For each. */
  readonly seconds: number;
  readonly tinybench: Tinybench;
};

export async function measureKernel(
  { name, graph, rows, elements }: Kernel,
  { engine, peak, seconds, tinybench }: KernelOptions,
): Promise<KernelRow> {
  const sizes = { steps: 1, batch: rows, keep: Object.keys(graph.outputs) };
  const program = await compile(graph, sizes, { engine, threads: 1 });
  fill(program, rows);
  const bench = new tinybench.Bench({
    time: 1000 * seconds,
    warmupTime: 200 * seconds,
    retainSamples: true,
    throws: true,
  });
  bench.add(name, () => program.runSync());
  await bench.run();
  program.dispose();
  const { msPerStep, spread } = summary(bench.tasks[0]?.result?.latency?.samples ?? [], 1);
  const row = { kernel: name, msPerRun: msPerStep, spread };
  if (elements !== undefined) return { ...row, nsPerElement: (1e6 * msPerStep) / elements };
  const gflops = (2 * multiplyAdds(program.plan)) / msPerStep / 1e6;
  return { ...row, gflops, peakShare: gflops / peak };
}

function fill(program: Program, rows: number): void {
  const random = createRandom(1);
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => 8 * random.uniform() - 4);
  for (const [name, { size }] of Object.entries(program.plan.inputs)) program.setInput(name, draw(rows * size));
  for (const [name, { shape }] of Object.entries(program.plan.parameters)) {
    program.setParameter(name, draw(shape.reduce((a, b) => a * b, 1)));
  }
}

/** What is used of it (https://github.com/tinylibs/tinybench). */
export type Tinybench = {
  readonly Bench: new (options: {
    readonly time: number;
    readonly warmupTime: number;
    readonly retainSamples: boolean;
    readonly throws: boolean;
  }) => {
    readonly add: (name: string, run: () => void) => unknown;
    readonly run: () => Promise<unknown>;
    readonly tasks: readonly { readonly result?: { readonly latency?: { readonly samples?: readonly number[] } } }[];
  };
};

/** @throws InputError where it is not installed, or older than what is used of it */
export async function findTinybench(): Promise<Tinybench> {
  const found = findPackage("tinybench");
  if (found === undefined || Number.parseInt(found.version, 10) < 6) {
    throw new InputError(
      `bench kernels: tinybench 6 is not installed here${found === undefined ? "" : `, but ${found.version}`}. ` +
        "npm install --save-dev tinybench, or name a folder that has it in UNROLLED_BENCH_PEERS.",
    );
  }
  return import(pathToFileURL(requireFrom(found.from).resolve("tinybench")).href);
}
