/**
 * A translator of an encoder and a decoder that another program trained, and the vocabularies of both sides. The rows of its tables, and
 * of what predicts tokens, come into the order of our tokens.
 */

import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  formatValue,
  options as optionsOf,
  required,
  someText,
  wholeNumber,
} from "../../graph/schema.ts";
import { dense, embedding } from "../../nn/layers.ts";
import { type Layer, type Model, modelOf } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { endOfText, vocabularySize } from "../../text/tokenizer.ts";
import { chosenBias, chosenRows, headOf, identity } from "../foreign-layers.ts";
import { type ForeignTokens, specialOf, tokenizerOf, tokensIn, vocabularyRule } from "../foreign-tokens.ts";
import type { Vocabulary } from "../vocabulary.ts";
import type { Translator } from "./settings.ts";

/** Options of `translatorFrom`. */
export type TranslatorFromOptions = {
  /** What the numbers of the first input stand for: see `languageModelFrom`. Where it has a token for the end, each source ends with it. */
  readonly source: Vocabulary;
  /** What the numbers of the second input, and of the output, stand for. */
  readonly target: Vocabulary;
  /**
   * The token of the target that the decoder reads first. By default one with a name that is in use: `<s>`, `<sos>`, `[START]`; else, where
   * the target has both, a tab and a line's end, or the words "start" and "end".
   */
  readonly start?: string | undefined;
  /** The token that ends a target. By default one with a name that is in use: `</s>`, `<eos>`, `[END]`. */
  readonly end?: string | undefined;
  /** Tokens of a source and of a target, at most: a translation has up to twice as many. Default 50. */
  readonly longest?: number | undefined;
};
export const translatorFromArguments: Arguments = {
  model: aModel,
  options: optionsOf<TranslatorFromOptions>({
    source: required(vocabularyRule),
    target: required(vocabularyRule),
    start: someText,
    end: someText,
    longest: wholeNumber(1),
  }),
};
const where = "translatorFrom";
const sides = ["source", "target"] as const;
type Side = (typeof sides)[number];

/**
 * Make a translator of a model with two inputs: the tokens of a source, and those of a target, of which it predicts the next at every
 * step. Tokens are ids that an embedding reads, or one-hot vectors (T,B,V). It translates, is shown and served as one of ours.
 * @param model a model as `importModel` gives it, as it was trained: with the target as an input
 * @param options `source` and `target`, the token of each number; `start` and `end`, tokens of the target; `longest` (50)
 * @returns the model, with both sides' tokens
 * @throws InputError for a model with other inputs, and for a vocabulary that does not fit it or has no start or end
 * @example const g2p = translatorFrom(model, { source: [..."abc"], target: ["<s>", "</s>", "AA", "B", "K"] });
 */
export function translatorFrom(model: Model, options: TranslatorFromOptions): Translator {
  checkArguments(where, { model, options }, translatorFromArguments);
  const { longest = 50 } = options;
  if (model.inputs.length !== 2 || model.inputs.some(({ sequence, features }) => !sequence || features === "mask")) {
    const found = model.inputs.map(({ name }) => name).join(", ");
    throw new InputError(
      `${where}: the model reads ${found}; a translator reads two sequences, a source and a target.`,
    );
  }
  if (!model.returnsSequences) {
    throw new InputError(
      `${where}: the model gives one output for a sequence, and a translator predicts at every step.`,
    );
  }
  const [sourceSize, targetSize] = model.inputs.map(({ count, features }) => count ?? (features as number));
  if (targetSize !== model.outputSize) {
    throw new InputError(
      `${where}: the model reads ${targetSize} tokens of its target and predicts ${model.outputSize}: they are not the same.`,
    );
  }
  checkSize("source", options.source, sourceSize as number);
  checkSize("target", options.target, model.outputSize);
  const list = tokensIn(options.target);
  const special = { ...specialOf(list), ...markedBy(list, options) };
  const source = tokenizerOf(options.source, `${where}: source`, { special: specialOf(tokensIn(options.source)) });
  const target = tokenizerOf(options.target, `${where}: target`, { special });
  const ends = endOfText(source.tokenizer) !== undefined;
  return {
    model: withTokens(model, { source, target }, special.start),
    source: source.tokenizer,
    target: target.tokenizer,
    longest: { source: longest, target: longest },
    ...(ends && { sourceEnds: true }),
  };
}

// Models have a number or more for what is no token; a vocabulary of half of them is another model's.
function checkSize(side: Side, vocabulary: Vocabulary, size: number): void {
  const given = "kind" in vocabulary ? vocabularySize(vocabulary) : vocabulary.length;
  if (given <= size && 2 * given >= size) return;
  throw new InputError(
    `${where}: ${side}: the vocabulary has ${given} numbers, the model ${size}. Give the one that it was trained with.`,
  );
}

/** What begins and ends the targets of Keras's examples. */
const marks = [
  ["\t", "\n"],
  ["start", "end"],
] as const;
function idOf(list: readonly (string | null)[], token: string | undefined): number | undefined {
  const id = token === undefined ? -1 : list.indexOf(token);
  return id < 0 ? undefined : id;
}

