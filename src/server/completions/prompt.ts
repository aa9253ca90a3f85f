/** What a text goes on from: a prompt as tokens, beside the text that was sent, and how it is echoed. */
import type { SequenceOptions } from "../../tasks/generation-engine.ts";
import type { LanguageModel } from "../../tasks/language-model.ts";
import { unixLineEnds } from "../../text/line-ends.ts";
import { decodeNext, decodeRest, encode, tokenName } from "../../text/tokenizer.ts";
import type { Prompt, Writing } from "../schemas.ts";
import { checkTokens } from "../token-ids.ts";
import type { Piece } from "./piece.ts";
import { sentShares } from "./sent-text.ts";

/** Tokens, and where they were made of text, from which on, that text as it was sent, and what each token is of it. */
export type PromptTokens = {
  readonly tokens: Int32Array;
  /** How many of them count as the request's; all where absent. */
  readonly count?: number;
  readonly healFrom?: number;
  readonly sent?: string;
  readonly shares?: () => readonly string[];
  /** What the model remembers before the prompt, and how it goes on from there: a session's. */
  readonly memory?: Pick<SequenceOptions<Piece>, "state" | "rest" | "retake" | "goesOn">;
};

/** @throws ApiError for a token that the model does not have */
export function readPrompt({ tokenizer }: LanguageModel, prompt: Prompt): PromptTokens {
  if (typeof prompt !== "string") {
    checkTokens("prompt", tokenizer, prompt);
    return { tokens: Int32Array.from(prompt) };
  }
  const tokens = encode(tokenizer, unixLineEnds(prompt));
  let shares: readonly string[] | undefined;
  const sharesOf = () => (shares ??= sentShares(tokenizer, tokens, prompt));
  return { tokens, healFrom: 0, sent: prompt, shares: sharesOf };
}

/**
 * The prompt as it was sent, or where each token is told of, its first one: the others come as they are read. A character that
 * tokens end within is whole in what is written.
 */
export function echoOf(
  { tokenizer }: LanguageModel,
  { tokens, sent, shares }: PromptTokens,
  { logprobs, max_tokens }: Writing,
): readonly Piece[] {
  const [first] = tokens;
  if (first === undefined) return [];
  if (logprobs !== undefined) {
    const { text } = decodeNext(tokenizer, first);
    const piece = { text, name: tokenName(tokenizer, first), token: first, logProbability: null, alternatives: [] };
    return [asSent(piece, shares?.()[0])];
  }
  if (sent !== undefined) return [{ text: sent }];
  let [text, rest] = ["", new Uint8Array() as Uint8Array];
  for (const token of tokens) {
    const decoded = decodeNext(tokenizer, token, rest);
    text += decoded.text;
    rest = decoded.rest;
  }
  return [{ text: max_tokens > 0 ? text : text + decodeRest(rest) }];
}

/** A token of a prompt, called what was sent where the model reads something else. */
export const asSent = (piece: Piece, sent = piece.text): Piece =>
  sent === piece.text ? piece : Object.assign(piece, { text: sent, name: sent });
