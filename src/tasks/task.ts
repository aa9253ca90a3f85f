/**
 * What a model is for, as data in its file: a kind, and whatever turns people's data into the model's and back (of text, its
 * tokenizer). Commands, the server and the page ask a file for its task; the kinds are registered in `index.ts`.
 */
import type { z } from "zod";
import type { InferenceOptions } from "../engines/engine.ts";
import type { ModelFile } from "../formats/model-file.ts";
import { FormatError } from "../formats/safetensors.ts";
import { formatValue, isPlain, type Rule, someText } from "../graph/schema.ts";

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
  /** What a file of this content holds, its task in `extra.task`. */
  readonly write: (content: Content) => ModelFile;
  /** What is such a content, for `createServer`, which is given contents without a file. */
  readonly content: Rule;
  /** What a model reads, where models of the kind differ: "audio". */
  readonly reads?: (content: Content) => string;
  /** How a server answers for its models, loaded by servers alone. Text has none here: the server's own folder has it. */
  readonly serving?: () => Promise<TaskServing<Content>>;
};

/** A model's task, as it is told to who has not read the file. */
export type TaskFacts = { readonly kind: string; readonly title: string; readonly reads?: string };
export const taskFacts = <Content>(
  { kind, title, reads }: Pick<Task<Content>, "kind" | "title" | "reads">,
  content: Content,
): TaskFacts => ({ kind, title, ...(reads !== undefined && { reads: reads(content) }) });

/** A route of a server for the models of a task: what is posted to it, and what comes back. */
export type TaskRoute = {
  /** "/v1/forecasts": no other route has it. */
  readonly path: string;
  readonly summary: string;
  /** The fields of a request besides `model`, which names the model that answers. Those that are null are left out of what is answered. */
  readonly body: z.ZodObject;
  readonly answer: z.ZodType;
};

/** How a server answers for the models of a task. */
export type TaskServing<Content> = {
  /** By names that no other route has: the operations of the OpenAPI document. */
  readonly routes: Readonly<Record<string, TaskRoute>>;
  /** Makes what answers for one model. @throws InputError for a model that cannot be served */
  readonly start: (content: Content, host: InferenceOptions) => Promise<ServedTask>;
};

/** What answers for one model. It owns the model's programs until `dispose()`. */
export type ServedTask = {
  /**
   * By the route's name: the answer to a body that its schema has checked, or an InputError, which the client is told. A model
   * answers one request at a time.
   */
  readonly answers: Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => Promise<object>>>;
  readonly dispose: () => void;
};

/** Whether a file says what its model is for. */
export const hasTask = ({ extra }: ModelFile): boolean => extra.task !== undefined || extra.tokenizer !== undefined;

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

/**
 * The labels among a task's data.
 * @throws FormatError unless they are so many different texts at least
 */
export function labelsOf({ labels }: TaskData, name: string, least: number): readonly string[] {
  const texts = Array.isArray(labels) && labels.length >= least && labels.every((one) => someText.accepts(one));
  if (texts && new Set(labels).size === labels.length) return labels;
  throw new FormatError(`${name}: its labels are not a list of different texts: the file is damaged. Train anew.`);
}

/** The options of a training that a file keeps, if any. @throws FormatError unless they have names */
export function trainingOptionsOf(
  { extra: { options } }: ModelFile,
  name: string,
): Readonly<Record<string, unknown>> | undefined {
  if (options === undefined || isPlain(options)) return options;
  throw new FormatError(`${name}: the options of its training have no names: the file is damaged. Train anew.`);
}
