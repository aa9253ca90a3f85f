/** Beam search: the most likely continuations of a text, all beams one step at a time. */
import type { InferenceOptions } from "../engines/engine.ts";
import { hostOf, inferenceRules } from "../engines/registry.ts";
import {
  type Arguments,
  alias,
  aSignal,
  checkArguments,
  finiteNumber,
  flag,
  options as optionsOf,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import { yieldNow } from "../graph/yielding.ts";
import { disposing, type Own } from "../runtime/disposable.ts";
import { createRanking, logSoftmax } from "../text/sampling.ts";
import { decodeNext, decodeRest, endOfText, hasUnknown } from "../text/tokenizer.ts";
import { needsNoBlank, withoutBlank } from "../text/whitespace.ts";
import { aLanguageModel, stopRule } from "./checks.ts";
import { tokensToRead } from "./generation-engine.ts";
import { createHealing, type Ways } from "./healing.ts";
import type { LanguageModel } from "./language-model/file.ts";
import { createSlots } from "./slots.ts";
import { findStop, stopStrings } from "./stop-sequences.ts";

/** Options of `beamSearch`; also the host's: `engine`, `threads`, `fma`, `precision`, `quantize`. */
export type BeamSearchOptions = InferenceOptions & {
  /** The text to continue. Default none. */
  readonly prompt?: string | undefined;
  /** Largest number of new tokens. Default 500. */
  readonly length?: number | undefined;
  /** Number of beams. Default 4; 1 gives the same text as `generate` at temperature 0. */
  readonly beams?: number | undefined;
  /**
   * Texts are ranked by log-probability / ((5 + tokens) / 6) ^ lengthPenalty (Wu et al. 2016): 0 (default) ranks by
   * log-probability alone, more favours longer texts. It matters only if texts end at different lengths.
   */
  readonly lengthPenalty?: number | undefined;
  /** Stop strings: a text ends before any of them. It stays among the beams while the search continues with the others. */
  readonly stop?: string | readonly string[] | undefined;
  /** Whether to end as soon as the best text has ended. Default false: all beams must end. */
  readonly earlyStop?: boolean | undefined;
  /** Ends the search with the texts found so far. */
  readonly signal?: AbortSignal | undefined;
};

export const beamSearchArguments: Arguments = {
  lm: aLanguageModel,
  options: optionsOf<BeamSearchOptions>({
    ...inferenceRules,
    prompt: string,
    length: alias(wholeNumber(0), "maxTokens", "maxNewTokens", "maxLength"),
    beams: alias(wholeNumber(1), "numBeams", "beamWidth", "width"),
    lengthPenalty: finiteNumber,
    stop: alias(stopRule, "stopSequences", "stopStrings"),
    earlyStop: alias(flag, "earlyStopping"),
    signal: aSignal,
  }),
};

/** A text that beam search found. */
export type BeamText = {
  readonly text: string;
  /** All generated tokens, including those of a stop string and the end of the text. */
  readonly tokens: readonly number[];
  /** With token healing: how many tokens at the end of the prompt the first of these replaces. */
  readonly replaces?: number;
  /** Log-probability of all these tokens together, given the prompt, in nats. */
  readonly logProbability: number;
};

/** A text that may be one token longer than those before it. */
type Candidate = {
  readonly before: Hypothesis;
  readonly token: number;
  readonly logProbability: number;
  readonly score: number;
  /** Where the state lies from which the token was predicted. */
  readonly slot: number;
  /** Of the first token: how it goes on from the prompt. */
  readonly way?: number;
};
/** A text so far, as its last token and what comes before. */
type Hypothesis = Omit<Candidate, "before"> & {
  readonly before: Hypothesis | undefined;
  readonly count: number;
  readonly text: string;
  /** Bytes of a character that is not whole yet. */
  readonly rest: Uint8Array;
  readonly ended: boolean;
};

/**
 * Find the most likely continuations of a prompt by beam search. All beams run as one batch. The unknown character is never
 * generated.
 * @param lm the language model
 * @param options `prompt`, `length` (default 500), `beams` (4), `lengthPenalty` (0), `stop`, `earlyStop` (false), `signal`;
 *   the host's options
 * @returns the texts, best first: one per beam, or fewer if there are no more
 * @throws InputError for an option out of range, and for a model whose values are infinite or NaN
 * @example const [best] = await beamSearch(lm, { prompt: "Call me", length: 40, beams: 8 });
 */
export const beamSearch = (lm: LanguageModel, options: BeamSearchOptions = {}): Promise<BeamText[]> =>
  disposing((own) => search(own, lm, options));

async function search(own: Own, lm: LanguageModel, options: BeamSearchOptions): Promise<BeamText[]> {
  checkArguments("beamSearch", { lm, options }, beamSearchArguments);
  const { prompt = "", length = 500, beams = 4, lengthPenalty = 0, stop, earlyStop = false, signal } = options;
  const { model, tokenizer } = lm;
  const stops = stopStrings(stop);
  const lookBack = Math.max(0, ...stops.map((one) => one.length - 1));
  const slots = own(await createSlots(lm, beams, hostOf(options)));
  const usual = { ranking: createRanking(model.outputSize), nats: new Float64Array(model.outputSize) };
  const end = endOfText(tokenizer);
  const toRead = tokensToRead(tokenizer, prompt);
  const healing = prompt === "" || length === 0 ? undefined : createHealing(tokenizer, toRead);
  let ways: Ways | undefined;

  /** The likeliest texts that are one token longer: no other can be among the best. */
  const longer = (before: Hypothesis, slot: number): Candidate[] => {
    const first = before.count === 0 ? ways : undefined;
    const logits = first?.scores ?? (slots.logits[slot] as Float32Array);
    const many = logits.length;
    const { ranking, nats } =
      first === undefined ? usual : { ranking: createRanking(many), nats: new Float64Array(many) };
    logSoftmax(logits, nats);
    if (hasUnknown(tokenizer)) logits[0] = -Infinity; // The unknown character is never written.
    ranking.begin(logits);
    const norm = ((6 + before.count) / 6) ** lengthPenalty;
    const made: Candidate[] = [];
    for (let k = 0; k < Math.min(beams, logits.length); k++) {
      const way = ranking.at(k);
      if (logits[way] === -Infinity) break;
      const logProbability = before.logProbability + (nats[way] as number);
      const token = first === undefined ? way : (first.tokens[way] as number);
      made.push({ before, token, logProbability, score: logProbability / norm, slot, way });
    }
    return made;
  };
  const withText = (candidate: Candidate): Hypothesis => {
    const { before, token, way } = candidate;
    const healed = before.count === 0 && way !== undefined ? ways?.decode(way) : undefined;
    const { text: added, rest } = healed ?? decodeNext(tokenizer, token, before.rest);
    const text = before.text + (before.count === 0 && needsNoBlank(tokenizer, prompt) ? withoutBlank(added) : added);
    const from = Math.max(0, before.text.length - lookBack);
    const stop = stops.length === 0 ? undefined : findStop(text.slice(from), stops);
    const ended = stop !== undefined || token === end;
    const shown = stop === undefined ? text : text.slice(0, from + stop);
    return { ...candidate, count: before.count + 1, text: shown, rest, ended };
  };

  const nothing = { before: undefined, token: 0, count: 0, text: "", rest: new Uint8Array(), ended: false };
  let found: readonly Hypothesis[] = [{ ...nothing, logProbability: 0, score: 0, slot: 0 }];
  const read = async (token: number): Promise<void> => {
    slots.tokens.fill(token);
    slots.step();
    await yieldNow();
  };
  if (healing?.from === 0) {
    await read(tokensToRead(tokenizer, "")[0] as number);
    for (let slot = 0; slot < beams; slot++) slots.restore(slot);
  }
  for (const [place, token] of toRead.entries()) {
    if (signal?.aborted === true) break;
    if (healing !== undefined && place >= healing.from) {
      healing.foresee(place, slots.logits[0] as Float32Array, () => slots.state(0));
    }
    await read(token);
  }
  if (signal?.aborted !== true) ways = healing?.ways(slots.logits[0] as Float32Array);
  for (let count = 0; count < length && signal?.aborted !== true; count++) {
    if (count > 0) {
      slots.reorder(slots.logits.map((_, slot) => found[slot]?.slot ?? slot));
      slots.tokens.set(found.map(({ token }) => token));
      slots.step();
      await yieldNow();
    }
    // Sorting keeps the order of equals: those of better beginnings, and of likelier tokens, come first.
    found = found
      .flatMap((one, slot): (Hypothesis | Candidate)[] => (one.ended ? [one] : longer(one, slot)))
      .sort((a, b) => b.score - a.score)
      .slice(0, beams)
      .map((one) => ("ended" in one ? one : withText(one)));
    if (count === 0) {
      found.forEach(({ way = 0 }, slot) => {
        const state = ways?.state(way);
        if (state !== undefined) slots.restore(slot, state);
      });
      // Each lies in its own slot now.
      if (ways !== undefined) found = found.map((one, slot) => ({ ...one, slot }));
    }
    if (earlyStop ? found[0]?.ended : found.every(({ ended }) => ended)) break;
  }
  return found.map((one) => ({
    text: one.ended && one.token !== end ? one.text : one.text + decodeRest(one.rest),
    ...writtenOf(one, ways),
    logProbability: one.logProbability,
  }));
}

function writtenOf(last: Hypothesis, ways: Ways | undefined): Pick<BeamText, "tokens" | "replaces"> {
  const tokens: number[] = [];
  let replaces = 0;
  for (let one = last; one.before !== undefined; one = one.before) {
    tokens.push(one.token);
    if (one.before.count === 0) replaces = ways?.replaces(one.way as number) ?? 0;
  }
  tokens.reverse();
  return replaces === 0 ? { tokens } : { tokens, replaces };
}
