import { expect, test } from "vitest";
import { type BenchRow, benchShape, type Peers, peersFor } from "../../src/bench/bench.ts";
import { kernels, measureKernel } from "../../src/bench/kernels.ts";
import { measureScaling } from "../../src/bench/scaling.ts";
import { type Shape, shapes, tokensAStep } from "../../src/bench/shapes.ts";
import { kernelHeader, kernelLine, scalingLines, shapeHeader, shapeLines } from "../../src/bench/tables.ts";
import { startUnrolled } from "../../src/bench/unrolled.ts";

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

test("a row has the fields that its readers rely on, whatever peers there are", async () => {
  const row = await benchShape(small, { rounds: 3, peak: 50, peers: standIns });
  expect(Object.keys(row)).toEqual(["shape", "unrolled", "peers", "ratio", "failures"]);
  expect(row.shape).toBe("small");
  expect(Object.keys(row.unrolled)).toEqual([
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
  expect(row.unrolled.peakShare).toBeCloseTo(row.unrolled.gflops / (50 * row.unrolled.threads), 6);
  expect(row.unrolled.rounds).toBe(3);
  // The better setting counts.
  expect(row.peers).toEqual({
    quick: { tokensPerSecond: 3200, spread: 0, msPerStep: 10, rounds: 3, setting: "10 ms a step" },
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
  const row = await benchShape(small, { rounds: 3, peak: 50, peers: { chosen } });
  expect(row.peers.chosen).toMatchObject({ setting: "1 and 2 threads, SkylakeX", msPerStep: 10, tried });
  expect(shapeLines(row)[1]).toBe("  1 and 2 threads, SkylakeX: 3,200 tokens/s, spread 0 %, 3 rounds");
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
  await benchShape(small, { rounds: 12, peak: 50, peers, peerSeconds: 9.5 });
  // Two a round: after 10 that count, and after 5, the step before a measured one included.
  expect(steps).toEqual({ one: 12, several: 6 });
});

test("peers that train stand beside training, those that only infer beside generation", () => {
  expect(Object.keys(peersFor.train)).toEqual(["pytorch", "tfjs", "jax-js"]);
  expect(Object.keys(peersFor.generate)).toEqual(["pytorch", "onnxruntime"]);
});

test("a missing peer is said to be missing, one that fails to have failed, and why", async () => {
  const row = await benchShape(small, { rounds: 3, peak: 50, peers: standIns });
  const [line, ...details] = shapeLines(row) as [string, ...string[]];
  expect(line).toMatch(/ \d+\.\d\d +missing +failed$/);
  expect(details).toEqual(["  10 ms a step: 3,200 tokens/s, spread 0 %, 3 rounds", "  broken: no such backend"]);
  expect(shapeHeader(Object.keys(row.peers)).split("\n")[1]).toMatch(/peak +quick +absent +broken$/);
});

test("all tables fit into 100 columns", async () => {
  const measured = { tokensPerSecond: 1_234_567, spread: 0.123, msPerStep: 1, rounds: 11 };
  const peers = Object.keys({ ...peersFor.train, ...peersFor.generate }).slice(0, 3);
  for (const { name: shape } of shapes) {
    const row: BenchRow = {
      shape,
      unrolled: { threads: 2, ...measured, gflops: 112.3, peakShare: 1, oneThread: measured },
      peers: Object.fromEntries(peers.map((name) => [name, { ...measured, setting: "x".repeat(80) }])),
      ratio: Object.fromEntries(peers.map((name) => [name, 1234.56])),
    };
    for (const line of [...shapeHeader(peers).split("\n"), ...shapeLines(row)]) {
      expect(line.length).toBeLessThanOrEqual(100);
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
    const peer = await startUnrolled(shape, 1);
    expect(await peer.step()).toBeGreaterThan(0);
  }
});

test("the notebook's model has one target an example, and every token of its steps counts", async () => {
  const notebook = find("notebook-2719-25-150-2-128-25");
  expect(tokensAStep(notebook)).toBe(128 * 25);
  const peer = await startUnrolled({ ...notebook, vocabulary: 90, batch: 4, steps: 5, units: 12, hidden: 10 }, 1);
  expect(await peer.step()).toBeGreaterThan(0);
  // Products of the two LSTMs at each step and of the dense layers at the last, three times but for the one whose
  // operand is a row of the embedding's table, which still needs its gradient.
  const perStep = 4 * 12 * (25 + 12) + 4 * 12 * (12 + 12);
  expect(peer.multiplyAdds).toBe(3 * 4 * (5 * perStep + 12 * 10 + 10 * 90));
});

test("scaling: bytes of a plan against time steps, and a table of them", async () => {
  const scaling = await measureScaling({ of: "steps", other: 4, sizes: [4, 8, 16] }, { rounds: 3 });
  expect(scaling.points.map(({ size }) => size)).toEqual([4, 8, 16]);
  for (const { planBytes, memoryBytes, msPerStep } of scaling.points) {
    expect(memoryBytes).toBeGreaterThanOrEqual(planBytes);
    expect(memoryBytes % 65536).toBe(0);
    expect(msPerStep).toBeGreaterThan(0);
  }
  expect(scaling.bytes.exact).toBe(true);
  const lines = scalingLines(scaling);
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
  const options = { peak: 50, seconds: 0.01, tinybench: { Bench } };
  expect(await measureKernel(product as NonNullable<typeof last>, options)).toEqual({
    kernel: "input product: (2048,128) x (128,512)",
    ...{ msPerRun: 2, spread: 0, gflops: (2 * 2048 * 128 * 512) / 2e6, peakShare: (2 * 2048 * 128 * 512) / 2e6 / 50 },
  });
  expect(await measureKernel(last as NonNullable<typeof last>, options)).toEqual({
    kernel: "logsumexp: 20 x 10000",
    ...{ msPerRun: 2, spread: 0, nsPerElement: 10 },
  });
});
