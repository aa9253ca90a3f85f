/** Measure a tagger on sentences: the share of words labelled right, and precision, recall and F1 of entities. */
import {
  type EntityMeasures,
  markEntities,
  measureEntities,
  type TaggedSentence,
  type TypeMeasures,
} from "../../formats/conll.ts";
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments } from "../../graph/schema.ts";
import { checkSentences, taggedSentences } from "./create.ts";
import { aTagger, type Tagger } from "./file.ts";
import { labelsOf, type TagOptions, tagArguments } from "./predict.ts";

/** How well a tagger does. */
export type TaggerEvaluation = {
  readonly sentences: number;
  readonly words: number;
  /** The share of words with the right label. */
  readonly accuracy: number;
  /** Entities, where the labels mark such (B-PER): over all types, and of each. */
  readonly entities?: (EntityMeasures & { readonly types: readonly TypeMeasures[] }) | undefined;
};

const { options: optionRules } = tagArguments as { options: Arguments[string] };
export const evaluateTaggerArguments: Arguments = { of: aTagger, sentences: taggedSentences, options: optionRules };

/**
 * Measure a tagger on sentences.
 * @param of the tagger
 * @param sentences sentences with labels, as `parseConll` gives them
 * @param options `batchSize` (32); the host's options
 * @returns the share of words labelled right and, for labels like B-PER, precision, recall and F1 as conlleval counts them
 * @throws InputError, with file and line, for a label that the tagger does not have
 * @example const { entities } = await evaluateTagger(names, parseConll(readFileSync("test.conll")));
 */
export async function evaluateTagger(
  of: Tagger,
  sentences: readonly TaggedSentence[],
  options: TagOptions = {},
): Promise<TaggerEvaluation> {
  checkArguments("evaluateTagger", { of, sentences, options }, evaluateTaggerArguments);
  targetsOf(of, sentences);
  const words = sentences.map(({ tokens }) => tokens);
  return measuresOf(of, sentences, await labelsOf(of, words, options));
}

function measuresOf(
  of: Tagger,
  sentences: readonly TaggedSentence[],
  said: readonly (readonly string[])[],
): TaggerEvaluation {
  const right = sentences.map(({ labels }) => labels);
  const words = right.reduce((sum, labels) => sum + labels.length, 0);
  const same = right.reduce((sum, labels, n) => sum + labels.filter((label, t) => label === said[n]?.[t]).length, 0);
  return {
    sentences: sentences.length,
    words,
    accuracy: same / words,
    ...(markEntities(of.labels) && { entities: measureEntities(right, said) }),
  };
}

/**
 * The numbers of the labels of each sentence.
 * @throws InputError, with its place, for a label that the tagger does not have, and for a sentence without words
 */
export function targetsOf({ labels }: Tagger, sentences: readonly TaggedSentence[]): Int32Array[] {
  checkSentences(sentences);
  const ids = new Map(labels.map((label, k) => [label, k]));
  return sentences.map(({ labels: own, name = "", lines }, n) =>
    Int32Array.from(own, (label, t) => {
      const id = ids.get(label);
      if (id !== undefined) return id;
      const file = name.replace(/: line \d+$/, "");
      const where = lines === undefined ? `${name || `sentence ${n}`}, word ${t}` : `${file}: line ${lines[t]}`;
      const known = labels.length <= 20 ? labels.join(", ") : `${labels.slice(0, 20).join(", ")}, ...`;
      throw new InputError(
        `${where}: the label ${JSON.stringify(label)} was never seen in training; the model knows ${known}. Correct it, or train anew.`,
      );
    }),
  );
}
