/**
 * Draw the next token from a model's logits. A token id is an index into the logits.
 *
 * The steps, in this order: add the biases to the logits; apply the penalties to tokens that the text already has; at
 * temperature 0, take the most likely token; otherwise divide the logits by the temperature; leave out tokens by top-k,
 * then by top-p among those that top-k kept, then by min-p; draw one of the others. The most likely token is never left
 * out.
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

/**
 * Options for drawing the next token from the model's logits. Without options, each token is drawn with its own
 * probability.
 */
export type SamplingOptions = {
  /**
   * The logits are divided by this number: below 1 the text is more predictable, above 1 it is more varied; 0 always
   * takes the most likely token.
   */
  readonly temperature?: number | undefined;
  /** Draw only from this number of most likely tokens. */
  readonly topK?: number | undefined;
  /** Draw from the fewest most likely tokens that together have this probability (Holtzman et al. 2020). */
  readonly topP?: number | undefined;
  /** Draw from tokens whose probability is at least this share of the most likely one's (Nguyen et al. 2024). */
  readonly minP?: number | undefined;
  /**
   * For tokens in the prompt or the generated text, positive logits are divided by this number and negative ones are
   * multiplied by it. Above 1, the text repeats itself less (Keskar et al. 2019, CTRL: 1.2).
   */
  readonly repetitionPenalty?: number | undefined;
  /** The number of latest tokens that the repetition penalty applies to. The default is all tokens. */
  readonly repetitionWindow?: number | undefined;
  /**
   * OpenAI's `frequency_penalty`, from -2 to 2: subtracted from a token's logit for each time that the token was
   * generated; the prompt does not count.
   */
  readonly frequencyPenalty?: number | undefined;
  /**
   * OpenAI's `presence_penalty`, from -2 to 2: subtracted from a token's logit if the token was generated; the prompt
   * does not count.
   */
  readonly presencePenalty?: number | undefined;
  /** Numbers that are added to logits, by token id (OpenAI's `logit_bias`); -Infinity excludes a token. */
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

/** Draws the tokens of one text and keeps count of them. */
export type Sampler = {
  /** Add a token of the prompt; the repetition penalty applies to it. */
  readonly read: (token: number) => void;
  /**
   * Draw an id from logits (V); it counts as generated from then on. Among equal logits, lower ids rank as more likely;
   * if some logits are infinite, one of those is drawn. Temperature 0 uses no random number.
   * @throws InputError if a logit is NaN, or all are -Infinity
   */
  readonly draw: (logits: Float32Array, random: Random) => number;
  /**
   * Draw an index into logits that are not those of all tokens in order; `tokens` gives the token id of each logit. The
   * token counts as generated.
   * @throws InputError for the same reasons as `draw`
   */
  readonly drawAmong: (logits: Float32Array, tokens: Int32Array, random: Random) => number;
};

/**
 * Create the sampler of one text, for a vocabulary of `size` tokens. Its arrays are allocated here; drawing allocates
 * nothing.
 * @throws InputError if an option is out of range
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

/** Draws an index into `size` scores by temperature and filters. */
function createPick(options: SamplingOptions, size: number): (scores: Scores, random: Random) => number {
  const { temperature = 1, topK = size, topP = 1, minP = 0 } = options;
  const ranking = topK < size || topP < 1 ? createRanking(size) : undefined;
  const weights = new Float64Array(size);

  /** The rank of the least likely id within top-k and then top-p. */
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

  /** Keep the weights of the tokens that can be drawn, set the others to 0, and return the sum. */
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
    // Weights are relative to the most likely token, which has weight 1 (even if its logit is infinite), so nothing
    // overflows.
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
      drawn = id; // The last token that can be drawn, in case rounding leaves `rest` above 0 at the end.
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

/** Draw one id without a history, so that penalties have no effect. See `createSampler`. */
export function sample(logits: Float32Array, options: SamplingOptions, random: Random): number {
  checkArguments("sample", { logits, options, random }, sampleArguments);
  return createSampler(options, logits.length).draw(logits, random);
}

type Scores = Float32Array | Float64Array;

/** Counts the tokens of the prompt and of the generated text, and changes the logits by biases and penalties. */
function createPenalties(options: SamplingOptions, size: number) {
  const { repetitionPenalty = 1, repetitionWindow, frequencyPenalty = 0, presencePenalty = 0, logitBias } = options;
  if (repetitionPenalty === 1 && frequencyPenalty === 0 && presencePenalty === 0 && logitBias === undefined) {
    return { read: () => {}, wrote: () => {}, apply: (logits: Float32Array, _?: Int32Array): Scores => logits };
  }
  const own = new Float64Array(size);
  const added = new Float64Array(size);
  for (const [id, nats] of Object.entries(logitBias ?? {})) added[Number(id)] = nats;
  // By id: how often a token is among the latest tokens, and how often it was generated.
  const [recent, written] = [new Int32Array(size), new Int32Array(size)];
  const latest: number[] = []; // A ring buffer, once it is full.
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
        // An excluded token stays excluded, even if its logit is infinite.
        let score = added[id] === -Infinity ? -Infinity : (logits[k] as number) + (added[id] as number);
        if ((recent[id] as number) > 0) {
          if (score > 0) score /= repetitionPenalty;
          // A token that was possible stays possible.
          else if (score > -Infinity) score = Math.max(score * repetitionPenalty, -Number.MAX_VALUE);
        }
        const count = written[id] as number;
        scores[k] = count === 0 ? score : score - count * frequencyPenalty - presencePenalty;
      }
      return scores;
    },
  };
}

/** Ids in order of falling scores; among equal scores, the lowest id comes first. */
export type Ranking = {
  /** Rank these scores. */
  readonly begin: (scores: Scores) => void;
  /** The id at rank k, counted from 0. */
  readonly at: (k: number) => number;
};

/** A reusable heap over `size` scores; the first k ranks of V scores take V + k log V comparisons. */
export function createRanking(size: number): Ranking {
  // The heap is at the front of the array; ids that left it are behind it, the first one last.
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
 * Log-probabilities in nats, in f64: logits (V) minus the logarithm of the sum of their exponentials. If some logits
 * are infinite, those tokens are equally likely.
 * @throws InputError if a logit is NaN, or all are -Infinity
 */
export function logSoftmax(logits: Float32Array, into = new Float64Array(logits.length)): Float64Array {
  indexOfMax(logits);
  return logProbabilities(logits, into);
}

/** The index of the largest logit; the lowest index among equals. */
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
