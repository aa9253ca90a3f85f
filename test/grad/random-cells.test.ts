import fc from "fast-check";
import { expect, test } from "vitest";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { cases } from "../helpers/cases.ts";
import { gradientError, gradientSteps as steps } from "../helpers/gradients.ts";
import { randomValues } from "../helpers/networks.ts";
import { randomTrainingGraph } from "../helpers/random-cells.ts";

test("random cells: gradients through 7 steps against central differences, relative error below 1e-6", () => {
  const cells = cases(100);
  const shape = { seed: fc.nat(), depth: fc.integer({ min: 1, max: 3 }) };
  let [checked, kinks] = [0, 0];
  fc.assert(
    fc.property(fc.record(shape), fc.constantFrom(1, 2, 3), fc.constantFrom(1, 2), (given, units, input) => {
      const { source, graph } = randomTrainingGraph({ ...given, matrices: true }, { units, input });
      const values = randomValues(graph, steps, 1, given.seed);
      const { totals } = interpret(graph, { steps, batch: 1, ...values });
      expect(Math.abs(totals.loss as number), source).toBeLessThan(1e4);
      const error = (epsilon: number) => gradientError(graph, values, { steps, batch: 1, epsilon });
      checked++;
      if (error(1e-5) < 1e-6) return;
      // A kink within reach of the larger difference is out of reach of a smaller one.
      expect(error(1e-7), source).toBeLessThan(1e-5);
      kinks++;
    }),
    { seed: 20250301, numRuns: cells, verbose: true },
  );
  expect(checked).toBe(cells);
  expect(kinks).toBeLessThanOrEqual(0.04 * cells);
}, 120_000);
