/** A classifier, and its file: the model, its labels, and what it reads. */
import { type ModelFile, readModel, type WeightType, weightTypes, writeModel } from "../../formats/model-file.ts";
import { FormatError, readSafetensorsArguments } from "../../formats/safetensors.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  checkValue,
  formatValue,
  isPlain,
  listOf,
  oneOf,
  options as optionsOf,
  type Rule,
  someText,
  wholeNumber,
} from "../../graph/schema.ts";
import type { Model } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { labelsOf, type Task, type TaskData, taskDataOf, trainingOptionsOf } from "../task.ts";
import { type ClassifierInput, readInput, widthOfInput } from "./input.ts";

/** A classifier: the model, its classes in the order of its outputs, and what it reads. Plain data, the content of its file. */
export type Classifier = {
  readonly model: Model;
  readonly labels: readonly string[];
  readonly input: ClassifierInput;
  /** The steps (frames, rows) of an example that it was made for: the median. */
  readonly steps: number;
  /** The options of its training, by their names on the command line. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
};

/** A classifier. */
export const aClassifier: Rule = {
  expected: "a classifier, as classifier or readClassifier makes it",
  // A tagger has a model, labels and an input too; a classifier's says what kind it is.
  accepts: (value) =>
    isPlain(value) &&
    isPlain(value.model) &&
    Array.isArray(value.labels) &&
    isPlain(value.input) &&
    typeof value.input.kind === "string",
  look(where, value) {
    const { model, labels, input, steps } = value as Classifier;
    checkValue(`${where}.model`, model, aModel);
    checkValue(`${where}.labels`, labels, listOf(someText, 2));
    checkValue(`${where}.steps`, steps, aStepCount);
    checkValue(`${where}.input.kind`, input.kind, oneOf("audio", "numbers", "text"));
    const problem = misfit(model, labels, input);
    if (problem !== undefined) throw new InputError(`${where}: ${problem}`);
  },
};

const aStepCount = wholeNumber(1);

function misfit(model: Model, labels: readonly string[], input: ClassifierInput): string | undefined {
  if (model.outputSize !== labels.length || model.returnsSequences) {
    return `it has ${labels.length} labels, and its model gives ${model.outputSize} numbers${model.returnsSequences ? " a step" : ""}`;
  }
  const width = widthOfInput(input);
  if (input.kind === "text") {
    const tokens = model.inputs[0]?.count;
    return tokens === width ? undefined : `it reads ${width} different tokens, and its model ${tokens ?? "none"}`;
  }
  return model.input === width ? undefined : `it reads ${width} numbers a step, and its model ${model.input}`;
}

/** Options of `writeClassifier`. */
export type WriteClassifierOptions = {
  /** Type of the weights: "f32" (default); "f16" or "bf16", which take half the bytes; or "int8", which takes a quarter. */
  readonly dtype?: WeightType;
};
export const writeClassifierArguments: Arguments = {
  of: aClassifier,
  options: optionsOf<WriteClassifierOptions>({ dtype: oneOf(...weightTypes) }),
};

/**
 * Encode a classifier as a .safetensors file: weights, equations, labels, features and their scaling. `readClassifier` returns the
 * same, except for rounding to f16, bf16 or int8.
 * @param of the classifier
 * @param options `dtype`: "f32" (default), "f16", "bf16" or "int8"
 * @returns the bytes of the file
 * @throws InputError for a classifier that does not fit its model
 * @example writeFileSync("digits.safetensors", writeClassifier(digits));
 */
export function writeClassifier(of: Classifier, options: WriteClassifierOptions = {}): Uint8Array<ArrayBuffer> {
  checkArguments("writeClassifier", { of, options }, writeClassifierArguments);
  return writeModel(fileOf(of), { dtype: options.dtype ?? "f32" });
}

const fileOf = ({ model, labels, input, steps, options }: Classifier): ModelFile => ({
  model,
  extra: { task: { kind: "classify", labels, input, steps }, ...(options !== undefined && { options }) },
});

/**
 * Read a classifier from the bytes of its file.
 * @param bytes the content of a .safetensors file
 * @param file the name of the file, for messages. Default "model.safetensors"
 * @throws FormatError, one line, for a file that is damaged or not a classifier
 * @example const digits = readClassifier(readFileSync("digits.safetensors"), "digits.safetensors");
 */
export function readClassifier(bytes: Uint8Array, file = "model.safetensors"): Classifier {
  checkArguments("readClassifier", { bytes, file }, readSafetensorsArguments);
  const content = readModel(bytes, file);
  const data = taskDataOf(content, file);
  if (data.kind === classifyTask.kind) return readContent(content, data, file);
  throw new FormatError(`${file}: its task is ${formatValue(data.kind)}, and a classifier's is "classify".`);
}

/** The task of classifiers: a sequence in, a label out. Its data are the labels, and what the model reads. */
export const classifyTask: Task<Classifier> = {
  kind: "classify",
  title: "a classifier of sequences",
  read: readContent,
  write: fileOf,
  content: aClassifier,
  reads: ({ input }) => input.kind,
  serving: async () => (await import("./serving.ts")).serving,
};

function readContent(content: ModelFile, data: TaskData, file: string): Classifier {
  const { model } = content;
  const { steps } = data;
  const labels = labelsOf(data, file, 2);
  const options = trainingOptionsOf(content, file);
  if (!aStepCount.accepts(steps)) {
    throw new FormatError(`${file}: it does not say how long its examples were: the file is damaged. Train anew.`);
  }
  const input = readInput(data.input, file);
  const problem = misfit(model, labels, input);
  if (problem !== undefined) throw new FormatError(`${file}: ${problem}. Train anew.`);
  return { model, labels, input, steps: steps as number, options };
}
