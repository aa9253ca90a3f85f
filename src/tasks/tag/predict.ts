/** The labels that a tagger gives to the words of sentences, and the entities that they mark. */
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { type Entity, entitiesOf, markEntities } from "../../formats/conll.ts";
import { type Arguments, alias, checkArguments, listOf, options as optionsOf, someText } from "../../graph/schema.ts";
import { viterbi } from "../../nn/crf.ts";
import { size } from "../../nn/layers.ts";
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
  const { batchSize = 32 } = options;
  const { labels, model } = of;
  const scores = scoresModel(of);
  const read = createTagReader(of.input);
  const tokens = sentences.map((words) => read(words));
  const buckets = Math.max(1, Math.min(8, Math.floor(sentences.length / batchSize)));
  const { data, shape } = await predict(scores, tokens, { ...hostOf(options), pad: "post", buckets, batchSize });
  const [, steps = 1, width = 1] = shape as readonly number[];
  const transitions = hasCrf(model)
    ? { T: model.values["crf.T"], start: model.values["crf.start"], end: model.values["crf.end"] }
    : undefined;
  return sentences.map((words, n) => {
    const rows = words.map((_, t) => data.subarray((n * steps + t) * width, (n * steps + t + 1) * width));
    const numbers =
      transitions === undefined
        ? rows.map((row) => row.indexOf(row.reduce((a, b) => Math.max(a, b))))
        : viterbi(rows, transitions as Parameters<typeof viterbi>[1]).labels;
    return numbers.map((k) => labels[k] as string);
  });
}
