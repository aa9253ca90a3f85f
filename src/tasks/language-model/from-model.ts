/**
 * A language model of a model that another program trained, and its vocabulary. The model's rows come into the order of a tokenizer, of
 * which token 0 is the unknown character.
 */

import type { Vocabulary } from "../../formats/vocabulary.ts";
import { InputError } from "../../graph/input-error.ts";
import { sameEquations } from "../../graph/plain-lines.ts";
import {
  type Arguments,
  checkArguments,
  either,
  formatValue,
  listOf,
  options as optionsOf,
  type Rule,
  required,
  string,
} from "../../graph/schema.ts";
import { dense, embedding } from "../../nn/layers.ts";
import { type Layer, type Model, modelOf } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { aTokenizer, type Tokenizer, type VocabularyTokenizer, vocabularySize } from "../../text/tokenizer.ts";
import { rulesOf, whitespaceTokenizer } from "../../text/whitespace.ts";
import { windowRule } from "../checks.ts";
import type { LanguageModel } from "./file.ts";

/** Options of `languageModelFrom`. */
export type LanguageModelFromOptions = {
  /**
   * The token of each of the model's numbers, in order: single characters or words, and names in the usual brackets for what is none
   * (`<pad>`, `<unk>`, `</s>`); null for a number without a token. Or a tokenizer with the model's numbers. Lists of words are of texts
   * that are cut at blanks, in lower case if no word has a capital, and without the punctuation that is in no word.
   */
  readonly vocabulary: Vocabulary;
  /** Of a model with one output for a whole sequence, which needs it: how many tokens it reads to predict the next. */
  readonly window?: number | undefined;
};

export const vocabularyRule: Rule = {
  ...either(listOf({ ...string, accepts: (value) => value === null || string.accepts(value) }, 2), aTokenizer),
  expected: "a list of at least 2 tokens, null for a number without one; or a tokenizer",
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
  const { tokenizer, rows } =
    "kind" in vocabulary
      ? { tokenizer: vocabulary, rows: [...Array(given).keys()] }
      : tokenizerOf(vocabulary, where, window !== undefined);
  const made = { model: withRows(model, rows, where), tokenizer };
  return window === undefined ? made : { ...made, window };
}

const unknownNames = ["\uFFFD", "[unk]", "<unk>", "unk", "<oov>", "oov", "<unknown>"];
const paddingNames = ["", "<pad>", "[pad]", "<blank>", "<padding>"];
const endNames = ["</s>", "<eos>", "[eos]", "<|endoftext|>", "<end>", "<e>", "[sep]"];
const startNames = ["<s>", "<sos>", "[sos]", "<bos>", "[bos]", "<start>", "<go>"];

/** The tokenizer, and for each of its tokens the number that the model has for it; undefined for one that it has none for. */
function tokenizerOf(
  vocabulary: readonly (string | null)[],
  where: string,
  padded: boolean,
): { readonly tokenizer: Tokenizer; readonly rows: readonly (number | undefined)[] } {
  const named = (names: readonly string[]): number =>
    vocabulary.findIndex((token) => token !== null && names.includes(token.toLowerCase()));
  const found = (names: readonly string[]): number | undefined => (named(names) < 0 ? undefined : named(names));
  // Number 0 without a token is Keras's padding.
  const pad = found(paddingNames) ?? (vocabulary[0] === null ? 0 : undefined);
  const unknown = found(unknownNames);
  // A text that begins after the end of another begins with the same token in models that have one alone.
  const end = found(endNames) ?? found(startNames);
  const special = new Set([pad, unknown, end, ...[paddingNames, unknownNames, endNames, startNames].map(named)]);
  const characters = vocabulary.flatMap((token, id) => (token === null || special.has(id) ? [] : [{ token, id }]));
  if (characters.some(({ token }) => [...token].length !== 1)) return wordsOf(vocabulary, where, { pad, unknown, end });
  const tokenizer: VocabularyTokenizer = {
    kind: "char",
    vocabulary: ["\uFFFD", ...characters.map(({ token }) => token)],
    ...(end !== undefined && { endOfText: true }),
  };
  const first = padded ? (pad ?? unknown) : (unknown ?? pad);
  return { tokenizer, rows: [first, ...characters.map(({ id }) => id), ...(end === undefined ? [] : [end])] };
}

