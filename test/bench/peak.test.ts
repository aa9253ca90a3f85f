/** The machine's peak: what is measured, on each engine that runs here. No figure is expected of it. */
import { expect, test } from "vitest";
import { enginesHere } from "../../src/bench/engines.ts";
import { measurePeak } from "../../src/bench/peak.ts";
import { peakLine } from "../../src/bench/tables.ts";
import { isas } from "../helpers/native.ts";

test("engines: native where it runs, with its instructions, and WASM behind it", async () => {
  const { engines, absent } = await enginesHere();
  const [isa] = isas;
  expect(engines.slice(0, -1)).toEqual(isa === undefined ? [] : [{ name: "native", isa }]);
  expect(engines.at(-1)).toMatchObject({ name: "wasm", isa: expect.stringMatching(/^(relaxed-simd|simd128)$/) });
  expect(absent === undefined).toBe(isa !== undefined);
});

test.each([...isas.map((isa) => ({ name: "native", isa }) as const), { name: "wasm", isa: "relaxed-simd" } as const])(
  "the peak in the vectors of $name ($isa), of one thread and of two at once",
  async (engine) => {
    const peak = await measurePeak(engine, { threads: 2, repetitions: 2 });
    expect(peak).toMatchObject({ engine, threads: 2 });
    for (const gflops of [peak.gflops, peak.oneThread]) {
      expect(gflops).toBeGreaterThan(0);
      expect(gflops).toBeLessThan(Number.POSITIVE_INFINITY);
    }
  },
);

test("the peak is said in a line, with how it was measured", () => {
  const engine = { name: "native", isa: "avx512" } as const;
  expect(peakLine({ engine, threads: 2, gflops: 299.44, oneThread: 160 })).toBe(
    "Peak in f32: 299.4 GFLOP/s with 2 threads, one alone 160.0: multiply-adds on registers, native (avx512).",
  );
});
