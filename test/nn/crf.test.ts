/** `crf` and `viterbi` against sums over all sequences of labels, its gradients, and padding. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { grad } from "../../src/grad/grad.ts";
import { crf, marginals, type Transitions, viterbi } from "../../src/nn/crf.ts";
import { dense, input, masking } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { fit } from "../../src/train/fit.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import { adam } from "../../src/train/optimizers.ts";
import { predict } from "../../src/train/predict.ts";
import { enginesAndThreads } from "../helpers/native.ts";
import { randomValues } from "../helpers/networks.ts";
import { expectRightGradients } from "../helpers/right-gradients.ts";

const padding = -99;
/** Scores pass through: masked where all are -99. */
function made(labels: number, seed: number, scale = 1): Model {
  const model = sequential(
    [
      input(labels, { name: "given" }),
      masking({ maskValue: padding, name: "scores" }),
      input(labels, { name: "labels" }),
      crf({ labels: "labels", reads: "scores" }),
    ],
    { seed: 1 },
  );
  const random = createRandom(seed);
  for (const values of Object.values(model.values)) values.forEach((_, k) => (values[k] = scale * random.normal()));
  return model;
}
const transitionsOf = ({ values }: Model): Transitions => ({
  T: values["crf.T"] as Float32Array,
  start: values["crf.start"] as Float32Array,
  end: values["crf.end"] as Float32Array,
});
const oneHot = (labels: readonly number[], count: number): number[][] =>
  labels.map((label) => Array.from({ length: count }, (_, j) => Number(j === label)));

function scoreOf(scores: readonly (readonly number[])[], { T, start, end }: Transitions, labels: readonly number[]) {
  let sum = (start[labels[0] as number] as number) + (end[labels.at(-1) as number] as number);
  labels.forEach((label, t) => {
    sum += scores[t]?.[label] as number;
    if (t > 0) sum += T[label * start.length + (labels[t - 1] as number)] as number;
  });
  return sum;
}
function* allLabels(count: number, steps: number): Generator<number[]> {
  for (let code = 0; code < count ** steps; code++) {
    yield Array.from({ length: steps }, (_, t) => Math.floor(code / count ** t) % count);
  }
}
const bruteForce = (scores: readonly (readonly number[])[], of: Transitions, labels: readonly number[]): number => {
  let sum = 0;
  for (const path of allLabels(of.start.length, scores.length)) sum += Math.exp(scoreOf(scores, of, path));
  return Math.log(sum) - scoreOf(scores, of, labels);
};

const aCase = fc.record({
  labels: fc.integer({ min: 2, max: 4 }),
  lengths: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
  seed: fc.integer({ min: 1, max: 1e6 }),
});
/** Sequences of scores and labels of these lengths. */
function sequences(labels: number, lengths: readonly number[], seed: number) {
  const random = createRandom(seed);
  return lengths.map((length) => ({
    scores: Array.from({ length }, () => Array.from({ length: labels }, () => Math.fround(2 * random.normal()))),
    gold: Array.from({ length }, () => random.integer(labels)),
  }));
}

test("marginals: of each step the share of each label among all sequences, also where some are ruled out", () => {
  fc.assert(
    fc.property(aCase, fc.boolean(), ({ labels, lengths: [length = 1], seed }, rules) => {
      const of = transitionsOf(made(labels, seed));
      const scores = sequences(labels, [length], seed)[0]?.scores as number[][];
      if (rules) scores[length - 1] = (scores[length - 1] as number[]).map((one, k) => (k === 0 ? one : -Infinity));
      const wanted = scores.map(() => new Float64Array(labels));
      let sum = 0;
      for (const path of allLabels(labels, length)) {
        const weight = Math.exp(scoreOf(scores, of, path));
        sum += weight;
        path.forEach((label, t) => {
          (wanted[t] as Float64Array)[label] = (wanted[t]?.[label] as number) + weight;
        });
      }
      marginals(scores, of).forEach((row, t) => {
        row.forEach((one, k) => {
          expect(one).toBeCloseTo((wanted[t]?.[k] as number) / sum, 9);
        });
      });
    }),
    { numRuns: 40 },
  );
});

