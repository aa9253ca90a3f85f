import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { initialize, initializers } from "../../src/nn/initializers.ts";
import { createRandom } from "../../src/nn/random.ts";
import { refusal } from "../helpers/refusal.ts";

const make = (shape: readonly number[], name: string, values: readonly number[] = [], seed = 1) =>
  initialize({ name: "lstm.W_f", shape, initializer: { name, values } }, createRandom(seed));

function statistics(values: Float32Array): { mean: number; variance: number; max: number } {
  let [sum, squares, max] = [0, 0, 0];
  for (const value of values) {
    sum += value;
    squares += value * value;
    max = Math.max(max, Math.abs(value));
  }
  const mean = sum / values.length;
  return { mean, variance: squares / values.length - mean ** 2, max };
}

/** The largest difference between A^T A and the identity times gain^2, for the columns (or rows) of a matrix. */
function worstOrthogonality(a: Float32Array, rows: number, columns: number, gain = 1): number {
  const [length, count, step, stride] = rows >= columns ? [rows, columns, columns, 1] : [columns, rows, 1, columns];
  let worst = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      let dot = 0;
      for (let k = 0; k < length; k++) dot += a[i * stride + k * step]! * a[j * stride + k * step]!;
      worst = Math.max(worst, Math.abs(dot - (i === j ? gain ** 2 : 0)));
    }
  }
  return worst;
}

describe("constants", () => {
  test("zeros, ones, constant", () => {
    expect([...make([3], "zeros")]).toEqual([0, 0, 0]);
    expect([...make([2, 2], "ones")]).toEqual([1, 1, 1, 1]);
    expect([...make([2], "constant", [-2.5])]).toEqual([-2.5, -2.5]);
    expect([...make([2], "constant")]).toEqual([0, 0]);
  });

  test("identity: ones on the diagonal, also of matrices that are not square", () => {
    expect([...make([2, 3], "identity")]).toEqual([1, 0, 0, 0, 1, 0]);
    expect([...make([3, 2], "identity", [0.5])]).toEqual([0.5, 0, 0, 0.5, 0, 0]);
  });
});

// 300 outputs, 200 inputs: fan-in and fan-out must not be mixed up.
const [rows, columns] = [300, 200];
const scaled: [name: string, variance: number][] = [
  ["glorot", 2 / (rows + columns)],
  ["he", 2 / columns],
  ["lecun", 1 / columns],
];

describe.each(scaled)("%s: variance %d for [300, 200]", (name, variance) => {
  test("uniform: within its limit and reaching it, with that variance", () => {
    const found = statistics(make([rows, columns], `${name}_uniform`));
    const limit = Math.sqrt(3 * variance);
    expect(found.max).toBeLessThanOrEqual(Math.fround(limit));
    expect(found.max).toBeGreaterThan(0.999 * limit);
    expect(Math.abs(found.mean) / Math.sqrt(variance)).toBeLessThan(0.015);
    expect(found.variance / variance).toBeCloseTo(1, 1);
    expect(Math.abs(found.variance / variance - 1)).toBeLessThan(0.015);
  });

  test("normal: cut off at two deviations of the uncut distribution, with that variance after the cut", () => {
    const found = statistics(make([rows, columns], `${name}_normal`));
    const limit = (2 * Math.sqrt(variance)) / 0.8796256610342398;
    expect(found.max).toBeLessThanOrEqual(Math.fround(limit));
    expect(found.max).toBeGreaterThan(0.999 * limit);
    expect(Math.abs(found.mean) / Math.sqrt(variance)).toBeLessThan(0.015);
    expect(Math.abs(found.variance / variance - 1)).toBeLessThan(0.02);
  });
});

