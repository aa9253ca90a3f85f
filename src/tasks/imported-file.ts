/** What a model of another program is for, as the file of one of ours says it: text, where its tokens are known. */
import type { ImportedModel } from "../formats/imported.ts";
import type { ModelFile } from "../formats/model-file.ts";
import { InputError } from "../graph/input-error.ts";
import type { Model } from "../nn/model.ts";
import type { Vocabulary } from "../text/vocabulary.ts";
import { fileOf } from "./language-model/file.ts";
import { languageModelFrom } from "./language-model/from-model.ts";

/** What a file of another program does not say. */
export type Said = { readonly vocabulary?: Vocabulary | undefined; readonly window?: number | undefined };

/**
 * The content of a file of ours.
 * @param model the model itself, or one of its outputs
 * @returns a model of text where there is a vocabulary, given or in the file; else a model without a task
 * @throws InputError for a given vocabulary that does not fit, as `languageModelFrom`, and for a window without one
 */
export function importedFile(imported: ImportedModel, model: Model, { vocabulary, window }: Said): ModelFile {
  const tokens = vocabulary ?? imported.vocabulary;
  if (tokens === undefined) {
    if (window === undefined) return { model, extra: {} };
    throw new InputError("languageModelFrom: window: is for a model of text. Give its tokens, too.");
  }
  try {
    const read = window ?? (model.returnsSequences ? undefined : imported.steps);
    return fileOf(languageModelFrom(model, { vocabulary: tokens, window: read }));
  } catch (error) {
    // A vocabulary in the file may be of a model that does something else with text.
    if (vocabulary === undefined && window === undefined && error instanceof InputError) return { model, extra: {} };
    throw error;
  }
}
