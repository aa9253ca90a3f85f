/** A model file of any kind, opened: one of ours by its task, one of another program as text where its tokens are known. */
import type { ImportedModel, ModelSource } from "../formats/imported.ts";
import { isModelFile, type ModelFile, readModel } from "../formats/model-file.ts";
import { someBytes } from "../formats/safetensors.ts";
import type { Vocabulary } from "../formats/vocabulary.ts";
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  anything,
  callable,
  checkArguments,
  options as optionsOf,
  required,
  someText,
} from "../graph/schema.ts";
import type { Model } from "../nn/model.ts";
import { windowRule } from "./checks.ts";
import type { Contents } from "./index.ts";
import { fileOf } from "./language-model/file.ts";
import { languageModelFrom, vocabularyRule } from "./language-model/from-model.ts";
import { hasTask } from "./task.ts";

/** A file, and what a file of another program does not say. */
export type AnyModelSource = ModelSource & {
  /** Of a model of text: the token of each of its numbers, as `readVocabulary` gives them. */
  readonly vocabulary?: Vocabulary | undefined;
  /** Of a model of text with one output for a sequence: how many tokens it reads. By default what its file says; else it is needed. */
  readonly window?: number | undefined;
  /** Of a model with several outputs: the name of one. By default the first. */
  readonly output?: string | undefined;
};

/** A model file that was read. */
export type ReadModelFile = {
  /** What wrote it: "Unrolled", "Keras 3.16.0". */
  readonly source: string;
  /** What a reader of the file might not expect, a line each. */
  readonly notes: readonly string[];
  /** Of a model with several outputs: which. */
  readonly output?: string;
  /** As a file of ours. Without a task where nothing says what it is for. */
  readonly file: ModelFile;
};

/** A model that was opened: of a task with its content, of none alone. */
export type OpenedModel = Omit<ReadModelFile, "file"> & {
  readonly model: Model;
} & (
    | { readonly [Kind in keyof Contents]: { readonly task: Kind; readonly content: Contents[Kind] } }[keyof Contents]
    | { readonly task?: undefined; readonly content?: undefined }
  );

/** The source of a file of ours. @internal */
export const ours = "Unrolled";

/** @internal */
export const openModelArguments: Arguments = {
  source: optionsOf<AnyModelSource>({
    bytes: required(someBytes),
    name: required(someText),
    beside: callable,
    mapping: anything,
    vocabulary: vocabularyRule,
    window: windowRule,
    output: someText,
  }),
};

/**
 * Open a model file of any kind, by its content: one of ours of any task; or one of Keras, PyTorch, ONNX or TensorFlow.js (see
 * `importModel`), which is a language model where there is a `vocabulary`, given or in the file.
 * @param source `bytes`; `name`, for messages; `beside`, which gives the bytes of another file of the same folder; of other programs'
 *   files `mapping`, `vocabulary`, `window`, `output`
 * @returns `source`, what wrote it; `model`; `task` ("text", "classify", ...) and its `content`, a `LanguageModel` of "text"; `notes`
 * @throws FormatError and InputError, one line, for a file of no known kind, for a damaged one, and for what does not fit it
 * @example
 * const vocabulary = readVocabulary(readFileSync("characters.json", "utf8"));
 * const { task, content } = await openModel({ bytes: readFileSync("model.h5"), name: "model.h5", vocabulary });
 * if (task === "text") for await (const piece of generate(content, { prompt: "It was" })) process.stdout.write(piece);
 */
export async function openModel(source: AnyModelSource): Promise<OpenedModel> {
  checkArguments("openModel", { source }, openModelArguments);
  const { file, ...told } = await readModelFile(source);
  if (!hasTask(file)) return { ...told, model: file.model };
  const { openAnyModel } = await import("./index.ts");
  const { task, content } = openAnyModel(file, source.name);
  return { ...told, model: file.model, task: task.kind, content: content() } as OpenedModel;
}

/**
 * Read a model file of any kind as one of ours.
 * @param asText whether another program's model with a vocabulary becomes one of text, whose numbers are those of our tokenizer
 * @throws as `openModel`
 * @internal
 */
export async function readModelFile(given: AnyModelSource, asText = true): Promise<ReadModelFile> {
  const { vocabulary, window, output, ...source } = given;
  const { bytes, name } = source;
  if (isModelFile(bytes)) {
    const file = readModel(bytes, name);
    const told = { source: ours, notes: [] };
    const others = hasTask(file)
      ? (["vocabulary", "window", "mapping", "output"] as const)
      : (["mapping", "output"] as const);
    const odd = others.find((one) => given[one] !== undefined);
    if (odd !== undefined) {
      throw new InputError(
        `openModel: ${odd}: is for a file of another program, and ${name} is one of ours. Leave it out.`,
      );
    }
    // One that was converted without its vocabulary may be given it later.
    if ((vocabulary ?? window) === undefined) return { ...told, file };
    return { ...told, file: fileFor({ ...told, model: file.model }, file.model, { vocabulary, window, name }) };
  }
  const { importModel, isForeignModel } = await import("../formats/imported.ts");
  // By its name it is one of ours: what is wrong with it is told as such.
  if (/\.safetensors$/i.test(name) && !isForeignModel(source)) {
    return { source: ours, notes: [], file: readModel(bytes, name) };
  }
  const imported = await importModel(source);
  const chosen = outputOf(imported, name, output);
  const others = imported.outputs?.filter((one) => one.name !== chosen.name).map((one) => one.name) ?? [];
  const more = others.length > 0 ? [`It has more outputs: ${others.join(", ")}. Each is a model of its own.`] : [];
  return {
    source: imported.source,
    notes: [...imported.notes, ...more],
    ...(chosen.name !== undefined && { output: chosen.name }),
    file: asText ? fileFor(imported, chosen.model, { vocabulary, window, name }) : { model: chosen.model, extra: {} },
  };
}

function outputOf(
  { model, outputs }: ImportedModel,
  name: string,
  wanted: string | undefined,
): { readonly name?: string; readonly model: Model } {
  if (wanted === undefined) return outputs?.[0] ?? { model };
  const found = outputs?.find((one) => one.name === wanted);
  if (found !== undefined) return found;
  const names = outputs?.map((one) => one.name).join(", ");
  throw new InputError(
    names === undefined
      ? `openModel: output: ${name} has one output. Leave it out.`
      : `openModel: output: ${name} has no output ${excerpt(JSON.stringify(wanted))}. It has ${names}.`,
  );
}

/** A model of text where there is a vocabulary, else one without a task. */
function fileFor(
  imported: ImportedModel,
  model: Model,
  { vocabulary, window, name }: Pick<AnyModelSource, "vocabulary" | "window" | "name">,
): ModelFile {
  const tokens = vocabulary ?? imported.vocabulary;
  if (tokens === undefined) {
    if (window === undefined) return { model, extra: {} };
    throw new InputError("openModel: window: is for a model of text. Give its vocabulary, too.");
  }
  try {
    const read = window ?? (model.returnsSequences ? undefined : imported.steps);
    return fileOf(languageModelFrom(model, { vocabulary: tokens, window: read }));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // A vocabulary in the file may be of a model that does something else with text, or needs a window.
    if (vocabulary === undefined && window === undefined) return { model, extra: {} };
    throw new InputError(
      error.message.replace(/^languageModelFrom(?:: (vocabulary|window))?/, (_, option) =>
        option === undefined ? name : `openModel: ${option}`,
      ),
    );
  }
}
