/** A training that a chapter shows while it runs, on its own engine. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Engine, startEngine } from "../../engine/engine.ts";
import type { Job } from "../../engine/remote.ts";
import { messageOf } from "../../loading.ts";

export type Experiment<Report, Result> = {
  /** The reports so far. */
  readonly reports: readonly Report[];
  readonly result: Result | undefined;
  readonly error: string | undefined;
  readonly running: boolean;
  /** Start again, and stop a training that is still running. */
  readonly start: (job: (engine: Engine) => Job<Report, Result>) => void;
  readonly stop: () => void;
  /** Reset to the state before the start. */
  readonly reset: () => void;
};

type State<Report, Result> = Pick<Experiment<Report, Result>, "reports" | "result" | "error" | "running">;

/**
 * The engine starts with the first training and ends when the reader leaves the chapter. A report is requested every
 * `paceMs`.
 */
export function useExperiment<Report, Result>(paceMs: number): Experiment<Report, Result> {
  const nothing: State<Report, Result> = { reports: [], result: undefined, error: undefined, running: false };
  const [state, setState] = useState(nothing);
  const own = useRef<Engine | undefined>(undefined);
  const job = useRef<Job<Report, Result> | undefined>(undefined);
  const stop = (): void => {
    job.current?.return(undefined as never).catch(() => {}); // Of an engine that died.
    job.current = undefined;
    setState((before) => ({ ...before, running: false }));
  };
  useEffect(() => () => own.current?.end(), []);
  const start: Experiment<Report, Result>["start"] = (begin) => {
    stop();
    own.current ??= startEngine();
    const mine = begin(own.current);
    job.current = mine;
    setState({ ...nothing, running: true });
    void (async () => {
      try {
        for (;;) {
          const { done, value } = await mine.next();
          if (job.current !== mine) return;
          if (done) return setState((before) => ({ ...before, result: value, running: false }));
          setState((before) => ({ ...before, reports: [...before.reports, value] }));
          await new Promise((resolve) => setTimeout(resolve, paceMs));
        }
      } catch (error) {
        if (job.current === mine) setState((before) => ({ ...before, error: messageOf(error), running: false }));
      }
    })();
  };
  const reset = (): void => {
    stop();
    setState(nothing);
  };
  return { ...state, start, stop, reset };
}
