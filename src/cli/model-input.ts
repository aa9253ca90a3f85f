/** The model that a command reads: a file of ours, or one of another program, with what its file does not say. */
import { dirname, join } from "node:path";
import { readInput, statOf } from "../formats/files.ts";
import { isModelFile, type ModelFile } from "../formats/model-file.ts";
import { InputError } from "../graph/input-error.ts";
import { type ByTask, openByTask } from "../tasks/index.ts";
import { ours, type ReadModelFile, readModelFile } from "../tasks/open-model.ts";
import { hasTask } from "../tasks/task.ts";
import { readVocabulary, type Vocabulary } from "../tasks/vocabulary.ts";
import type { Given, Options } from "./options.ts";

const wiring: Options = {
  mapping: { value: "FILE", help: "of tensors alone: their layers, as JSON" },
  output: { value: "NAME", help: "of a model with several outputs: which [the first]" },
};
/** What says of a file of another program what the file does not. */
export const foreignOptions: Options = {
  vocabulary: { value: "FILE", help: "tokens of another program's model: JSON, pickle, .txt" },
  window: { value: "N", help: "of such: tokens read at once", number: { whole: true, min: 1, max: 10_000 } },
  ...wiring,
};
/** The same of a translator. */
export const foreignSides: Options = {
  "source-vocabulary": { value: "FILE", help: "tokens of another program's translator" },
  "target-vocabulary": { value: "FILE", help: "of such: those of what it writes" },
};
export const foreignTranslator: Options = { ...foreignSides, ...wiring };

const vocabularyOptions = ["vocabulary", "source-vocabulary", "target-vocabulary"] as const;

/**
 * Read a model of ours, or of another program: what it is for is in the file of ours; another's model is of text if there is a
 * vocabulary.
 * @param about `wasRead`, told of the number of its bytes, before they are understood; `others`: whether the options may be for another of
 *   several files, so that one of ours is read without them; `asText`: see `readModelFile`
 * @throws InputError, one line, for a file that is none, or is damaged, and for options that it does not need
 */
export async function readModelAt(
  file: string,
  given: Given,
  {
    wasRead,
    others = false,
    asText = true,
  }: { readonly wasRead?: (bytes: number) => void; readonly others?: boolean; readonly asText?: boolean } = {},
): Promise<ReadModelFile> {
  const bytes = readInput(file);
  wasRead?.(bytes.length);
  if (others && isModelFile(bytes)) return readModelFile({ bytes, name: file });
  const odd = asText
    ? undefined
    : [...vocabularyOptions, "window"].find((name) => given.text(name) ?? given.number(name));
  if (odd !== undefined) {
    throw new InputError(
      `--${odd}: a file of another program keeps the model's numbers as they are, and no vocabulary. Leave it out, or write .safetensors.`,
    );
  }
  const [vocabulary, sourceVocabulary, targetVocabulary] = vocabularyOptions.map((one) =>
    vocabularyAt(given.text(one)),
  );
  const output = given.text("output");
  const [mapping, window] = [jsonIn(given.text("mapping")), given.number("window")];
  try {
    const from = {
      ...{ bytes, name: file, beside: besideOf(file) },
      ...(mapping !== undefined && { mapping }),
      ...{ vocabulary, sourceVocabulary, targetVocabulary, window, output },
    };
    return await readModelFile(from, asText);
  } catch (error) {
    if (error instanceof InputError) error.message = optionOf(error.message);
    throw error;
  }
}

/** Read a model and call the function of `makes` for its task. @throws InputError, one line, as `readModelAt` and `openByTask` */
export async function openModelFile<Result>(
  file: string,
  given: Given,
  who: string,
  makes: ByTask<Result>,
): Promise<Result> {
  return openByTask(withTask(await readModelAt(file, given), file), file, who, makes);
}

/** @throws InputError for a model of another program of which nothing says what it is for */
export function withTask({ source, file: content, unused }: ReadModelFile, file: string): ModelFile {
  if (hasTask(content) || source === ours) return content;
  throw new InputError(
    unused === undefined
      ? `${file}: it is a model of ${source}, and nothing says what it reads. Of a model of text, give its tokens: --vocabulary FILE; of a translator --source-vocabulary and --target-vocabulary.`
      : `${file}: it is a model of ${source} with a vocabulary. ${optionOf(unused)}`,
  );
}

/** An error of `openModel` that names an option, with the name that it has here. */
const optionOf = (message: string): string =>
  message.replace(/^(?:openModel: )?(\w*[vV]ocabulary|window|mapping|output)\b/, (_, name: string) => {
    return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  });

const vocabularyAt = (path: string | undefined): Vocabulary | undefined =>
  path === undefined ? undefined : readVocabulary(readInput(path), path);

/** Reads the files in the same folder. */
const besideOf =
  (file: string) =>
  (name: string): Uint8Array | undefined => {
    const path = join(dirname(file), name);
    return statOf(path)?.isFile() ? readInput(path) : undefined;
  };

function jsonIn(path: string | undefined): unknown {
  if (path === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(readInput(path)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    const reason = (error as Error).message;
    throw new InputError(`${path}: it is no JSON: ${reason}. Give a file as the guide on PyTorch shows.`);
  }
}
