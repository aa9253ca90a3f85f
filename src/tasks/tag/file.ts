/** A tagger, and its file: the model, its labels, and what it reads. */
import { type ModelFile, readModel, writeModel } from "../../formats/model-file.ts";
import { FormatError, readSafetensorsArguments } from "../../formats/safetensors.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  checkValue,
  formatValue,
  isPlain,
  listOf,
  type Rule,
  someText,
} from "../../graph/schema.ts";
import { type Model, sequential } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { labelsOf, type Task, type TaskData, taskDataOf, trainingOptionsOf } from "../task.ts";
import { readTagInput, type TagInput, tokensOfInput, tokensPerWord } from "./input.ts";

/** A tagger: the model, its labels in the order of its scores, and what it reads. Plain data, the content of its file. */
export type Tagger = {
  /** Its layer "scores" gives a score for each label; a layer "crf" behind it is the loss that it is trained with. */
  readonly model: Model;
  readonly labels: readonly string[];
  readonly input: TagInput;
  /** The options of its training, by their names on the command line. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
};

/** The layer with the scores. */
export const scoresLayer = "scores";
/** Whether a tagger has a conditional random field over its scores. */
export const hasCrf = ({ layers }: Model): boolean => layers.some(({ name }) => name === "crf");

/** The model up to its scores, with the same values: what reads sentences. */
export function scoresModel({ model }: Tagger): Model {
  const last = model.layers.findIndex(({ name }) => name === scoresLayer);
  const part = sequential(model.layers.slice(0, last + 1));
  return {
    ...part,
    values: Object.fromEntries(part.parameters.map(({ name }) => [name, model.values[name] as Float32Array])),
  };
}

/** A tagger. */
export const aTagger: Rule = {
  expected: "a tagger, as tagger or readTagger makes it",
  accepts: (value) =>
    isPlain(value) &&
    isPlain(value.model) &&
    Array.isArray(value.labels) &&
    isPlain(value.input) &&
    Array.isArray(value.input.words),
  look(where, value) {
    const of = value as Tagger;
    checkValue(`${where}.model`, of.model, aModel);
    checkValue(`${where}.labels`, of.labels, listOf(someText, 1));
    checkValue(`${where}.input.words`, of.input.words, listOf(someText));
    const problem = misfit(of);
    if (problem !== undefined) throw new InputError(`${where}: ${problem}`);
  },
};

function misfit({ model, labels, input }: Tagger): string | undefined {
  const scores = model.layers.find(({ name }) => name === scoresLayer);
  const first = model.layers.find(({ kind }) => kind === "embedding");
  if (scores === undefined || first?.kind !== "embedding") return "its model is no tagger's";
  const outputs = model.parameters.find(({ name }) => name === `${scoresLayer}.b`)?.shape[0];
  if (outputs !== labels.length) return `it has ${labels.length} labels, and its model scores ${outputs}`;
  if (first.inputDim !== tokensOfInput(input)) {
    return `it reads ${tokensOfInput(input)} different tokens, and its model ${first.inputDim}`;
  }
  const strides = model.layers.find((layer) => layer.kind === "cell" && layer.strides !== undefined);
  const each = strides?.kind === "cell" ? (strides.strides as number) : 1;
  return each === tokensPerWord(input)
    ? undefined
    : `it has ${tokensPerWord(input)} tokens a word, and its model reads ${each}`;
}

export const writeTaggerArguments: Arguments = { of: aTagger };

/**
 * Encode a tagger as a .safetensors file: weights, equations, labels, words. `readTagger` returns the same.
 * @throws InputError for a tagger that does not fit its model
 * @example writeFileSync("names.safetensors", writeTagger(names));
 */
export function writeTagger(of: Tagger): Uint8Array<ArrayBuffer> {
  checkArguments("writeTagger", { of }, writeTaggerArguments);
  return writeModel(fileOf(of));
}

const fileOf = ({ model, labels, input, options }: Tagger): ModelFile => ({
  model,
  extra: { task: { kind: "tag", labels, input }, ...(options !== undefined && { options }) },
});

/**
 * Read a tagger from the bytes of its file.
 * @param bytes the content of a .safetensors file
 * @param file the name of the file, for messages. Default "model.safetensors"
 * @throws FormatError, one line, for a file that is damaged or not a tagger
 * @example const names = readTagger(readFileSync("names.safetensors"), "names.safetensors");
 */
export function readTagger(bytes: Uint8Array, file = "model.safetensors"): Tagger {
  checkArguments("readTagger", { bytes, file }, readSafetensorsArguments);
  const content = readModel(bytes, file);
  const data = taskDataOf(content, file);
  if (data.kind === taggerTask.kind) return readContent(content, data, file);
  throw new FormatError(`${file}: its task is ${formatValue(data.kind)}, and a tagger's is "tag".`);
}

/** The task of taggers: words in, a label for each out. Its data are the labels, and what the model reads. */
export const taggerTask: Task<Tagger> = {
  kind: "tag",
  title: "a tagger of words",
  read: readContent,
  write: fileOf,
  content: aTagger,
  serving: async () => (await import("./serving.ts")).serving,
};

function readContent(content: ModelFile, data: TaskData, file: string): Tagger {
  const labels = labelsOf(data, file, 1);
  const options = trainingOptionsOf(content, file);
  const of = { model: content.model, labels, input: readTagInput(data.input, file), options };
  const problem = misfit(of);
  if (problem !== undefined) throw new FormatError(`${file}: ${problem}. Train anew.`);
  return of;
}
