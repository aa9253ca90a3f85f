/** Draw the next token from a model's logits. Knows nothing about tokens: an id is a place in the logits. */
import { InputError } from "../graph/input-error.ts";
import type { Random } from "../nn/random.ts";

export type SamplingOptions = {
  /** Logits are divided by it: below 1 bolder, above 1 more varied, 0 always the most likely token. */
  readonly temperature?: number | undefined;
  /** Draw from this many most likely tokens only. */
  readonly topK?: number | undefined;
  /** Draw from the fewest most likely tokens that together have this probability (Holtzman et al. 2020). */
  readonly topP?: number | undefined;
};

/** Throw an InputError for an option out of its range. */
export function checkSampling({ temperature = 1, topK, topP }: SamplingOptions): void {
  if (!(typeof temperature === "number" && temperature >= 0 && temperature < Infinity)) {
    throw new InputError(`temperature: needs a number from 0 (always the most likely token), got ${temperature}`);
  }
  if (topK !== undefined && !(Number.isSafeInteger(topK) && topK >= 1)) {
    throw new InputError(`top-k: needs a whole number from 1, or leave it out to draw from all tokens, got ${topK}`);
  }
  if (topP !== undefined && !(typeof topP === "number" && topP > 0 && topP <= 1)) {
    throw new InputError(`top-p: needs a number above 0 and up to 1 (all tokens), got ${topP}`);
  }
}

/**
 * An id drawn from softmax(logits / temperature), within top-k and then top-p of it. Where logits are equal, the lower
 * ids are the more likely ones; where some are infinite, it is one of those. Temperature 0 draws no random number.
 * Throws for a bad option, for NaN, and where every logit is -Infinity.
 */
export function sample(logits: Float32Array, options: SamplingOptions, random: Random): number {
  checkSampling(options);
  const { temperature = 1, topK = Infinity, topP = 1 } = options;
  const best = indexOfMax(logits);
  if (temperature === 0) return best;

  // Relative to the likeliest token, whose weight is 1 (also where its logit is infinite): nothing overflows.
  const max = logits[best] as number;
  const weightOf = (logit: number) => (logit === max ? 1 : Math.exp((logit - max) / temperature));
  const kept = topK < logits.length || topP < 1 ? keepMostLikely(logits, weightOf, topK, topP) : logits;
  const weights = new Float64Array(kept.length);
  kept.forEach((logit, id) => {
    weights[id] = weightOf(logit);
  });

  let total = 0;
  for (const weight of weights) total += weight;
  let rest = random.uniform() * total;
  let drawn = best;
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id] as number;
    if (weight === 0) continue;
    drawn = id; // The last one that can be drawn, should rounding carry `rest` past the end.
    rest -= weight;
    if (rest < 0) break;
  }
  return drawn;
}

/** The logits, with -Infinity for every token not among the `topK` most likely, or not among `topP` of those. */
function keepMostLikely(
  logits: Float32Array,
  weightOf: (logit: number) => number,
  topK: number,
  topP: number,
): Float32Array {
  const ascending = logits.slice().sort();
  let first = Math.max(0, ascending.length - topK); // What is kept is ascending[first ..].
  if (topP < 1) {
    const weights = new Float64Array(ascending.subarray(first)).map(weightOf);
    const wanted = topP * weights.reduce((sum, weight) => sum + weight, 0);
    let at = weights.length - 1;
    for (let sum = weights[at] as number; sum < wanted && at > 0; sum += weights[at] as number) at--;
    first += at;
  }
  // Of the tokens as likely as the least likely kept one, only the lowest ids may fit.
  const threshold = ascending[first] as number;
  let ties = ascending.length - first;
  for (const logit of logits) if (logit > threshold) ties--;
  return logits.map((logit) => (logit > threshold || (logit === threshold && ties-- > 0) ? logit : -Infinity));
}

/** The lowest place of the largest logit. */
function indexOfMax(logits: Float32Array): number {
  let best = -1;
  let max = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (Number.isNaN(logit)) {
      throw new InputError(
        `logits: logit ${id} is NaN. The model's weights have diverged: train anew at a lower rate.`,
      );
    }
    if (logit > max) [best, max] = [id, logit];
  }
  if (best < 0)
    throw new InputError(`logits: none of the ${logits.length} is above -Infinity, so no token can be drawn.`);
  return best;
}
