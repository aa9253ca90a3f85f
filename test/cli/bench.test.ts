import { expect, test } from "vitest";
import { benchShape } from "../../src/bench/bench.ts";
import { shapes } from "../../src/bench/shapes.ts";
import { startUnrolled } from "../../src/bench/unrolled.ts";

test("a row has the fields that its readers rely on, with or without PyTorch", async () => {
  const small = { ...(shapes[0] as (typeof shapes)[0]), name: "small", units: 16, embedding: 8, batch: 4, steps: 8 };
  const row = await benchShape(small, { rounds: 3, peak: 50 });
  expect(row.shape).toBe("small");
  expect(row.unrolled.tokensPerSecond).toBeGreaterThan(0);
  expect(row.unrolled.gflops).toBeGreaterThan(0);
  expect(row.unrolled.peakShare).toBeCloseTo(row.unrolled.gflops / (50 * row.unrolled.threads), 6);
  expect(Object.keys(row.peers)).toEqual(["pytorch"]);
  const { pytorch } = row.peers;
  if (pytorch == null) expect(row.ratio).toEqual({});
  else expect(row.ratio.pytorch).toBeCloseTo(row.unrolled.tokensPerSecond / pytorch.tokensPerSecond, 6);
});

test("every shape starts at its full size with one thread", async () => {
  const light = shapes.filter(({ units, steps }) => units * steps <= 128 * 64);
  expect(light.length).toBeGreaterThan(2);
  for (const shape of light) {
    const peer = await startUnrolled(shape, 1);
    expect(await peer.step()).toBeGreaterThan(0);
  }
});
