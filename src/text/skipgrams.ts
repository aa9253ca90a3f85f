/**
 * Make pairs of a word and a neighbour, and of a word and a random word, to learn embeddings from (Mikolov et al.
 * 2013).
 */
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  anArray,
  checkArguments,
  flag,
  formatValue,
  inRange,
  numbers,
  options as optionsOf,
  orNull,
  wholeNumber,
} from "../graph/schema.ts";
import { aSeed, createRandom } from "../nn/random.ts";
import { seedOr, shuffle } from "../nn/shuffle.ts";

/** Options of `skipgrams`, with Keras's names and defaults. */
export type SkipgramOptions = {
  /** The number of words on either side that count as neighbours. */
  readonly windowSize?: number;
  /** The number of random pairs for every true pair; 0 makes none. */
  readonly negativeSamples?: number;
  readonly shuffle?: boolean;
  /** Whether labels are [0, 1] (true) and [1, 0] (random) in place of 1 and 0. */
  readonly categorical?: boolean;
  /** The probability of keeping each word, by its index: see `makeSamplingTable`. */
  readonly samplingTable?: ArrayLike<number> | null;
  /** Makes everything random repeatable; in Keras, only the order. */
  readonly seed?: number | null;
};

export const skipgramArguments: Arguments = {
  sequence: anArray,
  vocabularySize: wholeNumber(2),
  options: optionsOf<SkipgramOptions>({
    windowSize: wholeNumber(0),
    negativeSamples: inRange(0),
    shuffle: flag,
    categorical: flag,
    samplingTable: orNull(numbers),
    seed: orNull(aSeed),
  }),
};
export const samplingTableArguments: Arguments = {
  size: wholeNumber(1, 2 ** 28),
  samplingFactor: inRange(0, Infinity, "()"),
};

/** The largest number of pairs: they take about two gigabytes. */
const maxCouples = 2 ** 25;

/** The ids of two words: a word, and a neighbour or a random word. */
export type Couple = [word: number, other: number];

/**
 * Make all pairs (word, neighbour) of a sequence of indices, with label 1, and pairs (word, random index from 1 to
 * vocabularySize - 1), with label 0. Index 0 stands for no word and is skipped. Keras's `skipgrams`, with random
 * numbers of our own generator.
 * @param vocabularySize the largest index plus one
 * @throws InputError for a value that is not an index, an option that is out of range, or a table that lacks a word
 * @example
 * const { couples, labels } = skipgrams([1, 2, 3], 4, { windowSize: 1, negativeSamples: 0, shuffle: false });
 * // couples [[1, 2], [2, 1], [2, 3], [3, 2]], labels [1, 1, 1, 1]
 */
export function skipgrams(
  sequence: ArrayLike<number>,
  vocabularySize: number,
  options: SkipgramOptions & { readonly categorical: true },
): { couples: Couple[]; labels: [number, number][] };
export function skipgrams(
  sequence: ArrayLike<number>,
  vocabularySize: number,
  options?: SkipgramOptions & { readonly categorical?: false },
): { couples: Couple[]; labels: number[] };
export function skipgrams(
  sequence: ArrayLike<number>,
  vocabularySize: number,
  options: SkipgramOptions = {},
): { couples: Couple[]; labels: (number | [number, number])[] } {
  checkArguments("skipgrams", { sequence, vocabularySize, options }, skipgramArguments);
  const { windowSize = 4, negativeSamples = 1, shuffle: shuffled = true, categorical = false } = options;
  const { samplingTable = null, seed } = options;
  const random = createRandom(seedOr(seed));
  const indices = Array.from(sequence, (index, i) => {
    if (Number.isSafeInteger(index) && index >= 0) return index;
    throw new InputError(`sequence[${i}]: needs an index, a whole number from 0, got ${formatValue(index)}`);
  });

  const couples: Couple[] = [];
  indices.forEach((word, i) => {
    if (word === 0) return;
    if (samplingTable !== null) {
      const probability = samplingTable[word];
      if (probability === undefined) {
        throw new InputError(`samplingTable: has ${samplingTable.length} probabilities, but sequence[${i}] is ${word}`);
      }
      if (probability < random.uniform()) return;
    }
    for (let j = Math.max(0, i - windowSize); j < Math.min(indices.length, i + windowSize + 1); j++) {
      const other = indices[j] as number;
      if (j !== i && other !== 0) couples.push([word, other]);
    }
  });
  const positive = couples.length;
  const negative = Math.trunc(positive * negativeSamples);
  if (positive + negative > maxCouples) {
    throw new InputError(
      `skipgrams: negativeSamples ${negativeSamples} makes ${negative} pairs of ${positive}, more than memory holds. Give fewer.`,
    );
  }
  if (negative > 0) {
    const words = shuffle(
      couples.map(([word]) => word),
      random,
    );
    for (let i = 0; i < negative; i++) {
      couples.push([words[i % words.length] as number, 1 + random.integer(vocabularySize - 1)]);
    }
  }
  const order = couples.map((_, i) => i);
  if (shuffled) shuffle(order, random);
  const label = (isTrue: boolean) => (categorical ? (isTrue ? [0, 1] : [1, 0]) : isTrue ? 1 : 0) as number;
  return { couples: order.map((i) => couples[i] as Couple), labels: order.map((i) => label(i < positive)) };
}

/**
 * The probability of keeping the i-th most frequent word, so that frequent words occur less often: word2vec's `min(1,
 * sqrt(f / factor) / (f / factor))`, where the word's frequency f is estimated from its rank by Zipf's law. Keras's
 * `make_sampling_table`.
 * @returns (size), in 64-bit floats, as in numpy; entry 0 belongs to rank 1
 * @throws InputError if `size` is not a whole number of at least 1, or the factor is not a positive number
 */
export function makeSamplingTable(size: number, samplingFactor = 1e-5): Float64Array<ArrayBuffer> {
  checkArguments("makeSamplingTable", { size, samplingFactor }, samplingTableArguments);
  const gamma = 0.577; // Euler's constant, to as many digits as in Keras.
  return Float64Array.from({ length: size }, (_, i) => {
    const rank = Math.max(1, i);
    const inverseFrequency = rank * (Math.log(rank) + gamma) + 0.5 - 1 / (12 * rank);
    const f = samplingFactor * inverseFrequency;
    return Math.min(1, f / Math.sqrt(f));
  });
}
