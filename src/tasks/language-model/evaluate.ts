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
import type { Model } from "../../nn/model.ts";
import { countCodePoints } from "../../text/parts.ts";
import { logSoftmax } from "../../text/sampling.ts";
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
import { createSlots } from "../slots.ts";
import { tokensBefore } from "../window-slots.ts";
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
  const loss = await (lm.window === undefined ? streamLoss(model, ids, options) : windowLoss(lm, ids, options));
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
    unknown: hasUnknown(tokenizer) ? countUnknown(ids, tokenizer) : 0,
  };
}

/** The mean loss, in nats, of predicting each token from all before it. */
async function streamLoss(model: Model, ids: Tokens, options: InferenceOptions): Promise<number> {
  const batch = Math.max(1, Math.min(32, Math.floor(ids.length / 1000)));
  const evaluator = await createEvaluator(model, { batch, steps: 64, ...options });
  return evaluator.loss(ids, async () => yieldNow()).finally(() => evaluator.dispose());
}

/** The mean loss, in nats, of predicting each token from the window before it. */
async function windowLoss(lm: LanguageModel, ids: Tokens, options: InferenceOptions): Promise<number> {
  const source = tokenSource(ids);
  const predictions = source.length - 1;
  const slots = await createSlots(lm, Math.min(32, predictions), options);
  // Slot k predicts what follows the first, second, ... token of part k of the text.
  const partLength = Math.ceil(predictions / slots.count);
  const window = lm.window as number;
  const pair = new Int32Array(2);
  try {
    for (let slot = 1; slot < slots.count; slot++) {
      const to = Math.min(slot * partLength, predictions);
      const some = new Int32Array(Math.min(window, to));
      source.read(to - some.length, some);
      slots.restore(slot, Float32Array.from(tokensBefore(some, some.length, window)));
    }
    let total = 0;
    for (let at = 0; at < partLength; at++) {
      const targets = Array.from({ length: slots.count }, (_, slot) => {
        const place = slot * partLength + at;
        if (place >= predictions) return undefined;
        source.read(place, pair);
        slots.tokens[slot] = pair[0] as number;
        return pair[1];
      });
      slots.step();
      for (const [slot, target] of targets.entries()) {
        if (target !== undefined) total -= logSoftmax(slots.logits[slot] as Float32Array)[target] as number;
      }
      await yieldNow();
    }
    return total / predictions;
  } finally {
    slots.dispose();
  }
}

/** The tokens of a text or of separate ones, and how many characters these have. */
export function encodeTexts(tokenizer: Tokenizer, text: Texts): EncodedText {
  const all: readonly string[] = typeof text === "string" ? [text] : text;
  const characters = all.reduce((sum, one) => sum + countCodePoints(one), 0);
  return { tokens: encode(tokenizer, text), characters };
}
