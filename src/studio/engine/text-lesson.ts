/** What the chapter on text asks of a language model: how it sees a text, and what it expects next. */
import { inspectModel } from "../../nn/inspection.ts";
import { generate } from "../../tasks/generate.ts";
import { tokensToRead } from "../../tasks/generation-engine.ts";
import { languageModel, writeLanguageModel } from "../../tasks/language-model.ts";
import { tokenName, vocabularySize } from "../../text/tokenizer.ts";
import { type ModelHandle, modelOf } from "./open-models.ts";

/** A token as the model takes it in. */
export type LessonToken = {
  readonly text: string;
  readonly id: number;
  /** Its row (D) of the embedding. */
  readonly features: Float32Array;
  /** How much the model was surprised by it, after those before it; the first has none before it. */
  readonly bits: number | undefined;
};

export type Lesson = {
  readonly tokens: readonly LessonToken[];
  /** Mean nats of the tokens that have some before them; NaN where there are none. */
  readonly loss: number;
  /** Every token's text, by its id. */
  readonly vocabulary: readonly string[];
  /**
   * How alike rows of the embedding are, by the cosine of the angle between them: the mean over letters and their capitals,
   * over pairs of vowels, over all pairs of small letters. NaN where there are no such characters.
   */
  readonly alike: { readonly capitals: number; readonly vowels: number; readonly letters: number };
  /** Of the token (V) that comes next. */
  readonly logits: Float32Array;
};

export const textLesson = {
  /** The file of an LSTM on the characters of a text, before any training. @throws InputError as `languageModel` */
  async untrained(text: string, units: number): Promise<Uint8Array<ArrayBuffer>> {
    return writeLanguageModel(languageModel(text, { units }));
  },

  /** Without a text the model reads a line's end. @throws ModelClosed */
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

  /** Some characters that could follow. @throws InputError as `generate`, ModelClosed */
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
