/** Measurements as text for a terminal of 100 columns. Knows nothing about how they were made. */
import type { KernelRow } from "./kernels.ts";
import type { Peak } from "./peak.ts";
import { threadCount } from "./peer.ts";
import type { BenchRow, MeasuredEngine, Unmeasured } from "./row.ts";
import type { Scaling } from "./scaling.ts";
import { installOf, titleOf } from "./titles.ts";

/** The first column to the left, the others to the right. */
const cells = (widths: readonly number[], values: readonly string[]): string =>
  values
    .map((value, k) => (k === 0 ? value.padEnd(widths[k] as number) : value.padStart(widths[k] as number)))
    .join("");
const count = (value: number): string => Math.round(value).toLocaleString("en-US");
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** A page knows no peak. */
const shapeColumns = (inPage: boolean): number[] => [35, 10, 7, 8, ...(inPage ? [] : [6]), 8, 8, 8, 8];

/**
 * @param others names of the other engines and the peers that the rows below have; in a page those of all engines
 * @param unit what they count
 */
export function shapeHeader(others: readonly string[], unit: "tokens" | "windows" = "tokens", inPage = false): string {
  const columns = shapeColumns(inPage);
  const figures = ["shape", `${unit}/s`, "spread", "GFLOP/s", ...(inPage ? [] : ["peak"])];
  return [
    cells(columns, [...figures.map(() => ""), "times as", "fast as"]).trimEnd(),
    cells(columns, [...figures, ...others.map(titleOf)]),
  ].join("\n");
}

const short = (line: string): string => (line.length > 100 ? `${line.slice(0, 97)}...` : line);

/**
 * A line for the shape, and, cut to 100 columns but for reasons, one for each of our engines and for each peer that was measured or failed.
 * @param others as in the header; those of the row itself without it
 */
export function shapeLines(row: BenchRow | Unmeasured, others?: readonly string[]): string[] {
  if ("unmeasured" in row) return [`${row.shape}: not measured. ${row.unmeasured}`];
  const { shape, unit = "tokens", unrolled, engines, peers, ratio, failures = {} } = row;
  const { peakShare } = unrolled;
  const inPage = peakShare === undefined;
  const ratios = (others ?? Object.keys({ ...engines, ...peers })).map((name) => {
    if (name === unrolled.engine) return "1.00";
    if (name in failures) return "failed";
    return ratio[name] === undefined ? "missing" : ratio[name].toFixed(2);
  });
  const first = cells(shapeColumns(inPage), [
    ...[shape, count(unrolled.tokensPerSecond), percent(unrolled.spread), unrolled.gflops.toFixed(1)],
    ...(inPage ? ratios : [percent(peakShare), ...ratios]),
  ]);
  const measured = (name: string, { tokensPerSecond, gflops, spread, rounds }: Figures): string =>
    [
      `${name}: ${count(tokensPerSecond)} ${unit}/s`,
      ...(gflops === undefined ? [] : [`${gflops.toFixed(1)} GFLOP/s`]),
      ...[`spread ${percent(spread)}`, rounds === 1 ? "1 round" : `${rounds} rounds`],
    ].join(", ");
  const ofEngine = (own: MeasuredEngine): string[] => {
    if (own.engine === "webgpu") return [measured(`webgpu (${own.isa})`, own)];
    const name = (threads: number): string => `${own.engine} (${own.isa}), ${threadCount(threads)}`;
    const alone = inPage && own.threads > 1 ? [measured(name(1), own.oneThread)] : [];
    return [measured(name(own.threads), own), ...alone];
  };
  const lines = [
    ...[unrolled, ...Object.values(engines)].flatMap((own) => (own === null ? [] : ofEngine(own))),
    ...Object.values(peers).flatMap((peer) => (peer === null ? [] : [measured(peer.setting, peer)])),
  ];
  const reasons = Object.entries(failures).map(([name, failure]) => `  ${titleOf(name)}: ${failure}`);
  return [first, ...lines.map((line) => short(`  ${line}`)), ...reasons];
}
type Figures = Pick<MeasuredEngine, "tokensPerSecond" | "spread" | "rounds"> & { readonly gflops?: number };

/** What to install for the peers that are missing in a row: a line each, but for those that were told of before. */
export function missingLines(row: BenchRow | Unmeasured, told: Set<string>, inPage = false): string[] {
  if ("unmeasured" in row) return [];
  const missing = Object.keys(row.peers).filter(
    (name) => row.peers[name] === null && row.failures?.[name] === undefined && !told.has(name),
  );
  for (const name of missing) told.add(name);
  return missing.map((name) => `  ${titleOf(name)} is missing: it needs ${installOf(name, inPage)}.`);
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
