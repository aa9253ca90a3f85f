/**
 * How the models of each task are served. Text has a batcher and routes of the server's own; any other task brings its routes
 * (`TaskServing`), whose requests a model answers one after the other.
 */
import type { InferenceOptions } from "../engines/engine.ts";
import { hostOf } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import { allTasks } from "../tasks/index.ts";
import { type LanguageModel, textTask } from "../tasks/language-model.ts";
import type { ServedTask, Task, TaskServing } from "../tasks/task.ts";
import { type Batcher, createBatcher, queueFull } from "./batcher.ts";
import type { Piece } from "./completions/piece.ts";
import { waitedFor } from "./errors.ts";
import { type Route, routeOfTask, textRoutes } from "./routes/table.ts";

export type ServingOptions = InferenceOptions & { readonly queue: number };

/** What a model of text is served with. */
export type TextPrograms = { readonly lm: LanguageModel; readonly batcher: Batcher<Piece> };
/** What a model of another task is served with: by its route's name, the answer to a body. */
export type TaskPrograms = {
  readonly answers: Readonly<Record<string, (body: Body, signal: AbortSignal) => Promise<object>>>;
};
type Body = Parameters<ServedTask["answers"][string]>[0];

/** What every model is served with. */
type Programs = {
  /** Nobody waits for them. */
  readonly isIdle: () => boolean;
  readonly dispose: () => void;
};

/** How a server serves the models of a task. */
export type Serving = {
  readonly task: Task;
  readonly routes: Readonly<Record<string, Route>>;
  /** @throws InputError for a model that cannot be served */
  readonly start: (content: unknown, options: ServingOptions) => Promise<Programs & (TextPrograms | TaskPrograms)>;
};

const servingOfText: Serving = {
  task: textTask as Task,
  routes: textRoutes,
  async start(content, options) {
    const lm = content as LanguageModel;
    const batcher = await createBatcher<Piece>(lm, options);
    return { lm, batcher, isIdle: () => batcher.isIdle, dispose: () => batcher.dispose() };
  },
};

const loaded = new Map<Task, Serving>([[servingOfText.task, servingOfText]]);

/** How each task is served, by its kind; one whose models no server can serve is not among them. */
export async function loadServings(): Promise<Servings> {
  for (const task of allTasks()) {
    const serving = loaded.has(task) ? undefined : await task.serving?.();
    if (serving !== undefined) loaded.set(task, servingOfTask(task, serving));
  }
  return new Map([...loaded].map(([task, serving]) => [task.kind, serving]));
}
export type Servings = ReadonlyMap<string, Serving>;

/** A model answers one request at a time. */
export function servingOfTask(task: Task, { routes, start }: TaskServing<unknown>): Serving {
  return {
    task,
    routes: Object.fromEntries(Object.entries(routes).map(([name, route]) => [name, routeOfTask(name, route)])),
    async start(content, options) {
      const { answers, dispose } = await start(content, hostOf(options));
      let [last, count]: [Promise<unknown>, number] = [Promise.resolve(), 0];
      /** One after the other: a program has one memory. Whoever has gone, or whose time is over, waits no longer. */
      const inTurn = (answer: ServedTask["answers"][string]) => async (body: Body, signal: AbortSignal) => {
        if (count > options.queue) throw queueFull(options.queue);
        count++;
        let began = false;
        const own = last.then(() => {
          signal.throwIfAborted();
          began = true;
          return answer(body);
        });
        last = own.catch(() => {}).then(() => count--);
        const stopped = new Promise<never>((_, reject) => {
          const stop = (): void => reject(began ? signal.reason : waitedFor(signal.reason));
          signal.addEventListener("abort", stop, { once: true });
        });
        return Promise.race([own, stopped]);
      };
      return {
        answers: Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, inTurn(answer)])),
        ...{ isIdle: () => count === 0, dispose },
      };
    },
  };
}

/** @throws InputError where no server can serve it */
export function servingOf(servings: Servings, task: Task, name: string): Serving {
  const serving = servings.get(task.kind);
  if (serving !== undefined) return serving;
  const kinds = [...servings.keys()].join(", ");
  throw new InputError(`${name}: it is ${task.title} (task "${task.kind}"); servers serve models of ${kinds}.`);
}
