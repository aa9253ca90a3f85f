import { describe, expect, test } from "vitest";
import { benchShape, type Peers, peersFor } from "../../src/bench/bench.ts";
import { enginesHere, type OwnEngine } from "../../src/bench/engines.ts";
import { kernels, measureKernel } from "../../src/bench/kernels.ts";
import type { BenchRow } from "../../src/bench/row.ts";
import { measureScaling } from "../../src/bench/scaling.ts";
import { type Shape, shapeOf, shapes, tokensAStep } from "../../src/bench/shapes.ts";
import {
  kernelHeader,
  kernelLine,
  missingLines,
  scalingLines,
  shapeHeader,
  shapeLines,
} from "../../src/bench/tables.ts";
import { startUnrolled } from "../../src/bench/unrolled.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { refusal, run, runAlone } from "./run.ts";

const find = (name: string): Shape => shapes.find((shape) => shape.name === name) as Shape;
const small: Shape = { ...find("lstm-65-128-128-1-32-64"), name: "small", units: 16, embedding: 8, batch: 4, steps: 8 };

/** Two settings of a peer that says how long its steps took. */
const settings =
  (...milliseconds: number[]) =>
  async () =>
    milliseconds.map((ms) => ({ setting: `${ms} ms a step`, step: async () => ms, end: () => {} }));
const standIns: Peers = {
  quick: settings(20, 10),
  absent: async () => undefined,
  broken: async () => {
    throw new Error("no such backend");
  },
};

const { engines } = await enginesHere();
const wasm = engines.at(-1) as OwnEngine;
/** One that is to be measured. */
async function rowOf(shape: Shape, options: Partial<Parameters<typeof benchShape>[1]>): Promise<BenchRow> {
  const row = await benchShape(shape, { rounds: 3, peak: 50, engines, ...options });
  if ("unmeasured" in row) throw new Error(row.unmeasured);
  return row;
}

test("a row has the fields that its readers rely on, whatever peers there are", async () => {
  const row = await rowOf(small, { peers: standIns, engines: [wasm] });
  expect(Object.keys(row)).toEqual(["shape", "unrolled", "engines", "peers", "ratio", "peakGflops", "failures"]);
  expect(row.shape).toBe("small");
  expect(Object.keys(row.unrolled)).toEqual([
    "engine",
    "isa",
    "threads",
    "tokensPerSecond",
    "spread",
    "msPerStep",
    "rounds",
    "gflops",
    "peakShare",
    "oneThread",
  ]);
  expect(row.unrolled.tokensPerSecond).toBeCloseTo((1000 * 32) / row.unrolled.msPerStep, 6);
  expect(row.unrolled).toMatchObject({ engine: "wasm", isa: wasm.isa });
  expect(row.engines).toEqual({});
  // Of the whole machine, however many threads took part.
  expect(row.peakGflops).toBe(50);
  expect(row.unrolled.peakShare).toBeCloseTo(row.unrolled.gflops / 50, 6);
  expect(row.unrolled.rounds).toBe(3);
  // The better setting counts.
  expect(row.peers).toEqual({
    quick: {
      ...{ tokensPerSecond: 3200, spread: 0, msPerStep: 10, rounds: 3, setting: "10 ms a step" },
      // Of the same products.
      gflops: expect.closeTo((row.unrolled.gflops * row.unrolled.msPerStep) / 10, 6),
    },
    absent: null,
    broken: null,
  });
  expect(row.ratio).toEqual({ quick: row.unrolled.tokensPerSecond / 3200 });
  expect(row.failures).toEqual({ broken: "no such backend" });
  expect(JSON.parse(JSON.stringify(row))).toEqual(row);
});

test("a peer that was chosen among others says which were tried", async () => {
  const tried = [
    { setting: "slow", msPerStep: 20 },
    { setting: "broken", failure: "illegal instruction" },
  ];
  const chosen = async () => [{ setting: "1 and 2 threads, SkylakeX", step: async () => 10, end: () => {}, tried }];
  const row = await rowOf(small, { peers: { chosen } });
  expect(row.peers.chosen).toMatchObject({ setting: "1 and 2 threads, SkylakeX", msPerStep: 10, tried });
  expect(shapeLines(row).at(-1)).toMatch(
    /^ {2}1 and 2 threads, SkylakeX: 3,200 tokens\/s, \d+\.\d GFLOP\/s, spread 0 %, 3 rounds$/,
  );
});