describe("random numbers", () => {
  test("a vector has its size as both fans", () => {
    expect(statistics(make([50_000], "glorot_uniform")).max).toBeCloseTo(Math.sqrt(3 / 50_000), 5);
  });

  test("random_uniform: between -0.05 and 0.05, or the given limits", () => {
    expect(statistics(make([200, 200], "random_uniform")).variance).toBeCloseTo(0.1 ** 2 / 12, 4);
    const values = make([10_000], "random_uniform", [2, 3]);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...values)).toBeLessThanOrEqual(3);
    expect(statistics(values).mean).toBeCloseTo(2.5, 1);
    expect(Math.min(...make([1000], "random_uniform", [-1]))).toBeLessThan(-0.9);
  });

  test("random_normal: mean 0 and deviation 0.05, or the given ones, and not cut off", () => {
    const found = statistics(make([300, 300], "random_normal"));
    expect(Math.abs(Math.sqrt(found.variance) - 0.05)).toBeLessThan(5e-4);
    expect(found.max).toBeGreaterThan(0.18);
    expect(statistics(make([90_000], "random_normal", [1, 0.1])).mean).toBeCloseTo(1, 2);
    expect([...make([2], "random_normal", [1, 0])]).toEqual([1, 1]);
  });

  test("lecun_uniform and lecun_normal of a scale: that many times the variance of LeCun's", () => {
    for (const scale of [0.4, 3]) {
      const found = ["uniform", "normal"].map((name) => statistics(make([rows, columns], `lecun_${name}`, [scale])));
      for (const { variance } of found) expect(Math.abs((variance * columns) / scale - 1)).toBeLessThan(0.02);
      expect(found[0]?.max).toBeLessThanOrEqual(Math.fround(Math.sqrt((3 * scale) / columns)));
    }
    expect(make([3, 4], "lecun_normal", [1])).toEqual(make([3, 4], "lecun_normal"));
    expect([...make([2], "lecun_uniform", [0])]).toEqual([0, 0]);
  });

  test("decay_uniform: a power of its sigmoid is uniform between the limits", () => {
    for (const [min, max, power] of [
      [0.9, 0.999, 8],
      [0.2, 0.3, 0.01],
      [0.5, 0.5, 1],
    ] as const) {
      const decays = make([20_000], "decay_uniform", [min, max, power]).map((λ) => (1 / (1 + Math.exp(-λ))) ** power);
      // To f32: near 1 the power of the sigmoid moves with the last bits of λ.
      expect(Math.min(...decays)).toBeGreaterThan(min - 1e-6);
      expect(Math.max(...decays)).toBeLessThan(max + 1e-6);
      const { mean, variance } = statistics(decays);
      expect(mean).toBeCloseTo((min + max) / 2, 2);
      expect(Math.sqrt(variance)).toBeCloseTo((max - min) / Math.sqrt(12), 2);
      expect(Math.abs(decays.filter((decay) => decay < (min + max) / 2).length / 20_000 - 0.5)).toBeLessThan(
        min === max ? 1 : 0.02,
      );
    }
    expect(make([1000], "decay_uniform", [1e-30, 0.9, 1e-3]).every(Number.isFinite)).toBe(true);
  });

  test("power_law: from the first number to the last, evenly for power 1", () => {
    expect([...make([5], "power_law", [3, 6, 1])]).toEqual([3, 3.75, 4.5, 5.25, 6]);
    expect([...make([3], "power_law", [5, -7, 2])]).toEqual([5, 2, -7]);
    expect(make([4], "power_law", [5, -7, 0.3])[1]).toBeCloseTo(5 - 12 * (1 / 3) ** 0.3, 6);
    expect([...make([1], "power_law", [5, -7, 0.3])]).toEqual([5]);
  });

  test("the same seed gives the same values, another seed others", () => {
    for (const name of Object.keys(initializers)) expect(make([4, 3], name)).toEqual(make([4, 3], name));
    expect(make([4, 3], "orthogonal", [], 2)).not.toEqual(make([4, 3], "orthogonal"));
  });
});

