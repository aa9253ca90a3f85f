/** Products of bf16 on the native engine, beside plain loops, the engine "reference" and f32. */
import { describe, expect, test } from "vitest";
import { cells } from "../../../src/cells/index.ts";
import type { EngineName } from "../../../src/engines/engine.ts";
import {
  askForTiles,
  type Bf16Facts,
  bf16Facts,
  bf16UnitOf,
  requireTiles,
} from "../../../src/engines/native/bf16-unit.ts";
import { nativeEngine } from "../../../src/engines/native/engine.ts";
import type { NativeHost } from "../../../src/engines/native/executable-memory.ts";
import { targetFor } from "../../../src/engines/native/target.ts";
import { toBf16 } from "../../../src/engines/reference/run.ts";
import { registerEngine } from "../../../src/engines/registry.ts";
import { createBuilder } from "../../../src/graph/graph.ts";
import { dense, embedding, lstm } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { compile } from "../../../src/runtime/program.ts";
import { createTrainer } from "../../../src/train/trainer.ts";
import { cellError, chainError } from "../../helpers/bf16.ts";
import { host, isas, trainSix } from "../../helpers/native.ts";

const facts = host !== undefined && isas.includes("avx512") ? bf16Facts(host) : undefined;
/** Each unit that this processor has, whether it is worth using or not. */
const units = [
  ...(facts?.avx512 ? (["avx512_bf16"] as const) : []),
  ...(facts?.avx512 && facts.tiles && askForTiles(host as NativeHost) === 0 ? (["amx"] as const) : []),
];

describe.each(units)("%s", (unit) => {
  const engine = `native with ${unit}` as EngineName;
  registerEngine(engine, async () =>
    nativeEngine(host as NativeHost, "avx512", targetFor("avx512", engine, true), unit),
  );

  test.each([
    [1, 1, 1, 1],
    [2, 3, 5, 2],
    [33, 17, 40, 3],
    [130, 64, 31, 50],
    [40, 700, 33, 16],
    [700, 40, 20, 171],
    [5, 34, 600, 33],
    [20, 36, 7, 1100],
  ] as const)(
    "products %i to %i to %i of %i rows are sums of rounded operands, as near as f32 is",
    async (...sizes) => {
      expect(await chainError(sizes, { engine })).toBeLessThan(1e-5);
      expect(await chainError(sizes, { engine, threads: 3 })).toBeLessThan(1e-5);
    },
  );

  describe.each(Object.entries(cells))(
    "%s: within 1e-2 of the engine reference, forward and all gradients",
    (_, cell) => {
      // Where states differ in their last bit, their nearest bf16 may differ.
      test.each([
        [1, 17, 5],
        [3, 130, 2],
        [33, 5, 3],
      ])("batch %i, units %i, steps %i", async (batch, units, steps) => {
        expect(await cellError(cell, { batch, units, steps }, { engine })).toBeLessThan(1e-2);
      });
    },
  );

  test("a number becomes the nearest bf16: ties to even, below the least normal number 0, infinity and NaN kept", async () => {
    const g = createBuilder();
    g.declare("one", [1, 1], { name: "zeros", values: [] });
    const graph = g.graph({ output: g.matmul("one", g.input("x", 1)) });
    const words = new Uint32Array(4096).map((_, k) =>
      k < 2048 ? Math.imul(k, 0x9e37_79b1) : ((k - 2048) << 21) | (0x7fff + (k % 3)),
    );
    words.set([0, 0x8000_0000, 1, 0x007f_ffff, 0x0080_0000, 0x7f80_0000, 0xff80_0000, 0x7fff_ffff, 0x7f7f_ffff]);
    const x = new Float32Array(words.buffer);
    const program = await compile(graph, { steps: 1, batch: 4096, keep: ["output"] }, { engine, precision: "bf16" });
    program.setInput("x", x);
    program.setParameter("one", [1]);
    await program.run();
    // The sign of 0 is lost where 0 is added.
    expect([...program.output("output")]).toEqual(Array.from(x, (value) => toBf16(value) + 0));
    program.dispose();
  });

  const train = (how: object, [units, batch]: readonly [number, number]) =>
    trainSix([embedding(11, 9), lstm(units, { returnSequences: true }), dense(11)], units, { batch, ...how });
  test.each([[37, 13] as const, [128, 2] as const, [20, 1] as const])(
    "%i units, batches of %i: 1, 2, 3 and 4 threads give the same bits, others than f32's and near them",
    async (...sizes) => {
      const alone = await train({ engine, precision: "bf16", threads: 1 }, sizes);
      for (const threads of [2, 3, 4])
        expect(await train({ engine, precision: "bf16", threads }, sizes)).toEqual(alone);
      const { losses } = await train({ engine }, sizes);
      expect(alone.losses).not.toEqual(losses);
      losses.forEach((loss, k) => {
        expect(alone.losses[k]).toBeCloseTo(loss, 1);
      });
      expect(await train({ engine, precision: "f32" }, sizes)).toEqual(await train({ engine }, sizes));
    },
  );
});

const none = { why: "needs AMX, or AVX512_BF16 of AMD, which this processor or its operating system does not have" };
test.each<[string, Bf16Facts, ReturnType<typeof bf16UnitOf>]>([
  ["AMD with AVX512_BF16", { vendor: "AuthenticAMD", avx512: true, tiles: false }, "avx512_bf16"],
  ["Intel with tiles", { vendor: "GenuineIntel", avx512: true, tiles: true }, "amx"],
  ["Intel without tiles, where it is slower than f32", { vendor: "GenuineIntel", avx512: true, tiles: false }, none],
  ["AMD without AVX512_BF16", { vendor: "AuthenticAMD", avx512: false, tiles: false }, none],
])("what multiplies bf16: %s", (_, given, unit) => {
  expect(bf16UnitOf(given)).toEqual(unit);
});
test.skipIf(isas.length === 0)(
  "a kernel that gives no tiles is said in one line; the request ends with 0 or an error",
  () => {
    expect(() => requireTiles(host as NativeHost, () => -95)).toThrow(
      /^precision "bf16": the operating system gives no tiles of AMX \(arch_prctl: -95\)\. Take precision "f32", or the engine "reference"\.$/,
    );
    const answer = askForTiles(host as NativeHost);
    expect(answer <= 0 && answer > -4096).toBe(true);
  },
);

const train = (engine: EngineName) =>
  createTrainer(sequential([embedding(5, 4), dense(5)]), { batch: 1, steps: 2, engine, precision: "bf16" });
test("an engine without products of bf16 says so in one line", async () => {
  await expect(train("wasm")).rejects.toThrow(
    /^precision "bf16": the engine "wasm" has f32 alone(, and "native" .+[^.])?\. Take precision "f32", or the engine "(native|reference)"\.$/,
  );
});
test.skipIf(isas.length === 0)("so does the native engine where nothing multiplies bf16", async () => {
  const why = "needs AMX";
  const name = "native without" as EngineName;
  registerEngine(name, async () => nativeEngine(host as NativeHost, "avx2", targetFor("avx2", name, why)));
  await expect(train(name)).rejects.toThrow(
    /^precision "bf16": the engine "native without" needs AMX(, and "native" .+[^.])?\. Take precision "f32", or the engine "(native|reference)"\.$/,
  );
});
