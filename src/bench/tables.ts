/** Measurements as text for a terminal of 100 columns. Knows nothing about how they were made. */
import type { BenchRow } from "./bench.ts";
import type { KernelRow } from "./kernels.ts";
import type { Scaling } from "./scaling.ts";

/** The first column to the left, the others to the right. */
const cells = (widths: readonly number[], values: readonly string[]): string =>
  values
    .map((value, k) => (k === 0 ? value.padEnd(widths[k] as number) : value.padStart(widths[k] as number)))
    .join("");
const count = (value: number): string => Math.round(value).toLocaleString("en-US");
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

const titles: Readonly<Record<string, string>> = {
  pytorch: "PyTorch",
  tfjs: "TF.js",
  "jax-js": "jax-js",
  onnxruntime: "ONNX RT",
};
const shapeColumns = [35, 7, 10, 7, 8, 6, 9, 9, 9] as const;

/** @param peers names of those that the rows below have */
export const shapeHeader = (peers: readonly string[]): string =>
  [
    cells(shapeColumns, ["", "", "", "", "", "", "times as fast as"]).trimEnd(),
    cells(shapeColumns, [
      ...["shape", "threads", "tokens/s", "spread", "GFLOP/s", "peak"],
      ...peers.map((name) => titles[name] ?? name),
    ]),
  ].join("\n");

/** A line for the shape, and one for each peer that was measured or failed. */
export function shapeLines({ shape, unrolled, peers, ratio, failures = {} }: BenchRow): string[] {
  const ratios = Object.keys(peers).map((name) => {
    if (name in failures) return "failed";
    return ratio[name] === undefined ? "missing" : ratio[name].toFixed(2);
  });
  const first = cells(shapeColumns, [
    shape,
    String(unrolled.threads),
    count(unrolled.tokensPerSecond),
    percent(unrolled.spread),
    unrolled.gflops > 0 ? unrolled.gflops.toFixed(1) : "",
    unrolled.gflops > 0 ? percent(unrolled.peakShare) : "",
    ...ratios,
  ]);
  const others = Object.entries(peers).flatMap(([name, peer]) => {
    if (peer !== null) {
      const { setting, tokensPerSecond, spread, rounds } = peer;
      return [`  ${setting}: ${count(tokensPerSecond)} tokens/s, spread ${percent(spread)}, ${rounds} rounds`];
    }
    return failures[name] === undefined ? [] : [`  ${titles[name] ?? name}: ${failures[name]}`];
  });
  return [first, ...others.map((line) => (line.length > 100 ? `${line.slice(0, 97)}...` : line))];
}

const scalingColumns = [14, 12, 10, 12, 16, 16] as const;

export function scalingLines({ of, shape, points, ms, bytes }: Scaling): string[] {
  const unit = of === "steps" ? "time step" : "example";
  return [
    `${shape}, one thread`,
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
