/** The file of a language model: what it holds, written and read. */
import { type ModelFile, readModel, type WeightType, weightTypes, writeModel } from "../../formats/model-file.ts";
import { FormatError, readSafetensorsArguments } from "../../formats/safetensors.ts";
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments, flag, formatValue, oneOf, options as optionsOf } from "../../graph/schema.ts";
import type { Model } from "../../nn/model.ts";
import { checkTokenizer, type Tokenizer, vocabularySize } from "../../text/tokenizer.ts";
import type { TrainerState } from "../../train/trainer.ts";
import { aLanguageModel, windowRule } from "../checks.ts";
import { type Task, type TaskData, taskDataOf, trainingOptionsOf } from "../task.ts";

/** A language model: the model, its tokenizer, and the state to resume its training from. Plain data, the content of its file. */
export type LanguageModel = {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /**
   * Of a model with one output for a whole sequence: it predicts each token from the last so many alone, read from the beginning. Where
   * there are fewer, token 0 stands before them. Without it, a model predicts at every step, from all tokens before.
   */
  readonly window?: number | undefined;
  /** The state of its training, for the option `resume`. */
  readonly training?: TrainerState | undefined;
  /** The name of the optimiser of that state. */
  readonly optimizer?: string | undefined;
  /** The options of its training, by their names on the command line. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
};

/** Options of `writeLanguageModel`. */
export type WriteOptions = {
  /** Whether to write the state of training, which with Adam is twice the size of the weights. Default true for "f32", else false. */
  readonly training?: boolean;
  /** Type of the weights: "f32" (default); "f16" or "bf16", which take half the bytes; or "int8", which takes a quarter. They are read as f32. */
  readonly dtype?: WeightType;
};
export const writeLanguageModelArguments: Arguments = {
  lm: aLanguageModel,
  options: optionsOf<WriteOptions>({ training: flag, dtype: oneOf(...weightTypes) }),
};

/**
 * Encode a language model as a .safetensors file: weights, equations, tokenizer and, by default, the state of training.
 * `readLanguageModel` returns the same model, except for rounding to f16, bf16 or int8.
 * @param lm the language model
 * @param options `training`: whether to write the state of training; `dtype`: "f32" (default), "f16", "bf16" or "int8"
 * @returns the bytes of the file
 * @throws InputError for a model that could not be read again, and for a weight too large for f16; for int8 with the state of training
 * @example writeFileSync("model.safetensors", writeLanguageModel(lm));
 * @example writeFileSync("small.safetensors", writeLanguageModel(lm, { training: false, dtype: "f16" }));
 */
export function writeLanguageModel(lm: LanguageModel, options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
  checkArguments("writeLanguageModel", { lm, options }, writeLanguageModelArguments);
  const { dtype = "f32", training = dtype === "f32" } = options;
  const { model, tokenizer, window } = lm;
  const content = fileOf(training ? lm : { model, tokenizer, window });
  readContent(content, taskDataOf(content, "writeLanguageModel"), "writeLanguageModel");
  return writeModel(content, { dtype });
}

/** The content of a language model's file. */
export const fileOf = ({ model, tokenizer, window, training, optimizer, options }: LanguageModel): ModelFile => ({
  model,
  training,
  extra: {
    task: { kind: "text", tokenizer, ...(window !== undefined && { window }) },
    ...(optimizer !== undefined && { optimizer }),
    ...(options !== undefined && { options }),
  },
});

/**
 * Read a language model from the bytes of its file.
 * @param bytes the content of a .safetensors file
 * @param file the name of the file, for messages. Default "model.safetensors"
 * @throws FormatError, one line, for a file that is damaged or not a language model
 * @example const lm = readLanguageModel(readFileSync("model.safetensors"), "model.safetensors");
 */
export function readLanguageModel(bytes: Uint8Array, file = "model.safetensors"): LanguageModel {
  checkArguments("readLanguageModel", { bytes, file }, readSafetensorsArguments);
  const content = readModel(bytes, file);
  const data = taskDataOf(content, file);
  if (data.kind === textTask.kind) return readContent(content, data, file);
  throw new FormatError(`${file}: its task is ${formatValue(data.kind)}, and a language model's is "text".`);
}

/** The task of language models: text in, text out. Its data are the tokenizer. */
export const textTask: Task<LanguageModel> = {
  kind: "text",
  title: "a language model",
  read: readContent,
  write: fileOf,
  content: aLanguageModel,
};

/** Check the content of a file, and make a language model of it. */
function readContent(content: ModelFile, data: TaskData, file: string): LanguageModel {
  const { model, training, extra } = content;
  if (data.tokenizer === undefined) {
    throw new FormatError(`${file}: it is a model of text without a tokenizer: the file is damaged. Train anew.`);
  }
  let tokenizer: Tokenizer;
  try {
    tokenizer = checkTokenizer(data.tokenizer);
  } catch (error) {
    if (error instanceof InputError) throw new FormatError(`${file}: ${error.message}`);
    throw error;
  }
  const { optimizer } = extra;
  if (optimizer !== undefined && typeof optimizer !== "string") {
    throw new FormatError(`${file}: the name of its optimiser is not a string: the file is damaged. Train anew.`);
  }
  const options = trainingOptionsOf(content, file);
  const size = vocabularySize(tokenizer);
  if (size < 2) throw new FormatError(`${file}: its tokenizer has no token to generate. Train anew.`);
  const [first] = model.layers;
  if (model.outputSize !== size || first?.kind !== "embedding" || first.inputDim !== size) {
    throw new FormatError(`${file}: its tokenizer has ${size} tokens, its layers another number. Train anew.`);
  }
  const { window } = data;
  if (window !== undefined && !windowRule.accepts(window)) {
    throw new FormatError(`${file}: its window is ${formatValue(window)}, no number of tokens: the file is damaged.`);
  }
  if (window !== undefined && model.returnsSequences) {
    throw new FormatError(`${file}: it has a window, and an output at every step: the file is damaged.`);
  }
  return { model, training, tokenizer, optimizer, options, ...(window !== undefined && { window: window as number }) };
}
