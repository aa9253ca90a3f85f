/** Densities of two numbers and of paths: against plain arithmetic, central differences, and what they draw. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../src/engines/reference/interpret.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { bivariateMixture } from "../../../src/train/densities/bivariate.ts";
import { pathMixture } from "../../../src/train/densities/paths.ts";
import type { Loss } from "../../../src/train/losses.ts";
import { loadTraining, programError } from "../../helpers/engines.ts";
import { gradientError } from "../../helpers/gradients.ts";
import { lossAt, lossOfRows } from "../../helpers/losses.ts";
import { randomValues } from "../../helpers/networks.ts";

type Density = Loss & { readonly outputSize: number };
const all: [string, Density][] = [
  ["one Gaussian", bivariateMixture()],
  ["one Gaussian and strokes", bivariateMixture({ stroke: true })],
  ["3 Gaussians", bivariateMixture({ components: 3 })],
  ["5 Gaussians and strokes", bivariateMixture({ components: 5, stroke: true })],
  ["one path of one point", pathMixture({ steps: 1 })],
  ["one path of 3 points", pathMixture({ steps: 3 })],
  ["4 paths of one point", pathMixture({ modes: 4, steps: 1 })],
  ["4 paths of 5 points", pathMixture({ modes: 4, steps: 5 })],
];

describe.each(all)("%s", (_name, density) => {
  test.each([1, 2])("gradients against central differences in f64, seed %i: 1e-7", (seed) => {
    const sizes = { steps: 3, batch: 2 };
    const graph = lossOfRows(density, { rows: 3, features: density.outputSize });
    expect(gradientError(graph, randomValues(graph, sizes.steps, sizes.batch, seed, 1), sizes)).toBeLessThan(1e-7);
  });

  test("wasm against the reference: 1e-5", async () => {
    const sizes = { steps: 4, batch: 3 };
    const graph = lossOfRows(density, { rows: 6, features: density.outputSize });
    const values = randomValues(graph, sizes.steps, sizes.batch, 7, 1);
    const program = await loadTraining(graph, sizes, values);
    await program.run();
    const { error, where } = programError(program, graph, interpret(graph, { ...sizes, ...values }));
    expect(error, where).toBeLessThan(1e-5);
  });

  test.each([-1e4, -50, 50, 1e4])("outputs and targets of %d: loss and gradient are finite in f32", async (extreme) => {
    for (const sign of [1, -1]) {
      const graph = lossOfRows(density, { rows: 1, features: density.outputSize });
      const program = await loadTraining(graph, { steps: 1, batch: 1 }, randomValues(graph, 1, 1, 1));
      program.setParameter(
        "z",
        Float32Array.from({ length: density.outputSize }, (_, k) => (k % 2 ? sign : 1) * extreme),
      );
      program.setInput("target", new Float32Array(density.targetSize?.(density.outputSize) as number).fill(-extreme));
      await program.run();
      expect(Number.isFinite(program.total("loss"))).toBe(true);
      expect(Array.from(program.gradient("z")).every(Number.isFinite)).toBe(true);
    }
  });
});

test("a bivariate Gaussian: its density by Graves's equation 24", () => {
  const density = bivariateMixture();
  const row = [0.3, 1, -2, Math.log(1.5), Math.log(0.5), 0.4];
  const { sigmaX, sigmaY, rho } = density.parameters(row);
  const [sx, sy, r] = [sigmaX[0], sigmaY[0], rho[0]] as [number, number, number];
  expect([sx, sy, r].map((value) => value.toFixed(3))).toEqual(["1.499", "0.501", "0.376"]);
  const [x, y] = [2, -1.5];
  const z = (x - 1) ** 2 / sx ** 2 + (y + 2) ** 2 / sy ** 2 - (2 * r * (x - 1) * (y + 2)) / (sx * sy);
  const n = Math.exp(-z / (2 * (1 - r * r))) / (2 * Math.PI * sx * sy * Math.sqrt(1 - r * r));
  expect(lossAt(density, row, [x, y])).toBeCloseTo(-Math.log(n), 10);
});

test("a mixture with strokes: the sum of its parts, and the logistic loss of the end (equation 26)", () => {
  const density = bivariateMixture({ components: 3, stroke: true });
  fc.assert(
    fc.property(fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 22, maxLength: 22 }), (numbers) => {
      const [row, x, y, end] = [numbers.slice(0, 19), ...numbers.slice(19)] as [number[], number, number, number];
      const stop = end > 0 ? 1 : 0;
      const p = density.parameters(row);
      const parts = Array.from(p.weights, (weight, k) => {
        const at = [p.meanX, p.meanY, p.sigmaX, p.sigmaY, p.rho].map((of) => of[k]);
        const [mx, my, sx, sy, r] = at as [number, number, number, number, number];
        const z = ((x - mx) / sx) ** 2 + ((y - my) / sy) ** 2 - (2 * r * (x - mx) * (y - my)) / (sx * sy);
        return (weight * Math.exp(-z / (2 * (1 - r * r)))) / (2 * Math.PI * sx * sy * Math.sqrt(1 - r * r));
      });
      const e = p.end as number;
      const wanted = -Math.log(parts.reduce((a, b) => a + b)) - Math.log(stop ? e : 1 - e);
      expect(lossAt(density, row, [x, y, stop])).toBeCloseTo(wanted, 8);
    }),
    { numRuns: 50 },
  );
});

test("draws of a mixture have its mean, deviations and correlation; a bias makes them less varied", () => {
  const density = bivariateMixture({ stroke: true });
  const row = [0, 3, -1, Math.log(2), Math.log(0.5), 0.8, 1];
  const random = createRandom(4);
  const draws = Array.from({ length: 20_000 }, () => density.sample(row, random) as [number, number, number]);
  const meanOf = (of: (draw: [number, number, number]) => number): number =>
    draws.reduce((sum, draw) => sum + of(draw), 0) / draws.length;
  const { sigmaX, sigmaY, rho, end } = density.parameters(row);
  const [sx, sy] = [sigmaX[0], sigmaY[0]] as [number, number];
  expect(density.mean(row)).toEqual([3, -1, end]);
  expect(meanOf(([x]) => x)).toBeCloseTo(3, 1);
  expect(meanOf(([, y]) => y)).toBeCloseTo(-1, 1);
  expect(meanOf(([x]) => ((x - 3) / sx) ** 2)).toBeCloseTo(1, 1);
  expect(meanOf(([x, y]) => ((x - 3) * (y + 1)) / sx / sy)).toBeCloseTo(rho[0] as number, 1);
  expect(meanOf(([, , stop]) => stop)).toBeCloseTo(end as number, 1);
  const near = Array.from({ length: 500 }, () => density.sample(row, random, { bias: 5 })[0] as number);
  expect(Math.max(...near.map((x) => Math.abs(x - 3)))).toBeLessThan(0.1);
});

test("a mixture of paths: the sum of its modes, each a product over its points", () => {
  const [modes, steps] = [3, 2];
  const density = pathMixture({ modes, steps });
  const random = createRandom(2);
  for (let n = 0; n < 20; n++) {
    const row = Array.from({ length: density.outputSize }, () => random.normal());
    const target = Array.from({ length: 2 * steps }, () => random.normal());
    const sigmas = density.sigmas(row);
    const logits = row.slice(0, modes).map(Math.exp);
    const total = logits.reduce((a, b) => a + b);
    const parts = logits.map((weight, k) => {
      let part = weight / total;
      for (let t = 0; t < steps; t++) {
        const sigma = sigmas[k * steps + t] as number;
        for (const axis of [0, 1]) {
          const z =
            ((target[axis * steps + t] as number) - (row[modes + axis * modes * steps + k * steps + t] as number)) /
            sigma;
          part *= Math.exp(-z * z * 0.5) / (sigma * Math.sqrt(2 * Math.PI));
        }
      }
      return part;
    });
    expect(lossAt(density, row, target)).toBeCloseTo(-Math.log(parts.reduce((a, b) => a + b)), 8);
  }
});

test("paths come with the likeliest first, their mean is weighted, and draws lie about them", () => {
  const density = pathMixture({ modes: 2, steps: 2 });
  const row = [0, Math.log(3), 0, 0, 4, 12, 0, 0, 8, 16, -20, -20, -20, -20];
  const [first, second] = density.paths(row);
  expect(first).toMatchObject({ x: Float64Array.of(4, 12), y: Float64Array.of(8, 16) });
  expect(first?.probability).toBeCloseTo(0.75, 12);
  expect(second).toMatchObject({ x: Float64Array.of(0, 0), y: Float64Array.of(0, 0) });
  const { x, y } = density.mean(row);
  expect([...x, ...y].map((value) => +value.toFixed(9))).toEqual([3, 9, 6, 12]);
  const random = createRandom(1);
  const ends = Array.from({ length: 2000 }, () => density.sample(row, random).y[1] as number);
  expect(ends.every((end) => Math.min(Math.abs(end), Math.abs(end - 16)) < 0.05)).toBe(true);
  expect(ends.filter((end) => end > 8).length / 2000).toBeCloseTo(0.75, 1);
});

test("what does not fit is said in one line", () => {
  expect(() => bivariateMixture({ components: 2 }).targetSize?.(6)).toThrow(
    "bivariateMixture: 2 Gaussians of two numbers need outputs of 12 numbers, the model gives 6. End it with dense(12).",
  );
  expect(() => pathMixture({ modes: 2, steps: 3 }).targetSize?.(6)).toThrow(
    "pathMixture: 2 paths of 3 points need outputs of 20 numbers, the model gives 6. End it with dense(20).",
  );
  expect(() => bivariateMixture({ components: 0 })).toThrow("components must be a whole number of at least 1, got 0");
  expect(() => pathMixture({} as { steps: number })).toThrow("pathMixture: steps must be a whole number");
  expect(() => bivariateMixture().mean([1])).toThrow("a row of outputs has 6 numbers, got 1");
  expect(() => pathMixture({ steps: 2 }).paths([1])).toThrow("a row of outputs has 7 numbers, got 1");
});
