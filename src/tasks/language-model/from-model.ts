/**
 * A language model of a model that another program trained, and its vocabulary. The model's rows come into the order of a tokenizer, of
 * which token 0 is the unknown character.
 */

import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments, options as optionsOf, required } from "../../graph/schema.ts";
import { dense, embedding } from "../../nn/layers.ts";
import { type Layer, type Model, modelOf } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { vocabularySize } from "../../text/tokenizer.ts";
import { windowRule } from "../checks.ts";
import { chosenBias, chosenRows, headOf, identity } from "../foreign-layers.ts";
import { tokenizerOf, vocabularyRule } from "../foreign-tokens.ts";
import type { Vocabulary } from "../vocabulary.ts";
import type { LanguageModel } from "./file.ts";

/** Options of `languageModelFrom`. */
export type LanguageModelFromOptions = {
  /**
   * The token of each of the model's numbers, in order: single characters or words, and names in the usual brackets for what is none
   * (`<pad>`, `<unk>`, `</s>`); null for a number without a token. Or a tokenizer with the model's numbers. Texts are read in lower
   * case if a list has letters and none of them is a capital; those of a list of words are cut at blanks, without the punctuation that is in
   * no word.
   */
  readonly vocabulary: Vocabulary;
  /** Of a model with one output for a whole sequence, which needs it: how many tokens it reads to predict the next. */
  readonly window?: number | undefined;
};

export const languageModelFromArguments: Arguments = {
  model: aModel,
  options: optionsOf<LanguageModelFromOptions>({ vocabulary: required(vocabularyRule), window: windowRule }),
};

/**
 * Make a language model of a model that predicts the next of its inputs: one that reads token ids or one-hot vectors (T,B,V) and gives
 * logits, or probabilities by softmax, over the same tokens. It generates, is measured, inspected and served as one of ours.
 * @param model a model of V tokens, as `importModel` gives it
 * @param options `vocabulary`, the token of each number; `window`, of a model with one output for a sequence
 * @returns the model with its rows in the order of the tokenizer, and the tokenizer. Its token 0 is the unknown character, read as the
 *   model's own unknown token or padding or, without these, as zeros, and never predicted
 * @throws InputError for a vocabulary of parts of words, and for a model that does not predict its inputs
 * @example const lm = languageModelFrom(model, { vocabulary: ["\n", " ", "a", "b"], window: 40 });
 */
export function languageModelFrom(model: Model, options: LanguageModelFromOptions): LanguageModel {
  checkArguments("languageModelFrom", { model, options }, languageModelFromArguments);
  const { vocabulary, window } = options;
  const where = "languageModelFrom";
  const inputs = model.input === "tokens" ? model.inputs[0]?.count : model.input;
  const size = model.outputSize;
  if (inputs !== size || model.inputs.length > 1) {
    const read = model.inputs.length > 1 ? `${model.inputs.length} inputs` : `${inputs} tokens or features`;
    throw new InputError(
      `${where}: the model reads ${read} and gives ${size} numbers: it does not predict the next of its tokens.`,
    );
  }
  // Models have a number or more for what is no character; a vocabulary of half of them is another model's.
  const given = "kind" in vocabulary ? vocabularySize(vocabulary) : vocabulary.length;
  if (given > size || 2 * given < size) {
    throw new InputError(
      `${where}: vocabulary: it has ${given} numbers, the model ${size}. Give the one that it was trained with.`,
    );
  }
  if (window !== undefined && model.returnsSequences) {
    throw new InputError(`${where}: window: the model predicts at every step, from all tokens before. Leave it out.`);
  }
  if (window === undefined && !model.returnsSequences) {
    throw new InputError(
      `${where}: window: the model gives one output for a sequence. Say how many tokens it reads to predict the next.`,
    );
  }
  const { tokenizer, rows } = tokenizerOf(vocabulary, where, { padded: window !== undefined });
  const made = { model: withRows(model, rows, where), tokenizer };
  return window === undefined ? made : { ...made, window };
}

/** The model with these of its numbers, in this order, as the tokens that it reads and predicts. */
function withRows(model: Model, rows: readonly (number | undefined)[], where: string): Model {
  const start = startOf(model, where);
  const { before, head } = headOf(start.others, where);
  const count = rows.length;
  const first = { ...embedding(count, start.width), name: start.name, maskZero: start.maskZero } as Layer;
  const last = { ...dense(count), name: head.name, ...(head.shared && { shared: head.shared }) };
  const reads = head.reads !== undefined && { reads: head.reads };
  return modelOf([first, ...before, { ...last, ...reads }], "tokens", ({ name, shape }) => {
    const [, width = 1] = shape;
    const old = model.values[name];
    if (name === `${first.name}.weight`) return chosenRows(old ?? identity(start.width), width, rows);
    if (name === `${head.name}.W`) return chosenRows(old as Float32Array, width, rows);
    if (name !== `${head.name}.b`) return (old as Float32Array).slice();
    return chosenBias(old, rows);
  });
}

/** What reads the tokens, and the layers after it. One-hot vectors are an embedding whose table has ones and zeros. */
function startOf({ layers, input }: Model, where: string) {
  const [first, ...rest] = layers as readonly [Layer, ...Layer[]];
  const given = first.kind === "input";
  if (input !== "tokens") {
    // By the name that layers read the model's input by.
    const name = given ? first.name : "x";
    return { name, width: input, maskZero: false, others: given ? rest : layers };
  }
  const table = given ? rest[0] : first;
  const others = given ? rest.slice(1) : rest;
  const again = others.some((layer) => layer.kind === "embedding" || (given && layer.reads === first.name));
  if (table?.kind !== "embedding" || again) {
    throw new InputError(`${where}: the model's tokens are not read by one embedding alone, its first layer.`);
  }
  return { name: table.name, width: table.outputDim, maskZero: table.maskZero, others };
}
