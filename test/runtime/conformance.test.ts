import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { engineError } from "../helpers/engines.ts";

const bound = 1e-4;

describe("wasm against the oracle, forward and all gradients: relative error below 1e-4", () => {
  for (const [name, cell] of Object.entries(cells)) {
    for (const [batch, units, steps] of [
      [1, 1, 1],
      [1, 5, 2],
      [3, 17, 13],
      [33, 5, 2],
      [3, 130, 2],
      [33, 17, 13],
      [2, 8, 3],
    ] as const) {
      test(`${name}: batch ${batch}, units ${units}, steps ${steps}`, async () => {
        const { error, where } = await engineError(cell, { units, input: 7, steps, batch, seed: 3 });
        expect(error, where).toBeLessThan(bound);
      });
    }
  }
});
