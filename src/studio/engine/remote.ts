/**
 * Async generators on the other side of a message port. A value is made when it is asked for: stop pulling values to pause
 * a job, call `return()` to cancel it, ask with "finish" for its result early. Knows nothing about what jobs compute.
 */
import { InputError } from "../../graph/input-error.ts";

/** What may be said to a job when a value is asked for. */
export type Wish = "finish" | undefined;
/** Values while it works, a result at its end. */
export type Job<Value, Result> = AsyncGenerator<Value, Result, Wish>;
// biome-ignore lint/suspicious/noExplicitAny: the arguments of each job are its own
export type Jobs = Readonly<Record<string, (...args: any[]) => Job<unknown, unknown> | Promise<unknown>>>;

type Request = { readonly id: number } & (
  | { readonly kind: "start"; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: "next"; readonly wish: Wish }
  | { readonly kind: "return" }
);
type Answer = { readonly id: number } & (
  | { readonly kind: "value"; readonly done: boolean; readonly value: unknown }
  | { readonly kind: "error"; readonly message: string; readonly name: string }
);

/** The part of a worker, or of a worker's own scope, that is used here. */
type Port = {
  postMessage: (message: unknown) => void;
  onmessage: ((event: MessageEvent) => void) | null;
};

/** Run jobs for the other side. */
export function serveJobs(jobs: Jobs, port: Port): void {
  const running = new Map<number, Job<unknown, unknown>>();
  const answer = (message: Answer): void => port.postMessage(message);
  port.onmessage = async ({ data }: MessageEvent<Request>) => {
    const { id } = data;
    if (data.kind === "start") {
      running.set(id, begin(jobs[data.name] as Jobs[string], data.args));
      return;
    }
    const generator = running.get(id);
    if (generator === undefined) return answer({ id, kind: "value", done: true, value: undefined });
    try {
      const { done = false, value } = await (data.kind === "next"
        ? generator.next(data.wish)
        : generator.return(undefined));
      if (done) running.delete(id);
      answer({ id, kind: "value", done, value });
    } catch (error) {
      running.delete(id);
      const { message, name } = error instanceof Error ? error : new Error(String(error));
      answer({ id, kind: "error", message, name: error instanceof InputError ? mistake : name });
    }
  };
}

/** A job that gives nothing while it works may be a plain function. */
async function* begin(job: Jobs[string], args: readonly unknown[]): Job<unknown, unknown> {
  const made = job(...args);
  return Symbol.asyncIterator in made ? yield* made : await made;
}

/** What a reader can mend, whichever kind of it. */
const mistake = "InputError";
/** An error as the other side threw it; of other kinds the name is kept. */
const errorOf = ({ message, name }: { readonly message: string; readonly name: string }): Error =>
  name === mistake ? new InputError(message, undefined, message) : Object.assign(new Error(message), { name });

/** What a job gives while it works. */
export type YieldOf<Each> = Each extends (...args: never[]) => Job<infer Value, unknown> ? Value : never;
/** What a job gives at its end. */
export type ResultOf<Each> = Each extends (...args: never[]) => Job<unknown, infer Value> | Promise<infer Value>
  ? Value
  : never;

/** The other side's jobs, as if they were here. */
export type Remote<All extends Jobs> = {
  /** Begins when the first value is asked for. @throws InputError as the job */
  readonly run: <Name extends keyof All & string>(
    name: Name,
    ...args: Parameters<All[Name]>
  ) => Job<YieldOf<All[Name]>, ResultOf<All[Name]>>;
  /** To its end, for what it returns. @throws InputError as the job */
  readonly ask: <Name extends keyof All & string>(
    name: Name,
    ...args: Parameters<All[Name]>
  ) => Promise<ResultOf<All[Name]>>;
  /** The other side is gone: all that waits, and all that asks from now on, fails with this. */
  readonly fail: (error: Error) => void;
};

export function createRemote<All extends Jobs>(port: Port): Remote<All> {
  type Waiting = { resolve: (answer: IteratorResult<unknown, unknown>) => void; reject: (error: Error) => void };
  const waiting = new Map<number, Waiting[]>();
  let jobs = 0;
  let gone: Error | undefined;
  port.onmessage = ({ data }: MessageEvent<Answer>) => {
    const first = waiting.get(data.id)?.shift();
    if (data.kind === "value") first?.resolve({ done: data.done, value: data.value });
    else first?.reject(errorOf(data));
  };
  const send = (request: Request): void => port.postMessage(request);
  const call = (request: Request): Promise<IteratorResult<unknown, unknown>> =>
    new Promise((resolve, reject) => {
      if (gone !== undefined) throw gone;
      const queue = waiting.get(request.id) ?? [];
      waiting.set(request.id, queue);
      queue.push({ resolve, reject });
      send(request);
    });
  const run: Remote<All>["run"] = async function* (name, ...args) {
    const id = jobs++;
    let ended = false;
    let wish: Wish;
    send({ id, kind: "start", name, args });
    try {
      for (;;) {
        const { done, value } = await call({ id, kind: "next", wish }).catch((error) => {
          ended = true;
          throw error;
        });
        ended = done === true;
        if (done) return value as ResultOf<All[typeof name]>;
        wish = yield value as YieldOf<All[typeof name]>;
      }
    } finally {
      if (!ended && gone === undefined) await call({ id, kind: "return" });
      waiting.delete(id);
    }
  };
  const ask: Remote<All>["ask"] = async (name, ...args) => {
    const values = run(name, ...args);
    for (;;) {
      const { done, value } = await values.next();
      if (done) return value;
    }
  };
  const fail: Remote<All>["fail"] = (error) => {
    gone ??= error;
    for (const { reject } of [...waiting.values()].flat()) reject(gone);
    waiting.clear();
  };
  return { run, ask, fail };
}
