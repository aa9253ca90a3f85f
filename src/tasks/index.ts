/** The tasks: a new one is a folder and a line here. */
import { readModel } from "../formats/model-file.ts";
import { FormatError } from "../formats/safetensors.ts";
import { formatValue } from "../graph/schema.ts";
import { type LanguageModel, textTask } from "./language-model.ts";
import { type Task, taskDataOf } from "./task.ts";

/** The content of a file of each kind. */
export type Contents = { readonly text: LanguageModel };

export const tasks: { readonly [Kind in keyof Contents]: Task<Contents[Kind]> } = { text: textTask };

/** A function for the models of each task that is accepted; other tasks are refused. */
export type ByTask<Result> = { readonly [Kind in keyof Contents]?: (content: Contents[Kind]) => Result };

/**
 * Read a model file and call the function of `makes` for its task.
 * @param name the file's name, for messages
 * @param who the caller's name, for messages: "`generate`"
 * @returns what that function returns
 * @throws FormatError, one line, for a damaged file, and for a task that is unknown or not accepted
 */
export function openModel<Result>(bytes: Uint8Array, name: string, who: string, makes: ByTask<Result>): Result {
  const file = readModel(bytes, name);
  const data = taskDataOf(file, name);
  const task = Object.values<Task>(tasks).find(({ kind }) => kind === data.kind);
  if (task === undefined) {
    const known = Object.keys(tasks).join(", ");
    throw new FormatError(
      `${name}: its task is ${formatValue(data.kind)}, this program knows ${known}. A newer version may know it.`,
    );
  }
  const make = (makes as Readonly<Record<string, ((content: unknown) => Result) | undefined>>)[task.kind];
  if (make === undefined) {
    const taken = Object.keys(makes).join(", ") || "nothing that this version knows";
    throw new FormatError(`${name}: it is ${task.title} (task "${task.kind}"); ${who} takes ${taken}.`);
  }
  return make(task.read(file, data, name));
}
