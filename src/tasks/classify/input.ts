/**
 * What a classifier reads, as data in its file: features of sound or columns of numbers, and how they are scaled. Turns a sequence
 * into the vectors that the model reads. Knows nothing about labels.
 */
import { resample } from "../../formats/resample.ts";
import { FormatError } from "../../formats/safetensors.ts";
import { InputError } from "../../graph/input-error.ts";
import { finiteNumber, isPlain, oneOf } from "../../graph/schema.ts";
import { checkedRows, isSound, isText, kindOf, nameOf, type Sequence } from "./examples.ts";
import { type AudioFeatures, completeFeatures, featureCount, rowsOfSound } from "./features.ts";
import { melFrequencies } from "./mel.ts";
import { checkVocabulary, countOfTokens, readText, type TextVocabulary } from "./text.ts";

/**
 * How features are scaled: to mean 0 and standard deviation 1, each by its values in the training examples ("training") or in the
 * sequence itself ("sequence", which needs all of it), or not at all.
 */
export type ScalingKind = "training" | "sequence" | "none";
/** How features are scaled, with the numbers that this takes. */
export type Scaling = {
  readonly kind: ScalingKind;
  /** Of "training": the mean and the standard deviation of each feature. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
};

/** What the model reads: features of sound, numbers by the names of their columns, or the tokens of a text, which are not scaled. */
export type ClassifierInput = { readonly scaling: Scaling } & (
  | { readonly kind: "audio"; readonly features: AudioFeatures }
  | { readonly kind: "numbers"; readonly columns: readonly string[] }
  | { readonly kind: "text"; readonly vocabulary: TextVocabulary }
);

/** What the model reads of a sequence: vectors, one a step, or the tokens of a text. */
export type Vectors = readonly Float32Array[] | Int32Array;

/** The numbers of a step, or the number of different tokens. */
export const widthOfInput = (input: ClassifierInput): number =>
  input.kind === "audio"
    ? featureCount(input.features)
    : input.kind === "text"
      ? countOfTokens(input.vocabulary)
      : input.columns.length;

/**
 * The features of a sequence, not scaled.
 * @throws InputError, with its name, for a sequence of another kind, an empty one, and for what is not a number
 */
export function featuresOf(input: ClassifierInput, one: Sequence, name: string): Float64Array[] {
  const other = (reads: string): InputError =>
    new InputError(`${name}: it is ${kindOf(one)}, and the model reads ${reads}`);
  if (input.kind === "text") throw isText(one) ? new InputError(`${name}: a text has no frames`) : other("texts");
  if (input.kind === "numbers") {
    if (isSound(one) || isText(one)) throw other(`${input.columns.length} numbers a step`);
    return checkedRows(one, input.columns.length, name);
  }
  if (!isSound(one)) throw other("sound");
  return rowsOfSound(soundAt(one, input.features, name), input.features);
}

/** @throws InputError for sound whose rate is too low for the highest mel band */
function checkRate(rate: number, features: AudioFeatures, name: string): void {
  const { melBands, lowHz, highHz, sampleRate } = features;
  const begins = melFrequencies(melBands + 2, lowHz, highHz).slice(0, -2);
  const beyond = begins.filter((hz) => hz >= rate / 2).length;
  if (rate >= sampleRate || beyond === 0) return;
  const least = Math.ceil(2 * (begins.at(-1) as number)) + 1;
  throw new InputError(
    `${name}: its ${rate} samples a second have no sound above ${rate / 2} Hz, where ${beyond} of the model's ${melBands} mel bands are. ` +
      `Give sound of at least ${least} Hz, or train a model at a sample rate of ${rate} Hz.`,
  );
}

/**
 * Samples at the rate of features.
 * @throws InputError for no samples, for one that is not a finite number, and for a rate that is too low for a mel band
 */
export function soundAt(
  one: { samples: ArrayLike<number>; sampleRate: number },
  features: AudioFeatures,
  name: string,
): ArrayLike<number> {
  const { samples, sampleRate } = one;
  if (samples.length === 0) throw new InputError(`${name}: it has no samples. Leave it out.`);
  for (let n = 0; n < samples.length; n++) {
    if (!Number.isFinite(samples[n]))
      throw new InputError(`${name}: sample ${n} must be a finite number, got ${samples[n]}`);
  }
  checkRate(sampleRate, features, name);
  return sampleRate === features.sampleRate ? samples : resample(samples, sampleRate, features.sampleRate);
}

/** The scaling of these features: "training" takes its numbers from them. */
export function scalingFor(kind: ScalingKind, all: readonly (readonly Float64Array[])[]): Scaling {
  if (kind !== "training") return { kind, mean: [], deviation: [] };
  return { kind, ...momentsOf(all.flat()) };
}

function momentsOf(rows: readonly Float64Array[]): { mean: number[]; deviation: number[] } {
  const width = rows[0]?.length ?? 0;
  const mean = Array.from(
    { length: width },
    (_, j) => rows.reduce((sum, row) => sum + (row[j] as number), 0) / rows.length,
  );
  const deviation = mean.map((m, j) => {
    const square = rows.reduce((sum, row) => sum + ((row[j] as number) - m) ** 2, 0) / rows.length;
    // A feature that never changes has nothing to say, and is left as 0.
    return Math.sqrt(square) > 1e-9 * Math.max(1, Math.abs(m)) ? Math.sqrt(square) : 1;
  });
  return { mean, deviation };
}

/**
 * Scaled features, as the model reads them.
 * @param name what messages call the sequence
 * @throws InputError for a number that is too large for 32 bits
 */
export function scaled(
  { kind, mean, deviation }: Scaling,
  rows: readonly Float64Array[],
  name: string,
): Float32Array<ArrayBuffer>[] {
  const by = kind === "training" ? { mean, deviation } : kind === "sequence" ? momentsOf(rows) : undefined;
  return rows.map((row, t) => {
    const own =
      by === undefined
        ? Float32Array.from(row)
        : Float32Array.from(row, (value, j) => (value - (by.mean[j] as number)) / (by.deviation[j] as number));
    const odd = own.findIndex((value) => !Number.isFinite(value));
    if (odd < 0) return own;
    throw new InputError(
      `${name}: row ${t}, column ${odd}: ${row[odd]} is too far from the numbers of the training. Correct it.`,
    );
  });
}

/** What the model reads of a sequence. */
export const vectorsOf = (input: ClassifierInput, one: Sequence, k: number): Vectors =>
  input.kind === "text" && isText(one)
    ? readText(input.vocabulary, one.text, nameOf(one, k)).ids
    : scaled(input.scaling, featuresOf(input, one, nameOf(one, k)), nameOf(one, k));

/** Check the input of a file. @throws FormatError, one line */
export function readInput(given: unknown, name: string): ClassifierInput {
  const wrong = (what: string): FormatError => new FormatError(`${name}: ${what}: the file is damaged. Train anew.`);
  if (!isPlain(given) || !isPlain(given.scaling)) throw wrong("it does not say what its model reads");
  const { kind, features, columns, vocabulary, scaling } = given;
  let input: ClassifierInput;
  if (kind === "audio" && isPlain(features)) {
    try {
      input = { kind, features: completeFeatures(features, name), scaling: scaling as Scaling };
    } catch (error) {
      throw error instanceof InputError ? wrong(error.message.slice(name.length + 2)) : error;
    }
  } else if (kind === "text") {
    try {
      input = { kind, vocabulary: checkVocabulary(vocabulary), scaling: scaling as Scaling };
    } catch (error) {
      throw error instanceof InputError ? wrong(error.message) : error;
    }
  } else if (kind === "numbers" && Array.isArray(columns) && columns.every((one) => typeof one === "string")) {
    input = { kind, columns: columns as string[], scaling: scaling as Scaling };
  } else throw wrong("it does not say what its model reads");
  const { mean, deviation } = input.scaling;
  const width = scaling.kind === "training" ? widthOfInput(input) : 0;
  const numbers = (list: unknown): boolean =>
    Array.isArray(list) && list.length === width && list.every(finiteNumber.accepts);
  if (!scalings.accepts(scaling.kind) || !numbers(mean) || !numbers(deviation) || deviation.includes(0)) {
    throw wrong("its scaling does not fit what its model reads");
  }
  return input;
}
export const scalings = oneOf("training", "sequence", "none");
