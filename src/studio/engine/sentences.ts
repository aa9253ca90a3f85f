/** Translate sentences, label their words and classify them, for the Sentences view; and train small models that do. */
import type { TaggedSentence } from "../../formats/conll.ts";
import { namedValues } from "../../nn/inspection.ts";
import { explainText, type TextExplanation } from "../../tasks/classify/explain.ts";
import { writeClassifier } from "../../tasks/classify/file.ts";
import { unknownCharacters } from "../../tasks/generate.ts";
import { explainTag, type TagExplanation } from "../../tasks/tag/explain.ts";
import { writeTagger } from "../../tasks/tag/file.ts";
import { writeTranslator } from "../../tasks/translate/file.ts";
import { looks, type SeenTranslation, type TranslationStep, translateSteps } from "../../tasks/translate/predict.ts";
import { decoderLayer, type TextPair, type Translator } from "../../tasks/translate/settings.ts";
import { contentOf, type ModelHandle } from "./open-models.ts";
import type { LayerValue } from "./reading.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";

/** A translation, where the decoder looked for each of its tokens, and every line of the decoder's equations. */
export type Decoded = Omit<SeenTranslation, "values"> & {
  /** The characters that the model reads as unknown. */
  readonly unknown: readonly string[];
  /** For each token of the target the share of each of the source; undefined for a decoder that does not look. */
  readonly attention: readonly Float32Array[] | undefined;
  /** (T,size) each; none of those that have a number for each step of the source. */
  readonly values: readonly (LayerValue & { readonly data: Float32Array })[];
};
/** A training so far, 0 to 1, and its file. */
export type Done = { readonly done: number };
export type Trained = { readonly bytes: Uint8Array<ArrayBuffer> };

/** One thread: sentences are small. */
const host = { threads: 1 } as const;
const likeliest = 6;
/** Values of more numbers than these are not read: they are as many for each token. */
const maxNumbers = 4096;

export const sentences = {
  /** Yields what is kept after each token. @throws InputError for an empty text; ModelClosed */
  async *translateText(handle: ModelHandle, text: string, beams: number): Job<TranslationStep, Decoded> {
    const of = contentOf(handle, "translate");
    const shown = namedValues(of.model).filter(({ layer, size }) => layer === decoderLayer && size <= maxNumbers);
    const steps = translateSteps(of, text, { ...host, beams, likeliest, values: shown.map(({ key }) => key) });
    for (;;) {
      const { done, value } = await steps.next();
      if (done) return { ...decoded(of, value, shown), unknown: unknownCharacters({ tokenizer: of.source }, text) };
      yield value;
    }
  },

  /** @throws InputError for no words; ModelClosed */
  async explainTag(handle: ModelHandle, words: readonly string[], word: number): Promise<TagExplanation> {
    return explainTag(contentOf(handle, "tag"), words, Math.min(word, words.length - 1), host);
  },

  /** @throws InputError for a text without words; ModelClosed */
  async explainText(handle: ModelHandle, text: string): Promise<TextExplanation> {
    return explainText(contentOf(handle, "classify"), text, host);
  },

  /** Train a small translator. "finish" ends the training with the best values so far, as of the following. */
  async *trainOnPairs(pairs: readonly TextPair[]): Job<Done, Trained> {
    const { translator } = await import("../../tasks/translate/create.ts");
    const { trainTranslator } = await import("../../tasks/translate/train.ts");
    const of = translator(pairs, { units: 64, embedding: 16, seed: 1 });
    yield* reportsOf<Done, unknown>((report, signal) =>
      trainTranslator(of, pairs, {
        ...{ ...host, epochs: 12, batchSize: 32, learningRate: 0.008, validation: 0.05, seed: 1, signal },
        onEpoch: ({ epoch, epochs }) => report({ done: epoch / epochs }),
      }),
    );
    return { bytes: writeTranslator(of) };
  },

  async *trainOnTagged(tagged: readonly TaggedSentence[]): Job<Done, Trained> {
    const { tagger } = await import("../../tasks/tag/create.ts");
    const { trainTagger } = await import("../../tasks/tag/train.ts");
    const of = tagger(tagged, { input: "words", units: 16, embedding: 12, seed: 1 });
    yield* reportsOf<Done, unknown>((report, signal) =>
      trainTagger(of, tagged, {
        ...{ ...host, epochs: 6, batchSize: 16, learningRate: 0.01, wordDropout: 0.02, seed: 1, signal },
        onEpoch: ({ epoch, epochs }) => report({ done: epoch / epochs }),
      }),
    );
    return { bytes: writeTagger(of) };
  },

  async *trainOnTexts(texts: readonly { readonly text: string; readonly label: string }[]): Job<Done, Trained> {
    const { classifier } = await import("../../tasks/classify/create.ts");
    const { trainClassifier } = await import("../../tasks/classify/train.ts");
    const of = classifier(texts, { units: 16, embedding: 12, minCount: 1, seed: 1 });
    yield* reportsOf<Done, unknown>((report, signal) =>
      trainClassifier(of, texts, {
        ...{ ...host, epochs: 4, batchSize: 16, learningRate: 0.01, labelSmoothing: 0.05, seed: 1, signal },
        onEpoch: ({ epoch, epochs }) => report({ done: epoch / epochs }),
      }),
    );
    return { bytes: writeClassifier(of) };
  },
};

function decoded(
  of: Translator,
  { values, ...said }: SeenTranslation,
  shown: ReturnType<typeof namedValues>,
): Omit<Decoded, "unknown"> {
  const attentionKey = `${decoderLayer}.attention`;
  const shares = looks(of) ? values[attentionKey]?.map((row) => row.slice(0, said.source.length)) : undefined;
  return {
    ...said,
    attention: shares,
    values: shown.flatMap(({ key, layer, name, size, gate, description }) => {
      const rows = values[key] as readonly Float32Array[];
      // The sizes that are listed are those for another number of steps.
      if (rows[0]?.length !== size) return [];
      const data = new Float32Array(rows.length * size);
      rows.forEach((row, t) => {
        data.set(row, t * size);
      });
      return { key, layer, name, size, gate, description, data };
    }),
  };
}
