/** Models that the reader brings: files of ours as they are, and those of other programs as files of ours. */
import { isForeignModel } from "../../formats/imported.ts";
import { isModelFile, writeModel } from "../../formats/model-file.ts";
import { InputError } from "../../graph/input-error.ts";
import { isPlain } from "../../graph/schema.ts";
import { type AnyModelSource, ours, type ReadModelFile, readModelFile } from "../../tasks/open-model.ts";
import { readVocabulary, type Vocabulary } from "../../tasks/vocabulary.ts";

type Bytes = Uint8Array<ArrayBuffer>;
/** What wrote it, and what one might not expect of it. */
export type Told = Pick<ReadModelFile, "source" | "notes">;
/** A file that was chosen or dropped. */
export type BroughtFile = { readonly name: string; readonly bytes: Bytes };

/**
 * The model among some files, as a file of ours: of another program's, the others are what lies beside it; among them may be its
 * vocabulary, those of both sides of a translator, and the mapping of its tensors.
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
  const others = files.filter((one) => one !== model);
  const [found, second] = vocabulariesIn(others);
  const mapping = mappingIn(others);
  const from = { ...model, beside, ...(mapping !== undefined && { mapping }) };
  const read = async (given: Vocabularies): Promise<BroughtFile & Told> => {
    const { source, notes, file } = await readModelFile({ ...from, ...given });
    return { name, bytes: writeModel(file), source, notes };
  };
  try {
    if (second === undefined) return await read({ vocabulary: found?.vocabulary });
    // Which is which of a translator, its sizes say.
    const [one, other] = [found?.vocabulary, second.vocabulary];
    return await read({ sourceVocabulary: one, targetVocabulary: other }).catch((error) => {
      if (!(error instanceof InputError)) throw error;
      return read({ sourceVocabulary: other, targetVocabulary: one }).catch(() => Promise.reject(error));
    });
  } catch (error) {
    if (error instanceof InputError && found)
      error.message = error.message.replace(/^openModel: (?:v|sourceV)ocabulary/, found.name);
    if (error instanceof InputError && second)
      error.message = error.message.replace(/^openModel: targetVocabulary/, second.name);
    throw error;
  }
}
type Vocabularies = Pick<AnyModelSource, "vocabulary" | "sourceVocabulary" | "targetVocabulary">;

/** The vocabularies among some files: two of a translator. */
function vocabulariesIn(
  files: readonly BroughtFile[],
): readonly { readonly name: string; readonly vocabulary: Vocabulary }[] {
  return files.flatMap(({ name, bytes }) => {
    if (!/\.(json|pickle|pkl|txt)$/i.test(name)) return [];
    try {
      return [{ name, vocabulary: readVocabulary(bytes, name) }];
    } catch (error) {
      // It may be the model's architecture.
      if (!(error instanceof InputError)) throw error;
      return [];
    }
  });
}

/** What says how tensors are wired. */
function mappingIn(files: readonly BroughtFile[]): unknown {
  for (const { name, bytes } of files) {
    if (!/\.json$/i.test(name)) continue;
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
      if (isPlain(value) && Array.isArray(value.layers) && value.layers.every((one) => isPlain(one) && "kind" in one)) {
        return value;
      }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return undefined;
}
