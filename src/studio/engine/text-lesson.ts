/** The computations of the chapter on text: how a language model encodes a text, and what it predicts next. */
import { inspectModel } from "../../nn/inspection.ts";
import { generate } from "../../tasks/generate.ts";
import { tokensToRead } from "../../tasks/generation-engine.ts";
import { languageModel, writeLanguageModel } from "../../tasks/language-model.ts";
import { tokenName, vocabularySize } from "../../text/tokenizer.ts";
import { type ModelHandle, modelOf } from "./open-models.ts";

/** A token as the model reads it. */
export type LessonToken = {
  readonly text: string;
  readonly id: number;
  /** Its row (D) of the embedding. */
  readonly features: Float32Array;
  /** The surprise of the token, given those before it; undefined for the first token. */
  readonly bits: number | undefined;
};

export type Lesson = {
  readonly tokens: readonly LessonToken[];
  /** The mean loss in nats of all tokens but the first; NaN if there are none. */
  readonly loss: number;
  /** Every token's text, by its id. */
  readonly vocabulary: readonly string[];
  /**
   * The similarity of rows of the embedding, by the cosine of the angle between them: the mean over letters and their
   * capitals, over pairs of vowels, and over all pairs of small letters. NaN if there are no such characters.
   */
  readonly alike: { readonly capitals: number; readonly vowels: number; readonly letters: number };
  /** The probabilities (V) of the next token. */
  readonly logits: Float32Array;
};

export const textLesson = {
  /** The file of an LSTM on the characters of a text, before any training. @throws InputError as `languageModel` */
  async untrained(text: string, units: number): Promise<Uint8Array<ArrayBuffer>> {
    return writeLanguageModel(languageModel(text, { units }));
  },

  /** Without a text, the model reads a line end. @throws ModelClosed */
  async lesson(handle: ModelHandle, text: string): Promise<Lesson> {
    const { model, tokenizer } = modelOf(handle);
    const { name } = model.layers[0] as (typeof model.layers)[number];
    const table = model.values[`${name}.weight`] as Float32Array;
    const size = vocabularySize(tokenizer);
    const features = table.length / size;
    const ids = tokensToRead(tokenizer, text);
    const tokens: LessonToken[] = [];
    let [nats, logits] = [0, new Float32Array(size)];
    for await (const { output, loss } of inspectModel(model, ids, { values: [] })) {
      const id = ids[tokens.length] as number;
      const row = table.slice(id * features, (id + 1) * features);
      const bits = loss === undefined ? undefined : loss / Math.LN2;
      tokens.push({ text: tokenName(tokenizer, id), id, features: row, bits });
      nats += loss ?? 0;
      logits = output;
    }
    const vocabulary = Array.from({ length: size }, (_, id) => tokenName(tokenizer, id));
    const rowOf = (id: number): Float32Array => table.subarray(id * features, (id + 1) * features);
    return { tokens, loss: nats / (tokens.length - 1), vocabulary, alike: alikeness(vocabulary, rowOf), logits };
  },

  /** Generate some characters that could follow. @throws InputError for the same reasons as `generate`; ModelClosed */
  async continuation(handle: ModelHandle, prompt: string, temperature: number): Promise<string> {
    let text = "";
    const options = { prompt, temperature, length: 140, seed: 0 };
    for await (const piece of generate(modelOf(handle), options)) text += piece;
    return text;
  },
};

function alikeness(vocabulary: readonly string[], rowOf: (id: number) => Float32Array): Lesson["alike"] {
  const ids = new Map(vocabulary.map((text, id) => [text, id]));
  const cosine = (a: number, b: number): number => {
    const [x, y] = [rowOf(a), rowOf(b)];
    const dot = x.reduce((sum, value, k) => sum + value * (y[k] as number), 0);
    return dot / Math.hypot(...x) / Math.hypot(...y);
  };
  const small = vocabulary.filter((text) => /^\p{Ll}$/u.test(text));
  const id = (text: string): number => ids.get(text) as number;
  const pairs = (all: readonly string[]): number[] =>
    all.flatMap((a, k) => all.slice(k + 1).map((b) => cosine(id(a), id(b))));
  const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
  return {
    capitals: mean(small.filter((a) => ids.has(a.toUpperCase())).map((a) => cosine(id(a), id(a.toUpperCase())))),
    vowels: mean(pairs(small.filter((a) => "aeiou".includes(a)))),
    letters: mean(pairs(small)),
  };
}
