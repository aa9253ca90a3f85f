/**
 * Run async generators on the other side of a message port. A value is computed when it is requested: stop pulling
 * values to pause a job, call `return()` to cancel it, request with "finish" for its result early.
 */
import { InputError } from "../../graph/input-error.ts";

/** The signals that a job can receive with a request for a value. */
export type Wish = "finish" | undefined;
/** A job gives values while it works, and a result at its end. */
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

/** The part of a worker, or of a worker's global scope, that is used here. */
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

/** A job without intermediate values can be a plain function. */
async function* begin(job: Jobs[string], args: readonly unknown[]): Job<unknown, unknown> {
  const made = job(...args);
  return Symbol.asyncIterator in made ? yield* made : await made;
}

/** Errors that the reader can correct. */
const mistake = "InputError";
/** The error that the other side threw; other kinds of errors keep their names. */
const errorOf = ({ message, name }: { readonly message: string; readonly name: string }): Error =>
  name === mistake ? new InputError(message, undefined, message) : Object.assign(new Error(message), { name });

/** The intermediate values of a job. */
export type YieldOf<Each> = Each extends (...args: never[]) => Job<infer Value, unknown> ? Value : never;
/** The result of a job. */
export type ResultOf<Each> = Each extends (...args: never[]) => Job<unknown, infer Value> | Promise<infer Value>
  ? Value
  : never;

/** The jobs of the other side, called as if they were local. */
export type Remote<All extends Jobs> = {
  /** Starts when the first value is requested. @throws InputError if the job does */
  readonly run: <Name extends keyof All & string>(
    name: Name,
    ...args: Parameters<All[Name]>
  ) => Job<YieldOf<All[Name]>, ResultOf<All[Name]>>;
  /** Run a job to its end and return its result. @throws InputError if the job does */
  readonly ask: <Name extends keyof All & string>(
    name: Name,
    ...args: Parameters<All[Name]>
  ) => Promise<ResultOf<All[Name]>>;
  /** The other side is gone: all open and future requests fail with this error. */
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
