/** A model file of any kind, opened: one of ours by its task, one of another program as text where its tokens are known. */
import type { ImportedModel, ModelSource } from "../formats/imported.ts";
import { isModelFile, type ModelFile, readModel } from "../formats/model-file.ts";
import { someBytes } from "../formats/safetensors.ts";
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
import { vocabularySize } from "../text/tokenizer.ts";
import { windowRule } from "./checks.ts";
import { vocabularyRule } from "./foreign-tokens.ts";
import type { Contents } from "./index.ts";
import { fileOf } from "./language-model/file.ts";
import { languageModelFrom } from "./language-model/from-model.ts";
import { hasTask } from "./task.ts";
import { fileOf as translatorFile } from "./translate/file.ts";
import { translatorFrom } from "./translate/from-model.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A file, and what a file of another program does not say. */
export type AnyModelSource = ModelSource & {
  /** Of a model of text: the token of each of its numbers, as `readVocabulary` gives them. */
  readonly vocabulary?: Vocabulary | undefined;
  /** Of a translator: the token of each number of its source. */
  readonly sourceVocabulary?: Vocabulary | undefined;
  /** Of a translator: the token of each number of its target. */
  readonly targetVocabulary?: Vocabulary | undefined;
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
  /** Why the vocabulary that its file has does not make it a model of text. */
  readonly unused?: string;
};

/** A model that was opened: of a task with its content, of none alone. */
export type OpenedModel = Omit<ReadModelFile, "file" | "unused"> & {
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
    sourceVocabulary: vocabularyRule,
    targetVocabulary: vocabularyRule,
    window: windowRule,
    output: someText,
  }),
};

/**
 * Open a model file of any kind, by its content: one of ours of any task; or one of Keras, PyTorch, ONNX or TensorFlow.js (see
 * `importModel`), which is a language model where there is a `vocabulary`, given or in the file, and a translator where there
 * are a `sourceVocabulary` and a `targetVocabulary`.
 * @param source `bytes`; `name`, for messages; `beside`, which gives the bytes of another file of the same folder; of other programs'
 *   files `mapping`, `vocabulary`, `sourceVocabulary` and `targetVocabulary`, `window`, `output`
 * @returns `source`, what wrote it; `model`; `task` ("text", "classify", ...) and its `content`, a `LanguageModel` of "text"; `notes`
 * @throws FormatError and InputError, one line, for a file of no known kind, for a damaged one, and for what does not fit it
 * @example
 * const vocabulary = readVocabulary(readFileSync("characters.json", "utf8"));
 * const { task, content } = await openModel({ bytes: readFileSync("model.h5"), name: "model.h5", vocabulary });
 * if (task === "text") for await (const piece of generate(content, { prompt: "It was" })) process.stdout.write(piece);
 */
export async function openModel(source: AnyModelSource): Promise<OpenedModel> {
  checkArguments("openModel", { source }, openModelArguments);
  const { file, unused: _, ...told } = await readModelFile(source);
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
  const { vocabulary, sourceVocabulary, targetVocabulary, window, output, ...source } = given;
  const known: Known = { vocabulary, sourceVocabulary, targetVocabulary, window, name: source.name };
  const { bytes, name } = source;
  if (isModelFile(bytes)) {
    const file = readModel(bytes, name);
    const told = { source: ours, notes: [] };
    const others = hasTask(file) ? ([...ofText, "mapping", "output"] as const) : (["mapping", "output"] as const);
    const odd = others.find((one) => given[one] !== undefined);
    if (odd !== undefined) {
      throw new InputError(
        `openModel: ${odd}: is for a file of another program, and ${name} is one of ours. Leave it out.`,
      );
    }
    // One that was converted without its vocabulary may be given it later.
    if (ofText.every((one) => given[one] === undefined)) return { ...told, file };
    const made = fileFor({ ...told, model: file.model }, file.model, known);
    return { ...told, notes: shortVocabularies(file.model, known), ...made };
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
    notes: [...imported.notes, ...more, ...(asText ? shortVocabularies(chosen.model, known) : [])],
    ...(chosen.name !== undefined && { output: chosen.name }),
    ...(asText ? fileFor(imported, chosen.model, known) : { file: { model: chosen.model, extra: {} } }),
  };
}

