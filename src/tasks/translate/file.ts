/** The file of a translator, and its kind of task. */
import { type ModelFile, readModel, type WeightType, weightTypes, writeModel } from "../../formats/model-file.ts";
import { FormatError, readSafetensorsArguments } from "../../formats/safetensors.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  checkOptions,
  formatValue,
  oneOf,
  options as optionsOf,
} from "../../graph/schema.ts";
import { checkTokenizer, type Tokenizer } from "../../text/tokenizer.ts";
import { type Task, type TaskData, taskDataOf, trainingOptionsOf } from "../task.ts";
import { aTranslator, longestRules, misfit, type Translator } from "./settings.ts";

/** Options of `writeTranslator`. */
export type WriteTranslatorOptions = {
  /** Type of the weights: "f32" (default); "f16" or "bf16", which take half the bytes; or "int8", which takes a quarter. */
  readonly dtype?: WeightType;
};
export const writeTranslatorArguments: Arguments = {
  of: aTranslator,
  options: optionsOf<WriteTranslatorOptions>({ dtype: oneOf(...weightTypes) }),
};

/**
 * Encode a translator as a .safetensors file: weights, equations, and both sides' tokens. `readTranslator` returns the same, except
 * for rounding to f16, bf16 or int8.
 * @param of the translator
 * @param options `dtype`: "f32" (default), "f16", "bf16" or "int8"
 * @returns the bytes of the file
 * @throws InputError for a translator that could not be read again
 * @example writeFileSync("reverse.safetensors", writeTranslator(reverse));
 */
export function writeTranslator(of: Translator, options: WriteTranslatorOptions = {}): Uint8Array<ArrayBuffer> {
  checkArguments("writeTranslator", { of, options }, writeTranslatorArguments);
  const content = fileOf(of);
  readContent(content, taskDataOf(content, "writeTranslator"), "writeTranslator");
  return writeModel(content, { dtype: options.dtype ?? "f32" });
}

export const fileOf = ({ model, source, target, sourceEnds, longest, options }: Translator): ModelFile => ({
  model,
  extra: {
    task: { kind: "translate", source, target, ...(sourceEnds && { sourceEnds }), longest },
    ...(options !== undefined && { options }),
  },
});

/**
 * Read a translator from the bytes of its file.
 * @param bytes the content of a .safetensors file
 * @param file the name of the file, for messages. Default "model.safetensors"
 * @throws FormatError, one line, for a file that is damaged or not a translator
 * @example const reverse = readTranslator(readFileSync("reverse.safetensors"), "reverse.safetensors");
 */
export function readTranslator(bytes: Uint8Array, file = "model.safetensors"): Translator {
  checkArguments("readTranslator", { bytes, file }, readSafetensorsArguments);
  const content = readModel(bytes, file);
  const data = taskDataOf(content, file);
  if (data.kind === translateTask.kind) return readContent(content, data, file);
  throw new FormatError(`${file}: its task is ${formatValue(data.kind)}, and a translator's is "translate".`);
}

/** The task of translators: a text in, another out. Its data are both sides' tokens. */
export const translateTask: Task<Translator> = {
  kind: "translate",
  title: "a translator",
  read: readContent,
  write: fileOf,
  content: aTranslator,
  serving: async () => (await import("./serving.ts")).serving,
};

function readContent(content: ModelFile, data: TaskData, file: string): Translator {
  const options = trainingOptionsOf(content, file);
  try {
    const [source, target] = [data.source, data.target].map((side): Tokenizer => checkTokenizer(side));
    checkOptions("its task: longest", data.longest, longestRules);
    const longest = data.longest as Translator["longest"];
    const { sourceEnds } = data;
    if (sourceEnds !== undefined && sourceEnds !== true) {
      throw new InputError(`its task: sourceEnds needs true, got ${formatValue(sourceEnds)}`);
    }
    const sides = { source: source as Tokenizer, target: target as Tokenizer };
    const of = { model: content.model, ...sides, ...(sourceEnds && ({ sourceEnds } as const)), longest };
    const problem = misfit(of);
    if (problem !== undefined) throw new InputError(problem);
    return { ...of, ...(options !== undefined && { options }) };
  } catch (error) {
    if (error instanceof InputError) throw new FormatError(`${file}: ${error.message}. Train anew.`);
    throw error;
  }
}