/** The numbers of the tokens that begin and end a target. */
function markedBy(
  list: readonly (string | null)[],
  options: TranslatorFromOptions,
): { readonly start: number; readonly end: number } {
  const [tab, line] = marks.find((pair) => pair.every((one) => list.includes(one))) ?? [];
  const named = specialOf(list);
  const found = { start: named.start ?? idOf(list, tab), end: named.end ?? idOf(list, line) };
  const [start, end] = (["start", "end"] as const).map((mark) => {
    const given = options[mark];
    const id = given === undefined ? found[mark] : idOf(list, given);
    if (id !== undefined) return id;
    throw new InputError(
      given === undefined
        ? `${where}: ${mark}: no token of the target has a name that is in use for its ${mark}, such as ${mark === "start" ? "<s>" : "</s>"}. In a program, say it: ${mark}: "TOKEN".`
        : `${where}: ${mark}: the target has no token ${formatValue(given)}.`,
    );
  });
  return { start: start as number, end: end as number };
}

/** The model with our tokens: inputs by our names, a table for each, whose row 0 is padding, and an output for each token of the target. */
function withTokens(model: Model, tokens: Readonly<Record<Side, ForeignTokens>>, start: number): Model {
  // Tables move to their inputs: what each layer reads is said first.
  const { before, head } = headOf(model.layers.map(readingByName), where);
  if (head.shared !== undefined) {
    throw new InputError(
      `${where}: ${head.name} predicts tokens by a table that it shares with another layer: it cannot have its own start.`,
    );
  }
  const names = new Map<string, string>();
  const tables = new Map<string, { readonly width: number; readonly rows: readonly (number | undefined)[] }>();
  const layers: Layer[] = [];
  for (const [k, layer] of before.entries()) {
    const side = sides[model.inputs.findIndex(({ name }) => name === layer.name)];
    if (layer.kind === "input" && side !== undefined) {
      const { rows, tokenizer } = tokens[side];
      // What stands for the end of a target is read at its start.
      const end = endOfText(tokenizer);
      const read = [undefined, ...rows.map((row, id) => (side === "target" && id === end ? start : row))];
      const table = layer.features === "tokens" ? tableOf(before, k) : undefined;
      const width = table?.outputDim ?? (layer.features as number);
      const name = table?.name ?? `${side}_vectors`;
      tables.set(name, { width, rows: read });
      names.set(layer.name, name);
      layers.push({ ...layer, name: side, features: "tokens", time: side });
      layers.push({ ...embedding(read.length, width, { maskZero: true }), name, reads: side } as Layer);
    } else if (layer.kind === "masking") {
      // Padding is masked by the table; one-hot vectors are zeros there.
      const last = layers.at(-1)?.name as string;
      names.set(layer.name, layer.reads === undefined ? last : (names.get(layer.reads) ?? last));
    } else if (layer.kind !== "embedding" || !tables.has(layer.name)) layers.push(renamed(layer, names));
  }
  const { rows } = tokens.target;
  // The unknown token is never written.
  const written = rows.map((row, id) => (id === 0 ? undefined : row));
  const reads = head.reads !== undefined && { reads: names.get(head.reads) ?? head.reads };
  layers.push({ ...dense(rows.length), name: head.name, ...reads } as Layer);
  return modelOf(layers, "tokens", ({ name }) => {
    const old = model.values[name];
    const table = tables.get(name.replace(/\.weight$/, ""));
    if (table !== undefined) return chosenRows(old ?? identity(table.width), table.width, table.rows);
    if (name === `${head.name}.W`) {
      return chosenRows(old as Float32Array, (old as Float32Array).length / model.outputSize, written);
    }
    if (name === `${head.name}.b`) return chosenBias(old, written);
    return (old as Float32Array).slice();
  });
}

/** The table that reads an input of tokens. */
function tableOf(layers: readonly Layer[], at: number): Layer & { readonly kind: "embedding" } {
  const { name } = layers[at] as Layer;
  const readers = layers.filter((one) => one.reads === name);
  const [table, ...others] = readers;
  if (table?.kind === "embedding" && others.length === 0) return table;
  throw new InputError(`${where}: the model's input ${name} is not read by one embedding alone.`);
}

/** A layer that reads the one before it, by its name. */
function readingByName(layer: Layer, k: number, layers: readonly Layer[]): Layer {
  const before = layers[k - 1];
  if (before === undefined || layer.reads !== undefined || layer.kind === "input" || layer.kind === "merge")
    return layer;
  return { ...layer, reads: before.name };
}

/** A layer that reads others by their new names. */
function renamed(layer: Layer, names: ReadonlyMap<string, string>): Layer {
  const of = (name: string): string => names.get(name) ?? name;
  const reads = layer.reads !== undefined && { reads: of(layer.reads) };
  if (layer.kind === "merge") return { ...layer, ...reads, of: layer.of.map(of) };
  if (layer.kind !== "cell" || layer.inputs === undefined) return { ...layer, ...reads };
  const inputs = Object.fromEntries(Object.entries(layer.inputs).map(([own, name]) => [own, of(name)]));
  return { ...layer, ...reads, inputs };
}
