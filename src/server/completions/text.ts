/**
 * Prepare the texts of a request for generation, with their samplers, what is reported of their tokens, and their
 * scores.
 */

import { createDescriber } from "../../tasks/generate.ts";
import { createSequence, type Describe, type Sequence, type SequenceOptions } from "../../tasks/generation-engine.ts";
import { restAfter } from "../../tasks/healing.ts";
import type { LanguageModel } from "../../tasks/language-model.ts";
import { decodeNext, endOfText, hasUnknown, vocabularySize } from "../../text/tokenizer.ts";
import { needsNoBlank } from "../../text/whitespace.ts";
import { ApiError } from "../errors.ts";
import type { Writing } from "../schemas.ts";
import { checkTokens } from "../token-ids.ts";
import type { Score } from "./best.ts";
import type { Piece } from "./piece.ts";
import { asSent, type PromptTokens } from "./prompt.ts";

type Group = {
  readonly count: number;
  readonly seed: number;
  readonly echo: boolean;
  /** One for each text, if scores are needed. */
  readonly scores: readonly Score[];
};

/**
 * Create the texts that continue one prompt; text k has the seed `seed + k`. The first one reads the whole prompt. The
 * others start with a copy of its state after `after` tokens (0 means that nothing is shared) and read the rest, which
 * can end within a token.
 * @throws ApiError for a bias of an unknown token, or one that excludes all tokens
 */
export function createTexts(
  lm: LanguageModel,
  writing: Writing,
  prompt: PromptTokens,
  { count, seed, echo, scores }: Group,
): { readonly texts: readonly Sequence<Piece>[]; readonly after: number } {
  const { tokens, healFrom, memory, sent } = prompt;
  // A session that goes on without a new text goes on after what it wrote.
  const goesOn = memory !== undefined && sent === "";
  const afterBlank = sent !== undefined && !goesOn && needsNoBlank(lm.tokenizer, sent);
  const echoes = echo ? prompt : undefined;
  const first = textOf(lm, writing, {
    ...{ prompt: tokens, healFrom, seed, echo: echoes, score: scores[0], afterBlank },
    ...memory,
  });
  const after = Math.max(0, Math.min(first.healing?.from ?? tokens.length, tokens.length) - 1);
  const texts = [first];
  for (let k = 1; k < count; k++) {
    const text = textOf(lm, writing, {
      ...{ prompt: tokens.subarray(after), seed: seed + k, rest: first.rest, echo: echoes, from: after },
      ...{ afterBlank, score: scores[k], healFrom: after === 0 ? healFrom : first.healing && 1 },
    });
    // Tokens that another text reads count for the repetition penalty as well.
    for (const token of tokens.subarray(0, after)) text.sampler.read(token);
    texts.push(text);
  }
  return { texts, after };
}

type About = Pick<
  SequenceOptions<Piece>,
  "healFrom" | "afterBlank" | "seed" | "state" | "rest" | "goesOn" | "retake"
> & {
  readonly prompt: Int32Array;
  /** Report the prompt as well: its tokens after `from`, the index at which this text begins. */
  readonly echo?: PromptTokens | undefined;
  readonly from?: number;
  /** The score of the generated text, if it is needed. */
  readonly score?: Score | undefined;
};

function textOf(lm: LanguageModel, writing: Writing, { echo, from = 0, score, ...about }: About): Sequence<Piece> {
  const { max_tokens, temperature, top_p, top_k, min_p, stop, logprobs } = writing;
  const describe: Describe<Piece> =
    logprobs === undefined ? (text: string): Piece => ({ text }) : createDescriber(lm.tokenizer, logprobs);
  const written = score === undefined ? describe : scored(lm, score, logprobs === undefined ? undefined : describe);
  let rest = restAfter(lm.tokenizer, echo?.tokens.subarray(0, from + 1) ?? about.prompt.subarray(0, 1));
  let place = from;
  const describePromptToken = (token: number, logits: Float32Array): Piece => {
    const before = rest;
    const decoded = decodeNext(lm.tokenizer, token, before);
    rest = decoded.rest;
    return asSent(describe(decoded.text, token, logits, before), echo?.shares?.()[++place]);
  };
  return createSequence<Piece>(lm, {
    ...about,
    ...{ length: max_tokens, temperature, topK: top_k, minP: min_p, stop, describe: written },
    // The smallest share keeps only the most likely token.
    topP: Math.max(top_p, Number.MIN_VALUE),
    ...{ presencePenalty: writing.presence_penalty, frequencyPenalty: writing.frequency_penalty },
    ...{ repetitionPenalty: writing.repetition_penalty, logitBias: biasOf(lm, writing) },
    onPromptToken: echo !== undefined && logprobs !== undefined ? describePromptToken : undefined,
  });
}

/** Report tokens as `describe` does, or by their text alone, and add their probabilities to `score`. */
function scored({ tokenizer }: LanguageModel, score: Score, describe: Describe<Piece> | undefined): Describe<Piece> {
  const withNats = describe ?? createDescriber(tokenizer, 0);
  return (...token) => {
    const piece: Piece = withNats(...token);
    score.nats += piece.logProbability as number;
    score.tokens++;
    return describe === undefined ? { text: piece.text } : piece;
  };
}

function biasOf({ tokenizer }: LanguageModel, { logit_bias, ignore_eos }: Writing): Record<number, number> | undefined {
  const end = endOfText(tokenizer);
  const bias: Record<number, number> = { ...logit_bias, ...(ignore_eos && end !== undefined && { [end]: -Infinity }) };
  const ids = Object.keys(bias);
  if (ids.length === 0) return undefined;
  checkTokens("logit_bias", tokenizer, ids);
  const writable = ids.filter((id) => id !== "0" || !hasUnknown(tokenizer));
  const keptOut = writable.filter((id) => bias[Number(id)] === -Infinity).length;
  if (keptOut === vocabularySize(tokenizer) - Number(hasUnknown(tokenizer))) {
    throw new ApiError("invalid", "logit_bias: it excludes every token.", "logit_bias");
  }
  return bias;
}
