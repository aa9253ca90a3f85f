/** What a classifier says of sequences: a class and the probability of each, for the whole or after every frame. */
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, alias, checkArguments, flag, options as optionsOf } from "../../graph/schema.ts";
import { size } from "../../nn/layers.ts";
import { createSession } from "../../nn/session.ts";
import { predict } from "../../train/predict.ts";
import { type Sequence, someSequences } from "./examples.ts";
import { aClassifier, type Classifier } from "./file.ts";
import { type Vectors, vectorsOf } from "./input.ts";

/** What is said of a sequence. */
export type Classification = {
  readonly name?: string | undefined;
  /** The likeliest class. */
  readonly label: string;
  readonly probability: number;
  /** By class, in the order of the labels. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** With `frames`: the probabilities after each frame, from all frames so far, in the order of the labels. */
  readonly frames?: readonly Float32Array[];
};

/** Options of `classify`; also the host's. */
export type ClassifyOptions = InferenceOptions & {
  /** Whether to give the probabilities after each frame too. Needs a model of one direction. Default false. */
  readonly frames?: boolean;
  /** Sequences per batch. Default 32. */
  readonly batchSize?: number;
};
export const classifyArguments: Arguments = {
  of: aClassifier,
  sequences: someSequences,
  options: optionsOf<ClassifyOptions>({ ...inferenceRules, frames: flag, batchSize: alias(size, "batch") }),
};

/**
 * Classify sequences: sound at any rate, or rows of numbers, of any length.
 * @param of the classifier
 * @param sequences `{ samples, sampleRate }` or `{ rows }`, with a `name` for messages
 * @param options `frames` (default false): also the probabilities after each frame; `batchSize` (32); the host's options
 * @returns for each sequence its `label`, `probability`, `probabilities` by label and, if asked for, `frames`
 * @throws InputError, with the sequence's name, for what the model does not read; for `frames` of a model that is bidirectional
 * @example const [{ label, probability }] = await classify(digits, [{ samples, sampleRate: 8000 }]);
 */
export async function classify(
  of: Classifier,
  sequences: readonly Sequence[],
  options: ClassifyOptions = {},
): Promise<Classification[]> {
  checkArguments("classify", { of, sequences, options }, classifyArguments);
  checkForwards(of, options.frames === true, "classify: frames");
  const vectors = sequences.map((one, k) => vectorsOf(of.input, one, k));
  const rows = await probabilitiesOf(of, vectors, options);
  const frames = options.frames === true ? await framesOf(of, vectors, options) : undefined;
  return rows.map((row, k) => ({
    ...(sequences[k]?.name !== undefined && { name: sequences[k].name }),
    ...classificationOf(of.labels, row),
    ...(frames && { frames: frames[k] as Float32Array[] }),
  }));
}

/** @throws InputError for a bidirectional model where frames are read one by one */
export function checkForwards({ model, input }: Classifier, wanted: boolean, where: string): void {
  if (!wanted) return;
  if (model.layers.some(({ kind }) => kind === "bidirectional")) {
    throw new InputError(
      `${where}: the model is bidirectional: it reads whole sequences. Train one with bidirectional: false.`,
    );
  }
  if (input.kind === "text") throw new InputError(`${where}: the model reads whole texts.`);
  if (input.scaling.kind === "sequence") {
    throw new InputError(
      `${where}: the model scales each sequence by itself, so it reads whole ones. Train one with scaling: "training".`,
    );
  }
}

/** The likeliest class of probabilities. */
export function classificationOf(
  labels: readonly string[],
  row: ArrayLike<number>,
): Pick<Classification, "label" | "probability" | "probabilities"> {
  let best = 0;
  for (let j = 1; j < row.length; j++) if ((row[j] as number) > (row[best] as number)) best = j;
  return {
    label: labels[best] as string,
    probability: row[best] as number,
    probabilities: Object.fromEntries(labels.map((label, j) => [label, row[j] as number])),
  };
}

/** The probabilities of each sequence of vectors. */
export async function probabilitiesOf(
  { model, labels }: Classifier,
  vectors: readonly Vectors[],
  options: ClassifyOptions = {},
): Promise<Float32Array[]> {
  const { batchSize = 32 } = options;
  const buckets = Math.max(1, Math.min(8, Math.floor(vectors.length / batchSize)));
  const how = { ...hostOf(options), activation: "softmax", pad: "post", buckets, batchSize } as const;
  const { data } = await predict(model, vectors, how);
  return vectors.map((_, k) => data.slice(k * labels.length, (k + 1) * labels.length));
}

async function framesOf(
  { model }: Classifier,
  vectors: readonly Vectors[],
  options: ClassifyOptions,
): Promise<Float32Array[][]> {
  const session = await createSession(model, hostOf(options));
  try {
    return vectors.map((rows) => {
      session.reset();
      // Texts have no frames.
      return (rows as readonly Float32Array[]).map((row) => softmax(session.next(row)));
    });
  } finally {
    session.dispose();
  }
}

/** Probabilities of logits. */
export function softmax(logits: Float32Array): Float32Array {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const powers = logits.map((one) => Math.exp(one - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((one) => one / sum);
}
