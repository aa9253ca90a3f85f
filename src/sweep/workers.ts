/** Who trains the trials of a sweep, as the sweep sees them: something that takes jobs and tells how they go on. */
import type { Job, Outcome, TrialProgress } from "./trial.ts";

/** Of who left while nobody could be reached. */
export class Left extends Error {}

/** What workers tell of a trial. */
export type WorkerEvent =
  | { readonly kind: "progress"; readonly trial: number; readonly progress: TrialProgress }
  | { readonly kind: "checkpoint"; readonly trial: number; readonly bytes: Uint8Array }
  | { readonly kind: "done"; readonly job: Job; readonly outcome: Outcome; readonly model?: Uint8Array | undefined }
  | { readonly kind: "broken"; readonly error: unknown };

export type Workers = {
  /** Whether somebody would take another job now. */
  readonly want: () => boolean;
  /** Hand out a job, with the model file that its trial goes on from. A job that was handed out before is not done twice. */
  readonly start: (job: Job, checkpoint: Uint8Array | undefined) => Promise<void>;
  /** The next that is told; undefined if, after a while, others may be wanted. */
  readonly next: () => Promise<WorkerEvent | undefined>;
  /** What was told of a job that is done is written down: it need not be kept any more. */
  readonly forget: (job: Job) => Promise<void>;
  /** Whether jobs that are handed out go on without the sweep, so that to stop it is to leave. */
  readonly goOn: boolean;
  /** End what can be ended; `finished` says whether the sweep is. */
  readonly end: (finished: boolean) => Promise<void>;
};

/** Events in the order in which they come, and one who waits for them. */
export function createEvents() {
  const waiting: WorkerEvent[] = [];
  let wake: () => void = () => {};
  return {
    tell(event: WorkerEvent): void {
      waiting.push(event);
      wake();
    },
    async next(): Promise<WorkerEvent> {
      while (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return waiting.shift() as WorkerEvent;
    },
  };
}
