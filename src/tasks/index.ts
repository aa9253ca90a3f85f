/** The tasks: a new one is a folder and a line here. */
import { type ModelFile, readModel } from "../formats/model-file.ts";
import { FormatError } from "../formats/safetensors.ts";
import { formatValue, type Rule } from "../graph/schema.ts";
import { type Classifier, classifyTask } from "./classify/file.ts";
import { forecastTask } from "./forecast/file.ts";
import type { Forecaster } from "./forecast/settings.ts";
import { type LanguageModel, textTask } from "./language-model.ts";

import { musicTask } from "./music/file.ts";
import type { MusicModel } from "./music/settings.ts";
import { type Tagger, taggerTask } from "./tag/file.ts";
import { type Task, taskDataOf } from "./task.ts";

import { trajectoriesTask } from "./trajectories/file.ts";
import type { TrajectoryModel } from "./trajectories/settings.ts";
import { translateTask } from "./translate/file.ts";
import type { Translator } from "./translate/settings.ts";

/** The content of a file of each kind. Another program's task adds its own by `declare module`. */
export interface Contents {
  readonly text: LanguageModel;
  readonly forecast: Forecaster;
  readonly classify: Classifier;
  readonly trajectories: TrajectoryModel;
  readonly translate: Translator;
  readonly tag: Tagger;
  readonly music: MusicModel;
}
/** The content of a file of any kind. */
export type Content = Contents[keyof Contents];

const tasks = new Map<string, Task>();

/** One more task: its files are read, and what takes its kind takes them. */
export function registerTask<Own extends Content>(task: Task<Own>): void {
  tasks.set(task.kind, task as Task);
}
registerTask(textTask);
registerTask(forecastTask);
registerTask(classifyTask);
registerTask(trajectoriesTask);
registerTask(translateTask);
registerTask(taggerTask);
registerTask(musicTask);

export const allTasks = (): readonly Task[] => [...tasks.values()];

/** The task that a content is of; undefined for what is none of any. */
export const taskOf = (content: unknown): Task | undefined => allTasks().find((task) => task.content.accepts(content));

/** The content of a file of any task. */
export const aContent: Rule = {
  get expected() {
    return allTasks()
      .map(({ content }) => content.expected)
      .join(", or ");
  },
  accepts: (value) => taskOf(value) !== undefined,
  look: (where, value) => taskOf(value)?.content.look?.(where, value),
};

/** A model that was read: its task, and its content where it is asked for. */
export type Opened = {
  readonly task: Task;
  readonly file: ModelFile;
  /** @throws FormatError, one line, for a content that does not fit the model */
  readonly content: () => unknown;
};

/**
 * Read a model file of any task.
 * @param given its bytes, or what was read from them
 * @param name the file's name, for messages
 * @throws FormatError, one line, for a damaged file, and for a task that is unknown
 */
export function openAnyModel(given: Uint8Array | ModelFile, name: string): Opened {
  const file = given instanceof Uint8Array ? readModel(given, name) : given;
  const data = taskDataOf(file, name);
  const task = tasks.get(data.kind);
  if (task === undefined) {
    const known = [...tasks.keys()].join(", ");
    throw new FormatError(
      `${name}: its task is ${formatValue(data.kind)}, this program knows ${known}. A newer version may know it.`,
    );
  }
  return { task, file, content: () => task.read(file, data, name) };
}

/** A function for the models of each task that is accepted; other tasks are refused. */
export type ByTask<Result> = { readonly [Kind in keyof Contents]?: (content: Contents[Kind]) => Result };

/**
 * Read a model file and call the function of `makes` for its task.
 * @param given its bytes, or what was read from them
 * @param name the file's name, for messages
 * @param who the caller's name, for messages: "`generate`"
 * @returns what that function returns
 * @throws FormatError, one line, for a damaged file, and for a task that is unknown or not accepted
 */
export function openByTask<Result>(
  given: Uint8Array | ModelFile,
  name: string,
  who: string,
  makes: ByTask<Result>,
): Result {
  const { task, content } = openAnyModel(given, name);
  const make = (makes as Readonly<Record<string, ((content: unknown) => Result) | undefined>>)[task.kind];
  if (make === undefined) throw new FormatError(`${name}: ${notTaken(task, who, Object.keys(makes))}`);
  return make(content());
}

/** What is said of a model of another task than those that are taken. */
export const notTaken = (
  { title, kind }: Pick<Task, "title" | "kind">,
  who: string,
  taken: readonly string[],
): string =>
  `it is ${title} (task "${kind}"); ${who} needs a model of ${taken.map((one) => `task ${formatValue(one)}`).join(" or ") || "a task that this version knows"}.`;
