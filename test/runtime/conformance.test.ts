import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { interpret } from "../../src/interpret/interpret.ts";
import { engineError, loadTraining, programError } from "../helpers/engines.ts";
import { operationCases, operationGraph, operationValues, stateCells } from "../helpers/operations.ts";

const bound = 1e-4;

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
const thorough = ["perceptron", "dense", "simple-rnn", "lstm", "gru", "gru-reset-after"];
describe.each(Object.entries(cells))("%s, wasm against the oracle, forward and all gradients: 1e-4", (name, cell) => {
  test.each(thorough.includes(name) ? every : some)("batch %i, units %i, steps %i", async (batch, units, steps) => {
    const { error, where } = await engineError(cell, { units, input: 7, steps, batch, seed: 3 });
    expect(error, where).toBeLessThan(bound);
  });
});

describe("states in every company, wasm against the oracle: 1e-4", () => {
  test.each(Object.entries(stateCells))("%s", async (_, cell) => {
    for (const [units, steps, batch] of [
      [3, 1, 1],
      [5, 7, 3],
      [17, 2, 33],
    ] as const) {
      const { error, where } = await engineError(cell, { units, input: units, steps, batch, seed: 4 });
      expect(error, where).toBeLessThan(bound);
    }
  });
});

describe.each(Object.entries(operationCases))(
  "%s, wasm against the oracle, forward and all gradients: 1e-4",
  (_, list) => {
    test.each(Object.entries(list))("%s", async (_, build) => {
      const graph = operationGraph(build);
      for (const [steps, batch] of [
        [1, 1],
        [7, 3],
      ] as const) {
        const values = operationValues(graph, steps, batch, 2);
        const program = await loadTraining(graph, { steps, batch }, values);
        await program.run();
        await program.run();
        const { error, where } = programError(program, graph, interpret(graph, { steps, batch, ...values }));
        expect(error, where).toBeLessThan(bound);
      }
    });
  },
);