describe("crf", () => {
  test.each(enginesAndThreads)(
    "%o: the negative log-likelihood over all sequences of labels, of any length, with 1e-4",
    async (host) => {
      await fc.assert(
        fc.asyncProperty(aCase, async ({ labels, lengths, seed }) => {
          const model = made(labels, seed);
          const all = sequences(labels, lengths, seed);
          const x = {
            given: all.map(({ scores }) => scores),
            labels: all.map(({ gold }) => oneHot(gold, labels)),
          };
          const { data } = await predict(model, x, { ...host, pad: "post" });
          all.forEach(({ scores, gold }, n) => {
            expect(data[n]).toBeCloseTo(bruteForce(scores, transitionsOf(model), gold), 4);
          });
        }),
        { numRuns: 5 },
      );
    },
  );
  test("masked steps before, between and behind change nothing", async () => {
    const model = made(3, 7);
    const [one] = sequences(3, [4], 7) as [ReturnType<typeof sequences>[number]];
    const no = Array(3).fill(padding);
    const [a, b, c, d] = one.scores as [number[], number[], number[], number[]];
    const [g1, g2, g3, g4] = oneHot(one.gold, 3) as [number[], number[], number[], number[]];
    const zero = [0, 0, 0];
    const { data } = await predict(model, {
      given: [
        [a, b, c, d, no, no],
        [no, a, no, b, c, d],
      ],
      labels: [
        [g1, g2, g3, g4, [1, 0, 0], zero],
        [zero, g1, [0, 1, 0], g2, g3, g4],
      ],
    });
    const wanted = bruteForce(one.scores, transitionsOf(model), one.gold);
    expect(data[0]).toBeCloseTo(wanted, 4);
    expect(data[1]).toBeCloseTo(wanted, 4);
  });
  test("scores of thousands neither overflow nor vanish", async () => {
    const model = made(3, 3, 8);
    const scores = [
      [3000, -3000, 0],
      [-3000, 3000, 10],
      [0, 1, 3000],
    ];
    const { data } = await predict(model, { given: [scores], labels: [oneHot([0, 1, 2], 3)] });
    const { labels, score } = viterbi(scores, transitionsOf(model));
    expect(labels).toEqual([0, 1, 2]);
    expect(score).toBeCloseTo(scoreOf(scores, transitionsOf(model), [0, 1, 2]), 3);
    expect(data[0]).toBeCloseTo(0, 2);
  });
  test.each([
    [2, 4, 2],
    [3, 5, 3],
  ])("gradients for %i labels, %i steps and %i examples, with masked steps", async (labels, steps, batch) => {
    const model = sequential(
      [
        input(2, { name: "x" }),
        masking({ maskValue: padding }),
        dense(labels, { name: "scores" }),
        input(labels, { name: "labels" }),
        crf({ labels: "labels", reads: "scores" }),
      ],
      { seed: 2 },
    );
    const graph = grad(lossGraph(model, { loss: "output", training: true }));
    const values = randomValues(graph, steps, batch, 3);
    // States start from zeros; the last step of the first example is masked.
    for (const state of Object.values(values.states)) state.fill(0);
    values.inputs.x?.fill(padding, (steps - 1) * batch * 2, (steps - 1) * batch * 2 + 2);
    await expectRightGradients(graph, values, { steps, batch });
  });
  test("it learns what follows what where the scores alone cannot tell", async () => {
    // Label 0 or 1 by the parity of the step: x says nothing but the first label.
    const model = sequential(
      [
        input(2, { name: "x" }),
        dense(2, { name: "scores" }),
        input(2, { name: "labels" }),
        crf({ labels: "labels", reads: "scores" }),
      ],
      { seed: 1 },
    );
    const rows = (first: number) => [0, 1, 2, 3].map((t) => (t === 0 ? [1 - 2 * first, 1] : [0, 1]));
    const x = {
      x: [rows(0), rows(1)],
      labels: [oneHot([0, 1, 0, 1], 2), oneHot([1, 0, 1, 0], 2)],
    };
    await fit(model, x, [0, 0], {
      loss: "output",
      epochs: 100,
      optimizer: adam({ learningRate: 0.05 }),
      batchSize: 2,
      seed: 1,
    });
    const { data } = await predict(model, x);
    // Even odds for each step alone are 4 log 2 = 2.77.
    for (const loss of data) expect(loss).toBeLessThan(1.5);
  });
});

describe("viterbi", () => {
  test("the best of all sequences of labels", () => {
    fc.assert(
      fc.property(aCase, ({ labels, lengths, seed }) => {
        const transitions = transitionsOf(made(labels, seed));
        for (const { scores } of sequences(labels, lengths, seed)) {
          const found = viterbi(scores, transitions);
          let best = Number.NEGATIVE_INFINITY;
          for (const path of allLabels(labels, scores.length)) {
            best = Math.max(best, scoreOf(scores, transitions, path));
          }
          expect(found.score).toBeCloseTo(best, 9);
          expect(scoreOf(scores, transitions, found.labels)).toBeCloseTo(best, 9);
        }
      }),
      { numRuns: 40 },
    );
  });
  test("no steps: no labels", () => {
    expect(viterbi([], { T: [0], start: [0], end: [0] })).toEqual({ labels: [], score: 0 });
  });
  test("sizes that do not fit", () => {
    expect(() => viterbi([[1, 2]], { T: [0], start: [0], end: [0] })).toThrow(
      "viterbi: scores[0] needs 1 numbers, as start has",
    );
    expect(() => viterbi([[1]], { T: [0, 1], start: [0], end: [0] })).toThrow(
      "viterbi: with 1 labels T needs 1 numbers and end 1, got 2 and 1",
    );
  });
});
