/** Where the cells of the zoo start: the first values of their authors' code, by value, range and variance. */
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";

const [D, H] = [150, 200];
/** First values of a parameter of a cell of 200 units over 150 features. */
function starts(name: keyof typeof cells) {
  const model = sequential([recurrent(cells[name] as typeof cells.lstm, { units: H, name: "cell" })], {
    input: D,
    seed: 3,
  });
  return (parameter: string): Float32Array => model.values[`cell.${parameter}`] as Float32Array;
}
const variance = (values: Float32Array): number => values.reduce((sum, a) => sum + a * a, 0) / values.length;
const largest = (values: Float32Array): number => values.reduce((most, a) => Math.max(most, Math.abs(a)), 0);
/** Within 5 %: of 30,000 numbers or more, ten standard deviations. */
const expectVariance = (values: Float32Array, wanted: number, what: string): void =>
  expect(Math.abs(variance(values) / wanted - 1), what).toBeLessThan(0.05);

describe("first values", () => {
  test("rg-lru: a, to the power of 8, is uniform between 0.9 and 0.999; gates of variance 1 / H, biases 0", () => {
    const of = starts("rg-lru");
    const decays = [...of("Λ")].map((λ) => (1 / (1 + Math.exp(-λ))) ** 8).sort((a, b) => a - b);
    expect(decays[0]).toBeGreaterThan(0.9);
    expect(decays.at(-1)).toBeLessThan(0.999);
    // Kolmogorov and Smirnov: 1.63 / sqrt(200) at p = 0.01.
    const distances = decays.map((decay, k) => Math.abs((decay - 0.9) / 0.099 - (k + 0.5) / H));
    expect(Math.max(...distances)).toBeLessThan(1.63 / Math.sqrt(H));
    expectVariance(of("W"), 1 / D, "W");
    for (const gate of ["a", "x"]) {
      expectVariance(of(`W_${gate}`), 1 / H, gate);
      expect(largest(of(`b_${gate}`)), gate).toBe(0);
    }
  });

  test("slstm: forget biases by a power law from 5 to -7, other biases and all recurrent matrices 0, inputs 2 / (5 D)", () => {
    const of = starts("slstm");
    of("b_f").forEach((b, i) => {
      expect(b).toBeCloseTo(-(-5 + 12 * (i / (H - 1)) ** 0.3), 5);
    });
    for (const gate of ["z", "o", "i", "f"]) {
      if (gate !== "f") expect(largest(of(`b_${gate}`)), gate).toBe(0);
      expect(largest(of(`R_${gate}`)), gate).toBe(0);
      expectVariance(of(`W_${gate}`), 2 / (5 * D), gate);
    }
  });

  test("mlstm: gates read nothing; forget bias 3, input bias normal of deviation 0.1, the rest 0; inputs 2 / (5 D)", () => {
    const of = starts("mlstm");
    expect([...of("b_f")]).toEqual([3]);
    expect([largest(of("W_i")), largest(of("W_f"))]).toEqual([0, 0]);
    for (const name of ["q", "k", "v", "o"]) {
      expect(largest(of(`b_${name}`)), name).toBe(0);
      expectVariance(of(`W_${name}`), 2 / (5 * D), name);
    }
    // One number a layer.
    const drawn = Array.from({ length: 400 }, (_, seed) => {
      const model = sequential([recurrent(cells.mlstm, { units: 1, name: "cell" })], { input: 1, seed });
      return model.values["cell.b_i"]?.[0] as number;
    });
    expect(Math.sqrt(variance(Float32Array.from(drawn)))).toBeCloseTo(0.1, 1);
    expect(largest(Float32Array.from(drawn))).toBeGreaterThan(0.2);
  });

  test("sru: v uniform up to sqrt(3 / 2), inputs uniform of variance 1 / D, gates half of it, the highway three times", () => {
    const of = starts("sru");
    for (const gate of ["f", "r"]) {
      const v = of(`v_${gate}`);
      expect(largest(v)).toBeLessThanOrEqual(Math.fround(Math.sqrt(1.5)));
      expect(largest(v)).toBeGreaterThan(1.15);
      expect(Math.abs(variance(v) / 0.5 - 1)).toBeLessThan(0.25);
      expect(largest(of(`b_${gate}`))).toBe(0);
      expectVariance(of(`W_${gate}`), 0.5 / D, gate);
    }
    expectVariance(of("W"), 1 / D, "W");
    expect(largest(of("W"))).toBeLessThanOrEqual(Math.fround(Math.sqrt(3 / D)));
    // α = sqrt(1 + 2 exp(0)).
    expectVariance(of("W_x"), 3 / D, "W_x");
  });

  test("qrnn: matrices of this input and of the last alike, uniform up to 1 / sqrt(2 D)", () => {
    const of = starts("qrnn");
    for (const name of ["z", "f", "o"].flatMap((gate) => [`V_${gate}`, `W_${gate}`])) {
      const limit = 1 / Math.sqrt(2 * D);
      expect(largest(of(name)), name).toBeLessThanOrEqual(limit * (1 + 1e-6));
      expect(largest(of(name)), name).toBeGreaterThan(0.999 * limit);
      expectVariance(of(name), limit ** 2 / 3, name);
    }
  });

  test("mogrifier-lstm: every matrix normal of variance 1 / fan-in, whatever it meets", () => {
    const of = starts("mogrifier-lstm");
    const fans: Record<string, number> = { Q1: H, Q3: H, Q5: H, R2: D, R4: D };
    for (const gate of ["f", "i", "j", "o"]) Object.assign(fans, { [`W_${gate}x`]: D, [`W_${gate}h`]: H });
    for (const [name, fan] of Object.entries(fans)) {
      expectVariance(of(name), 1 / fan, name);
      // Normal: the largest of uniform numbers of this variance would be 1.73 deviations.
      expect(largest(of(name)) * Math.sqrt(fan), name).toBeGreaterThan(2);
    }
  });

  test("indrnn: u uniform between 0 and 1", () => {
    const u = [...starts("indrnn")("u")].sort((a, b) => a - b);
    expect(u[0]).toBeGreaterThanOrEqual(0);
    expect(u.at(-1)).toBeLessThanOrEqual(1);
    expect(Math.max(...u.map((value, k) => Math.abs(value - (k + 0.5) / H)))).toBeLessThan(1.63 / Math.sqrt(H));
  });

  test("peepholes 0; forget biases 1, 3 in the multiplicative LSTM, -1 of the input gate that CIFG forgets by", () => {
    const peephole = starts("peephole-lstm");
    expect(["i", "f", "o"].map((gate) => largest(peephole(`p_${gate}`)))).toEqual([0, 0, 0]);
    const ones = ["lstm", "peephole-lstm", "projection-lstm", "layer-norm-lstm", "mogrifier-lstm", "janet"] as const;
    for (const name of ones) expect(new Set(starts(name)("b_f")), name).toEqual(new Set([1]));
    expect(new Set(starts("multiplicative-lstm")("b_f"))).toEqual(new Set([3]));
    expect(new Set(starts("lstm-cifg")("b_i"))).toEqual(new Set([-1]));
  });
});
