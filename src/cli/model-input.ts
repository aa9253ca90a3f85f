/** The model that a command reads: a file of ours, or one of another program, with what its file does not say. */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { readInput } from "../formats/files.ts";
import type { ImportedModel } from "../formats/imported.ts";
import { isModelFile, type ModelFile, readModel } from "../formats/model-file.ts";
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import type { Model } from "../nn/model.ts";
import { importedFile } from "../tasks/imported-file.ts";
import { type ByTask, openModel } from "../tasks/index.ts";
import { hasTask } from "../tasks/task.ts";
import { readVocabulary } from "../text/vocabulary.ts";
import type { Given, Options } from "./options.ts";

/** What says of a file of another program what the file does not. */
export const foreignOptions: Options = {
  vocabulary: { value: "FILE", help: "tokens of another program's model, as JSON" },
  window: { value: "N", help: "of such: tokens read at once", number: { whole: true, min: 1, max: 10_000 } },
  mapping: { value: "FILE", help: "of tensors alone: their layers, as JSON" },
  output: { value: "NAME", help: "of a model with several outputs: which [the first]" },
};

/** The source of a file of ours. */
export const ours = "Unrolled";

/** A model that was read. */
export type ReadModel = {
  /** What wrote it: "Unrolled", "Keras 3.16.0". */
  readonly source: string;
  readonly notes: readonly string[];
  /** Which of several outputs. */
  readonly output?: string;
  readonly content: ModelFile;
};

/**
 * Read a model of ours, or of another program: what it is for is in the file of ours; another's model is of text if there is a
 * vocabulary.
 * @throws InputError, one line, for a file that is none, or is damaged, and for options that it does not need
 */
export async function readModelFile(file: string, given: Given): Promise<ReadModel> {
  const bytes = readInput(file);
  const named = ["vocabulary", "window", "mapping", "output"].find(
    (name) => (name === "window" ? given.number(name) : given.text(name)) !== undefined,
  );
  if (isModelFile(bytes)) {
    if (named !== undefined) {
      throw new InputError(`--${named}: is for a file of another program, and ${file} is one of ours. Leave it out.`);
    }
    return { source: ours, notes: [], content: readModel(bytes, file) };
  }
  const { importModel, isForeignModel } = await import("../formats/imported.ts");
  const mapping = jsonIn(given.text("mapping"), "Give a file as the guide on PyTorch shows.");
  const from = { bytes, name: file, beside: besideOf(file), ...(mapping !== undefined && { mapping }) };
  // By its name it is one of ours: what is wrong with it is told as such.
  if (!isForeignModel(from) && /\.safetensors$/i.test(file)) {
    return { source: ours, notes: [], content: readModel(bytes, file) };
  }
  const imported = await importModel(from);
  const { name, model } = chosen(imported, file, given.text("output"));
  const others = imported.outputs?.filter((one) => one.name !== name).map((one) => one.name) ?? [];
  const notes = [
    ...imported.notes,
    ...(others.length > 0
      ? [`It has more outputs: ${others.join(", ")}. Each is a model of its own: --output NAME.`]
      : []),
  ];
  const content = contentOf(imported, model, given);
  return { source: imported.source, notes, ...(name !== undefined && { output: name }), content };
}

/** Read a model and call the function of `makes` for its task. @throws InputError, one line, as `readModelFile` and `openModel` */
export async function openModelFile<Result>(
  file: string,
  given: Given,
  who: string,
  makes: ByTask<Result>,
): Promise<Result> {
  return openModel(withTask(await readModelFile(file, given), file), file, who, makes);
}

/** @throws InputError for a model of another program of which nothing says what it is for */
export function withTask({ source, content }: ReadModel, file: string): ModelFile {
  if (hasTask(content) || source === ours) return content;
  throw new InputError(
    `${file}: it is a model of ${source}, and nothing says what it reads. Of a model of text, give its tokens: --vocabulary FILE.`,
  );
}

/** Reads the files in the same folder. */
const besideOf =
  (file: string) =>
  (name: string): Uint8Array | undefined => {
    const path = join(dirname(file), name);
    return statSync(path, { throwIfNoEntry: false })?.isFile() ? new Uint8Array(readFileSync(path)) : undefined;
  };

function jsonIn(path: string | undefined, advice: string): unknown {
  if (path === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(readInput(path)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: it is no JSON: ${(error as Error).message}. ${advice}`);
  }
}

function chosen(
  { model, outputs }: ImportedModel,
  file: string,
  wanted: string | undefined,
): { readonly name?: string; readonly model: Model } {
  if (wanted === undefined) return outputs?.[0] ?? { model };
  const found = outputs?.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = outputs?.map(({ name }) => name).join(", ");
  throw new InputError(
    names === undefined
      ? `--output: ${file} has one output. Leave it out.`
      : `--output: ${file} has no output ${excerpt(JSON.stringify(wanted))}. It has ${names}.`,
  );
}

/** What the model is for, by what is given. */
function contentOf(imported: ImportedModel, model: Model, given: Given): ModelFile {
  const path = given.text("vocabulary");
  const vocabulary = path === undefined ? undefined : readVocabulary(new TextDecoder().decode(readInput(path)), path);
  try {
    return importedFile(imported, model, { vocabulary, window: given.number("window") });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const { message } = error;
    throw new InputError(message.replace(/^languageModelFrom(: window)?/, (_, window) => (window ? "--window" : (path ?? "--vocabulary"))));
  }
}
