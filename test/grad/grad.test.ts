import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { gradientError, gradientSteps as steps } from "../helpers/gradients.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";

const batch = 2;

describe("gradients through 7 time steps against central differences in f64: relative error below 1e-6", () => {
  for (const [name, cell] of Object.entries(cells)) {
    test(name, () => {
      const graph = trainingGraph(cell, { units: 3, input: 4 });
      expect(gradientError(graph, randomValues(graph, steps, batch, 1), { steps, batch })).toBeLessThan(1e-6);
    });
  }
});
