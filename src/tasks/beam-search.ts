/** The most probable continuations of a prompt, by beam search: the best few beginnings, one token longer each step. */
import { InputError } from "../graph/input-error.ts";
import { createRanking, logSoftmax } from "../text/sampling.ts";
import { decodeNext, decodeRest, hasUnknown } from "../text/tokenizer.ts";
import { createTurns } from "../train/turns.ts";
import { tokensToRead } from "./desk.ts";
import { checkTokens } from "./generate.ts";
import { createLanes } from "./lanes.ts";
import type { LanguageModel } from "./language-model.ts";
import { findStop, stopStrings } from "./stop-strings.ts";

/** Defaults: no prompt, 500 tokens, 4 beams, no length penalty, no stop strings. */
export type BeamSearchOptions = {
  readonly prompt?: string | undefined;
  /** Most tokens to write. */
  readonly length?: number | undefined;
  /** Texts that are kept at each step. 1 writes what `generate` writes at temperature 0. */
  readonly beams?: number | undefined;
  /**
   * Texts are compared by log-probability / ((5 + tokens) / 6) ^ lengthPenalty (Wu et al. 2016): 0 compares the
   * log-probability alone, above 0 favours longer texts. It matters only where stop strings make lengths differ.
   */
  readonly lengthPenalty?: number | undefined;
  /** A text ends before any of these. It keeps its place among the beams, and the search goes on with the others. */
  readonly stop?: string | readonly string[] | undefined;
  /** End as soon as the best text has come to a stop string; otherwise all beams have to. */
  readonly earlyStop?: boolean | undefined;
  /** Ends the search with what it has. */
  readonly signal?: AbortSignal | undefined;
  /** Threads that share a step, where it is worth it; the texts are the same for any number. */
  readonly threads?: number | undefined;
};

/** A text that beam search found. */
export type BeamText = {
  readonly text: string;
  /** All that were written, those of the stop string among them. */
  readonly tokens: readonly number[];
  /** In nats, of all these tokens together, after the prompt. */
  readonly logProbability: number;
};

/** A text that may be one token longer than those before it. */
type Candidate = {
  readonly before: Hypothesis;
  readonly token: number;
  readonly logProbability: number;
  readonly score: number;
  /** Where the state lies from which the token was predicted. */
  readonly lane: number;
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
 * The best texts that go on from the prompt, the best first: as many as there are beams, or fewer where there are no more.
 * One program reads all beams at once. The unknown character is never written.
 * @throws InputError for an option out of its range, and for a model whose values are no numbers any more
 * @example const [best] = await beamSearch(lm, { prompt: "Call me", length: 40, beams: 8 });
 */
export async function beamSearch(
  { model, tokenizer }: LanguageModel,
  {
    prompt = "",
    length = 500,
    beams = 4,
    lengthPenalty = 0,
    stop,
    earlyStop = false,
    signal,
    threads,
  }: BeamSearchOptions = {},
): Promise<BeamText[]> {
  checkTokens("length", length);
  if (!(Number.isSafeInteger(beams) && beams >= 1)) {
    throw new InputError(`beams: needs a whole number from 1, got ${beams}`);
  }
  if (!Number.isFinite(lengthPenalty)) {
    throw new InputError(`length-penalty: needs a finite number, 0 for none, got ${lengthPenalty}`);
  }
  const stops = stopStrings(stop);
  const lookBack = Math.max(0, ...stops.map((one) => one.length - 1));
  const lanes = await createLanes(model, beams, { threads });
  const turns = createTurns();
  const ranking = createRanking(model.outputSize);
  const nats = new Float64Array(model.outputSize);

  /** The likeliest texts that are one token longer: no other can be among the best. */
  const longer = (before: Hypothesis, lane: number): Candidate[] => {
    const logits = lanes.logits[lane] as Float32Array;
    logSoftmax(logits, nats);
    if (hasUnknown(tokenizer)) logits[0] = -Infinity; // The unknown character is never written.
    ranking.begin(logits);
    const norm = ((6 + before.count) / 6) ** lengthPenalty;
    const made: Candidate[] = [];
    for (let k = 0; k < Math.min(beams, logits.length); k++) {
      const token = ranking.at(k);
      if (logits[token] === -Infinity) break;
      const logProbability = before.logProbability + (nats[token] as number);
      made.push({ before, token, logProbability, score: logProbability / norm, lane });
    }
    return made;
  };
  const withText = (candidate: Candidate): Hypothesis => {
    const { before, token } = candidate;
    const { text: whole, rest } = decodeNext(tokenizer, token, before.rest);
    const text = before.text + whole;
    const from = Math.max(0, before.text.length - lookBack);
    const stop = stops.length === 0 ? undefined : findStop(text.slice(from), stops);
    const ended = stop !== undefined;
    return { ...candidate, count: before.count + 1, text: ended ? text.slice(0, from + stop) : text, rest, ended };
  };

  const nothing = { before: undefined, token: 0, count: 0, text: "", rest: new Uint8Array(), ended: false };
  let found: readonly Hypothesis[] = [{ ...nothing, logProbability: 0, score: 0, lane: 0 }];
  for (const token of tokensToRead(tokenizer, prompt)) {
    if (signal?.aborted === true) break;
    lanes.tokens.fill(token);
    lanes.step();
    await turns();
  }
  for (let count = 0; count < length && signal?.aborted !== true; count++) {
    if (count > 0) {
      lanes.reorder(lanes.logits.map((_, lane) => found[lane]?.lane ?? lane));
      lanes.tokens.set(found.map(({ token }) => token));
      lanes.step();
      await turns();
    }
    // Sorting keeps the order of equals: those of better beginnings, and of likelier tokens, come first.
    found = found
      .flatMap((one, lane): (Hypothesis | Candidate)[] => (one.ended ? [one] : longer(one, lane)))
      .sort((a, b) => b.score - a.score)
      .slice(0, beams)
      .map((one) => ("ended" in one ? one : withText(one)));
    if (earlyStop ? found[0]?.ended : found.every(({ ended }) => ended)) break;
  }
  return found.map((one) => ({
    text: one.ended ? one.text : one.text + decodeRest(one.rest),
    tokens: tokensOf(one),
    logProbability: one.logProbability,
  }));
}

function tokensOf(last: Hypothesis): number[] {
  const tokens: number[] = [];
  for (let one = last; one.before !== undefined; one = one.before) tokens.push(one.token);
  return tokens.reverse();
}