test("each of a peer's settings has half of its time, or all where there is one", async () => {
  const steps = { one: 0, several: 0 };
  const counting = (name: keyof typeof steps, count: number) => async () =>
    Array.from({ length: count }, (_, k) => ({
      setting: `${k}`,
      step: async () => {
        if (k === 0) steps[name]++;
        return 1000;
      },
      end: () => {},
    }));
  const peers = { one: counting("one", 1), several: counting("several", 4) };
  await rowOf(small, { rounds: 12, peers, peerSeconds: 9.5, engines: [wasm] });
  // Two a round: after 10 that count, and after 5, the step before a measured one included.
  expect(steps).toEqual({ one: 12, several: 6 });
});

test.skipIf(engines.length < 2)(
  "WASM is measured beside the native engine, in the same rounds (skipped where native cannot run)",
  async () => {
    const shapes = [small, { ...small, task: "layer" }, { ...small, task: "generate", batch: 1, steps: 1 }] as const;
    for (const shape of shapes) {
      const row = await rowOf(shape, { peers: { quick: settings(10) } });
      expect(row.unrolled).toMatchObject({ engine: "native", isa: engines[0]?.isa });
      expect(Object.keys(row.engines)).toEqual(["wasm"]);
      expect(row.engines.wasm).toMatchObject({ engine: "wasm", isa: wasm.isa, rounds: 3 });
      for (const own of [row.unrolled, row.engines.wasm]) expect(own?.gflops).toBeGreaterThan(0);
      expect(row.ratio.wasm).toBe(row.unrolled.tokensPerSecond / (row.engines.wasm?.tokensPerSecond as number));
      const [first, native, other] = shapeLines(row) as [string, string, string];
      expect(first).toMatch(/^small +[\d,]+ +\d+ % +\d+\.\d +\d+ % +\d+\.\d\d +\d+\.\d\d$/);
      expect(native).toMatch(
        /^ {2}native \(avx\w+\), \d threads?: [\d,]+ tokens\/s, \d+\.\d GFLOP\/s, spread \d+ %, 3 rounds$/,
      );
      expect(other).toMatch(/^ {2}wasm \([\w-]+\), \d threads?: /);
    }
  },
);

test("what refuses a shape's options has no figures; where all do, the shape is said not to be measured", async () => {
  const shape: Shape = { ...small, options: { precision: "of no kind" } };
  const row = await benchShape(shape, { rounds: 3, peak: 50, engines, peers: {} });
  expect(row).toEqual({ shape: "small", unmeasured: expect.stringContaining("precision") });
  expect(shapeLines(row)[0]).toMatch(/^small: not measured\. .*precision/);
  expect(missingLines(row, new Set())).toEqual([]);
});

test("a name of any sizes is the shape that it says, and of the list the one that is there", async () => {
  for (const one of shapes) expect(shapeOf(one.name)).toBe(one);
  expect(shapeOf("lstm-20-8-33-1-3-5")).toEqual({
    ...{ name: "lstm-20-8-33-1-3-5", kind: "lstm", task: "train", vocabulary: 20, embedding: 8, units: 33 },
    ...{ layers: 1, batch: 3, steps: 5 },
  });
  expect(shapeOf("layer-gru-reset-before-8-33-2-3-5")).toEqual({
    ...{ name: "layer-gru-reset-before-8-33-2-3-5", kind: "gru-reset-before", task: "layer", vocabulary: 0 },
    ...{ embedding: 8, units: 33, layers: 2, batch: 3, steps: 5 },
  });
  const names = [
    "lstm-20-8-33-1-3-5",
    "gru-7-5-3-2-1-4",
    ...["lstm", "gru", "gru-reset-before", "simple-rnn"].map((kind) => `layer-${kind}-5-3-2-1-4`),
  ];
  for (const name of names) {
    const row = await rowOf(shapeOf(name), { peers: {}, engines: [wasm] });
    expect(row.shape).toBe(name);
    expect(row.unrolled.tokensPerSecond).toBeGreaterThan(0);
  }
});

