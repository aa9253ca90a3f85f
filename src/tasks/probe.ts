/**
 * A linear probe: how well a signal can be predicted from all units together. It is a logistic regression if the signal is 0 or
 * 1, else a linear regression, fitted on the first half of a text and judged on the second. After G. Alain and Y. Bengio,
 * "Understanding intermediate layers using linear classifier probes", 2016. Knows nothing about models and texts.
 */
import { createRandom } from "../nn/random.ts";
import { shuffle } from "../nn/shuffle.ts";
import { meanOf, type Prepared } from "./following.ts";

/** The values of some units (T,size). */
export type Units = { readonly data: Float32Array; readonly size: number };

/** How well a probe does on the second half, compared with a prediction without a probe. */
export type Probe = {
  /** The number of units that it reads. */
  readonly units: number;
} & (
  | {
      /** For a signal of 0 and 1. */
      readonly kind: "classes";
      /** The share of tokens that it predicts correctly; `majority`: that of always predicting the more frequent class. */
      readonly accuracy: number;
      readonly majority: number;
      /** The mean of the shares that are correct among the ones and among the zeros: 1/2 without a probe. */
      readonly balanced: number;
      /** The best such value of probes of shifted signals. */
      readonly shifted: number;
    }
  | {
      /** For other numbers: the share of the variance that it explains; `baseline`: that of the mean of the first half. */
      readonly kind: "numbers";
      readonly explained: number;
      readonly baseline: number;
      readonly shifted: number;
    }
);

/** The largest number of tokens of each half that it reads, evenly spread. */
const maxTokens = 12_000;
/** Strengths of the penalty on squared weights; the one that does best within the first half is used. */
const penalties = [0.0001, 0.001, 0.01, 0.1];
/** The number of shifted signals that it is tried on. */
const shiftedTrials = 9;

/** Fit a probe and judge it. Both halves need tokens of both classes; otherwise nothing can be said. */
export function probe(values: readonly Units[], signal: Float32Array, { halves: [first, second] }: Prepared): Probe {
  const [train, test] = [rowsOf(values, first), rowsOf(values, second)];
  const size = train.size;
  standardise(train, test);
  const [before, after] = [targetsOf(signal, first, 0), targetsOf(signal, second, 0)];
  const isClasses = signal.every((x) => x === 0 || x === 1);
  const kind = isClasses ? "classes" : "numbers";

  // Within the first half: fitted on its beginning, judged on its end.
  const cut = Math.floor(0.75 * train.count);
  const errors = penalties.map((penalty) => {
    const model = fitLinear(part(train, 0, cut), before.subarray(0, cut), kind, penalty);
    return errorOf(model, part(train, cut, train.count), before.subarray(cut), kind);
  });
  const penalty = penalties[errors.indexOf(Math.min(...errors))] as number;
  const judge = (a: Float32Array, b: Float32Array) => {
    const model = fitLinear(train, a, kind, penalty);
    return isClasses ? classified(model, test, b, meanOf(a)) : explainedOf(model, test, b, meanOf(a));
  };
  const found = judge(before, after);
  const shifted = Array.from({ length: shiftedTrials }, (_, k) => {
    const turned = judge(targetsOf(signal, first, k + 1), targetsOf(signal, second, k + 1));
    return "balanced" in turned ? turned.balanced : turned.explained;
  });
  const beside = { units: size, shifted: Math.max(...shifted) };
  return "balanced" in found ? { kind: "classes", ...beside, ...found } : { kind: "numbers", ...beside, ...found };
}

type Half = Prepared["halves"][number];
type Rows = { readonly numbers: Float32Array; readonly count: number; readonly size: number };
const strideOf = ({ count }: Half): number => Math.ceil(count / maxTokens);

/** The values of all units together, at some tokens of a half. */
function rowsOf(values: readonly Units[], half: Half): Rows {
  const stride = strideOf(half);
  const count = Math.ceil(half.count / stride);
  const size = values.reduce((sum, value) => sum + value.size, 0);
  const numbers = new Float32Array(count * size);
  let column = 0;
  for (const { data, size: own } of values) {
    for (let k = 0; k < count; k++) {
      const from = (half.from + k * stride) * own;
      numbers.set(data.subarray(from, from + own), k * size + column);
    }
    column += own;
  }
  return { numbers, count, size };
}
const part = ({ numbers, size }: Rows, from: number, to: number): Rows => ({
  numbers: numbers.subarray(from * size, to * size),
  count: to - from,
  size,
});

/** The signal at the same tokens, rotated by one of its shifts. */
function targetsOf(signal: Float32Array, half: Half, turn: number): Float32Array {
  const stride = strideOf(half);
  const by = half.turns[turn] as number;
  return Float32Array.from({ length: Math.ceil(half.count / stride) }, (_, k) => {
    return signal[half.from + ((k * stride - by + half.count) % half.count)] as number;
  });
}

