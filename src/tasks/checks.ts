/** What the tasks take, checked where it enters. */

import { InputError } from "../graph/input-error.ts";
import {
  checkValue,
  either,
  isList,
  isPlain,
  listOf,
  numbers,
  type Rule,
  someText,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import type { Model } from "../nn/model.ts";
import { aModel, checkSteps } from "../nn/model-checks.ts";
import { aTokenizer, type Tokenizer, vocabularySize } from "../text/tokenizer.ts";

/** The number of last tokens that a model predicts from. */
export const windowRule: Rule = wholeNumber(1, 10_000);

/** A model and the tokenizer that it was made for. */
export const aLanguageModel: Rule = {
  expected: "a language model, as languageModel or readLanguageModel makes it",
  accepts: (value) => isPlain(value) && isPlain(value.model) && isPlain(value.tokenizer),
  look(where, value) {
    const { model, tokenizer, window } = value as { model: Model; tokenizer: Tokenizer; window?: unknown };
    checkValue(`${where}.model`, model, aModel);
    checkValue(`${where}.tokenizer`, tokenizer, aTokenizer);
    if (window !== undefined) checkWindow(model, window, where);
    const size = vocabularySize(tokenizer);
    if (model.outputSize === size && model.input === "tokens") return;
    throw new InputError(`${where}: its tokenizer has ${size} tokens, its model gives ${model.outputSize} numbers`);
  },
};

function checkWindow(model: Model, window: unknown, where: string): void {
  checkValue(`${where}.window`, window, windowRule);
  if (model.returnsSequences) {
    throw new InputError(`${where}.window: its model predicts at every step, from all tokens before. Leave it out.`);
  }
  checkSteps(model, window as number, where);
}

/** A text, or the ids of its tokens. */
export const aPrompt: Rule = {
  ...either(string, numbers),
  expected: "a text or an array of token ids",
  accepts: (value) => typeof value === "string" || isList(value),
};
export const prompts: Rule = listOf(aPrompt);
/** How many tokens to write. */
export const tokenCount: Rule = {
  expected: "a whole number of tokens from 0, or Infinity",
  accepts: (value) => value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 0),
};
export const stopRule: Rule = either(someText, listOf(someText));
