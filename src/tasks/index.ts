/** The tasks that there are: a new one is a folder and a line here. */
import { readModel } from "../formats/model-file.ts";
import { FormatError } from "../formats/safetensors.ts";
import { formatValue } from "../graph/schema.ts";
import { type LanguageModel, textTask } from "./language-model.ts";
import { type Task, taskDataOf } from "./task.ts";

/** What a file of each kind holds. */
export type Contents = { readonly text: LanguageModel };

export const tasks: { readonly [Kind in keyof Contents]: Task<Contents[Kind]> } = { text: textTask };

/** What somebody makes of a model, by its task; of those that are not named it takes none. */
export type ByTask<Result> = { readonly [Kind in keyof Contents]?: (content: Contents[Kind]) => Result };

/**
 * What `makes` makes of a model's file, by its task.
 * @param name the file's name, for messages
 * @param who what takes it, for messages: "`generate`"
 * @throws FormatError, one line, for a damaged file, and for a task that is not known or not taken
 */
export function openModel<Result>(bytes: Uint8Array, name: string, who: string, makes: ByTask<Result>): Result {
  const file = readModel(bytes, name);
  const data = taskDataOf(file, name);
  const task = Object.values<Task>(tasks).find(({ kind }) => kind === data.kind);
  if (task === undefined) {
    const known = Object.keys(tasks).join(", ");
    throw new FormatError(
      `${name}: its task is ${formatValue(data.kind)}, this program knows ${known}. Update unrolled.`,
    );
  }
  const make = (makes as Readonly<Record<string, ((content: unknown) => Result) | undefined>>)[task.kind];
  if (make === undefined) {
    const taken = Object.keys(makes).join(", ") || "nothing that this version knows";
    throw new FormatError(`${name}: it is ${task.title} (task "${task.kind}"); ${who} takes ${taken}.`);
  }
  return make(task.read(file, data, name));
}
