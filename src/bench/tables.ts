/** Measurements as text for a terminal of 100 columns. Knows nothing about how they were made. */
import type { BenchRow, Unmeasured } from "./bench.ts";
import type { KernelRow } from "./kernels.ts";
import type { Peak } from "./peak.ts";
import { threadCount } from "./peer-process.ts";
import type { Scaling } from "./scaling.ts";

/** The first column to the left, the others to the right. */
const cells = (widths: readonly number[], values: readonly string[]): string =>
  values
    .map((value, k) => (k === 0 ? value.padEnd(widths[k] as number) : value.padStart(widths[k] as number)))
    .join("");
const count = (value: number): string => Math.round(value).toLocaleString("en-US");
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** Engines of ours and peers: their titles, and what a peer takes to be there. */
const titles: Readonly<Record<string, readonly [title: string, install?: string]>> = {
  native: ["native"],
  wasm: ["WASM"],
  pytorch: ["PyTorch", "torch for python3 (Debian: apt-get install python3-torch)"],
  "pytorch-gru": ["nn.GRU", "torch for python3 (Debian: apt-get install python3-torch)"],
  tfjs: ["TF.js", "npm i @tensorflow/tfjs @tensorflow/tfjs-backend-wasm"],
  "jax-js": ["jax-js", "npm i @jax-js/jax, and Node 22 or npm i node@24"],
  onednn: ["oneDNN", "g++ and dnnl.hpp (Debian: apt-get install g++ libdnnl-dev)"],
  onnxruntime: ["ONNX RT", "npm i onnxruntime-node"],
  "onnxruntime-int8": ["RT int8", "npm i onnxruntime-node"],
};
const titleOf = (name: string): string => titles[name]?.[0] ?? name;
const shapeColumns = [35, 10, 7, 8, 6, 8, 8, 8, 8] as const;

/**
 * @param others names of the other engines and the peers that the rows below have
 * @param unit what they count
 */
export const shapeHeader = (others: readonly string[], unit: "tokens" | "windows" = "tokens"): string =>
  [
    cells(shapeColumns, ["", "", "", "", "", "times as", "fast as"]).trimEnd(),
    cells(shapeColumns, ["shape", `${unit}/s`, "spread", "GFLOP/s", "peak", ...others.map(titleOf)]),
  ].join("\n");

const short = (line: string): string => (line.length > 100 ? `${line.slice(0, 97)}...` : line);

/** A line for the shape, and, cut to 100 columns but for reasons, one for each of our engines and for each peer that was measured or failed. */
export function shapeLines(row: BenchRow | Unmeasured): string[] {
  if ("unmeasured" in row) return [`${row.shape}: not measured. ${row.unmeasured}`];
  const { shape, unit = "tokens", unrolled, engines, peers, ratio, failures = {} } = row;
  const ratios = Object.keys({ ...engines, ...peers }).map((name) => {
    if (name in failures) return "failed";
    return ratio[name] === undefined ? "missing" : ratio[name].toFixed(2);
  });
  const first = cells(shapeColumns, [
    ...[shape, count(unrolled.tokensPerSecond), percent(unrolled.spread)],
    ...[unrolled.gflops.toFixed(1), percent(unrolled.peakShare), ...ratios],
  ]);
  const measured = (name: string, { tokensPerSecond, gflops, spread, rounds }: Figures): string =>
    `${name}: ${count(tokensPerSecond)} ${unit}/s, ${gflops.toFixed(1)} GFLOP/s, spread ${percent(spread)}, ${rounds} rounds`;
  const others = [
    ...[unrolled, ...Object.values(engines)].flatMap((own) =>
      own === null ? [] : [measured(`${own.engine} (${own.isa}), ${threadCount(own.threads)}`, own)],
    ),
    ...Object.values(peers).flatMap((peer) => (peer === null ? [] : [measured(peer.setting, peer)])),
  ];
  const reasons = Object.entries(failures).map(([name, failure]) => `  ${titleOf(name)}: ${failure}`);
  return [first, ...others.map((line) => short(`  ${line}`)), ...reasons];
}
type Figures = Pick<BenchRow["unrolled"], "tokensPerSecond" | "gflops" | "spread" | "rounds">;

/** What to install for the peers that are missing in a row: a line each, but for those that were told of before. */
export function missingLines(row: BenchRow | Unmeasured, told: Set<string>): string[] {
  if ("unmeasured" in row) return [];
  const missing = Object.keys(row.peers).filter(
    (name) => row.peers[name] === null && row.failures?.[name] === undefined && !told.has(name),
  );
  for (const name of missing) told.add(name);
  return missing.map((name) => `  ${titleOf(name)} is missing: it needs ${titles[name]?.[1] ?? "to be installed"}.`);
}

export const peakLine = ({ engine: { name, isa }, threads, gflops, oneThread }: Peak): string =>
  `Peak in f32: ${gflops.toFixed(1)} GFLOP/s with ${threadCount(threads)}, one alone ${oneThread.toFixed(1)}: ` +
  `multiply-adds on registers, ${name} (${isa}).`;

const scalingColumns = [14, 12, 10, 12, 16, 16] as const;

export function scalingLines({ engine, of, shape, points, ms, bytes }: Scaling): string[] {
  const unit = of === "steps" ? "time step" : "example";
  return [
    `${shape}, ${engine}, one thread`,
    cells(scalingColumns, [
      of === "steps" ? "time steps" : "examples",
      "ms/step",
      "spread",
      "off line",
      "plan",
      "memory",
    ]),
    ...points.map((point) =>
      cells(scalingColumns, [
        String(point.size),
        point.msPerStep.toFixed(2),
        percent(point.spread),
        `${(100 * point.residual).toFixed(1)} %`,
        count(point.planBytes),
        count(point.memoryBytes),
      ]),
    ),
    `  ${ms.constant.toFixed(2)} ms + ${ms.slope.toFixed(4)} ms for each ${unit}, R² ${ms.r2.toFixed(5)}`,
    bytes.exact
      ? `  ${count(bytes.constant)} bytes + ${count(bytes.slope)} for each ${unit}, exactly`
      : "  the plan's bytes do not lie on one line",
  ];
}

const kernelColumns = [54, 10, 8, 10, 6, 11] as const;
export const kernelHeader = cells(kernelColumns, ["kernel", "µs", "spread", "GFLOP/s", "peak", "ns/element"]);
export const kernelLine = ({ kernel, msPerRun, spread, gflops, peakShare, nsPerElement }: KernelRow): string =>
  cells(kernelColumns, [
    kernel,
    (1000 * msPerRun).toFixed(1),
    percent(spread),
    gflops === undefined ? "" : gflops.toFixed(1),
    peakShare === undefined ? "" : percent(peakShare),
    nsPerElement === undefined ? "" : nsPerElement.toFixed(3),
  ]).trimEnd();
