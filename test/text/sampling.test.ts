import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { createRandom } from "../../src/nn/random.ts";
import { checkSampling, type SamplingOptions, sample } from "../../src/text/sampling.ts";

const logitsOf = (probabilities: readonly number[]) => Float32Array.from(probabilities, Math.log);

function countsOf(logits: Float32Array, options: SamplingOptions, draws = 20_000, seed = 3): number[] {
  const random = createRandom(seed);
  const counts = Array<number>(logits.length).fill(0);
  for (let i = 0; i < draws; i++) counts[sample(logits, options, random)]!++;
  return counts;
}

/** Draws must follow the probabilities: Pearson's test at p = 0.001; what has probability 0 must not come up. */
function expectFrequencies(counts: readonly number[], probabilities: readonly number[]): void {
  const draws = counts.reduce((sum, count) => sum + count, 0);
  const total = probabilities.reduce((sum, probability) => sum + probability, 0);
  const critical = [0, 10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32];
  let [statistic, possible] = [0, 0];
  probabilities.forEach((probability, id) => {
    if (probability === 0) {
      expect(counts[id]).toBe(0);
      return;
    }
    const expected = (probability / total) * draws;
    statistic += (counts[id]! - expected) ** 2 / expected;
    possible++;
  });
  if (possible > 1) expect(statistic).toBeLessThan(critical[possible - 1]!);
}

const probabilities = [0.1, 0.4, 0.05, 0.25, 0.2];
const logits = logitsOf(probabilities);

describe("frequencies", () => {
  test("follow the softmax of the logits", () => {
    expectFrequencies(countsOf(logits, {}), probabilities);
    expectFrequencies(
      countsOf(
        logits.map((logit) => logit + 50),
        {},
      ),
      probabilities,
    );
  });

  test.each([0.5, 2])("follow the softmax at temperature %d", (temperature) => {
    const powers = probabilities.map((probability) => probability ** (1 / temperature));
    expectFrequencies(countsOf(logits, { temperature }), powers);
  });

  test("top-k: the k most likely, renormalised; a k beyond the vocabulary means all", () => {
    expectFrequencies(countsOf(logits, { topK: 3 }), [0, 0.4, 0, 0.25, 0.2]);
    expectFrequencies(countsOf(logits, { topK: 1 }), [0, 1, 0, 0, 0]);
    expectFrequencies(countsOf(logits, { topK: 5 }), probabilities);
    expectFrequencies(countsOf(logits, { topK: 1000 }), probabilities);
  });

  test("top-p: the fewest tokens that reach p, renormalised", () => {
    expectFrequencies(countsOf(logits, { topP: 0.6 }), [0, 0.4, 0, 0.25, 0]);
    expectFrequencies(countsOf(logits, { topP: 0.7 }), [0, 0.4, 0, 0.25, 0.2]);
    expectFrequencies(countsOf(logits, { topP: 0.96 }), probabilities);
    expectFrequencies(countsOf(logits, { topP: 1 }), probabilities);
    expectFrequencies(countsOf(logits, { topP: 1e-300 }), [0, 1, 0, 0, 0]);
  });

  test("top-p counts within top-k, after the temperature", () => {
    // Within the best three, 0.4 and 0.25 are 0.76 of the probability; without top-k they would be 0.65.
    expectFrequencies(countsOf(logits, { topK: 3, topP: 0.7 }), [0, 0.4, 0, 0.25, 0]);
    // Squared: 0.16, 0.0625, 0.04 of 0.275: the best two have 0.81.
    expectFrequencies(countsOf(logits, { temperature: 0.5, topP: 0.8 }), [0, 0.16, 0, 0.0625, 0]);
  });

  test("of equally likely tokens, top-k and top-p keep the lowest ids", () => {
    const equal = new Float32Array(6);
    expectFrequencies(countsOf(equal, { topK: 2 }), [1, 1, 0, 0, 0, 0]);
    expectFrequencies(countsOf(equal, { topP: 0.5 }), [1, 1, 1, 0, 0, 0]);
    expectFrequencies(countsOf(Float32Array.of(0, 0, 3, 0), { topK: 3 }), [1, 1, Math.exp(3), 0]);
  });
});