test.each([
  ...[
    "",
    "lstm",
    "lstm-20-8",
    "lstm-20-8-33-1-3-5-7",
    "lstm-0-8-33-1-3-5",
    "lstm-20-8-33.5-1-3-5",
    "lstm-20-8-33-1-3-5-bf16",
  ],
  ...[
    "LSTM-20-8-33-1-3-5",
    "rnn-20-8-33-1-3-5",
    "constructor-20-8-33-1-3-5",
    "layer-lstm-20-8-33-1-3-5",
    "simple-rnn-1-2-3-4-5-6",
  ],
])('"%s" is no shape, and the error says what is', (name) => {
  expect(() => shapeOf(name)).toThrow(
    `shape "${name}" is not known. It needs lstm- or gru-vocabulary-embedding-units-layers-batch-steps`,
  );
});

test("what it does is said before it is done: each peer, what a peer says of itself, and the rounds", async () => {
  const lines: string[] = [];
  const chosen: Peers[string] = async (_, say) => {
    say?.("setting 1 of 1: alone");
    return settings(10)();
  };
  await rowOf(small, {
    peers: { chosen, absent: async () => undefined },
    engines: [wasm],
    say: (line) => lines.push(line),
  });
  expect(lines).toEqual([
    "chosen starts",
    "chosen, setting 1 of 1: alone",
    "absent starts",
    "3 rounds of wasm, chosen",
  ]);
});

test("reasons are shown whole, however long", async () => {
  const reason = `it needs ${"more of everything, ".repeat(12)}and then some.`;
  const fails = async () => {
    throw new Error(reason);
  };
  expect(shapeLines(await rowOf(small, { peers: { fails }, engines: [wasm] })).at(-1)).toBe(`  fails: ${reason}`);
  expect(shapeLines({ shape: "small", unmeasured: reason })).toEqual([`small: not measured. ${reason}`]);
});

