/**
 * Draw the next token from a model's logits. Knows nothing about tokens: an id is a place in the logits.
 *
 * In this order: what is added to the logits of some tokens, penalties on tokens that the text has already; at temperature 0 the most likely token
 * is taken, else the temperature divides the logits; top-k, then top-p of what top-k left, then min-p leave tokens out;
 * of the others one is drawn. The most likely token is never left out.
 */

import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  checkValue,
  having,
  inRange,
  isPlain,
  options as optionsOf,
  type Rule,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";
import { brokenModel } from "../nn/finite-values.ts";
import { logProbabilities } from "../nn/log-probabilities.ts";
import type { Random } from "../nn/random.ts";

/** How the next token is drawn from the model's logits. Without options: in proportion to its probability. */
export type SamplingOptions = {
  /** Logits are divided by it: below 1 bolder, above 1 more varied, 0 always the most likely token. */
  readonly temperature?: number | undefined;
  /** Draw from this many most likely tokens only. */
  readonly topK?: number | undefined;
  /** Draw from the fewest most likely tokens that together have this probability (Holtzman et al. 2020). */
  readonly topP?: number | undefined;
  /** Draw from tokens whose probability is at least this share of the most likely one's (Nguyen et al. 2024). */
  readonly minP?: number | undefined;
  /**
   * For tokens that were read or written: positive logits are divided by it, negative ones multiplied. Above 1 repeats
   * less (Keskar et al. 2019, CTRL: 1.2).
   */
  readonly repetitionPenalty?: number | undefined;
  /** How many of the latest tokens count for the repetition penalty; without it all. */
  readonly repetitionWindow?: number | undefined;
  /** OpenAI's, from -2 to 2: taken from a token's logit for each time that it was written; the prompt does not count. */
  readonly frequencyPenalty?: number | undefined;
  /** OpenAI's, from -2 to 2: taken from a token's logit once it was written; the prompt does not count. */
  readonly presencePenalty?: number | undefined;
  /** By token id, what is added to its logit (OpenAI's `logit_bias`); -Infinity keeps it from being written. */
  readonly logitBias?: Readonly<Record<number, number>> | undefined;
};

const penalty = inRange(-2, 2, "[]");
const bias: Rule = {
  expected: "an object of numbers by token id",
  accepts: (value) => isPlain(value) && Object.keys(value).every((id) => /^\d+$/.test(id)),
  look(where, value) {
    for (const [id, nats] of Object.entries(value as object)) checkValue(`${where}: ${id}`, nats, biasOfToken);
  },
};
const biasOfToken: Rule = {
  expected: "a number below Infinity",
  accepts: (value) => typeof value === "number" && value < Infinity,
};
/** @internal */
export const samplingRules: Schema<SamplingOptions> = {
  temperature: inRange(0),
  topK: wholeNumber(1),
  topP: alias(inRange(0, 1, "(]"), "nucleus"),
  minP: inRange(0, 1, "[]"),
  repetitionPenalty: alias(inRange(0, Infinity, "()"), "repeatPenalty"),
  repetitionWindow: alias(wholeNumber(1), "repeatLastN", "penaltyLastN"),
  frequencyPenalty: penalty,
  presencePenalty: penalty,
  logitBias: bias,
};
/** @internal */
export const samplerArguments: Arguments = {
  options: optionsOf<SamplingOptions>(samplingRules),
  size: wholeNumber(0, 2 ** 24),
};

const someLogits: Rule = { expected: "a Float32Array of logits", accepts: (value) => value instanceof Float32Array };
/** @internal */
export const sampleArguments: Arguments = {
  logits: someLogits,
  options: optionsOf<SamplingOptions>(samplingRules),
  random: having("random numbers, as createRandom makes them", "uniform"),
};

/** Draws the tokens of one text and remembers them. */
export type Sampler = {
  /** A token of the prompt: it counts for the repetition penalty. */
  readonly read: (token: number) => void;
  /**
   * An id for logits (V), which counts as written from then on. Where logits are equal, the lower ids are the more likely
   * ones; where some are infinite, it is one of those. Temperature 0 draws no random number.
   * @throws InputError for NaN, and where every logit is -Infinity
   */
  readonly draw: (logits: Float32Array, random: Random) => number;
  /**
   * A place among logits that are not those of all tokens in their order: of each, `tokens` says whose it is. Its token
   * counts as written.
   * @throws InputError as `draw`
   */
  readonly drawAmong: (logits: Float32Array, tokens: Int32Array, random: Random) => number;
};

