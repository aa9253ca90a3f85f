import { expect, test } from "vitest";
import { engineNames, engineOf } from "../../src/engines/registry.ts";
import { type Conformance, conformance } from "./conformance.ts";

const every = [1, 3, 33].flatMap((batch) =>
  [1, 5, 17, 130].flatMap((units) => [1, 2, 13].map((steps) => [batch, units, steps] as const)),
);
// For most cells a few sizes are enough: each number of rows, of features and of steps is among them.
const some = [
  [1, 17, 13],
  [3, 130, 2],
  [33, 1, 1],
  [33, 5, 13],
] as const;
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
  expect(engineNames()).toEqual([...Object.keys(how), "native"]);
  for (const name of Object.keys(how)) {
    const { name: own, target } = await engineOf(name);
    expect([own, target.name]).toEqual([name, name]);
  }
});

for (const [name, own] of Object.entries(how)) conformance(name, own);