describe("orthogonal", () => {
  const shapes = [
    [1, 1],
    [2, 2],
    [7, 7],
    [64, 64],
    [1, 9],
    [9, 1],
    [40, 90],
    [90, 40],
  ] as const;
  test.each(shapes)("[%d, %d]: Q^T Q is the identity to 1e-6", (rows, columns) => {
    expect(worstOrthogonality(make([rows, columns], "orthogonal"), rows, columns)).toBeLessThan(1e-6);
  });

  test("gain scales it", () => {
    expect(worstOrthogonality(make([30, 20], "orthogonal", [3]), 30, 20, 3)).toBeLessThan(1e-5);
  });

  test("[512, 512]: Q^T Q is the identity to 1e-6", () => {
    expect(worstOrthogonality(make([512, 512], "orthogonal"), 512, 512)).toBeLessThan(1e-6);
  });

  /** The same by the definition: H_0 H_1 ... of the identity, one reflection after the other, with the signs of R. */
  function byDefinition(rows: number, columns: number, seed: number): Float64Array {
    const [length, count] = [Math.max(rows, columns), Math.min(rows, columns)];
    const random = createRandom(seed);
    const q = Array.from({ length: count }, (_, k) => new Float64Array(length).fill(1, k, k + 1));
    for (let k = count - 1; k >= 0; k--) {
      const v = new Float64Array(length);
      for (let i = k; i < length; i++) v[i] = random.normal();
      const sign = v[k]! < 0 ? -1 : 1;
      v[k]! += sign * Math.hypot(...v);
      const square = v.reduce((sum, x) => sum + x * x, 0);
      for (const column of q.slice(k)) {
        const scale = (-2 / square) * column.reduce((sum, x, i) => sum + x * v[i]!, 0);
        for (let i = k; i < length; i++) column[i]! += scale * v[i]!;
      }
      q[k] = q[k]!.map((x) => -sign * x);
    }
    const [step, stride] = rows > columns ? [columns, 1] : [1, columns];
    const out = new Float64Array(rows * columns);
    q.forEach((column, k) => column.forEach((x, i) => (out[k * stride + i * step] = x)));
    return out;
  }

  const large = [
    [257, 257],
    [256, 257],
    [288, 300],
    [300, 289],
    [260, 700],
    [700, 263],
  ] as const;
  test.each(large)(
    "[%d, %d], in blocks or not: orthonormal to 1e-6, and its definition's values to 1e-6",
    (rows, columns) => {
      const made = make([rows, columns], "orthogonal", [], 3);
      expect(worstOrthogonality(made, rows, columns)).toBeLessThan(1e-6);
      const wanted = byDefinition(rows, columns, 3);
      const worst = made.reduce((most, value, at) => Math.max(most, Math.abs(value - wanted[at]!)), 0);
      expect(worst).toBeLessThan(1e-6);
    },
  );

  test("up to 256 rows or columns: these bits, which trained models began with", () => {
    const digest = (shape: number[]) =>
      createHash("sha256")
        .update(make(shape, "orthogonal", [1], 3))
        .digest("hex")
        .slice(0, 16);
    expect(
      [
        [128, 128],
        [256, 300],
        [300, 256],
      ].map(digest),
    ).toEqual(["0adb48db282318f1", "b0ef17394d052f82", "b0d80d61c98b52da"]);
  });

  test("[2, 2]: every direction is as likely, and rotations as likely as reflections", () => {
    const random = createRandom(5);
    const directions = Array<number>(16).fill(0);
    let rotations = 0;
    const count = 16_000;
    for (let i = 0; i < count; i++) {
      const parameter = { name: "U", shape: [2, 2], initializer: { name: "orthogonal", values: [] } };
      const [a, b, c, d] = initialize(parameter, random) as unknown as [number, number, number, number];
      directions[Math.min(15, Math.floor(((Math.atan2(c, a) + Math.PI) / (2 * Math.PI)) * 16))]!++;
      if (a * d - b * c > 0) rotations++;
    }
    const chiSquare = directions.reduce((sum, found) => sum + (found - count / 16) ** 2 / (count / 16), 0);
    expect(chiSquare).toBeLessThan(37.7); // 15 degrees of freedom, p = 0.001
    expect(Math.abs(rotations / count - 0.5)).toBeLessThan(0.015);
  });

  test("[32, 32]: no sign is preferred anywhere on the diagonal or off it", () => {
    const sums = new Float64Array(32 * 32);
    const count = 300;
    const random = createRandom(6);
    for (let i = 0; i < count; i++) {
      const parameter = { name: "U", shape: [32, 32], initializer: { name: "orthogonal", values: [] } };
      initialize(parameter, random).forEach((value, at) => {
        sums[at]! += Math.sign(value);
      });
    }
    // Five standard deviations; without the signs of R the diagonal would be far outside.
    for (const sum of sums) expect(Math.abs(sum)).toBeLessThan(5 * Math.sqrt(count));
  });
});

describe("errors name the parameter and what would be right", () => {
  const message = (...call: Parameters<typeof make>) => refusal(() => make(...call), Error);
  test("as snapshots", () => {
    expect(message([2], "glorot")).toMatchInlineSnapshot(
      `"lstm.W_f: there is no initialiser "glorot". There are zeros, ones, constant, glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_uniform, lecun_normal, orthogonal, identity, random_uniform, random_normal, decay_uniform, power_law."`,
    );
    expect(message([2], "toString")).toContain('there is no initialiser "toString"');
    expect(message([2], "zeros", [1])).toMatchInlineSnapshot(
      `"lstm.W_f ~ zeros(1): too many numbers. Its form is zeros."`,
    );
    expect(message([2], "constant", [Number.NaN])).toMatchInlineSnapshot(
      `"lstm.W_f ~ constant(NaN): NaN is not a finite 32-bit number. Its form is constant(value = 0)."`,
    );
    expect(message([2], "constant", [1e39])).toContain("1e+39 is not a finite 32-bit number");
    expect(message([2], "orthogonal")).toMatchInlineSnapshot(
      `"lstm.W_f ~ orthogonal(): needs a matrix, got a vector of 2. Its form is orthogonal(gain = 1)."`,
    );
    expect(message([2], "identity")).toContain("needs a matrix");
    expect(message([2], "random_uniform", [1, -1])).toMatchInlineSnapshot(
      `"lstm.W_f ~ random_uniform(1, -1): needs min <= max. Its form is random_uniform(min = -0.05, max = 0.05)."`,
    );
    expect(message([2], "random_normal", [0, -1])).toMatchInlineSnapshot(
      `"lstm.W_f ~ random_normal(0, -1): needs stddev >= 0. Its form is random_normal(mean = 0, stddev = 0.05)."`,
    );
  });
});
