/** How much the label of a word depends on each word of its sentence. */
import type { HostOptions, InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  listOf,
  options as optionsOf,
  someText,
  wholeNumber,
} from "../../graph/schema.ts";
import { marginals } from "../../nn/crf.ts";
import { outputSaliency } from "../../nn/saliency.ts";
import { softmax } from "../classify/predict.ts";
import { aTagger, scoresModel, type Tagger } from "./file.ts";
import { createTagReader, tokensPerWord } from "./input.ts";
import { labelsBy, scoresOf, transitionsOf } from "./predict.ts";

/** The label of a word, and what each word of the sentence did for it. */
export type TagExplanation = {
  readonly label: string;
  readonly probability: number;
  /** Of each label that the word could have, given all of the sentence. */
  readonly probabilities: Readonly<Record<string, number>>;
  /**
   * Of each word: its own label with its probability; and the gradient of the explained label's log-probability times what is read of
   * this word, in nats (positive where it speaks for the label), and the gradient's norm.
   */
  readonly tokens: readonly {
    readonly token: string;
    readonly label: string;
    readonly probability: number;
    readonly saliency: number;
    readonly norm: number;
  }[];
};

export const explainTagArguments: Arguments = {
  of: aTagger,
  sentence: listOf(someText, 1),
  word: wholeNumber(0),
  options: optionsOf<InferenceOptions>(inferenceRules),
};

/**
 * Label the words of a sentence, and tell how much one of the labels depends on each word, by the gradient of its log-probability. With
 * a conditional random field that is over all labels that the other words could have. J. Li et al., "Visualizing and understanding
 * neural models in NLP", 2016.
 * @param of the tagger
 * @param sentence its words
 * @param word the word whose label is explained, from 0 on
 * @param options the host's options
 * @returns `label`, `probability`, `probabilities`, and of each word its label and its `saliency` in nats and the gradient's `norm`
 * @throws InputError for a sentence without words, and a word that it has not
 * @example const { label, tokens } = await explainTag(names, ["Anna", "lives", "in", "Rome"], 3);
 */
export async function explainTag(
  of: Tagger,
  sentence: readonly string[],
  word: number,
  options: InferenceOptions = {},
): Promise<TagExplanation> {
  checkArguments("explainTag", { of, sentence, word, options }, explainTagArguments);
  if (word >= sentence.length) {
    throw new InputError(`explainTag: word: there is none at ${word}, the sentence has ${sentence.length}, from 0 on`);
  }
  const [rows = []] = await scoresOf(of, [sentence], options);
  const labels = labelsBy(of, rows);
  const numberOf = (t: number): number => of.labels.indexOf(labels[t] as string);
  const transitions = transitionsOf(of.model);
  const probabilities = transitions === undefined ? rows.map(softmax) : marginals(rows, transitions);
  // With the word's label given: by both, the derivative of its log-probability by the scores.
  const ruled = rows.map((row, t) =>
    t === word ? row.map((score, k) => (k === numberOf(word) ? score : Number.NEGATIVE_INFINITY)) : row,
  );
  const given = transitions === undefined ? ruled.map(softmax) : marginals(ruled, transitions);
  const weights = Float32Array.from(
    given.flatMap((row, t) => Array.from(row, (one, k) => one - (probabilities[t]?.[k] as number))),
  );
  const host: HostOptions = hostOf(options);
  const { gradients, products } = await outputSaliency(
    scoresModel(of),
    createTagReader(of.input)(sentence),
    weights,
    host,
  );
  // A word is several tokens: its own, and those of its characters or byte pairs.
  const each = tokensPerWord(of.input);
  const ofWord = <One>(all: ArrayLike<One>, t: number): One[] => Array.from(all).slice(t * each, (t + 1) * each);
  const sureOf = (t: number): number => probabilities[t]?.[numberOf(t)] as number;
  return {
    label: labels[word] as string,
    probability: sureOf(word),
    probabilities: Object.fromEntries(of.labels.map((label, k) => [label, probabilities[word]?.[k] as number])),
    tokens: sentence.map((token, t) => ({
      ...{ token, label: labels[t] as string, probability: sureOf(t) },
      saliency: ofWord(products, t).reduce((sum, one) => sum + one, 0),
      norm: Math.hypot(...ofWord(gradients, t).flatMap((gradient) => Array.from(gradient))),
    })),
  };
}
