import { expect, test } from "vitest";
import { engineNames, engineOf } from "../../src/engines/registry.ts";
import { type Conformance, conformance, every, some } from "./conformance.ts";

const few = [
  [1, 17, 3],
  [3, 1, 1],
  [5, 5, 7],
] as const;
const how: Readonly<Record<string, Conformance>> = {
  wasm: { bound: 1e-4, thorough: every, some },
  // It computes in f64, and is read in f32.
  reference: { bound: 1e-6, thorough: few, some: few },
};

test("each engine that there is has a name, and is held to it here", async () => {
  // "native" is held to it in a file of its own, with each kind of instructions that this processor has.
  expect(engineNames()).toEqual([...Object.keys(how), "native", "auto"]);
  for (const name of Object.keys(how)) {
    const { name: own, target } = await engineOf(name);
    expect([own, target.name]).toEqual([name, name]);
  }
});

for (const [name, own] of Object.entries(how)) conformance(name, own);
