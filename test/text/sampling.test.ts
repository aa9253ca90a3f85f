import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createRanking, createSampler, logSoftmax, type SamplingOptions, sample } from "../../src/text/sampling.ts";
import { cases } from "../helpers/cases.ts";

const logitsOf = (probabilities: readonly number[]) => Float32Array.from(probabilities, Math.log);

function countsOf(logits: Float32Array, options: SamplingOptions, draws = 20_000, seed = 3): number[] {
  const random = createRandom(seed);
  const counts = Array<number>(logits.length).fill(0);
  for (let i = 0; i < draws; i++) counts[sample(logits, options, random)]!++;
  return counts;
}

/** The same where some tokens were read before, and each draw is the first. */
function countsAfter(read: readonly number[], logits: Float32Array, options: SamplingOptions): number[] {
  const random = createRandom(5);
  const counts = Array<number>(logits.length).fill(0);
  for (let i = 0; i < 20_000; i++) {
    const sampler = createSampler(options, logits.length);
    for (const token of read) sampler.read(token);
    counts[sampler.draw(logits, random)]!++;
  }
  return counts;
}

/** What temperature 0 writes, one token after the other, from the same logits each time. */
function greedy(logits: Float32Array, options: SamplingOptions, count: number, read: readonly number[] = []): number[] {
  const sampler = createSampler({ ...options, temperature: 0 }, logits.length);
  for (const token of read) sampler.read(token);
  return Array.from({ length: count }, () => sampler.draw(logits, createRandom(1)));
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

describe("min-p", () => {
  test("keeps what is at least this share of the most likely token, renormalised", () => {
    // The shares of 0.4 are 0.25, 1, 0.125, 0.625, 0.5.
    expectFrequencies(countsOf(logits, { minP: 0.3 }), [0, 0.4, 0, 0.25, 0.2]);
    expectFrequencies(countsOf(logits, { minP: 0.55 }), [0, 0.4, 0, 0.25, 0]);
    expectFrequencies(countsOf(logits, { minP: 0 }), probabilities);
    expectFrequencies(countsOf(logits, { minP: 1 }), [0, 1, 0, 0, 0]);
    expectFrequencies(countsOf(Float32Array.of(1, 1, 0), { minP: 1 }), [1, 1, 0]);
  });

  test("counts after the temperature, and after top-p", () => {
    // Squared, the shares are 0.0625, 1, 0.016, 0.39, 0.25; their roots 0.5, 1, 0.35, 0.79, 0.71.
    expectFrequencies(countsOf(logits, { temperature: 0.5, minP: 0.3 }), [0, 0.16, 0, 0.0625, 0]);
    const roots = probabilities.map(Math.sqrt);
    expectFrequencies(countsOf(logits, { temperature: 2, minP: 0.4 }), [roots[0]!, roots[1]!, 0, roots[3]!, roots[4]!]);
    // 0.75 of all takes the best three. Had min-p left out 0.1 and 0.05 before, the best two would be 0.76 of the rest.
    expectFrequencies(countsOf(logits, { topP: 0.75, minP: 0.3 }), [0, 0.4, 0, 0.25, 0.2]);
  });
});

describe("penalties", () => {
  const some = Float32Array.of(2, -1, 0.5, 0);

  test("repetition: what was read or written has positive logits divided and negative ones multiplied", () => {
    const weights = (...scores: number[]) => scores.map(Math.exp);
    expectFrequencies(countsAfter([0, 1], some, { repetitionPenalty: 2 }), weights(1, -2, 0.5, 0));
    expectFrequencies(countsAfter([0, 0, 0], some, { repetitionPenalty: 2 }), weights(1, -1, 0.5, 0));
    expectFrequencies(countsAfter([1, 3], some, { repetitionPenalty: 0.5 }), weights(2, -0.5, 0.5, 0));
    expectFrequencies(countsAfter([], some, { repetitionPenalty: 2 }), weights(2, -1, 0.5, 0));
    // Written tokens count too, once each: 2 falls to 0.4, and 0.5 to 0.1.
    expect(greedy(some, { repetitionPenalty: 5 }, 5)).toEqual([0, 2, 0, 0, 0]);
  });

  test("repetition: only the latest tokens count, of the prompt and written", () => {
    const options = { repetitionPenalty: 100, repetitionWindow: 2 };
    const three = Float32Array.of(3, 2, 1);
    expect(greedy(three, options, 6)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(greedy(three, options, 4, [2, 0])).toEqual([1, 2, 0, 1]);
    expect(greedy(three, options, 2, [0, 0, 1])).toEqual([2, 0]);
    expect(greedy(three, { ...options, repetitionWindow: 1 }, 5)).toEqual([0, 1, 0, 1, 0]);
    // A token that is there twice counts until the later one is out of reach.
    const four = Float32Array.of(3, 2, 1, 0.5);
    expect(greedy(four, { ...options, repetitionWindow: 3 }, 3, [0, 1, 0])).toEqual([2, 3, 1]);
  });

  test("frequency: taken for each time that a token was written; the prompt does not count", () => {
    // 0.9 falls to 0.6, then 0.3, then 0; 0.5 to 0.2.
    const three = Float32Array.of(0.9, 0.5, -5);
    expect(greedy(three, { frequencyPenalty: 0.3 }, 5)).toEqual([0, 0, 1, 0, 1]);
    expect(greedy(three, { frequencyPenalty: 0.3 }, 2, [0, 0, 0, 0])).toEqual([0, 0]);
    expect(greedy(Float32Array.of(1, 2), { frequencyPenalty: -1 }, 3)).toEqual([1, 1, 1]);
  });

  test("presence: taken once, however often a token was written; the prompt does not count", () => {
    const three = Float32Array.of(2, 1.5, 0.8);
    expect(greedy(three, { presencePenalty: 1 }, 5)).toEqual([0, 1, 0, 0, 0]);
    expect(greedy(three, { presencePenalty: 1 }, 2, [0, 0])).toEqual([0, 1]);
    expect(greedy(three, { presencePenalty: 1, frequencyPenalty: 0.15 }, 5)).toEqual([0, 1, 0, 2, 0]);
  });

  test("come before the temperature and the filters", () => {
    // 2 falls to 0.4, so that the best two are 0.5 and 0.4.
    expectFrequencies(countsAfter([0], some, { repetitionPenalty: 5, topK: 2, temperature: 0.5 }), [
      Math.exp(0.8),
      0,
      Math.exp(1),
      0,
    ]);
  });

  test("what was possible stays so, and what was not as well, with the most extreme penalties", () => {
    for (const repetitionPenalty of [Number.MAX_VALUE, Number.MIN_VALUE]) {
      for (const logits of [Float32Array.of(-3e38, -1, -Infinity), Float32Array.of(3e38, Infinity, -Infinity)]) {
        const sampler = createSampler({ repetitionPenalty, presencePenalty: 2, frequencyPenalty: -2 }, 3);
        for (const token of [0, 1, 2]) sampler.read(token);
        for (let k = 0; k < 20; k++) expect(sampler.draw(logits, createRandom(k))).toBeLessThan(2);
      }
    }
  });
});

describe("logit bias", () => {
  test("is added to the logits of its tokens, as often as they come", () => {
    const some = Float32Array.of(2, -1, 0.5, 0);
    expectFrequencies(countsOf(some, { logitBias: { 0: -1.5, 3: 1 } }), [0.5, -1, 0.5, 1].map(Math.exp));
    expect(greedy(some, { logitBias: { 1: 3.5 } }, 3)).toEqual([1, 1, 1]);
    expectFrequencies(countsOf(some, { logitBias: {} }), [...some].map(Math.exp));
  });

  test("-Infinity keeps a token out, also the likeliest one, and one whose logit is infinite", () => {
    expectFrequencies(countsOf(logits, { logitBias: { 1: -Infinity } }), [0.1, 0, 0.05, 0.25, 0.2]);
    expect(greedy(Float32Array.of(1, Infinity, 2), { logitBias: { 1: -Infinity } }, 2)).toEqual([2, 2]);
    expect(() => sample(Float32Array.of(1), { logitBias: { 0: -Infinity } }, createRandom(1))).toThrow(
      "none of the 1 is above -Infinity",
    );
  });

  test("comes before the penalties, the temperature and the filters", () => {
    // 0.5 + 2.5 is 3, halved 1.5: less than 2.
    expectFrequencies(countsAfter([2], Float32Array.of(2, -1, 0.5), { logitBias: { 2: 2.5 }, repetitionPenalty: 2 }), [
      ...[2, -1, 1.5].map(Math.exp),
    ]);
    expectFrequencies(countsOf(logits, { logitBias: { 2: 10 }, topK: 2, temperature: 2 }), [
      ...[0, 0.4 ** 0.5, (0.05 * Math.exp(10)) ** 0.5, 0, 0],
    ]);
  });

  test("among logits that are not those of all tokens goes by the token of each", () => {
    const sampler = createSampler({ temperature: 0, logitBias: { 3: 5, 1: -Infinity } }, 4);
    expect(sampler.drawAmong(Float32Array.of(9, 1, 2), Int32Array.of(1, 0, 3), createRandom(1))).toBe(2);
  });

  test("of a token that there is not, of what is no id or no number, is refused", () => {
    const refused = (logitBias: object) => () => createSampler({ logitBias: logitBias as Record<number, number> }, 4);
    expect(refused({ 4: 1 })).toThrow("logitBias: there is no token 4: ids go from 0 to 3");
    expect(refused({ the: 1 })).toThrow("logitBias must be an object of numbers by token id");
    expect(refused({ 1: Number.NaN })).toThrow("a number below Infinity");
    expect(refused({ 1: "5" })).toThrow("a number below Infinity");
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

  const options = fc.record(
    {
      temperature: fc.double({ min: 0, max: 1e308, noNaN: true }),
      topK: fc.integer({ min: 1, max: 20 }),
      topP: fc.double({ min: 0, max: 1, minExcluded: true, noNaN: true }),
      minP: fc.double({ min: 0, max: 1, noNaN: true }),
      repetitionPenalty: fc.double({ min: 0, max: 1e308, minExcluded: true, noNaN: true }),
      repetitionWindow: fc.integer({ min: 1, max: 5 }),
      frequencyPenalty: fc.double({ min: -2, max: 2, noNaN: true }),
      presencePenalty: fc.double({ min: -2, max: 2, noNaN: true }),
    },
    { requiredKeys: [] },
  );
  const float = fc.float({ noNaN: true });
  // Few different values too, so that some are equal.
  const anyLogits = fc
    .oneof(
      fc.array(float, { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 1 }),
    )
    .map((values) => Float32Array.from(values))
    .filter((logits) => logits.some((logit) => logit > -Infinity));

  test("property: no options leave nothing; a drawn token is one that the filters keep", () => {
    fc.assert(
      fc.property(anyLogits, options, fc.integer({ min: 0, max: 1e9 }), (logits, options, seed) => {
        const random = createRandom(seed);
        const sampler = createSampler(options, logits.length);
        for (let k = 0; k < 5; k++) expect(logits[sampler.draw(logits, random)]).toBeGreaterThan(-Infinity);
        const { repetitionPenalty: _, frequencyPenalty: __, presencePenalty: ___, ...filters } = options;
        expect(keptOf(logits, filters)).toContain(sample(logits, options, random));
      }),
      { numRuns: cases(1000) },
    );
  });

  test("property: the same seed draws the same tokens", () => {
    fc.assert(
      fc.property(anyLogits, options, fc.integer(), (logits, options, seed) => {
        const draw = () => {
          const [sampler, random] = [createSampler(options, logits.length), createRandom(seed)];
          return Array.from({ length: 8 }, () => sampler.draw(logits, random));
        };
        expect(draw()).toEqual(draw());
      }),
      { numRuns: 300 },
    );
  });

  test("a sampler is for one number of logits", () => {
    const draw = () => createSampler({}, 3).draw(new Float32Array(4), createRandom(1));
    expect(draw).toThrow(new InputError("sampler: made for 3 logits, got 4"));
  });
});

/** What the filters keep, slowly: everything sorted. */
function keptOf(logits: Float32Array, { temperature = 1, topK = Infinity, topP = 1, minP = 0 }: SamplingOptions) {
  const max = Math.max(...logits);
  const sorted = [...logits.keys()].sort((a, b) => (logits[a]! === logits[b]! ? a - b : logits[b]! - logits[a]!));
  if (temperature === 0) return sorted.slice(0, 1);
  const weight = (id: number) => (logits[id] === max ? 1 : Math.exp((logits[id]! - max) / temperature));
  const sum = (ids: readonly number[]) => ids.reduce((total, id) => total + weight(id), 0);
  const within = sorted.slice(0, topK);
  const wanted = topP * sum(topK < logits.length ? within : [...logits.keys()]);
  const count = topP < 1 ? within.findIndex((_, k) => sum(within.slice(0, k + 1)) >= wanted) + 1 : within.length;
  return within.slice(0, count === 0 ? within.length : count).filter((id) => weight(id) >= minP && weight(id) > 0);
}

describe("ranking", () => {
  test("property: any part of it, in any order, is that of sorted scores; equal ones by id", () => {
    const scores = fc.oneof(fc.array(fc.double({ noNaN: true })), fc.array(fc.integer({ min: 0, max: 3 })));
    fc.assert(
      fc.property(scores, fc.array(fc.nat(99)), (values, places) => {
        fc.pre(values.length > 0);
        const sorted = [...values.keys()].sort((a, b) => (values[a] === values[b] ? a - b : values[b]! - values[a]!));
        const ranking = createRanking(values.length);
        // Used before, for other scores.
        ranking.begin(Float64Array.from(values, (_, k) => k));
        ranking.at(values.length >> 1);
        ranking.begin(Float64Array.from(values));
        for (const place of places) {
          const k = place % values.length;
          expect(ranking.at(k)).toBe(sorted[k]);
        }
      }),
      { numRuns: cases(400) },
    );
  });
});

describe("logSoftmax", () => {
  test("is the logarithm of the probabilities, whatever is added to all logits", () => {
    const close = (got: Float64Array, wanted: readonly number[]) =>
      wanted.forEach((value, id) => expect(got[id]).toBeCloseTo(value, 5));
    close(logSoftmax(logits), probabilities.map(Math.log));
    close(logSoftmax(logits.map((logit) => logit + 50)), probabilities.map(Math.log));
    expect([...logSoftmax(Float32Array.of(2 ** 127, -(2 ** 127)))]).toEqual([0, -(2 ** 128)]);
  });

  test("infinite logits: those of +Infinity are equally likely, those of -Infinity impossible", () => {
    expect([...logSoftmax(Float32Array.of(5, Infinity, Infinity))]).toEqual([-Infinity, -Math.LN2, -Math.LN2]);
    expect([...logSoftmax(Float32Array.of(-Infinity, 7))]).toEqual([-Infinity, 0]);
    expect(() => logSoftmax(Float32Array.of(0, Number.NaN))).toThrow("logit 1 is NaN");
    expect(() => logSoftmax(Float32Array.of(-Infinity))).toThrow("none of the 1 is above -Infinity");
  });
});

test("an option out of its range: one message that says what would be right", () => {
  const everything = { minP: 1, repetitionPenalty: 0.1, repetitionWindow: 1, frequencyPenalty: -2, presencePenalty: 2 };
  for (const options of [
    {},
    { temperature: 0 },
    { topK: 1, topP: 1 },
    { temperature: 5, topK: 9e9, topP: 1e-9 },
    everything,
  ]) {
    expect(() => createSampler(options, 2)).not.toThrow();
  }
  const bad: [options: unknown, message: string][] = [
    [{ temperature: -1 }, "temperature must be a number in [0, Infinity), got -1"],
    [{ temperature: Number.NaN }, "temperature must be a number in [0, Infinity), got NaN"],
    [{ temperature: Infinity }, "temperature must be a number in [0, Infinity), got Infinity"],
    [{ temperature: "1" }, 'temperature must be a number in [0, Infinity), got "1"'],
    [{ topK: 0 }, "topK must be a whole number of at least 1, got 0"],
    [{ topK: 1.5 }, "topK must be a whole number of at least 1, got 1.5"],
    [{ topP: 0 }, "topP must be a number in (0, 1], got 0"],
    [{ topP: 1.01 }, "topP must be a number in (0, 1], got 1.01"],
    [{ minP: -0.1 }, "minP must be a number in [0, 1], got -0.1"],
    [{ repetitionPenalty: 0 }, "repetitionPenalty must be a number in (0, Infinity), got 0"],
    [{ repetitionWindow: 0 }, "repetitionWindow must be a whole number of at least 1, got 0"],
    [{ frequencyPenalty: 2.1 }, "frequencyPenalty must be a number in [-2, 2], got 2.1"],
    [{ presencePenalty: "1" }, 'presencePenalty must be a number in [-2, 2], got "1"'],
    [{ top_k: 5 }, 'unknown option "top_k". Did you mean topK?'],
    [{ nucleus: 0.9 }, 'unknown option "nucleus". Did you mean topP?'],
  ];
  for (const [options, message] of bad) {
    expect(() => createSampler(options as SamplingOptions, 2)).toThrow(new InputError(`createSampler: ${message}`));
    expect(() => sample(new Float32Array(2), options as SamplingOptions, createRandom(1))).toThrow(
      new InputError(`sample: ${message}`),
    );
  }
});

test("a place among logits in another order, some twice, is drawn as a token is, with the penalties of its token", () => {
  const options = { temperature: 0.7, topK: 3, minP: 0.01, repetitionPenalty: 1.4, presencePenalty: 0.5 };
  const logits = Float32Array.of(1, 2, -1, 0.5);
  const [plain, among] = [createSampler(options, 4), createSampler(options, 4)];
  const [first, second] = [createRandom(3), createRandom(3)];
  for (let k = 0; k < 50; k++) {
    expect(among.drawAmong(logits, Int32Array.of(0, 1, 2, 3), second)).toBe(plain.draw(logits, first));
  }
  const twice = createSampler({ temperature: 0, presencePenalty: 2 }, 4);
  // Token 1 in two places: both are less likely once it was written.
  const scores = Float32Array.of(1.5, 3, 0, 0, 2.9);
  const tokens = Int32Array.of(0, 1, 2, 3, 1);
  expect([1, 2, 3].map(() => twice.drawAmong(scores, tokens, first))).toEqual([1, 0, 1]);
});
