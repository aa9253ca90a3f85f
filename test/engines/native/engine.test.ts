/** The native engine, with each kind of instructions that this processor has, does what every engine must. */
import { describe, expect, test } from "vitest";
import type { EngineName, HostOptions } from "../../../src/engines/engine.ts";

import { loadNative, nativeEngine } from "../../../src/engines/native/engine.ts";
import type { NativeHost } from "../../../src/engines/native/executable-memory.ts";
import { targetFor } from "../../../src/engines/native/target.ts";
import { registerEngine } from "../../../src/engines/registry.ts";
import { dense, embedding, gru, lstm } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { generate, generateMany, languageModel } from "../../../src/tasks/language-model.ts";
import { createTrainer } from "../../../src/train/trainer.ts";
import { collect } from "../../helpers/models.ts";
import { host, isas, trainSix } from "../../helpers/native.ts";
import { conformance, every, some } from "../conformance.ts";

for (const isa of isas) {
  const name = `native ${isa}`;
  registerEngine(name, async () => nativeEngine(host as NativeHost, isa, targetFor(isa, name)));
  // More sizes with the best instructions; what the others do at the edges of their vectors is in the fewer.
  conformance(name, { bound: 1e-4, thorough: isa === isas[0] ? every : some, some });
}

describe.each(isas)("%s", (isa) => {
  const engine = `native ${isa}` as EngineName;
  const train = async (threads: number | undefined, units: number, batch: number, how: HostOptions = { engine }) => {
    const layers = [
      embedding(11, 9),
      lstm(units, { returnSequences: true }),
      gru(units, { returnSequences: true }),
      dense(11),
    ];
    return trainSix(layers, units, { batch, threads, ...how });
  };

  test.each([
    [37, 13],
    [128, 2],
    [20, 1],
  ])("%i units, batches of %i: 1, 2, 3 and 4 threads give the same bits, near those of WASM", async (units, batch) => {
    const alone = await train(1, units, batch);
    for (const threads of [2, 3, 4]) expect(await train(threads, units, batch)).toEqual(alone);
    const { losses } = await train(1, units, batch, { engine: "wasm" });
    losses.forEach((loss, k) => {
      expect(alone.losses[k]).toBeCloseTo(loss, 4);
    });
  });

  // The system gives only the memory that is touched. Addresses cease to fit into 31, 32 and 33 bits there.
  test.each([31, 32, 33])("memory on both sides of byte 2^%i", async (bits) => {
    const far = `${engine} at 2^${bits}`;
    const target = { ...targetFor(isa, far), reservedBytes: 2 ** bits - 20_480 };
    registerEngine(far, async () => nativeEngine(host as NativeHost, isa, target));
    const wanted = await train(1, 37, 13);
    for (const threads of [1, 2]) expect(await train(threads, 37, 13, { engine: far as EngineName })).toEqual(wanted);
  });
});

test.runIf(isas.length > 0)(
  "a run leaves the processor's rounding, and what it does with subnormal numbers, as they were",
  async () => {
    const { addressOf, callable, place } = host as NativeHost;
    // stmxcsr [rdi]; ret
    const { address, free } = place(Uint8Array.of(0x0f, 0xae, 0x1f, 0xc3));
    const words = new Uint32Array(32);
    const control = (): number => {
      callable(address, 1)(addressOf(words));
      // Not what happened, which the lowest six bits say.
      return (words[0] as number) & ~63;
    };
    const before = control();
    const model = sequential([embedding(11, 9), lstm(17, { returnSequences: true }), dense(11)], { seed: 1 });
    for (const isa of isas) {
      const engine = `native ${isa}` as EngineName;
      const trainer = await createTrainer(model, { batch: 3, steps: 2, engine, threads: 1 });
      await trainer.update(Int32Array.of(1, 2, 3, 4, 5, 6), Int32Array.of(1, 2, 3, 4, 5, 6));
      trainer.dispose();
      expect(control()).toBe(before);
    }
    free();
  },
);

test.skipIf(isas.length === 0)("a model writes the same text alone, on two threads and beside others", async () => {
  const lm = languageModel("the cat sat on the mat. ".repeat(30), { units: 70, seed: 4 });
  const how = { engine: "native", length: 60, seed: 5 } as const;
  const one = (await collect(generate(lm, { prompt: "the ", ...how }))).join("");
  expect(one.length).toBeGreaterThan(40);
  expect((await collect(generate(lm, { prompt: "the ", ...how, threads: 2 }))).join("")).toBe(one);
  let beside = "";
  for await (const { prompt, text } of generateMany(lm, ["the ", "cat", "mat"], how)) if (prompt === 0) beside += text;
  expect(beside).toBe(one);
});

test("where there is no such engine it is said why, in one line", async () => {
  if (isas.length > 0) return void expect((await loadNative()).target.vectorWidth).toBe(isas[0] === "avx512" ? 16 : 8);
  await expect(loadNative()).rejects.toThrow(
    /^engine "native" cannot run here: .+[^.]\. Use the engine "wasm"; for quantize or precision "bf16", "reference"\.$/,
  );
});
