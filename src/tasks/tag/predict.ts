/** The labels that a tagger gives to the words of sentences, and the entities that they mark. */
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { type Entity, entitiesOf, markEntities } from "../../formats/conll.ts";
import { type Arguments, alias, checkArguments, listOf, options as optionsOf, someText } from "../../graph/schema.ts";
import { type Transitions, viterbi } from "../../nn/crf.ts";
import { size } from "../../nn/layers.ts";
import type { Model } from "../../nn/model.ts";
import { predict } from "../../train/predict.ts";
import { checkSentences } from "./create.ts";
import { aTagger, hasCrf, scoresModel, type Tagger } from "./file.ts";
import { createTagReader } from "./input.ts";

/** What a tagger says of a sentence. */
export type Tagged = {
  readonly tokens: readonly string[];
  /** A label for each token. */
  readonly labels: readonly string[];
  /** What the labels mark; none where they mark no entities, as those of parts of speech. */
  readonly entities: readonly Entity[];
};

/** Options of `tag`; also the host's. */
export type TagOptions = InferenceOptions & {
  /** Sentences per batch. Default 32. */
  readonly batchSize?: number;
};
const optionRules = optionsOf<TagOptions>({ ...inferenceRules, batchSize: alias(size, "batch") });
export const tagArguments: Arguments = { of: aTagger, sentences: listOf(listOf(someText)), options: optionRules };

/**
 * Label the words of sentences. With a conditional random field the likeliest labels of the whole sentence (Viterbi), else the likeliest
 * of each word.
 * @param of the tagger
 * @param sentences the words of each sentence
 * @param options `batchSize` (32); the host's options
 * @throws InputError for a sentence without words
 * @example const [{ labels }] = await tag(names, [["Anna", "lives", "in", "Rome"]]);
 */
export async function tag(
  of: Tagger,
  sentences: readonly (readonly string[])[],
  options: TagOptions = {},
): Promise<Tagged[]> {
  checkArguments("tag", { of, sentences, options }, tagArguments);
  checkSentences(sentences.map((tokens) => ({ tokens })));
  const labels = await labelsOf(of, sentences, options);
  const marks = markEntities(of.labels);
  return sentences.map((tokens, n) => ({
    tokens: [...tokens],
    labels: labels[n] as string[],
    entities: marks ? entitiesOf(labels[n] as string[]) : [],
  }));
}

/** The labels of each sentence. */
export async function labelsOf(
  of: Tagger,
  sentences: readonly (readonly string[])[],
  options: TagOptions = {},
): Promise<string[][]> {
  return (await scoresOf(of, sentences, options)).map((rows) => labelsBy(of, rows));
}

/** For each sentence, the scores of the labels of each word. */
export async function scoresOf(
  of: Tagger,
  sentences: readonly (readonly string[])[],
  options: TagOptions = {},
): Promise<Float32Array[][]> {
  const { batchSize = 32 } = options;
  const read = createTagReader(of.input);
  const tokens = sentences.map((words) => read(words));
  const buckets = Math.max(1, Math.min(8, Math.floor(sentences.length / batchSize)));
  const how = { ...hostOf(options), pad: "post", buckets, batchSize } as const;
  const { data, shape } = await predict(scoresModel(of), tokens, how);
  const [, steps = 1, width = 1] = shape as readonly number[];
  return sentences.map((words, n) =>
    words.map((_, t) => data.subarray((n * steps + t) * width, (n * steps + t + 1) * width)),
  );
}

/** The labels of a sentence with these scores. */
export function labelsBy({ labels, model }: Tagger, rows: readonly Float32Array[]): string[] {
  const transitions = transitionsOf(model);
  const numbers =
    transitions === undefined
      ? rows.map((row) => row.indexOf(row.reduce((a, b) => Math.max(a, b))))
      : viterbi(rows, transitions).labels;
  return numbers.map((k) => labels[k] as string);
}

/** What a tagger with a conditional random field has learned of labels that follow each other. */
export const transitionsOf = (model: Model): Transitions | undefined =>
  hasCrf(model)
    ? ({ T: model.values["crf.T"], start: model.values["crf.start"], end: model.values["crf.end"] } as Transitions)
    : undefined;
