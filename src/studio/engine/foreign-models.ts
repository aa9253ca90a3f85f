/** Models that the reader brings: files of ours as they are, and those of other programs as files of ours. */
import { isForeignModel } from "../../formats/imported.ts";
import { isModelFile, writeModel } from "../../formats/model-file.ts";
import { InputError } from "../../graph/input-error.ts";
import { ours, type ReadModelFile, readModelFile } from "../../tasks/open-model.ts";
import { readVocabulary, type Vocabulary } from "../../tasks/vocabulary.ts";

type Bytes = Uint8Array<ArrayBuffer>;
/** What wrote it, and what one might not expect of it. */
export type Told = Pick<ReadModelFile, "source" | "notes">;
/** A file that was chosen or dropped. */
export type BroughtFile = { readonly name: string; readonly bytes: Bytes };

/**
 * The model among some files, as a file of ours: of another program's, the others are what lies beside it, and one of them may be its
 * vocabulary.
 * @throws InputError, one line, for files without a model
 */
export async function broughtModel(files: readonly BroughtFile[]): Promise<BroughtFile & Told> {
  const beside = (name: string): Bytes | undefined => files.find((file) => file.name === name)?.bytes;
  const isModel = ({ name, bytes }: BroughtFile): boolean => isModelFile(bytes) || isForeignModel({ name, bytes });
  // An architecture as JSON is no model beside its weights.
  const isText = ({ name }: BroughtFile): boolean => /\.json$/i.test(name);
  const models = files.filter(isModel);
  const model = models.find((one) => !isText(one)) ?? models[0] ?? (files[0] as BroughtFile);
  if (isModelFile(model.bytes)) return { ...model, source: ours, notes: [] };
  const { name } = model;
  const found = vocabularyIn(files.filter((one) => one !== model));
  try {
    const { source, notes, file } = await readModelFile({ ...model, beside, vocabulary: found?.vocabulary });
    return { name, bytes: writeModel(file), source, notes };
  } catch (error) {
    if (error instanceof InputError && found)
      error.message = error.message.replace(/^openModel: vocabulary/, found.name);
    throw error;
  }
}

/** The vocabulary among some files. */
function vocabularyIn(
  files: readonly BroughtFile[],
): { readonly name: string; readonly vocabulary: Vocabulary } | undefined {
  for (const { name, bytes } of files) {
    if (!/\.(json|pickle|pkl)$/i.test(name)) continue;
    try {
      return { name, vocabulary: readVocabulary(bytes, name) };
    } catch (error) {
      // It may be the model's architecture.
      if (!(error instanceof InputError)) throw error;
    }
  }
  return undefined;
}
