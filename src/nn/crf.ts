/**
 * A conditional random field over label scores: its loss as a layer, whose recursion is a cell, and the likeliest labels. Knows
 * nothing about words or files.
 */

import { InputError } from "../graph/input-error.ts";
import { lazyCell } from "../graph/lazy-cell.ts";
import {
  type Arguments,
  alias,
  anArray,
  checkArguments,
  formatValue,
  listOf,
  numbers,
  options as optionsOf,
  required,
  type Schema,
  string,
} from "../graph/schema.ts";
import { type CellSpec, layerName, recurrent } from "./layers.ts";

/**
 * Scores x and the one-hot labels `gold` of a step -> what the sequence so far costs: the log of the sum of exp(score) over all label
 * sequences, less the score of the given one. A sequence's score is the sum of its x, of T[label, label before], and of `start` and
 * `end` of its first and last label. The largest alpha is taken out before exp, so the log is finite while each T is above -80.
 */
const recursion = lazyCell(
  `
    m      = max(alpha)
    E      = exp(T)
    sofar  = sum(n) * (m + log(E @ exp(alpha - m))) + sum(1 - n) * start    # n is 0 before the first step
    alpha' = x + sofar                             # by last label: log of the sum over all sequences so far
    first  = sum(1 - n) * start
    s'     = s + sum(gold * (x + first)) + sum(T * outer(gold, before))     # the score of the given labels
    before' = gold                                 # none before the first step
    n'     = max(n, 1)
    e      = alpha' + end
    top    = max(e)
    y      = top + log(sum(exp(e - top))) - sum(s') - sum(end * gold)       # in nats
    T : input, input                               # to the label of the row, from that of the column
    T ~ zeros
    s : 1
    n : 1
  `,
  { inputs: ["x", "gold"] },
);

/** Options of `crf`. */
export type CrfOptions = {
  /** The name of the layer or input with the labels, one-hot vectors (T,B,K). */
  readonly labels: string;
  readonly name?: string;
  /** The name of the layer with the scores (T,B,K). By default the layer before it. */
  readonly reads?: string;
};
export const crfArguments: Arguments = {
  options: required(
    optionsOf<CrfOptions>({
      labels: required(string),
      name: layerName,
      reads: alias(string, "input", "inputs"),
    } satisfies Schema<CrfOptions>),
  ),
};

/**
 * The loss of a linear-chain conditional random field as a layer: scores (T,B,K) and one-hot labels (T,B,K) -> the negative
 * log-likelihood (B,1) of each sequence of labels, in nats. It learns `T` (K,K), the score of each label (row) after each other
 * (column), and `start` and `end` (K). Masked steps are passed over. A model that ends with it is trained with
 * `loss: "output"`; `viterbi` finds the likeliest labels of the scores. J. Lafferty et al., "Conditional random fields", 2001;
 * Z. Huang et al., "Bidirectional LSTM-CRF models for sequence tagging", 2015 (arXiv 1508.01991).
 * @param options `labels`: the layer with the labels; `reads`: the one with the scores, by default the layer before; `name`
 * @throws InputError for wrong options; `sequential` throws unless both have as many features
 * @example
 * sequential([input("tokens", { name: "words" }), embedding(100, 32), bidirectional(lstm(32, { returnSequences: true })),
 *   dense(5, { name: "scores" }), input(5, { name: "labels" }), crf({ labels: "labels", reads: "scores" })]);
 */
export function crf(options: CrfOptions): CellSpec {
  checkArguments("crf", { options }, crfArguments);
  const { labels, ...own } = options;
  return recurrent(recursion, { label: "crf", inputs: { gold: labels }, ...own });
}

/** What a conditional random field has learned: scores from label to label, row after row (K,K), and of the first and last (K). */
export type Transitions = {
  /** T[to * K + from]. */
  readonly T: ArrayLike<number>;
  readonly start: ArrayLike<number>;
  readonly end: ArrayLike<number>;
};
export const viterbiArguments: Arguments = {
  scores: { ...listOf(numbers), expected: "a list of rows, a score by label in each" },
  transitions: optionsOf<Transitions>({ T: required(anArray), start: required(anArray), end: required(anArray) }),
};