describe("the command", () => {
  const folder = temporaryFolder();
  const names = ["lstm-65-128-512-2-50-100-bf16", "generate-lstm-65-128-512-2-int8"];
  const refused = ["bench", ...names, "--engine", "wasm"];

  test("where our engine measures none of the shapes, the whole reason is there and it ends with 2", async () => {
    const { code, out, err } = await runAlone(folder, ...refused);
    expect(code).toBe(2);
    expect(out).toMatch(/^lstm-65-128-512-2-50-100-bf16: not measured\. .*bf16.*[^.]\.$/m);
    expect(out).toMatch(/^generate-lstm-65-128-512-2-int8: not measured\. .*int8.*[^.]\.$/m);
    expect(err).toBe("unrolled: bench: no shape was measured. The line of each says why.\n");
    const json = await runAlone(folder, ...refused, "--json");
    expect(json.code).toBe(2);
    expect(
      json.out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(names.map((shape) => ({ shape, unmeasured: expect.stringMatching(/(bf16|int8).*[^.]\.$/) })));
  });

  test("the help says the names of other sizes, and the fewest rounds", async () => {
    const { out } = await run(folder, "bench", "--help");
    expect(out).toContain("lstm-vocabulary-embedding-units-layers-batch-steps");
    expect(out).toMatch(/--rounds N .*at least 3 /);
    expect(await refusal(folder, "bench", "--rounds", "2")).toContain(
      "--rounds: needs a whole number from 3 to 10,000",
    );
    expect(await refusal(folder, "bench", "lstm-20-8")).toContain('shape "lstm-20-8" is not known.');
  });

  test("--page refuses what no page measures by its name, and has a port and a host of its own", async () => {
    const refused: [string[], RegExp][] = [
      [
        ["--page", "lstm-20-8-16-1-2-5", "generate-lstm-65-128-512-2"],
        /and generate-lstm-65-128-512-2 is another task/,
      ],
      [["--page", "scaling"], /bench scaling: is not measured in a page\. Leave out --page\./],
      [["--page", "lstm-20-8"], /shape "lstm-20-8" is not known\./],
      [["--page", "--engine", "wasm"], /--engine: a page measures the engines webgpu and wasm/],
      [["--port", "0"], /--port: is of the page that --page serves\./],
      [["--page", "--host", "203.0.113.7", "--port", "0"], /--host: this machine has no address 203\.0\.113\.7/],
    ];
    for (const [args, message] of refused) expect(await refusal(folder, "bench", ...args)).toMatch(message);
    expect((await run(folder, "bench", "--help")).out).toMatch(/--page +serve a page that measures in a browser/);
  });
});

test("options of a shape are those of the trainer and of the session", async () => {
  const loss = { ...small, options: { clipNorm: -1 } };
  await expect(startUnrolled(loss, 1, "wasm")).rejects.toThrow("clipNorm");
  const step = { ...small, task: "generate", options: { fma: "no" } } as const;
  await expect(startUnrolled(step, 1, "wasm")).rejects.toThrow("fma");
});

test("peers that train stand beside training, oneDNN beside layers, those that only infer beside generation", () => {
  expect(Object.keys(peersFor.train)).toEqual(["pytorch", "tfjs", "jax-js"]);
  expect(Object.keys(peersFor.forecast)).toEqual(["pytorch", "pytorch-gru"]);
  expect(Object.keys(peersFor.layer)).toEqual(["onednn"]);
  expect(Object.keys(peersFor.generate)).toEqual(["pytorch", "onnxruntime", "onnxruntime-int8"]);
});

test("a missing peer is said to be missing, one that fails to have failed, and why", async () => {
  const row = await rowOf(small, { peers: standIns, engines: [wasm] });
  const [line, own, ...details] = shapeLines(row) as [string, string, ...string[]];
  expect(line).toMatch(/ \d+\.\d\d +missing +failed$/);
  expect(own).toMatch(/^ {2}wasm /);
  expect(details).toEqual([
    expect.stringMatching(/^ {2}10 ms a step: 3,200 tokens\/s, \d+\.\d GFLOP\/s, spread 0 %, 3 rounds$/),
    "  broken: no such backend",
  ]);
  expect(shapeHeader(Object.keys(row.peers)).split("\n")[1]).toMatch(/peak +quick +absent +broken$/);
});

test("a missing peer is told of once, with what to install", async () => {
  const none = async () => undefined;
  const told = new Set<string>();
  const row = await rowOf(small, { peers: { onednn: none, pytorch: none, quick: settings(10) }, engines: [wasm] });
  expect(missingLines(row, told)).toEqual([
    "  oneDNN is missing: it needs g++ and dnnl.hpp (Debian: apt-get install g++ libdnnl-dev).",
    "  PyTorch is missing: it needs torch for python3 (Debian: apt-get install python3-torch).",
  ]);
  expect(missingLines(row, told)).toEqual([]);
});

test("every peer has a title, and words on how to install it", () => {
  for (const name of Object.values(peersFor).flatMap(Object.keys)) {
    const row = { peers: { [name]: null } } as unknown as BenchRow;
    expect(missingLines(row, new Set())[0], name).not.toMatch(/to be installed/);
  }
});

test("all tables fit into 100 columns", async () => {
  const measured = { tokensPerSecond: 1_234_567, spread: 0.123, msPerStep: 1, rounds: 11 };
  const own = { isa: "relaxed-simd", threads: 64, ...measured, gflops: 1112.3, peakShare: 1, oneThread: measured };
  for (const { name: shape, task } of shapes) {
    const peers = Object.keys(peersFor[task]);
    const row: BenchRow = {
      ...{
        shape,
        peakGflops: 1234,
        unrolled: { engine: "native", ...own },
        engines: { wasm: { engine: "wasm", ...own } },
      },
      peers: Object.fromEntries(peers.map((name) => [name, { ...measured, gflops: 1112.3, setting: "x".repeat(80) }])),
      ratio: Object.fromEntries(["wasm", ...peers].map((name) => [name, 1234.56])),
    };
    const missing = missingLines({ ...row, peers: Object.fromEntries(peers.map((name) => [name, null])) }, new Set());
    for (const line of [...shapeHeader(["wasm", ...peers]).split("\n"), ...shapeLines(row), ...missing]) {
      expect(line.length, line).toBeLessThanOrEqual(100);
    }
  }
  for (const { name: kernel } of kernels()) {
    const line = kernelLine({ kernel, msPerRun: 1234.5678, spread: 1, gflops: 112.3, peakShare: 1 });
    expect(line.length).toBeLessThanOrEqual(100);
    expect(line).toMatch(/\) 1234567\.8 | {2}1234567\.8 /);
  }
  expect(kernelHeader.length).toBeLessThanOrEqual(100);
});

