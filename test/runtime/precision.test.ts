/** What is said where the engine has no products of fewer digits: it names no engine that cannot run here either. */
import { expect, test } from "vitest";
import type { Engine, InferenceOptions } from "../../src/engines/engine.ts";
import { reference } from "../../src/engines/reference/engine.ts";
import { engineFor, engineOf, registerEngine } from "../../src/engines/registry.ts";
import { wasm } from "../../src/engines/wasm/engine.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { dense, embedding } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createSession } from "../../src/nn/session.ts";
import { roundingOf } from "../../src/runtime/precision.ts";
import type { Target } from "../../src/schedule/target.ts";
import { rejection } from "../helpers/refusal.ts";

/** Let the engine native be this one. "auto" is what the registry makes of it on x64, and elsewhere WASM. */
function nativeIs(load: () => Promise<Engine>): void {
  registerEngine("native", load);
  registerEngine("auto", () => load().catch(() => wasm));
}
const having = (has: Partial<Target>) => async () => ({
  ...reference,
  target: { ...reference.target, name: "native", ...has },
});
const absent = async (): Promise<Engine> => {
  throw new InputError('engine "native" cannot run here: no luck. Use the engine "wasm".', {
    cause: "cannot run here: no luck",
  });
};
const said = async (host: InferenceOptions) => rejection(roundingOf(host, (await engineFor(host)).target, engineOf));
const [int8, bf16] = [{ quantize: "int8" }, { precision: "bf16" }] as const;
const noAmx = { bf16: "needs AMX" };

test.each<[string, () => Promise<Engine>, InferenceOptions, string]>([
  [
    "nobody named an engine and native cannot run",
    absent,
    int8,
    'quantize "int8": it needs the engine "native", which cannot run here: no luck. Leave it out, or take the engine "reference".',
  ],
  [
    "the same of auto by name and bf16",
    absent,
    { engine: "auto", ...bf16 },
    'precision "bf16": it needs the engine "native", which cannot run here: no luck. Take precision "f32", or the engine "reference".',
  ],
  [
    "wasm is named and native cannot run",
    absent,
    { engine: "wasm", ...int8 },
    'quantize "int8": the engine "wasm" has no products of int8, and "native" cannot run here: no luck. Leave it out, or take the engine "reference".',
  ],
  [
    "wasm is named and native runs",
    having({}),
    { engine: "wasm", ...int8 },
    'quantize "int8": the engine "wasm" has no products of int8. Leave it out, or take the engine "native".',
  ],
  [
    "wasm is named and native runs without bf16",
    having(noAmx),
    { engine: "wasm", ...bf16 },
    'precision "bf16": the engine "wasm" has f32 alone, and "native" needs AMX. Take precision "f32", or the engine "reference".',
  ],
  [
    "auto is native without bf16",
    having(noAmx),
    bf16,
    'precision "bf16": the engine "native" needs AMX. Take precision "f32", or the engine "reference".',
  ],
  [
    "auto is wasm by fma: false, and native runs",
    having({}),
    { fma: false, ...int8 },
    'quantize "int8": with fma: false, the engine "auto" is "wasm", which has no products of int8. Leave it out, or take the engine "native".',
  ],
  [
    "auto is wasm by fma: false, and native cannot run",
    absent,
    { fma: false, ...bf16 },
    'precision "bf16": with fma: false, the engine "auto" is "wasm", which has f32 alone, and "native" cannot run here: no luck. Take precision "f32", or the engine "reference".',
  ],
])("where %s", async (_, native, host, message) => {
  nativeIs(native);
  expect(await said(host)).toBe(message);
  const model = sequential([embedding(5, 4), dense(5)]);
  expect(await rejection(createSession(model, host))).toBe(message);
  // What is advised does work.
  const advised = /the engine "(\w+)"\.$/.exec(message)?.[1] as "native" | "reference";
  const round = await roundingOf({ ...host, engine: advised }, (await engineOf(advised)).target, engineOf);
  expect(typeof round).toBe(host.quantize ? "function" : "undefined");
});
