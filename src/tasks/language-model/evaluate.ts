/** Measure how well a language model predicts a text. */
import type { InferenceOptions } from "../../engines/engine.ts";
import { inferenceRules } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  checkValue,
  either,
  options as optionsOf,
  type Rule,
  wholeNumber,
} from "../../graph/schema.ts";
import { yieldNow } from "../../graph/yielding.ts";
import { brokenModel, checkFiniteValues } from "../../nn/finite-values.ts";
import { countCodePoints } from "../../text/parts.ts";
import {
  countUnknown,
  decodeToken,
  encode,
  hasUnknown,
  someTexts,
  type Texts,
  type Tokenizer,
} from "../../text/tokenizer.ts";
import { createEvaluator } from "../../train/evaluator.ts";
import { someTokens, type Tokens, tokenSource } from "../../train/token-source.ts";
import { aLanguageModel } from "../checks.ts";
import type { LanguageModel } from "./file.ts";

/** The result of `evaluateLanguageModel`. */
export type Evaluation = {
  /** Mean cross-entropy per token, in nats. */
  readonly loss: number;
  /** exp(loss). */
  readonly perplexity: number;
  readonly bitsPerCharacter: number;
  /** Number of predicted tokens: all but the first, including the ends of separate texts. */
  readonly tokens: number;
  /** Characters that the model's vocabulary does not have. */
  readonly unknown: number;
};

/** An encoded text, in memory or on disk. */
export type EncodedText = {
  readonly tokens: Tokens;
  /** The number of characters (code points) of the text. */
  readonly characters: number;
};

const isEncoded = (text: unknown): text is EncodedText =>
  typeof text === "object" && text !== null && "tokens" in text && "characters" in text;
const anEncodedText: Rule = {
  expected: "an encoded one, { tokens, characters }",
  accepts: isEncoded,
  look(where, value) {
    const { tokens, characters } = value as EncodedText;
    checkValue(`${where}: tokens`, tokens, someTokens);
    checkValue(`${where}: characters`, characters, wholeNumber(1));
  },
};
export const evaluateArguments: Arguments = {
  lm: aLanguageModel,
  text: {
    ...either(someTexts, anEncodedText),
    expected: `a text, a list of separate texts, or ${anEncodedText.expected}`,
  },
  options: optionsOf<InferenceOptions>(inferenceRules),
};

/**
 * Measure how well a language model predicts a text. The ends of separate texts are predicted too.
 * @param lm the language model
 * @param text a text, a list of separate texts, or an encoded text
 * @param options the host's: `engine`, `threads`, `fma`, `precision`, `quantize`
 * @returns loss in nats per token, perplexity and bits per character
 * @throws InputError for a text of fewer than two tokens, or with no character after the first token, and for a model whose
 *   values are infinite or NaN
 */
export async function evaluateLanguageModel(
  lm: LanguageModel,
  text: Texts | EncodedText,
  options: InferenceOptions = {},
): Promise<Evaluation> {
  checkArguments("evaluateLanguageModel", { lm, text, options }, evaluateArguments);
  const { model, tokenizer } = lm;
  const { tokens: ids, characters: all } = isEncoded(text) ? text : encodeTexts(tokenizer, text);
  if (ids.length < 2)
    throw new InputError(
      `the text has ${ids.length === 1 ? "1 token" : "no tokens"}; at least 2 are needed to predict one.`,
    );
  // The first token is given, and may be a word. (The unknown character is one character.)
  const first = new Int32Array(1);
  tokenSource(ids).read(0, first);
  const characters = all - countCodePoints(decodeToken(tokenizer, first[0] as number));
  if (characters < 1) {
    throw new InputError(
      `evaluateLanguageModel: the text has ${all} character${all === 1 ? "" : "s"}, and its first token, which is not ` +
        "predicted, has as many; at least 1 more is needed. Give a longer text, or the right number.",
    );
  }
  const slots = Math.max(1, Math.min(32, Math.floor(ids.length / 1000)));
  const evaluator = await createEvaluator(model, { batch: slots, steps: 64, ...options });
  const loss = await evaluator.loss(ids, async () => yieldNow()).finally(() => evaluator.dispose());
  if (!Number.isFinite(loss)) {
    checkFiniteValues(model, `the loss is ${loss}`);
    throw brokenModel(`the loss is ${loss}, though the model's values are finite numbers`);
  }
  const tokens = ids.length - 1;
  return {
    loss,
    perplexity: Math.exp(loss),
    bitsPerCharacter: (loss * tokens) / characters / Math.LN2,
    tokens,
    unknown: hasUnknown(tokenizer) ? countUnknown(ids) : 0,
  };
}

/** The tokens of a text or of separate ones, and how many characters these have. */
export function encodeTexts(tokenizer: Tokenizer, text: Texts): EncodedText {
  const all: readonly string[] = typeof text === "string" ? [text] : text;
  const characters = all.reduce((sum, one) => sum + countCodePoints(one), 0);
  return { tokens: encode(tokenizer, text), characters };
}
