/** Models that the reader brings: files of ours as they are, and those of other programs as files of ours. */
import { importModel, isForeignModel } from "../../formats/imported.ts";
import { isModelFile, writeModel } from "../../formats/model-file.ts";
import { InputError } from "../../graph/input-error.ts";
import { importedFile } from "../../tasks/imported-file.ts";
import { hasTask } from "../../tasks/task.ts";
import { readVocabulary, type Vocabulary } from "../../text/vocabulary.ts";

type Bytes = Uint8Array<ArrayBuffer>;
/** A file that was chosen or dropped. */
export type BroughtFile = { readonly name: string; readonly bytes: Bytes };

/**
 * The model among some files, as a file of ours: of another program's, the others are what lies beside it, and one of them may be its
 * vocabulary.
 * @throws InputError, one line, for files without a model, and for a model of which nothing says what it reads
 */
export async function broughtModel(files: readonly BroughtFile[]): Promise<BroughtFile> {
  const own = files.find(({ bytes }) => isModelFile(bytes));
  if (own !== undefined) return own;
  const beside = (name: string): Bytes | undefined => files.find((file) => file.name === name)?.bytes;
  const model = files.find(({ name, bytes }) => isForeignModel({ name, bytes })) ?? (files[0] as BroughtFile);
  const { name } = model;
  // Of a file that is none of them, what is wrong with it is told as of one of ours.
  if (!isForeignModel(model) && /\.safetensors$/i.test(name)) return model;
  const imported = await importModel({ ...model, beside });
  const found = vocabularyIn(files.filter((file) => file !== model));
  let content: ReturnType<typeof importedFile>;
  try {
    content = importedFile(imported, imported.model, { vocabulary: found?.vocabulary });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.message.replace(/^languageModelFrom/, found?.name ?? name));
  }
  if (hasTask(content)) return { name, bytes: writeModel(content) };
  throw new InputError(
    `${name}: it is a model of ${imported.source}, and nothing says what it reads. Of a model of text, choose the file of its tokens (JSON) together with it.`,
  );
}

/** The vocabulary among some files. */
function vocabularyIn(
  files: readonly BroughtFile[],
): { readonly name: string; readonly vocabulary: Vocabulary } | undefined {
  for (const { name, bytes } of files) {
    if (!/\.json$/i.test(name)) continue;
    try {
      return { name, vocabulary: readVocabulary(new TextDecoder().decode(bytes), name) };
    } catch (error) {
      // It may be the model's architecture.
      if (!(error instanceof InputError)) throw error;
    }
  }
  return undefined;
}
