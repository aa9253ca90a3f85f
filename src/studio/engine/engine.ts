/** The engine for the views: jobs that run in a worker. */
import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../loading.ts";
import { notify } from "../notices.ts";
import { createShared } from "../shared.ts";
import type { jobs } from "./jobs.ts";
import { createRemote, type Remote, type ResultOf } from "./remote.ts";
import { Worker } from "./worker-anywhere.ts";

type AllJobs = typeof jobs;
export type Engine = Remote<AllJobs> & {
  /** Terminate the worker, whatever it does; open requests fail. */
  readonly end: () => void;
};

/** Thrown if the worker has died; a new one is available. */
export class EngineDied extends Error {
  override name = "EngineDied";
}

let started = 0;
/** A separate worker for long work, so that other requests need not wait. */
export function startEngine(): Engine {
  const name = `unrolled.engine.${Date.now()}.${started++}`;
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name });
  const remote = createRemote<AllJobs>(worker);
  const end = (error: Error): void => {
    worker.terminate();
    remote.fail(error);
    if (shared === engine) shared = undefined;
  };
  const engine: Engine = { ...remote, end: () => end(new EngineDied("The engine was stopped.")) };
  worker.addEventListener("error", ({ message }) =>
    end(new EngineDied(`The engine stopped working: ${message || "it did not load"}.`)),
  );
  // A worker that the browser terminates, for example for lack of memory, sends no event. But while it lives it holds a
  // lock with its name, from before its first answer. (Without https, except on this machine, there are no locks.)
  const watch = (): void => {
    const ended = (): void => end(new EngineDied("The engine stopped working: the browser ended it."));
    navigator.locks?.request(name, ended).catch(() => {});
  };
  worker.addEventListener("message", watch, { once: true });
  return engine;
}

/** The engine for short questions, which all views share. */
let shared: Engine | undefined;
export function engine(): Engine {
  shared ??= startEngine();
  return shared;
}

/** Open requests are sent again, to a new engine. */
const asks = createShared(0);
/** A number that changes when unanswered requests must be sent again. */
export const useAsks = asks.use;
/** Tell the reader why a request failed; a request to a dead engine can be tried again. */
export function tellOfDeath(error: unknown): void {
  if (!(error instanceof EngineDied)) return;
  const run = (): void => {
    notify("engine", undefined);
    asks.set(asks.get() + 1);
  };
  notify("engine", { text: "The engine stopped working, or did not load.", action: { label: "Try again", run } });
}

/**
 * For continuing work: `round` changes when the work must start again, because its engine died (which is passed to
 * `tell`) and the reader wants to try again.
 */
export function useRounds(): { readonly round: number; readonly tell: (error: unknown) => void } {
  const present = useAsks();
  const state = useRef<{ readonly round: number; readonly diedAt?: number }>({ round: 0 });
  const { round, diedAt } = state.current;
  if (diedAt !== undefined && diedAt !== present) state.current = { round: round + 1 };
  const tell = (error: unknown): void => {
    if (error instanceof EngineDied) state.current = { ...state.current, diedAt: asks.get() };
    tellOfDeath(error);
  };
  return { round: state.current.round, tell };
}

type JobName = keyof AllJobs & string;
type ResultOfJob<Name extends JobName> = ResultOf<AllJobs[Name]>;

/** The answer to a question; the last answer stays until the next one arrives. */
export type Answer<Result> = { readonly value: Result | undefined; readonly error: string | undefined };

/**
 * The engine's answer to a question that changes, for example with a slider. While the engine works on one, only the
 * newest of the following questions is kept.
 */
export const useAnswer = <Name extends JobName>(
  name: Name,
  ...args: Parameters<AllJobs[Name]>
): Answer<ResultOfJob<Name>> =>
  useNewest(() => engine().ask(name, ...args) as Promise<ResultOfJob<Name>>, JSON.stringify([name, args]));

/** The same for questions about much data: a question with another `key` is a new one; undefined asks nothing. */
export function useNewest<Result>(ask: () => Promise<Result>, key: string | undefined): Answer<Result> {
  const [answer, setAnswer] = useState<Answer<Result>>({ value: undefined, error: undefined });
  const asks = useAsks();
  const asked = useRef<{ busy: boolean; next: (() => Promise<Result>) | undefined; gone: boolean }>({
    busy: false,
    next: undefined,
    gone: false,
  });
  useEffect(() => {
    const state = asked.current;
    state.next = key === undefined ? undefined : ask;
    if (state.busy) return;
    state.busy = true;
    void (async () => {
      while (state.next !== undefined && !state.gone) {
        const question = state.next;
        state.next = undefined;
        try {
          const value = await question();
          if (!state.gone) setAnswer({ value, error: undefined });
        } catch (error) {
          if (!state.gone) setAnswer(({ value }) => ({ value, error: messageOf(error) }));
          if (!state.gone) tellOfDeath(error);
        }
      }
      state.busy = false;
    })();
  }, [key, asks]);
  useEffect(() => {
    asked.current.gone = false;
    return () => {
      asked.current.gone = true;
    };
  }, []);
  return answer;
}
