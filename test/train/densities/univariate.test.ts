/** Distributions of single numbers: against formulas and published values, central differences, and what they draw. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../src/engines/reference/interpret.ts";
import { createRandom } from "../../../src/nn/random.ts";
import {
  logGamma,
  negativeBinomialQuantile,
  normalProbability,
  normalQuantile,
  studentQuantile,
} from "../../../src/train/densities/special.ts";
import {
  type Density,
  gaussian,
  negativeBinomial,
  quantiles,
  studentT,
} from "../../../src/train/densities/univariate.ts";
import { loadTraining, programError } from "../../helpers/engines.ts";
import { gradientError } from "../../helpers/gradients.ts";
import { lossAt, lossOfRows } from "../../helpers/losses.ts";
import { randomValues } from "../../helpers/networks.ts";

const levels = [0.1, 0.5, 0.9];
const all: [string, Density, boolean][] = [
  ["gaussian", gaussian(), false],
  ["gaussian of 3", gaussian({ targets: 3 }), false],
  ["studentT", studentT(), false],
  ["studentT of 2", studentT({ targets: 2 }), false],
  ["negativeBinomial", negativeBinomial({ scale: 3 }), true],
  ["negativeBinomial of 2", negativeBinomial({ targets: 2 }), true],
  ["quantiles", quantiles({ levels }), false],
  ["quantiles of 2", quantiles({ levels, targets: 2 }), false],
];

describe.each(all)("%s", (_name, density, counts) => {
  const drawn = (sizes: { steps: number; batch: number }, rows: number, seed: number) => {
    const graph = lossOfRows(density, { rows, features: density.outputSize });
    const values = randomValues(graph, sizes.steps, sizes.batch, seed, 1);
    const target = values.inputs.target as Float64Array;
    if (counts) for (let k = 0; k < target.length; k++) target[k] = Math.floor(Math.abs(4 * (target[k] as number)));
    return { graph, values };
  };
  test.each([1, 2])("gradients against central differences in f64, seed %i: 1e-6", (seed) => {
    const sizes = { steps: 3, batch: 2 };
    const { graph, values } = drawn(sizes, 3, seed);
    expect(gradientError(graph, values, sizes)).toBeLessThan(1e-6);
  });
  test("wasm against the reference: 1e-4", async () => {
    const sizes = { steps: 4, batch: 3 };
    const { graph, values } = drawn(sizes, 6, 7);
    const program = await loadTraining(graph, sizes, values);
    await program.run();
    const { error, where } = programError(program, graph, interpret(graph, { ...sizes, ...values }));
    expect(error, where).toBeLessThan(1e-4);
  });
  test.each([-1e4, -50, 50, 1e4])("outputs of %d: loss and gradient are finite in f32", async (extreme) => {
    for (const sign of [1, -1]) {
      const { graph, values } = drawn({ steps: 1, batch: 1 }, 1, 1);
      const program = await loadTraining(graph, { steps: 1, batch: 1 }, values);
      program.setParameter(
        "z",
        Float32Array.from({ length: density.outputSize }, (_, k) => (k % 2 ? sign : 1) * extreme),
      );
      program.setInput(
        "target",
        new Float32Array(density.targetSize?.(density.outputSize) as number).fill(
          counts ? Math.abs(extreme) : -extreme,
        ),
      );
      await program.run();
      expect(Number.isFinite(program.total("loss"))).toBe(true);
      expect(Array.from(program.gradient("z")).every(Number.isFinite)).toBe(true);
    }
  });
  test("quantiles rise with p, and half of the draws are below the median, a tenth below the first decile", () => {
    const row = Array.from({ length: density.outputSize }, (_, k) => Math.sin(k + 1));
    const at = levels.map((p) => density.quantile(row, p)[0] as number);
    expect(at).toEqual([...at].sort((a, b) => a - b));
    const random = createRandom(3);
    const draws = Array.from({ length: 4000 }, () => density.sample(row, random)[0] as number);
    for (const [k, p] of levels.entries()) {
      const [below, upTo] = [
        draws.filter((one) => one < (at[k] as number)),
        draws.filter((one) => one <= (at[k] as number)),
      ];
      expect(below.length / 4000).toBeLessThan(p + 0.03);
      expect(upTo.length / 4000).toBeGreaterThan(p - 0.03);
    }
  });
});

test("losses are the negative logarithms of the published densities", () => {
  // s and d small, so that the bounds change little: log sigma is 7 tanh(s / 7).
  const sigma = Math.exp(7 * Math.tanh(0.4 / 7));
  expect(lossAt(gaussian(), [1.5, 0.4], [2])).toBeCloseTo(
    0.5 * ((2 - 1.5) / sigma) ** 2 + Math.log(sigma) + 0.5 * Math.log(2 * Math.PI),
    9,
  );
  // The t distribution with 5 degrees at 0 has the density 0.37960669: R's dt(0, 5); at 2, dt(2, 5) = 0.06509031.
  const d = 3 - Math.log(97.9 / (5 - 2.1) - 1);
  expect(Math.exp(-lossAt(studentT(), [0, 0, d], [0]))).toBeCloseTo(0.37960669, 7);
  expect(Math.exp(-lossAt(studentT(), [0, 0, d], [2]))).toBeCloseTo(0.06509031, 7);
  // dnbinom(3, size = 1, mu = 2) = (1 / 3) (2 / 3)^3.
  const m = Math.log(Math.exp(2) - 1);
  expect(Math.exp(-lossAt(negativeBinomial(), [m, 0], [3]))).toBeCloseTo((1 / 3) * (2 / 3) ** 3, 6);
  expect(Math.exp(-lossAt(negativeBinomial({ scale: 4 }), [Math.log(Math.exp(0.5) - 1), 0], [0]))).toBeCloseTo(
    1 / 3,
    6,
  );
  expect(lossAt(quantiles({ levels }), [1, 2, 3], [2.5])).toBeCloseTo((0.1 * 1.5 + 0.5 * 0.5 + 0.1 * 0.5) / 3, 12);
});

test("special functions at published values", () => {
  expect(logGamma(0.5)).toBeCloseTo(0.5 * Math.log(Math.PI), 9);
  expect(logGamma(10)).toBeCloseTo(Math.log(362880), 9);
  expect(logGamma(1e-3)).toBeCloseTo(6.907178885383853, 9);
  // R: qnorm(0.975), qnorm(1e-10), qt(0.975, 5), qt(0.6, 2.5), qt(0.001, 30).
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 9);
  expect(normalQuantile(1e-10)).toBeCloseTo(-6.361340902404056, 7);
  expect(studentQuantile(0.975, 5)).toBeCloseTo(2.5705818366147, 7);
  expect(studentQuantile(0.001, 30)).toBeCloseTo(-3.385184866779, 7);
  expect(studentQuantile(0.25, 1)).toBeCloseTo(-1, 7);
  // A geometric distribution with p = 1/3: 1 - (2/3)^(k + 1) is 0.8025 at k = 3.
  expect(negativeBinomialQuantile(0.8, 2, 1)).toBe(3);
  expect(negativeBinomialQuantile(0.81, 2, 1)).toBe(4);
  fc.assert(
    fc.property(fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }), (p) => {
      expect(normalProbability(normalQuantile(p))).toBeCloseTo(p, 9);
    }),
  );
});

test("what does not fit is refused", () => {
  expect(() => gaussian({ targets: 2 }).targetSize?.(5)).toThrow(
    "gaussian: 2 targets with 2 parameters each need outputs of 4 numbers, the model gives 5. End it with dense(4).",
  );
  expect(() => quantiles({ levels: [0.5, 0.1] })).toThrow("levels");
  expect(() => quantiles({ levels: [0.5, 1] })).toThrow("levels");
  expect(() => studentT().mean([1, 2])).toThrow("studentT: a row of outputs has 3 numbers, got 2");
});