/**
 * A sampler of one text, over a vocabulary of `size` tokens. Its arrays are made here: a draw makes none.
 * @throws InputError for an option out of its range
 * @example const sampler = createSampler({ temperature: 0.8, minP: 0.05 }, logits.length);
 */
export function createSampler(given: SamplingOptions | undefined, size: number): Sampler {
  checkArguments("createSampler", { options: given, size }, samplerArguments);
  const options = given ?? {};
  const beyond = Object.keys(options.logitBias ?? {}).find((id) => Number(id) >= size);
  if (beyond !== undefined)
    throw new InputError(`logitBias: there is no token ${beyond}: ids go from 0 to ${size - 1}`);
  const penalties = createPenalties(options, size);
  const pick = createPick(options, size);
  return {
    read: penalties.read,
    draw(logits, random) {
      checkValue("sampler: logits", logits, someLogits);
      if (logits.length !== size) throw new InputError(`sampler: made for ${size} logits, got ${logits.length}`);
      const token = pick(penalties.apply(logits), random);
      penalties.wrote(token);
      return token;
    },
    drawAmong(logits, tokens, random) {
      const at = createPick(options, logits.length)(penalties.apply(logits, tokens), random);
      penalties.wrote(tokens[at] as number);
      return at;
    },
  };
}

/** Draws a place among `size` scores by temperature and filters. */
function createPick(options: SamplingOptions, size: number): (scores: Scores, random: Random) => number {
  const { temperature = 1, topK = size, topP = 1, minP = 0 } = options;
  const ranking = topK < size || topP < 1 ? createRanking(size) : undefined;
  const weights = new Float64Array(size);

  /** The least likely id within top-k and then top-p. */
  function leastKept(ranking: Ranking, scores: Scores): number {
    ranking.begin(scores);
    const most = Math.min(topK, size);
    if (topP === 1) return ranking.at(most - 1);
    let total = 0;
    if (most < size) for (let k = 0; k < most; k++) total += weights[ranking.at(k)] as number;
    else for (let id = 0; id < size; id++) total += weights[id] as number;
    let k = 0;
    for (let sum = weights[ranking.at(0)] as number; sum < topP * total && k < most - 1; ) {
      sum += weights[ranking.at(++k)] as number;
    }
    return ranking.at(k);
  }

  /** Leaves their weights to those that may be drawn, and gives the sum of them. */
  function keepOnly(scores: Scores): number {
    const least = ranking === undefined ? size - 1 : leastKept(ranking, scores);
    const lowest = ranking === undefined ? -Infinity : (scores[least] as number);
    let total = 0;
    for (let id = 0; id < size; id++) {
      const score = scores[id] as number;
      const kept = (score > lowest || (score === lowest && id <= least)) && (weights[id] as number) >= minP;
      if (!kept) weights[id] = 0;
      else total += weights[id] as number;
    }
    return total;
  }

  function drawFrom(scores: Scores, best: number, random: Random): number {
    // Relative to the likeliest token, whose weight is 1 (also where its logit is infinite): nothing overflows.
    const max = scores[best] as number;
    let total = 0;
    for (let id = 0; id < size; id++) {
      const score = scores[id] as number;
      const weight = score === max ? 1 : Math.exp((score - max) / temperature);
      weights[id] = weight;
      total += weight;
    }
    if (ranking !== undefined || minP > 0) total = keepOnly(scores);
    let rest = random.uniform() * total;
    let drawn = best;
    for (let id = 0; id < size; id++) {
      const weight = weights[id] as number;
      if (weight === 0) continue;
      drawn = id; // The last one that can be drawn, should rounding carry `rest` past the end.
      rest -= weight;
      if (rest < 0) break;
    }
    return drawn;
  }

  return (scores, random) => {
    const best = indexOfMax(scores);
    return temperature === 0 ? best : drawFrom(scores, best, random);
  };
}

/** One id, where nothing was read or written before, so that penalties mean nothing. See `createSampler`. */
export function sample(logits: Float32Array, options: SamplingOptions, random: Random): number {
  checkArguments("sample", { logits, options, random }, sampleArguments);
  return createSampler(options, logits.length).draw(logits, random);
}

type Scores = Float32Array | Float64Array;

