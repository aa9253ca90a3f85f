/** Make an untrained translator: the tokens of both sides, an encoder and a decoder that looks at its steps. */
import { cells } from "../../cells/index.ts";
import type { Cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments, lookUp, options as optionsOf } from "../../graph/schema.ts";
import {
  attending,
  bidirectional,
  dense,
  dropout,
  embedding,
  input,
  type LayerSpec,
  recurrent,
} from "../../nn/layers.ts";
import { sequential } from "../../nn/model.ts";
import { counting, type Look } from "../../nn/sequence-cells.ts";
import { encode, trainTokenizerFor, vocabularySize } from "../../text/tokenizer.ts";
import {
  decoderLayer,
  padding,
  type TextPair,
  type Translator,
  type TranslatorOptions,
  textPairs,
  translatorRules,
} from "./settings.ts";

export const translatorArguments: Arguments = {
  pairs: textPairs,
  options: optionsOf<TranslatorOptions>(translatorRules),
};

/**
 * Create an untrained translator: an encoder that reads a text in both directions, and a decoder that starts from its last states
 * and looks, before each token, at the steps that its state asks for. D. Bahdanau et al., 2014 (arXiv 1409.0473).
 * @param pairs texts and what they are to become, which give the tokens of both sides
 * @param options `tokens` ("char"), `cell` ("lstm"), `units` (256), `attention` ("additive"), `layers` (1), `embedding`, `dropout` (0),
 *   `bidirectional` (true), `maxVocabulary`, `seed` (0)
 * @throws InputError for an empty list, a source without characters and wrong options
 * @example const reverse = translator([{ source: "abc", target: "cba" }, ...], { units: 64 });
 */
export function translator(pairs: readonly TextPair[], options: TranslatorOptions = {}): Translator {
  checkArguments("translator", { pairs, options }, translatorArguments);
  const { tokens = "char", maxVocabulary, units = 256, layers = 1, attention = "additive", seed = 0 } = options;
  const { embedding: features = Math.min(units, 64), dropout: rate = 0, bidirectional: both = true } = options;
  if (both && units % 2 > 0) {
    throw new InputError(
      `translator: units must be even, as each direction of the encoder has half of them; got ${units}`,
    );
  }
  const of = cellOf(options.cell ?? "lstm");
  const side = (texts: readonly string[]) => {
    const tokenizer = trainTokenizerFor("translator", tokens, texts, { maxVocabulary });
    return { tokenizer, longest: Math.max(1, ...texts.map((text) => encode(tokenizer, text).length)) };
  };
  const source = side(pairs.map((one) => one.source));
  const target = side(pairs.map((one) => one.target));
  const label = typeof options.cell === "object" ? "recurrent" : (options.cell ?? "lstm").replaceAll("-", "_");
  const drop = (): LayerSpec[] => (rate > 0 ? [dropout(rate)] : []);
  const encoder = Array.from({ length: layers }, (_, k): LayerSpec => {
    const name = `encoder${k + 1 < layers ? `_${k + 1}` : ""}`;
    const one = recurrent(of, { units: both ? units / 2 : units, label, returnSequences: true });
    return both ? bidirectional(one, { name }) : { ...one, name };
  });
  const looks = attention === "none" ? of : attending(of, { score: attention });
  // A cell that has states of its own, as for what it last said, starts these from zeros, and so all of its states.
  const handed = looks.states.length === of.states.length ? ({ initialState: { from: "encoder" } } as const) : {};
  const beside: LayerSpec[] =
    attention === "additive"
      ? [dense(units, { name: "keys" })]
      : attention === "location"
        ? [recurrent(counting, { name: "places", returnSequences: true })]
        : [];
  const model = sequential(
    [
      input("tokens", { name: "source", time: "source" }),
      embedding(padding + vocabularySize(source.tokenizer), features, { maskZero: true, name: "source_embedding" }),
      ...drop(),
      ...encoder,
      ...beside,
      input("tokens", { name: "target", time: "target" }),
      embedding(padding + vocabularySize(target.tokenizer), features, { maskZero: true, name: "target_embedding" }),
      ...drop(),
      recurrent(looks, {
        ...{ name: decoderLayer, units, label, returnSequences: true, ...handed },
        ...(attention !== "none" && { inputs: readBy(looks, attention) }),
      }),
      ...drop(),
      dense(vocabularySize(target.tokenizer), { name: "output" }),
    ],
    { seed },
  );
  return {
    model,
    source: source.tokenizer,
    target: target.tokenizer,
    longest: { source: source.longest, target: target.longest + 1 },
  };
}

const cellOf = (given: string | Cell): Cell =>
  typeof given === "string" ? lookUp("translator: cell", given, cells) : given;

/** What a cell that looks reads: its last inputs. */
function readBy({ inputs }: Cell, attention: Look): Readonly<Record<string, string>> {
  const layers =
    attention === "location" ? ["encoder", "places"] : [attention === "dot" ? "encoder" : "keys", "encoder"];
  return Object.fromEntries(inputs.slice(-2).map((name, k) => [name, layers[k] as string]));
}
