/**
 * A process that trains trials, from the side that starts it: it is started with the first job, and anew when it was killed; the job then
 * goes on from its last checkpoint.
 */
import { type ChildProcess, fork } from "node:child_process";
import type { HostOptions } from "../engines/engine.ts";
import type { FromChild, ToChild } from "./child.ts";
import type { Job, Outcome, TrialData, TrialHooks } from "./trial.ts";

/** How often a trial may lose its process without having come further, before it counts as failed. */
export const maxTries = 5;

/** The outcome of a trial that ends every process which trains it. */
export const deadly = (tries: number): Outcome => ({
  ...{ kind: "failed", updates: 0, curve: [] },
  message: `its process was killed ${tries} times before it came further. Is there enough memory for it?`,
});

/** The file of the process's program, in this folder; it is found by its path once it is compiled, and imported by nobody. */
export const childFile = "child.js";
export const childProgram = new URL(childFile, import.meta.url);

export type TrialProcessOptions = {
  readonly host: HostOptions;
  readonly checkpointMs: number;
  readonly program: URL;
};

export type Trained = { readonly outcome: Outcome; readonly model?: Uint8Array | undefined };

export type TrialProcess = {
  /** The texts of the jobs that follow. */
  readonly setData: (data: TrialData) => void;
  readonly train: (job: Job, checkpoint: Uint8Array | undefined, hooks: TrialHooks) => Promise<Trained>;
  readonly end: () => void;
};

export function createTrialProcess({ host, checkpointMs, program }: TrialProcessOptions): TrialProcess {
  let child: ChildProcess | undefined;
  let data: TrialData | undefined;
  let ended = false;

  function started(): ChildProcess {
    if (child !== undefined) return child;
    // What options Node itself has are of the process that starts it, such as --inspect.
    const made = fork(program, {
      serialization: "advanced",
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    made.on("exit", () => {
      if (child === made) child = undefined;
    });
    // A message to one that has just ended: its end is told of as well.
    made.on("error", () => {});
    child = made;
    made.send({ kind: "data", data } as ToChild);
    return made;
  }

  /** One try; undefined where the process was lost. */
  function attempt(job: Job, checkpoint: Uint8Array | undefined, hooks: TrialHooks): Promise<Trained | undefined> {
    return new Promise((resolve, reject) => {
      const own = started();
      const stop = (): void => void own.send({ kind: "stop" } as ToChild, () => {});
      const leave = (): void => {
        own.off("message", onMessage);
        own.off("exit", onExit);
        hooks.signal?.removeEventListener("abort", stop);
      };
      const onExit = (): void => {
        leave();
        resolve(undefined);
      };
      const onMessage = (message: FromChild): void => {
        if (message.kind === "progress") hooks.onProgress?.(message.progress);
        else if (message.kind === "checkpoint") hooks.onCheckpoint?.(message.bytes, message.updates);
        else {
          leave();
          if (message.kind === "broken") reject(new Error(message.message));
          else resolve(message);
        }
      };
      own.on("message", onMessage);
      own.on("exit", onExit);
      hooks.signal?.addEventListener("abort", stop);
      own.send({ kind: "train", job, checkpoint, checkpointMs, host } as ToChild);
      if (hooks.signal?.aborted) stop();
    });
  }

  return {
    setData(next) {
      data = next;
      child?.send({ kind: "data", data: next } as ToChild);
    },
    async train(job, checkpoint, hooks) {
      let [latest, tries] = [checkpoint, 0];
      const onCheckpoint = (bytes: Uint8Array, updates: number): void => {
        [latest, tries] = [bytes, 0];
        hooks.onCheckpoint?.(bytes, updates);
      };
      for (;;) {
        const trained = await attempt(job, latest, { ...hooks, onCheckpoint });
        if (trained !== undefined) return trained;
        if (ended || hooks.signal?.aborted) return { outcome: { kind: "interrupted", updates: 0 } };
        if (++tries >= maxTries) return { outcome: deadly(tries) };
      }
    },
    end() {
      ended = true;
      child?.kill("SIGKILL");
      child = undefined;
    },
  };
}