/** What was read and written, and logits changed by it, after what is added to some. */
function createPenalties(options: SamplingOptions, size: number) {
  const { repetitionPenalty = 1, repetitionWindow, frequencyPenalty = 0, presencePenalty = 0, logitBias } = options;
  if (repetitionPenalty === 1 && frequencyPenalty === 0 && presencePenalty === 0 && logitBias === undefined) {
    return { read: () => {}, wrote: () => {}, apply: (logits: Float32Array, _?: Int32Array): Scores => logits };
  }
  const own = new Float64Array(size);
  const added = new Float64Array(size);
  for (const [id, nats] of Object.entries(logitBias ?? {})) added[Number(id)] = nats;
  // By id: how often it is among the latest tokens, and how often it was written.
  const [recent, written] = [new Int32Array(size), new Int32Array(size)];
  const latest: number[] = []; // A ring, as soon as it is full.
  let oldest = 0;

  function read(token: number): void {
    (recent[token] as number)++;
    if (repetitionWindow === undefined) return;
    if (latest.length < repetitionWindow) {
      latest.push(token);
      return;
    }
    (recent[latest[oldest] as number] as number)--;
    latest[oldest] = token;
    oldest = (oldest + 1) % repetitionWindow;
  }

  return {
    read,
    wrote(token: number): void {
      read(token);
      (written[token] as number)++;
    },
    apply(logits: Float32Array, tokens?: Int32Array): Scores {
      const scores = tokens === undefined ? own : new Float64Array(logits.length);
      for (let k = 0; k < scores.length; k++) {
        const id = tokens === undefined ? k : (tokens[k] as number);
        // What is kept out stays out, also where its logit is infinite.
        let score = added[id] === -Infinity ? -Infinity : (logits[k] as number) + (added[id] as number);
        if ((recent[id] as number) > 0) {
          if (score > 0) score /= repetitionPenalty;
          // What was possible stays so.
          else if (score > -Infinity) score = Math.max(score * repetitionPenalty, -Number.MAX_VALUE);
        }
        const count = written[id] as number;
        scores[k] = count === 0 ? score : score - count * frequencyPenalty - presencePenalty;
      }
      return scores;
    },
  };
}

/** Ids by their scores, the highest first, of equal ones the lowest id first. */
export type Ranking = {
  /** Rank these scores. */
  readonly begin: (scores: Scores) => void;
  /** The id at place k, from 0. */
  readonly at: (k: number) => number;
};

/** A heap over `size` scores, used again and again: the first k places of V scores take V + k log V comparisons. */
export function createRanking(size: number): Ranking {
  // The heap lies in front, what has left it behind it: the first to leave is the last.
  const [ids, keys] = [new Int32Array(size), new Float64Array(size)];
  let left = 0;

  function sink(at: number): void {
    const [id, key] = [ids[at] as number, keys[at] as number];
    for (let child = 2 * at + 1; child < left; child = 2 * at + 1) {
      if (child + 1 < left && isBefore(child + 1, keys[child] as number, ids[child] as number)) child++;
      if (!isBefore(child, key, id)) break;
      ids[at] = ids[child] as number;
      keys[at] = keys[child] as number;
      at = child;
    }
    ids[at] = id;
    keys[at] = key;
  }
  const isBefore = (at: number, key: number, id: number): boolean =>
    (keys[at] as number) > key || (keys[at] === key && (ids[at] as number) < id);

  return {
    begin(scores) {
      left = size;
      keys.set(scores);
      for (let id = 0; id < size; id++) ids[id] = id;
      for (let at = (size >> 1) - 1; at >= 0; at--) sink(at);
    },
    at(k) {
      while (size - left <= k) {
        const first = ids[0] as number;
        left--;
        ids[0] = ids[left] as number;
        keys[0] = keys[left] as number;
        sink(0);
        ids[left] = first;
      }
      return ids[size - 1 - k] as number;
    },
  };
}

/**
 * Log-probabilities in nats, in f64: logits (V) less the logarithm of the sum of their exponentials. Where some are
 * infinite, those are equally likely.
 * @throws InputError for NaN, and where every logit is -Infinity
 */
export function logSoftmax(logits: Float32Array, into = new Float64Array(logits.length)): Float64Array {
  indexOfMax(logits);
  return logProbabilities(logits, into);
}

/** The lowest place of the largest logit. */
function indexOfMax(logits: Scores): number {
  let best = -1;
  let max = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (Number.isNaN(logit)) {
      throw brokenModel(`logits: logit ${id} is NaN`);
    }
    if (logit > max) [best, max] = [id, logit];
  }
  if (best < 0) throw brokenModel(`logits: none of the ${logits.length} is above -Infinity, so no token can be drawn`);
  return best;
}
