/**
 * What a model is for, as data in its file: a kind, and whatever turns people's data into the model's and back (of text, its
 * tokenizer). Commands, the server and the page ask a file for its task; each kind is one entry of `tasks`.
 */
import type { ModelFile } from "../formats/model-file.ts";
import { FormatError } from "../formats/safetensors.ts";
import { formatValue, isPlain } from "../graph/schema.ts";

/** The data of a task, as JSON holds it: `{ kind: "text", tokenizer }`. */
export type TaskData = Readonly<Record<string, unknown>> & { readonly kind: string };

/** A kind of task, and what it makes of a file. */
export type Task<Content = unknown> = {
  readonly kind: string;
  /** What its models are, for messages: "a language model". */
  readonly title: string;
  /**
   * The content of a file of this kind, of which `data` is the task's, checked.
   * @throws FormatError, one line that begins with the file's name, for data that do not fit the model
   */
  readonly read: (file: ModelFile, data: TaskData, name: string) => Content;
};

/**
 * The data of a file's task. Files of version 1 are all of text, and have a tokenizer of their own.
 * @throws FormatError for a file that has none
 */
export function taskDataOf({ extra }: ModelFile, name: string): TaskData {
  const { task = extra.tokenizer === undefined ? undefined : { kind: "text", tokenizer: extra.tokenizer } } = extra;
  if (task === undefined) {
    throw new FormatError(
      `${name}: it is a model without a task: nothing says what it reads. Give one that \`train\` wrote.`,
    );
  }
  if (!isPlain(task) || typeof task.kind !== "string") {
    throw new FormatError(`${name}: its task is ${formatValue(task)}, with no kind: the file is damaged. Train anew.`);
  }
  return task as TaskData;
}