test("every shape starts at its full size with one thread", async () => {
  const light = shapes.filter(({ units, steps, hidden }) => units * steps <= 128 * 64 && hidden === undefined);
  expect(light.length).toBeGreaterThan(2);
  for (const shape of light) {
    const peer = await startUnrolled(shape, 1, engines[0]?.name);
    expect(await peer.step()).toBeGreaterThan(0);
    peer.end();
  }
});

test("the notebook's model has one target an example, and every token of its steps counts", async () => {
  const notebook = find("notebook-2719-25-150-2-128-25");
  expect(tokensAStep(notebook)).toBe(128 * 25);
  const peer = await startUnrolled(
    { ...notebook, vocabulary: 90, batch: 4, steps: 5, units: 12, hidden: 10 },
    1,
    "wasm",
  );
  expect(await peer.step()).toBeGreaterThan(0);
  // Products of the two LSTMs at each step and of the dense layers at the last, three times but for the one whose
  // operand is a row of the embedding's table, which still needs its gradient.
  const perStep = 4 * 12 * (25 + 12) + 4 * 12 * (12 + 12);
  expect(peer.multiplyAdds).toBe(3 * 4 * (5 * perStep + 12 * 10 + 10 * 90));
});

test("scaling: bytes of a plan against time steps, and a table of them", async () => {
  const scaling = await measureScaling({ of: "steps", other: 4, sizes: [4, 8, 16] }, { rounds: 3, engine: "wasm" });
  expect(scaling.points.map(({ size }) => size)).toEqual([4, 8, 16]);
  for (const { planBytes, memoryBytes, msPerStep } of scaling.points) {
    expect(memoryBytes).toBeGreaterThanOrEqual(planBytes);
    expect(memoryBytes % 65536).toBe(0);
    expect(msPerStep).toBeGreaterThan(0);
  }
  expect(scaling.bytes.exact).toBe(true);
  const lines = scalingLines(scaling);
  expect(lines[0]).toBe("lstm-65-128-128-1-4-T, wasm, one thread");
  expect(lines).toHaveLength(7);
  expect(lines.at(-1)).toMatch(/bytes \+ [\d,]+ for each time step, exactly$/);
});

test("kernels: a row has GFLOP/s of a product, and nanoseconds of what is none", async () => {
  /** Stands in for tinybench: every run takes 2 ms. */
  class Bench {
    readonly tasks = [{ result: { latency: { samples: [2, 2, 2] } } }];
    add = (_: string, run: () => void): void => run();
    run = async (): Promise<void> => {};
  }
  const [product] = kernels();
  const last = kernels().at(-1);
  const options = { engine: "wasm", peak: 50, seconds: 0.01, tinybench: { Bench } } as const;
  expect(await measureKernel(product as NonNullable<typeof last>, options)).toEqual({
    kernel: "input product: (2048,128) x (128,512)",
    ...{ msPerRun: 2, spread: 0, gflops: (2 * 2048 * 128 * 512) / 2e6, peakShare: (2 * 2048 * 128 * 512) / 2e6 / 50 },
  });
  expect(await measureKernel(last as NonNullable<typeof last>, options)).toEqual({
    kernel: "logsumexp: 20 x 10000",
    ...{ msPerRun: 2, spread: 0, nsPerElement: 10 },
  });
});
