/** `unrolled bench`: measure training and generation on this machine, beside the other libraries that are installed. */
import { benchShape, peersFor } from "../bench/bench.ts";
import { engineNames, enginesHere, type OwnEngine } from "../bench/engines.ts";
import { findTinybench, kernels, measureKernel } from "../bench/kernels.ts";
import { measurePeak, type Peak } from "../bench/peak.ts";
import { measureScaling, series } from "../bench/scaling.ts";
import { pageShapes, type Shape, shapeOf, shapes, unitOf } from "../bench/shapes.ts";
import {
  kernelHeader,
  kernelLine,
  missingLines,
  peakLine,
  scalingLines,
  shapeHeader,
  shapeLines,
} from "../bench/tables.ts";
import { InputError } from "../graph/input-error.ts";
import { localPageOptions } from "./local-page.ts";
import type { Command, Given } from "./options.ts";
import { writeJson } from "./output.ts";
import { clearStatus, showStatus } from "./status-line.ts";

const usualPagePort = 4748;

/** Other measurements, each chosen by a single word. */
const others: Readonly<Record<string, (given: Given) => Promise<void>>> = {
  scaling: benchScaling,
  kernels: benchKernels,
};

export const bench: Command = {
  name: "bench",
  usage: "bench [SHAPE... | scaling | kernels] [--page] [options]",
  summary: "measure training and generation beside other libraries",
  details: [
    "Measures the shapes below, or the given ones: of these, or of other sizes,",
    "  lstm-vocabulary-embedding-units-layers-batch-steps, gru-...",
    "and, of forecasts by segments, whose windows are counted in place of tokens,",
    "  segrnn-channels-lookback-segment-horizon-units-batch,",
    "of translators with attention, by tokens of the targets,",
    "  translate-vocabulary-embedding-units-batch-source-target,",
    "and layers alone, forward and backward:",
    "  layer-kind-embedding-units-layers-batch-steps, where kind is lstm, gru,",
    "  gru-reset-before or simple-rnn.",
    "These are measured without any given:",
    ...shapes.map(({ name }) => `  ${name}`),
    "Or scaling: time and memory against sizes. Or kernels: one by one.",
    "",
    "Each row has the engine native, where it runs, and WASM beside it, GFLOP/s,",
    "and the share of the machine's peak in f32: multiply-adds on registers, in",
    "all threads at once.",
    "",
    "The other libraries are PyTorch in Python, oneDNN, for which a C++ program is",
    "compiled (g++, and dnnl.hpp of Debian's libdnnl-dev), and npm packages in the",
    "working directory or the folder in the environment variable",
    "UNROLLED_BENCH_PEERS:",
    "  @tensorflow/tfjs with @tensorflow/tfjs-backend-wasm",
    "  @jax-js/jax, which needs Node 22, or the package node",
    "  onnxruntime-node",
    "  tinybench, for kernels",
    "Each library is measured in its best setting, which its line names. For",
    "PyTorch, the threads of PyTorch and of its OpenBLAS, and kernels, are tried",
    "first. Of ONNX Runtime there is a model with weights of 8 bits as well.",
    "",
    "With --page it serves a page, prints its address, and measures training in",
    "the browser that opens it: the engines webgpu, on the graphics card, and wasm,",
    "beside these packages on the graphics card:",
    "  @tensorflow/tfjs with @tensorflow/tfjs-backend-webgpu",
    "  @jax-js/jax",
    "It takes shapes of training. These are measured without any given:",
    ...pageShapes.map(({ name }) => `  ${name}`),
  ].join("\n"),
  examples: [
    "bench",
    "bench lstm-80-64-256-1-32-50 --rounds 30 --json",
    "bench scaling",
    "bench --page lstm-65-128-256-1-32-64",
  ],
  arguments: [0, 100],
  options: {
    rounds: {
      value: "N",
      help: "measured steps of each library, at least 3 [11]",
      number: { whole: true, min: 3, max: 10_000 },
    },
    engine: { value: "NAME", help: "this engine alone [all that run here]", choices: engineNames },
    page: { help: "serve a page that measures in a browser, and print its rows" },
    ...localPageOptions(usualPagePort, "of the page: "),
  },
  async run(given) {
    if (given.flag("page")) return (await import("./bench-page.ts")).benchInPage(given, usualPagePort);
    for (const name of ["port", "host"]) {
      if (given.text(name) !== undefined) throw new InputError(`--${name}: is of the page that --page serves.`);
    }
    const [first, ...rest] = given.positionals;
    const other = first !== undefined && Object.hasOwn(others, first) ? others[first] : undefined;
    if (other === undefined) return benchShapes(given);
    if (rest.length > 0) throw new InputError(`bench ${first}: takes no shapes, got ${rest.join(" ")}.`);
    return other(given);
  },
};

const rounds = (given: Given): number => given.number("rounds") ?? 11;
const print = (...lines: readonly string[]): void => {
  process.stdout.write(`${lines.join("\n")}\n`);
};

/** Those that the command asks for, the fastest first; says in a line why one of them is missing. */
async function enginesOf(given: Given): Promise<readonly [OwnEngine, ...OwnEngine[]]> {
  const { engines, absent } = await enginesHere();
  const wanted = given.text("engine");
  if (absent !== undefined && wanted === "native") throw new InputError(absent);
  if (absent !== undefined && wanted === undefined) process.stderr.write(`${absent}\n`);
  return engines.filter(({ name }) => wanted === undefined || name === wanted) as [OwnEngine, ...OwnEngine[]];
}

async function benchShapes(given: Given): Promise<void> {
  const named = given.positionals.map(shapeOf);
  const engines = await enginesOf(given);
  const { gflops: peak } = await peakOf(given, (await enginesHere()).engines[0] as OwnEngine);
  const others = engines.slice(1).map(({ name }) => name);
  const told = new Set<string>();
  let task: Shape["task"] | undefined;
  let measured = false;
  for (const shape of named.length > 0 ? named : shapes) {
    const columns = [...others, ...Object.keys(peersFor[shape.task])];
    if (!given.flag("json") && shape.task !== task) print("", shapeHeader(columns, unitOf(shape.task)));
    task = shape.task;
    const say = (line: string): void => showStatus(`${shape.name}: ${line}`);
    const row = await benchShape(shape, { rounds: rounds(given), engines, peak, say });
    clearStatus();
    measured ||= !("unmeasured" in row);
    if (given.flag("json")) writeJson(row);
    else print(...shapeLines(row, columns), ...missingLines(row, told));
  }
  if (!measured) throw new InputError("bench: no shape was measured. The line of each says why.");
}

async function benchScaling(given: Given): Promise<void> {
  const [{ name: engine }] = await enginesOf(given);
  for (const each of series) {
    const scaling = await measureScaling(each, { rounds: rounds(given), engine });
    if (given.flag("json")) writeJson(scaling);
    else print(...scalingLines(scaling), "");
  }
}

async function benchKernels(given: Given): Promise<void> {
  const tinybench = await findTinybench();
  const [engine] = await enginesOf(given);
  const { oneThread: peak } = await peakOf(given, engine);
  if (!given.flag("json")) print("", kernelHeader);
  for (const kernel of kernels()) {
    const row = await measureKernel(kernel, { engine: engine.name, peak, seconds: 0.5, tinybench });
    if (given.flag("json")) writeJson(row);
    else print(kernelLine(row));
  }
}

/** Measures the peak in the vectors of an engine, and prints it. */
async function peakOf(given: Given, engine: OwnEngine): Promise<Peak> {
  const peak = await measurePeak(engine);
  if (!given.flag("json")) print(peakLine(peak));
  return peak;
}