/**
 * The sequence of labels with the highest score, and that score. A. Viterbi, 1967.
 * @param scores a row a step, a score by label in each
 * @param transitions `T` (K x K, row after row: to the row's label, from the column's), `start` and `end` (K)
 * @returns `labels`, their numbers from 0 on, one a step; `score`, the sum
 * @throws InputError unless all have K labels
 * @example const { labels } = viterbi([[1, 0], [0, 1]], { T: [0, -5, -5, 0], start: [0, 0], end: [0, 0] }); // [0, 0]
 */
export function viterbi(
  scores: readonly ArrayLike<number>[],
  transitions: Transitions,
): { readonly labels: number[]; readonly score: number } {
  checkArguments("viterbi", { scores, transitions }, viterbiArguments);
  const { T, start, end } = transitions;
  const count = start.length;
  if (T.length !== count * count || end.length !== count) {
    throw new InputError(
      `viterbi: with ${count} labels T needs ${count * count} numbers and end ${count}, got ${T.length} and ${end.length}`,
    );
  }
  const odd = scores.findIndex((row) => row.length !== count);
  if (odd >= 0) throw new InputError(`viterbi: scores[${odd}] needs ${count} numbers, as start has`);
  for (const [name, values] of [
    ...Object.entries({ T, start, end }),
    ...scores.map((row, t) => [`scores[${t}]`, row] as const),
  ]) {
    const at = Array.from(values).findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw new InputError(`viterbi: ${name}: number ${at} must be finite, got ${formatValue(values[at])}`);
  }
  /** By step and label, the label before it on the best way there. */
  const ways: Int32Array[] = [];
  let best = Float64Array.from(scores[0] ?? [], (value, j) => value + (start[j] as number));
  for (const row of scores.slice(1)) {
    const from = new Int32Array(count);
    best = Float64Array.from(row, (value, j) => {
      let most = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < count; i++) {
        const score = (best[i] as number) + (T[j * count + i] as number);
        if (score > most) [most, from[j]] = [score, i];
      }
      return most + value;
    });
    ways.push(from);
  }
  if (scores.length === 0) return { labels: [], score: 0 };
  const last = best.map((value, j) => value + (end[j] as number));
  const score = last.reduce((a, b) => Math.max(a, b));
  const labels = [last.indexOf(score)];
  for (const from of ways.reverse()) labels.push(from[labels.at(-1) as number] as number);
  return { labels: labels.reverse(), score };
}

/**
 * The probability of each label at each step, over all sequences of labels (forward-backward). A score of -Infinity rules a label out.
 * @param scores a row a step, a score by label in each; at least one
 * @returns a row a step, the probabilities of its labels
 * @internal
 */
export function marginals(
  scores: readonly ArrayLike<number>[],
  { T, start, end }: Transitions,
): readonly Float64Array[] {
  const count = start.length;
  const labels = Array.from({ length: count }, (_, j) => j);
  const at = (row: ArrayLike<number>, j: number): number => row[j] as number;
  /** What all ways to a label come to, by the label before and what leads from it. */
  const step = (before: Float64Array, between: (j: number, i: number) => number) =>
    Float64Array.from(labels, (j) => logSumOf(labels.map((i) => at(before, i) + between(j, i))));
  const plus = (row: Float64Array, other: ArrayLike<number>) => row.map((value, j) => value + at(other, j));
  const forwards = [plus(Float64Array.from(start), scores[0] as ArrayLike<number>)];
  for (const row of scores.slice(1)) {
    forwards.push(
      plus(
        step(forwards.at(-1) as Float64Array, (j, i) => at(T, j * count + i)),
        row,
      ),
    );
  }
  const backwards = [Float64Array.from(end)];
  for (const row of scores.slice(1).reverse()) {
    backwards.push(step(plus(backwards.at(-1) as Float64Array, row), (j, i) => at(T, i * count + j)));
  }
  backwards.reverse();
  return forwards.map((row, t) => {
    const both = plus(row, backwards[t] as Float64Array);
    const all = logSumOf(both);
    return both.map((value) => Math.exp(value - all));
  });
}

function logSumOf(values: ArrayLike<number>): number {
  const all = Array.from(values);
  const most = Math.max(...all);
  return most === Number.NEGATIVE_INFINITY
    ? most
    : most + Math.log(all.reduce((sum, one) => sum + Math.exp(one - most), 0));
}
