/** Workers on this machine: so many processes, or none, and then the trials are trained in this one. */
import type { HostOptions } from "../engines/engine.ts";
import { createTrials, type Job, type TrialData, type TrialProgress } from "./trial.ts";
import { createTrialProcess, type Trained } from "./trial-process.ts";
import { createEvents, type Workers } from "./workers.ts";

export type LocalOptions = {
  /** How many processes; 0 for this one alone. */
  readonly workers: number;
  readonly host: HostOptions;
  readonly data: TrialData;
  readonly checkpointMs: number;
  readonly program: URL;
  readonly signal?: AbortSignal | undefined;
};

export function localWorkers({ workers, host, data, checkpointMs, program, signal }: LocalOptions): Workers {
  const events = createEvents();
  const here = workers === 0 ? createTrials(data) : undefined;
  const processes = Array.from({ length: workers }, () => createTrialProcess({ host, checkpointMs, program }));
  for (const one of processes) one.setData(data);
  const idle = [...processes];
  let places = Math.max(1, workers);

  async function train(job: Job, checkpoint: Uint8Array | undefined): Promise<void> {
    const { trial } = job;
    const hooks = {
      ...{ signal, host, checkpointMs },
      onProgress: (progress: TrialProgress) => events.tell({ kind: "progress", trial, progress }),
      onCheckpoint: (bytes: Uint8Array) => events.tell({ kind: "checkpoint", trial, bytes }),
    };
    const own = idle.pop();
    try {
      const trained: Trained = await (own ?? (here as NonNullable<typeof here>)).train(job, checkpoint, hooks);
      events.tell({ kind: "done", job, ...trained });
    } catch (error) {
      events.tell({ kind: "broken", error });
    } finally {
      if (own !== undefined) idle.push(own);
      places++;
    }
  }

  return {
    goOn: false,
    want: () => places > 0,
    async start(job, checkpoint) {
      places--;
      void train(job, checkpoint);
    },
    next: events.next,
    forget: async () => {},
    async end() {
      for (const one of processes) one.end();
    },
  };
}
