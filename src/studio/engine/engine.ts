/** The engine as views see it: jobs that run in a worker. */
import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../loading.ts";
import { notify } from "../notices.ts";
import { createShared } from "../shared.ts";
import type { jobs } from "./jobs.ts";
import { createRemote, type Remote, type ResultOf } from "./remote.ts";

type AllJobs = typeof jobs;
export type Engine = Remote<AllJobs> & {
  /** Ends the worker, whatever it does; what waits for it fails. */
  readonly end: () => void;
};

/** The worker is not there any more; a new one is. */
export class EngineDied extends Error {
  override name = "EngineDied";
}

let started = 0;
/** A worker of one's own: for work that goes on for long, so that others need not wait for it. */
export function startEngine(): Engine {
  const name = `unrolled.engine.${Date.now()}.${started++}`;
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name });
  const remote = createRemote<AllJobs>(worker);
  const end = (error: Error): void => {
    worker.terminate();
    remote.fail(error);
    if (shared === engine) shared = undefined;
  };
  const engine: Engine = { ...remote, end: () => end(new EngineDied("The engine was ended.")) };
  worker.addEventListener("error", ({ message }) =>
    end(new EngineDied(`The engine stopped working: ${message || "it did not load"}.`)),
  );
  // A worker that the browser ends, say for want of memory, does not say so. But while it lives it holds a lock of its
  // name, from before its first answer. (Without https, and away from this machine, there are no locks.)
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

/** What waits for an answer asks again: the next engine is a new one. */
const asks = createShared(0);
/** Another number each time that what is unanswered is to be asked again. */
export const useAsks = asks.use;
/** To the reader, of whatever a question failed by: that of a dead engine can be asked again. */
export function tellOfDeath(error: unknown): void {
  if (!(error instanceof EngineDied)) return;
  const run = (): void => {
    notify("engine", undefined);
    asks.set(asks.get() + 1);
  };
  notify("engine", { text: "The engine stopped working, or did not load.", action: { label: "Try again", run } });
}

/**
 * For work that goes on: `round` is another number when it is to begin again, because its engine died, of which `tell` hears, and
 * the reader wants it to.
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

/** What a question came to: the last answer stays until the next one is there. */
export type Answer<Result> = { readonly value: Result | undefined; readonly error: string | undefined };

/**
 * The engine's answer to a question that changes, say with a slider. While it works on one only the newest of the
 * questions that follow is kept.
 */
export const useAnswer = <Name extends JobName>(
  name: Name,
  ...args: Parameters<AllJobs[Name]>
): Answer<ResultOfJob<Name>> =>
  useNewest(() => engine().ask(name, ...args) as Promise<ResultOfJob<Name>>, JSON.stringify([name, args]));

/** The same for questions about much data: `key` says whether it is another question; undefined asks nothing. */
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
