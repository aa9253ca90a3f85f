import { expect, test } from "vitest";
import { lstm } from "../../src/cells/lstm.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { toBf16 } from "../../src/engines/reference/run.ts";
import { engineNames, engineOf } from "../../src/engines/registry.ts";
import { loadTraining, programError } from "../helpers/engines.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";
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
  // "native" is held to it in a file of its own, with each kind of instructions that this processor has; so is "webgpu".
  expect(engineNames()).toEqual([...Object.keys(how), "native", "webgpu", "auto"]);
  for (const name of Object.keys(how)) {
    const { name: own, target } = await engineOf(name);
    expect([own, target.name]).toEqual([name, name]);
  }
});

test("the engine reference rounds the operands of products to bf16, ties to even, where the program is of that precision", async () => {
  const x = [
    1 + 2 ** -8,
    1 + 3 * 2 ** -8,
    1 + 2 ** -8 + 2 ** -20,
    -(1 + 2 ** -9),
    1e-40,
    -0,
    Number.POSITIVE_INFINITY,
    0.1,
  ];
  const rounded = [1, 1 + 2 ** -6, 1 + 2 ** -7, -1, 0, -0, Number.POSITIVE_INFINITY, 0.10009765625];
  expect(x.map(toBf16)).toEqual(rounded);
  const sizes = { batch: 3, units: 5, steps: 2 };
  const graph = trainingGraph(lstm, { units: 5, input: 7 });
  const values = randomValues(graph, 2, 3, 1, 0.3);
  const exact = interpret(graph, { ...sizes, ...values });
  const [wide, narrow] = await Promise.all(
    (["f32", "bf16"] as const).map(async (precision) => {
      const program = await loadTraining(graph, sizes, values, { engine: "reference", precision });
      await program.run();
      return programError(program, graph, exact).error;
    }),
  );
  expect(wide).toBeLessThan(1e-6);
  expect(narrow).toBeGreaterThan(1e-4);
  expect(narrow).toBeLessThan(2e-2);
});

for (const [name, own] of Object.entries(how)) conformance(name, own);
