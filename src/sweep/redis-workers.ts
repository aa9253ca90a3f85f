/**
 * Workers on any machine, as the sweep sees them: it puts jobs into a queue of Redis and looks what has become of them. It looks rather
 * than listens: events can be lost, a job's state cannot.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type Connection, idOf, type QueuedJob, type QueuedResult, queueName } from "./redis.ts";
import type { Job, Outcome, TrialProgress } from "./trial.ts";
import type { WorkerEvent, Workers } from "./workers.ts";

const pollMs = 250;
/** How long nobody may take a job before that is told. */
const patienceMs = 10_000;
/** A job that a worker could not do for reasons of its own, as a lost connection, is tried again so often. */
const attempts = 20;

export type RedisOptions = {
  readonly connection: Connection;
  readonly sweep: string;
  readonly version: string;
  /** As `textsOf` makes them. */
  readonly texts: Uint8Array;
  /** Told once if nobody takes a job. */
  readonly onNobody: () => void;
  readonly signal?: AbortSignal | undefined;
};

export async function redisWorkers(options: RedisOptions): Promise<Workers> {
  const { connection, sweep, version, texts, onNobody, signal } = options;
  const { Queue, BullJob, onError } = connection;
  await connection.putTexts(sweep, texts);
  // Of the events only the last are kept: nobody here reads them.
  const queue = new Queue<QueuedJob, QueuedResult>(queueName, {
    ...connection.options,
    streams: { events: { maxLen: 1000 } },
  });
  queue.on("error", onError);
  await queue.waitUntilReady();
  const lost = connection.lostAt(signal);
  let isLost = false;
  lost.catch(() => {
    isLost = true;
  });
  const unlessLost = <Value>(work: Promise<Value>): Promise<Value> => Promise.race([work, lost]);
  const out = new Map<string, { readonly job: Job; told: number }>();
  const events: WorkerEvent[] = [];
  let waiting = 0;
  let takenMs = performance.now();
  let said = false;

  async function look(): Promise<void> {
    let [count, active] = [0, 0];
    for (const [id, known] of out) {
      const { job } = known;
      const found = await BullJob.fromId<QueuedJob, QueuedResult>(queue, id);
      // Redis was emptied, or began again without its data: the texts and the job are put there again, and its rung begins anew.
      if (found === undefined) {
        await connection.putTexts(sweep, texts);
        await add(job);
        count++;
        continue;
      }
      const state = await found.getState();
      if (state === "completed" || state === "failed") {
        out.delete(id);
        // Its result was not there yet when it was read, if it ended in between.
        const ended = await BullJob.fromId<QueuedJob, QueuedResult>(queue, id);
        const outcome: Outcome =
          state === "completed" && ended?.returnvalue
            ? ended.returnvalue
            : { kind: "failed", message: ended?.failedReason ?? "its worker gave no result", updates: 0, curve: [] };
        const model = outcome.kind === "measured" ? await connection.checkpointOf(sweep, job.trial) : undefined;
        events.push({ kind: "done", job, outcome, model });
      } else if (state === "active") {
        active++;
        const progress = found.progress as TrialProgress | number;
        if (typeof progress === "object" && progress.updates > known.told) {
          known.told = progress.updates;
          events.push({ kind: "progress", trial: job.trial, progress });
        }
      } else count++;
    }
    waiting = count;
    if (active > 0 || count === 0) takenMs = performance.now();
    else if (!said && performance.now() - takenMs > patienceMs) {
      said = true;
      onNobody();
    }
  }
  const add = (job: Job) =>
    queue.add(
      "trial",
      { version, sweep, job },
      { jobId: idOf(sweep, job), attempts, backoff: { type: "fixed", delay: 1000 } },
    );

  return {
    goOn: true,
    // One job waits for the next worker that is free, so none waits for the sweep.
    want: () => waiting < 1,
    async start(job, checkpoint) {
      // It never replaces what a worker has written since.
      if (checkpoint !== undefined) await unlessLost(connection.saveCheckpoint(sweep, job.trial, 0, checkpoint));
      await unlessLost(add(job));
      out.set(idOf(sweep, job), { job, told: -1 });
      waiting++;
    },
    async next() {
      if (events.length === 0) await unlessLost(look());
      if (events.length === 0) await wait(pollMs);
      return events.shift();
    },
    async forget(job) {
      await unlessLost(queue.remove(idOf(sweep, job)));
      await unlessLost(connection.forgetTrial(sweep, job.trial));
    },
    async end(finished) {
      if (finished) await connection.forgetTexts(sweep);
      if (!isLost) await queue.close();
      await connection.close();
    },
  };
}
