/**
 * The program of a process that trains trials: it is told of the texts, then of jobs, one at a time, and tells how they go on. It ends
 * with the process that started it. See `trial-process.ts` for the other side.
 */
import type { HostOptions } from "../engines/engine.ts";
import { createTrials, type Job, type Outcome, type TrialData, type TrialProgress, type Trials } from "./trial.ts";

/** What the process is told. */
export type ToChild =
  | { readonly kind: "data"; readonly data: TrialData }
  | {
      readonly kind: "train";
      readonly job: Job;
      readonly checkpoint: Uint8Array | undefined;
      readonly checkpointMs: number;
      readonly host: HostOptions;
    }
  | { readonly kind: "stop" };

/** What it tells. */
export type FromChild =
  | { readonly kind: "progress"; readonly progress: TrialProgress }
  | { readonly kind: "checkpoint"; readonly bytes: Uint8Array; readonly updates: number }
  | { readonly kind: "done"; readonly outcome: Outcome; readonly model: Uint8Array | undefined }
  | { readonly kind: "broken"; readonly message: string };

let trials: Trials | undefined;
let stop = new AbortController();

const tell = (message: FromChild): void => {
  // Nobody listens any more: the channel's end ends the process, below.
  if (process.connected) process.send?.(message, () => {});
};

async function train({ job, checkpoint, checkpointMs, host }: Extract<ToChild, { kind: "train" }>): Promise<void> {
  stop = new AbortController();
  try {
    const { outcome, model } = await (trials as Trials).train(job, checkpoint, {
      ...{ host, checkpointMs, signal: stop.signal },
      onProgress: (progress) => tell({ kind: "progress", progress }),
      onCheckpoint: (bytes, updates) => tell({ kind: "checkpoint", bytes, updates }),
    });
    tell({ kind: "done", outcome, model });
  } catch (error) {
    tell({ kind: "broken", message: (error as Error).message });
  }
}

process.on("message", (message: ToChild) => {
  if (message.kind === "data") trials = createTrials(message.data);
  else if (message.kind === "train") void train(message);
  else stop.abort();
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches all processes of a terminal: the one that started this one says what is to happen.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