describe("edges", () => {
  test("temperature 0 is the most likely token, the lowest of equals, without a random number", () => {
    const random = createRandom(1);
    const before = random.state();
    expect(sample(Float32Array.of(1, 5, 5, 2), { temperature: 0, topK: 1, topP: 0.1 }, random)).toBe(1);
    expect(sample(Float32Array.of(-Infinity, -5), { temperature: 0 }, random)).toBe(1);
    expect(random.state()).toEqual(before);
  });

  test("huge logits and extreme temperatures do not overflow", () => {
    expectFrequencies(countsOf(Float32Array.of(3e38, 3e38, -3e38), {}, 1000), [1, 1, 0]);
    expectFrequencies(countsOf(logits, { temperature: 1e-320 }, 100), [0, 1, 0, 0, 0]);
    expectFrequencies(countsOf(logits, { temperature: 1e300 }), [1, 1, 1, 1, 1]);
  });

  test("-Infinity is never drawn; +Infinity always, each as likely", () => {
    expectFrequencies(countsOf(Float32Array.of(-Infinity, 0, -Infinity, 0), { topK: 4, topP: 0.999 }), [0, 1, 0, 1]);
    expectFrequencies(countsOf(Float32Array.of(5, Infinity, 9, Infinity), {}), [0, 1, 0, 1]);
    expectFrequencies(countsOf(Float32Array.of(5, Infinity, 9, Infinity), { topP: 0.9 }), [0, 1, 0, 1]);
  });

  test("NaN, no logits, and nothing above -Infinity are errors that say so", () => {
    const random = createRandom(1);
    expect(() => sample(Float32Array.of(0, Number.NaN), {}, random)).toThrow("logit 1 is NaN");
    expect(() => sample(Float32Array.of(0, Number.NaN), { temperature: 0 }, random)).toThrow("logit 1 is NaN");
    expect(() => sample(new Float32Array(0), {}, random)).toThrow("none of the 0 is above -Infinity");
    expect(() => sample(Float32Array.of(-Infinity), {}, random)).toThrow("none of the 1 is above -Infinity");
  });

  test("property: the drawn token is one that can be drawn", () => {
    const random = createRandom(4);
    const options = fc.record(
      {
        temperature: fc.double({ min: 0, max: 1e308, noNaN: true }),
        topK: fc.integer({ min: 1, max: 20 }),
        topP: fc.double({ min: 0, max: 1, minExcluded: true, noNaN: true }),
      },
      { requiredKeys: [] },
    );
    const anyLogits = fc.float32Array({ minLength: 1, maxLength: 12, noNaN: true });
    fc.assert(
      fc.property(anyLogits, options, (logits, options) => {
        fc.pre(logits.some((logit) => logit > -Infinity));
        const id = sample(logits, options, random);
        expect(logits[id]).toBeGreaterThan(-Infinity);
        const better = logits.filter((logit, at) => logit > logits[id]! || (logit === logits[id] && at < id)).length;
        expect(better).toBeLessThan(options.topK ?? Infinity);
        // Nothing is cut where everything is to be kept, so this holds with top-p too.
        if (options.temperature === 0) expect(better).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });
});

test("checkSampling: one message that says what would be right", () => {
  for (const options of [{}, { temperature: 0 }, { topK: 1, topP: 1 }, { temperature: 5, topK: 9e9, topP: 1e-9 }]) {
    expect(() => checkSampling(options)).not.toThrow();
  }
  const bad: [options: unknown, message: string][] = [
    [{ temperature: -1 }, "temperature: needs a number from 0 (always the most likely token), got -1"],
    [{ temperature: Number.NaN }, "temperature: needs a number from 0 (always the most likely token), got NaN"],
    [{ temperature: Infinity }, "temperature: needs a number from 0 (always the most likely token), got Infinity"],
    [{ temperature: "1" }, "temperature: needs a number from 0 (always the most likely token), got 1"],
    [{ topK: 0 }, "top-k: needs a whole number from 1, or leave it out to draw from all tokens, got 0"],
    [{ topK: 1.5 }, "top-k: needs a whole number from 1, or leave it out to draw from all tokens, got 1.5"],
    [{ topP: 0 }, "top-p: needs a number above 0 and up to 1 (all tokens), got 0"],
    [{ topP: 1.01 }, "top-p: needs a number above 0 and up to 1 (all tokens), got 1.01"],
  ];
  for (const [options, message] of bad) {
    expect(() => checkSampling(options as SamplingOptions)).toThrow(new InputError(message));
    expect(() => sample(new Float32Array(2), options as SamplingOptions, createRandom(1))).toThrow(InputError);
  }
});