/** What makes a model one of text. */
const ofText = ["vocabulary", "sourceVocabulary", "targetVocabulary", "window"] as const;
type Known = Pick<AnyModelSource, (typeof ofText)[number] | "name">;

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

/** Notes on vocabularies of fewer tokens than the model has: often one of numbers from 1, as a list from 0. */
function shortVocabularies(model: Model, { vocabulary, sourceVocabulary, targetVocabulary }: Known): readonly string[] {
  const [source] = model.inputs;
  const given = [
    ["vocabulary", vocabulary, model.outputSize],
    ["vocabulary of the source", sourceVocabulary, source?.count],
    ["vocabulary of the target", targetVocabulary, model.outputSize],
  ] as const;
  return given.flatMap(([what, of, size]) => {
    if (of === undefined || size === undefined) return [];
    const count = "kind" in of ? vocabularySize(of) : of.length;
    if (count >= size) return [];
    const without = count === size - 1 ? `number ${count} stands` : `numbers ${count} to ${size - 1} stand`;
    return [
      `The ${what} has ${count} tokens, and the model ${size}: ${without} for no text. Where the first token is number 1, as behind a padding, begin the list with null.`,
    ];
  });
}

/** A model of text where there is a vocabulary, a translator where there are those of both sides, else one without a task. */
function fileFor(
  imported: ImportedModel,
  model: Model,
  { name, ...given }: Known,
): Pick<ReadModelFile, "file" | "unused"> {
  const { vocabulary, sourceVocabulary: source, targetVocabulary: target, window } = given;
  const tokens = vocabulary ?? imported.vocabulary;
  if ((source === undefined) !== (target === undefined)) {
    const [there, other] = source === undefined ? ["target", "source"] : ["source", "target"];
    throw new InputError(`openModel: ${there}Vocabulary: is one side of a translator. Give that of its ${other}, too.`);
  }
  if (source !== undefined && (vocabulary ?? window) !== undefined) {
    const odd = vocabulary === undefined ? "window" : "vocabulary";
    throw new InputError(`openModel: ${odd}: is for a model that predicts the next of its own tokens. Leave it out.`);
  }
  if ((source ?? tokens) === undefined) {
    if (window === undefined) return { file: { model, extra: {} } };
    throw new InputError("openModel: window: is for a model of text. Give its vocabulary, too.");
  }
  try {
    if (source !== undefined && target !== undefined) {
      return { file: translatorFile(translatorFrom(model, { source, target })) };
    }
    const { steps } = imported;
    if (window !== undefined && steps !== undefined && window !== steps && !model.returnsSequences) {
      throw new InputError(
        `languageModelFrom: window: the model reads ${steps} tokens, as its file says. Leave it out.`,
      );
    }
    const read = window ?? (model.returnsSequences ? undefined : steps);
    return { file: fileOf(languageModelFrom(model, { vocabulary: tokens as Vocabulary, window: read })) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const problem = error.message.replace(
      /^(?:languageModelFrom|translatorFrom)(?:: (vocabulary|window|source|target|start|end))?/,
      (_, option?: string) => (option === undefined ? name : `openModel: ${givenAs[option] ?? option}`),
    );
    // A vocabulary in the file may be of a model that does something else with text, or needs a window.
    if (ofText.some((one) => given[one] !== undefined)) throw new InputError(problem);
    return { file: { model, extra: {} }, unused: problem.replace(/^openModel: /, "") };
  }
}
/** The options by which the vocabularies of a translator are given. */
const givenAs: Readonly<Record<string, string>> = {
  source: "sourceVocabulary",
  target: "targetVocabulary",
  start: "targetVocabulary",
  end: "targetVocabulary",
};
