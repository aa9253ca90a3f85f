/** A prompt: its tokens, the text that was sent, and how it is echoed. */
import type { SequenceOptions } from "../../tasks/generation-engine.ts";
import type { LanguageModel } from "../../tasks/language-model.ts";
import { unixLineEnds } from "../../text/line-ends.ts";
import { decodeNext, decodeRest, encode, tokenName } from "../../text/tokenizer.ts";
import type { Prompt, Writing } from "../schemas.ts";
import { checkTokens } from "../token-ids.ts";
import type { Piece } from "./piece.ts";
import { sentShares } from "./sent-text.ts";

/**
 * The tokens of a prompt; and, if they come from text, the index of the first such token, the text as it was sent, and
 * the part of it that each token stands for.
 */
export type PromptTokens = {
  readonly tokens: Int32Array;
  /** The number of tokens that count as the request's; by default, all. */
  readonly count?: number;
  readonly healFrom?: number;
  readonly sent?: string;
  readonly shares?: () => readonly string[];
  /** The memory of a session before the prompt, and how it continues from there. */
  readonly memory?: Pick<SequenceOptions<Piece>, "state" | "rest" | "retake" | "goesOn">;
};

/** @throws ApiError for a token id that the model does not have */
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
 * The prompt as it was sent or, if each token is reported, its first token: the others come as they are read. If tokens
 * end within a character, the generated text completes it.
 */
export function echoOf(
  { tokenizer }: LanguageModel,
  { tokens, sent, shares }: PromptTokens,
  { logprobs, max_tokens }: Writing,
): readonly Piece[] {
  const [first] = tokens;
  if (first === undefined) return sent === undefined || sent === "" ? [] : [{ text: sent }];
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

/** A token of a prompt, named by the text that was sent if the model reads something else. */
export const asSent = (piece: Piece, sent = piece.text): Piece =>
  sent === piece.text ? piece : Object.assign(piece, { text: sent, name: sent });
