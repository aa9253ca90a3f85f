/** Train a language model on a text or on separate ones. */
import { type Arguments, checkArguments, either, options as optionsOf, type Rule } from "../../graph/schema.ts";
import {
  countUnknown,
  encode,
  endOfText,
  hasUnknown,
  someTexts,
  type Texts,
  type Tokenizer,
} from "../../text/tokenizer.ts";
import { type FitStreamResult, fitStreamAs } from "../../train/fit-stream.ts";
import { type FitStreamOptions, fitStreamRules } from "../../train/fit-stream-options.ts";
import { asksFor } from "../../train/stream-split.ts";
import { someTokens, type Tokens, tokenSource } from "../../train/token-source.ts";
import { aLanguageModel } from "../checks.ts";
import { fileOf, type LanguageModel } from "./file.ts";
import { checkLength, splitOf } from "./training-tokens.ts";

/** Options of `trainLanguageModel`: those of `fitStream`. */
export type TrainLanguageModelOptions = Omit<FitStreamOptions, "validationData" | "endOfText"> & {
  /** Instead of a share: a text, a list of texts, or tokens. */
  readonly validationData?: Texts | Tokens | undefined;
};

const textsOrTokens: Rule = {
  ...either(someTexts, someTokens),
  expected: "a text, a list of separate texts, or tokens",
};
const { endOfText: _, ...rules } = fitStreamRules;
export const trainArguments: Arguments = {
  lm: aLanguageModel,
  text: textsOrTokens,
  options: optionsOf<TrainLanguageModelOptions>({ ...rules, validationData: textsOrTokens }),
};

/** The result of `trainLanguageModel`. */
export type TrainLanguageModelResult = FitStreamResult & {
  /** Number of tokens of the text that are not in the model's vocabulary. */
  readonly unknown: number;
};

/**
 * Train a language model; its values are changed. Separate texts are joined to one stream, each followed by the token that
 * ends a text; states are carried across it, and the model learns that nothing before it matters. Each pass begins at other texts,
 * from the states that a text is written from. The last whole texts, as
 * near to the share `validationSplit` as possible, are kept for validation.
 *
 * A `modelCheckpoint` callback writes files that `readLanguageModel` reads.
 * @param lm the language model
 * @param text a text, a list of separate texts, or tokens (an Int32Array, or a TokenSource for tokens on disk)
 * @param options those of `fitStream`: `epochs` (default 6) or `minutes`, `batch` (16), `steps` (32), `optimizer`, ...; see
 *   `FitStreamOptions`
 * @returns the losses in nats, the speed, the state to resume from, and the number of unknown tokens
 * @throws InputError for wrong options; if the text is too short for one batch, the validation text has fewer than 2 tokens,
 *   or memory is too small; for separate texts if the model was made from one text; for a `resume` of another training
 * @throws NonFiniteLoss if the loss or a parameter becomes infinite or NaN
 * @example
 * const { validationLoss } = await trainLanguageModel(lm, text, { epochs: 3 });
 * @example
 * const onProgress = ({ milestone }, checkpoint) => {
 *   if (milestone) writeFileSync("model.safetensors", writeLanguageModel({ ...lm, ...checkpoint() }));
 * };
 * await trainLanguageModel(lm, text, { onProgress }); // and later { onProgress, resume: lm.training }
 */
export async function trainLanguageModel(
  lm: LanguageModel,
  text: Texts | Tokens,
  options: TrainLanguageModelOptions = {},
): Promise<TrainLanguageModelResult> {
  const where = "trainLanguageModel";
  checkArguments(where, { lm, text, options }, trainArguments);
  const { model, tokenizer } = lm;
  const { validationData, ...given } = options;
  const tokens = tokensOf(tokenizer, text);
  const other = validationData !== undefined && {
    validationSplit: 0,
    validationData: tokensOf(tokenizer, validationData),
  };
  const wanted = { ...other, ...given };
  const all = { ...wanted, ...splitOf(tokenizer, text, tokens, wanted) };
  checkLength(tokenSource(tokens).length, all, `${where}: `);
  const as = { where, extra: fileOf(lm).extra, asked: asksFor(given) };
  const result = await fitStreamAs(as, model, tokens, { ...all, endOfText: endOfText(tokenizer) });
  return { ...result, unknown: hasUnknown(tokenizer) ? countUnknown(tokens, tokenizer) : 0 };
}

function tokensOf(tokenizer: Tokenizer, text: Texts | Tokens): Tokens {
  if (typeof text !== "string" && !Array.isArray(text)) return text as Tokens;
  return encode(tokenizer, text as Texts);
}