/** Standardise to mean 0 and deviation 1 on the first rows, and the others by the same numbers; units that never change there become 0. */
function standardise(rows: Rows, others: Rows): void {
  const { numbers, count, size } = rows;
  for (let j = 0; j < size; j++) {
    let [mean, square] = [0, 0];
    for (let k = 0; k < count; k++) mean += (numbers[k * size + j] as number) / count;
    for (let k = 0; k < count; k++) square += ((numbers[k * size + j] as number) - mean) ** 2 / count;
    const scale = square > 1e-12 * (mean * mean + square) && square > 0 ? 1 / Math.sqrt(square) : 0;
    for (const { numbers, count } of [rows, others]) {
      for (let k = 0; k < count; k++) {
        // In the second half a unit may reach values far beyond those of the first.
        const x = ((numbers[k * size + j] as number) - mean) * scale;
        numbers[k * size + j] = Math.max(-10, Math.min(10, x));
      }
    }
  }
}

type Kind = Probe["kind"];
type Linear = {
  readonly weights: Float64Array;
  readonly bias: number;
  readonly centre: number;
  readonly scale: number;
};

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Fit by Adam, on batches in a seeded order, with a learning rate that falls to 0. */
function fitLinear({ numbers, count, size }: Rows, targets: Float32Array, kind: Kind, penalty: number): Linear {
  const centre = kind === "classes" ? 0 : meanOf(targets);
  const scale = kind === "classes" ? 1 : Math.sqrt(targets.reduce((sum, y) => sum + (y - centre) ** 2, 0) / count) || 1;
  // The last weight is the bias.
  const weights = new Float64Array(size + 1);
  const [gradient, mean, square] = [new Float64Array(size + 1), new Float64Array(size + 1), new Float64Array(size + 1)];
  if (kind === "classes") weights[size] = logit(meanOf(targets));
  const random = createRandom(1);
  const order = Int32Array.from({ length: count }, (_, k) => k);
  const batches = Math.ceil(count / batchSize);
  for (let step = 0; step < allSteps; step++) {
    if (step % batches === 0) shuffle(order, random);
    const from = (step % batches) * batchSize;
    const to = Math.min(count, from + batchSize);
    gradient.fill(0);
    for (let k = from; k < to; k++) {
      const row = (order[k] as number) * size;
      let sum = weights[size] as number;
      for (let j = 0; j < size; j++) sum += (weights[j] as number) * (numbers[row + j] as number);
      const y = targets[order[k] as number] as number;
      const error = (kind === "classes" ? sigmoid(sum) - y : sum - (y - centre) / scale) / (to - from);
      for (let j = 0; j < size; j++) (gradient[j] as number) += error * (numbers[row + j] as number);
      (gradient[size] as number) += error;
    }
    const rate = 0.01 * (1 - step / allSteps);
    for (let j = 0; j <= size; j++) {
      const g = (gradient[j] as number) + (j < size ? penalty * (weights[j] as number) : 0);
      mean[j] = 0.9 * (mean[j] as number) + 0.1 * g;
      square[j] = 0.999 * (square[j] as number) + 0.001 * g * g;
      const [m, s] = [(mean[j] as number) / (1 - 0.9 ** (step + 1)), (square[j] as number) / (1 - 0.999 ** (step + 1))];
      (weights[j] as number) -= (rate * m) / (Math.sqrt(s) + 1e-8);
    }
  }
  return { weights, bias: weights[size] as number, centre, scale };
}
const [batchSize, allSteps] = [64, 1500];
const logit = (p: number): number => Math.log(Math.max(1e-6, p) / Math.max(1e-6, 1 - p));

function* scores({ weights, bias }: Linear, { numbers, count, size }: Rows): Generator<number, void, undefined> {
  for (let k = 0; k < count; k++) {
    let sum = bias;
    for (let j = 0; j < size; j++) sum += (weights[j] as number) * (numbers[k * size + j] as number);
    yield sum;
  }
}

/** The loss of the fit, without its penalty. */
function errorOf(model: Linear, rows: Rows, targets: Float32Array, kind: Kind): number {
  let [error, k] = [0, 0];
  for (const score of scores(model, rows)) {
    const y = targets[k++] as number;
    if (kind === "classes") error += Math.max(score, 0) - score * y + Math.log1p(Math.exp(-Math.abs(score)));
    else error += (score - (y - model.centre) / model.scale) ** 2;
  }
  return error / rows.count;
}

/** The shares that are correct. For the balanced one the threshold is the share of ones among the fitted tokens. */
function classified(model: Linear, rows: Rows, targets: Float32Array, ones: number) {
  const border = logit(ones);
  let [right, rightOnes, rightZeros, k] = [0, 0, 0, 0];
  for (const score of scores(model, rows)) {
    const y = targets[k++] as number;
    if (score > 0 === (y === 1)) right++;
    if (y === 1 && score > border) rightOnes++;
    if (y === 0 && score <= border) rightZeros++;
  }
  const positive = targets.reduce((sum, y) => sum + y, 0);
  const share = positive / rows.count;
  return {
    accuracy: right / rows.count,
    majority: ones > 0.5 ? share : 1 - share,
    balanced: (rightOnes / (positive || 1) + rightZeros / (rows.count - positive || 1)) / 2,
  };
}

function explainedOf(model: Linear, rows: Rows, targets: Float32Array, before: number) {
  const mean = meanOf(targets);
  const variance = targets.reduce((sum, y) => sum + (y - mean) ** 2, 0) || 1;
  let [error, k] = [0, 0];
  for (const score of scores(model, rows))
    error += (score * model.scale + model.centre - (targets[k++] as number)) ** 2;
  const baseline = targets.reduce((sum, y) => sum + (y - before) ** 2, 0);
  return { explained: 1 - error / variance, baseline: 1 - baseline / variance };
}