/** How tokens that are parts of words are marked: of byte pairs, WordPiece, SentencePiece. */
const partOfWord = /^(?:[\u0120\u2581].|##.)|.(?:<\/w>|@@)$/s;

/** The same of words. The unknown word is a word here, which is read and may be written; a line's end is `<eos>`, as in the Penn Treebank. */
function wordsOf(
  vocabulary: readonly (string | null)[],
  where: string,
  { pad, unknown, end }: Readonly<Record<"pad" | "unknown" | "end", number | undefined>>,
): { readonly tokenizer: Tokenizer; readonly rows: readonly (number | undefined)[] } {
  const endsLine = end !== undefined && vocabulary[end] === "<eos>" && !vocabulary.includes("\n");
  const others = new Set([pad, endsLine ? undefined : end]);
  const words = vocabulary.flatMap((token, id) =>
    token === null || token === "" || token === "\uFFFD" || others.has(id)
      ? []
      : [{ word: endsLine && id === end ? "\n" : token, id }],
  );
  const part = words.find(({ word }) => partOfWord.test(word));
  if (part !== undefined) {
    throw new InputError(
      `${where}: vocabulary: token ${part.id} is ${formatValue(part.word)}, a part of a word, and nothing says how words are cut. Give a model of characters or words.`,
    );
  }
  const names = new Set([paddingNames, unknownNames, endNames, startNames].flat());
  const own = words.filter(({ word }) => !names.has(word.toLowerCase())).map(({ word }) => word);
  const at = words.findIndex(({ id }) => id === unknown) + 1;
  const more = {
    ...(at > 0 && { unknown: at }),
    ...(end !== undefined && !endsLine && ({ endOfText: true } as const)),
  };
  try {
    const all = words.map(({ word }) => word);
    const tokenizer = whitespaceTokenizer(all, rulesOf(vocabulary, own), more);
    return { tokenizer, rows: [pad, ...words.map(({ id }) => id), ...(more.endOfText === true ? [end] : [])] };
  } catch (error) {
    if (error instanceof InputError) error.message = `${where}: vocabulary: ${error.message}`;
    throw error;
  }
}

/** A logit that no softmax lets through, and that stays finite in 16 bits. */
const never = -1e4;

/** The model with these of its numbers, in this order, as the tokens that it reads and predicts. */
function withRows(model: Model, rows: readonly (number | undefined)[], where: string): Model {
  const start = startOf(model, where);
  const { before, head } = headOf(start.others, where);
  const count = rows.length;
  const first = { ...embedding(count, start.width), name: start.name, maskZero: start.maskZero } as Layer;
  const last = { ...dense(count), name: head.name, ...(head.shared && { shared: head.shared }) };
  const reads = head.reads !== undefined && { reads: head.reads };
  const chosen = (old: Float32Array, width: number): Float32Array => {
    const values = new Float32Array(count * width);
    rows.forEach((row, id) => {
      if (row !== undefined) values.set(old.subarray(row * width, (row + 1) * width), id * width);
    });
    return values;
  };
  return modelOf([first, ...before, { ...last, ...reads }], "tokens", ({ name, shape }) => {
    const [, width = 1] = shape;
    const old = model.values[name];
    if (name === `${first.name}.weight`) return chosen(old ?? identity(start.width), width);
    if (name === `${head.name}.W`) return chosen(old as Float32Array, width);
    if (name !== `${head.name}.b`) return (old as Float32Array).slice();
    return Float32Array.from(rows, (row) => (row === undefined ? never : (old?.[row] ?? 0)));
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
function identity(size: number): Float32Array {
  const values = new Float32Array(size * size);
  for (let row = 0; row < size; row++) values[row * (size + 1)] = 1;
  return values;
}

/** The layer that gives a logit a token, and those before it; a softmax at the end, or its logarithm, is left out. */
function headOf(layers: readonly Layer[], where: string) {
  const last = layers.at(-1) as Layer;
  const alone = endOf(last) === "x";
  const head = alone ? layers.at(-2) : last;
  const readsIt = !alone || last.reads === undefined || last.reads === head?.name;
  if (head?.kind === "cell" && readsIt && endOf(head) === "W @ x")
    return { before: layers.slice(0, alone ? -2 : -1), head };
  throw new InputError(
    `${where}: the model ends in ${last.name}, and what predicts tokens ends in a dense layer, with a softmax or without.`,
  );
}

/** What a layer's cell is a softmax of, its logarithm, or itself: a product or what it reads; undefined of any other. */
function endOf(layer: Layer): "W @ x" | "x" | undefined {
  if (layer.kind !== "cell" || layer.strides !== undefined) return undefined;
  const isOne = (sources: readonly string[]): boolean =>
    sources.some((source) => sameEquations(layer.cell, { source }));
  if (isOne(softmaxesOf("x"))) return "x";
  // The product may have a name in equations of several lines.
  const [, sum = "z"] = /^\s*(\w+)\s*=/.exec(layer.cell.source) ?? [];
  const ends = ["W @ x", "W @ x + b"].flatMap((product) => [
    `y = ${product}`,
    ...softmaxesOf(product),
    ...softmaxesOf(sum).map((rest) => `${sum} = ${product}\n${rest}`),
  ]);
  return isOne(ends) ? "W @ x" : undefined;
}
/** A softmax and its logarithm, as the programs' readers write them. */
const softmaxesOf = (z: string): readonly string[] => [
  `y = softmax(${z})`,
  `y = log(softmax(${z}))`,
  `y = ${z} - max(${z}) - log(sum(exp(${z} - max(${z}))))`,
  `d = ${z} - max(${z})\ny = d - log(sum(exp(d)))`,
];
