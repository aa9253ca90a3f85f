/** `unrolled bench`: training steps and generation on this machine, against the peers that are installed. */
import { type BenchRow, benchShape } from "../bench/bench.ts";
import { shapes } from "../bench/shapes.ts";
import { measurePeak } from "../bench/unrolled.ts";
import { InputError } from "../graph/input-error.ts";
import type { Command } from "./options.ts";
import { writeJson } from "./output.ts";

export const bench: Command = {
  name: "bench",
  usage: "bench [SHAPE...] [options]",
  summary: "measure training and generation, against PyTorch where it is",
  details: [
    "All shapes, or those named: kind-vocabulary-embedding-units-layers-batch-steps.",
    ...shapes.map(({ name }) => `  ${name}`),
  ].join("\n"),
  examples: ["bench", "bench lstm-65-128-128-1-32-64 --rounds 30 --json"],
  arguments: [0, shapes.length],
  options: {
    rounds: { value: "N", help: "measured steps of each, in turn [11]", number: { whole: true, min: 3, max: 10_000 } },
  },
  async run(given) {
    const wanted = given.positionals.map((name) => {
      const found = shapes.find((shape) => shape.name === name);
      if (found === undefined) {
        throw new InputError(`shape "${name}" is not known. unrolled bench --help lists them.`);
      }
      return found;
    });
    const json = given.flag("json");
    const peak = await measurePeak();
    if (!json) {
      process.stdout.write(`One core in WASM SIMD: at most ${peak.toFixed(1)} GFLOP/s.\n\n${header}\n`);
    }
    for (const shape of wanted.length > 0 ? wanted : shapes) {
      const row = await benchShape(shape, { rounds: given.number("rounds") ?? 11, peak });
      if (json) writeJson(row);
      else process.stdout.write(`${line(row)}\n`);
    }
  },
};

const columns = [35, 8, 12, 8, 8, 7, 12, 8] as const;
const cells = (values: readonly string[]): string =>
  values
    .map((value, k) => (k === 0 ? value.padEnd(columns[k] as number) : value.padStart(columns[k] as number)))
    .join("");
const header = cells(["shape", "threads", "tokens/s", "spread", "GFLOP/s", "peak", "PyTorch", "ratio"]);

function line({ shape, unrolled, peers, ratio }: BenchRow): string {
  const count = (value: number): string => Math.round(value).toLocaleString("en-US");
  const peer = peers.pytorch;
  return cells([
    shape,
    String(unrolled.threads),
    count(unrolled.tokensPerSecond),
    `${(100 * unrolled.spread).toFixed(0)} %`,
    unrolled.gflops > 0 ? unrolled.gflops.toFixed(1) : "",
    unrolled.gflops > 0 ? `${(100 * unrolled.peakShare).toFixed(0)} %` : "",
    peer == null ? "missing" : count(peer.tokensPerSecond),
    ratio.pytorch === undefined ? "" : ratio.pytorch.toFixed(2),
  ]);
}
