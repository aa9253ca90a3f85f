import { expect, test } from "vitest";
import { engineOf } from "../../src/engines/registry.ts";
import { createTrainer, dense, embedding, engineNameFor, lstm, sequential } from "../../src/index.ts";

const model = sequential([embedding(5, 3), lstm(4), dense(2)]);

test("the engine's name is that of the engine that a program has, whatever chooses it", async () => {
  for (const options of [
    {},
    { engine: "auto" },
    { fma: false },
    { engine: "wasm" },
    { engine: "reference" },
  ] as const) {
    const trainer = await createTrainer(model, { batch: 1, steps: 2, ...options });
    expect(await engineNameFor(options)).toBe(trainer.program.plan.target.name);
    trainer.dispose();
  }
});

test('"auto" is never its own name, and is WASM without fused multiply-add', async () => {
  expect(["native", "wasm"]).toContain(await engineNameFor());
  expect(await engineNameFor({ fma: false })).toBe("wasm");
});

test("an engine that cannot run here is refused with its reason, one that there is not with all names", async () => {
  const native = await engineOf("native").catch((error: Error) => error);
  const named = engineNameFor({ engine: "native" });
  if (native instanceof Error) await expect(named).rejects.toThrow(native.message);
  else expect(await named).toBe("native");
  await expect(engineNameFor({ engine: "gpu" as "wasm" })).rejects.toThrow('"wasm"');
});
