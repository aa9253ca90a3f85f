/** `sweepWorker`: train the trials of sweeps that wait in Redis, one at a time, in a process of its own. */
import { hostname } from "node:os";
import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  aSignal,
  callable,
  checkArguments,
  options as optionsOf,
  required,
  someText,
} from "../graph/schema.ts";
import { version } from "../server/version.ts";
import {
  connect,
  lockMs as defaultLockMs,
  type QueuedJob,
  type QueuedResult,
  queueName,
  stalledShare,
} from "./redis.ts";
import type { Outcome, TrialProgress } from "./trial.ts";
import { childProgram, createTrialProcess, deadly, maxTries } from "./trial-process.ts";
import { Left } from "./workers.ts";

/** What a worker tells of its trials. */
export type SweepWorkerEvent =
  | { readonly kind: "waiting" }
  | {
      readonly kind: "started";
      readonly sweep: string;
      readonly trial: number;
      readonly rung: number;
      readonly rungs: number;
    }
  | {
      readonly kind: "ended";
      readonly sweep: string;
      readonly trial: number;
      readonly outcome: string;
      readonly loss?: number;
    }
  | { readonly kind: "warning"; readonly message: string };

/** Options of `sweepWorker`. */
export type SweepWorkerOptions = Pick<HostOptions, "engine" | "threads"> & {
  /** The address of Redis: `redis://127.0.0.1:6379`, `rediss://...`, or the path of a socket. */
  readonly redis: string;
  /** Ends the worker: its trial is put back, and goes on elsewhere from where it is. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each trial that begins and ends. */
  readonly onEvent?: ((event: SweepWorkerEvent) => void) | undefined;
  /** @internal The program of the process that trains. */
  readonly program?: URL;
  /** @internal How often a trial's checkpoint is written, in milliseconds. */
  readonly checkpointMs?: number;
  /** @internal How long it keeps a trial without a sign of life, in milliseconds. */
  readonly lockMs?: number;
};

export const sweepWorkerArguments: Arguments = {
  options: required(
    optionsOf<Omit<SweepWorkerOptions, "program" | "checkpointMs" | "lockMs">>({
      engine: hostRules.engine,
      threads: hostRules.threads,
      redis: required(someText),
      signal: aSignal,
      onEvent: callable,
    }),
  ),
};

/** Progress is written this often at most: each time the queue keeps an event of it. */
const progressEveryMs = 1000;

/**
 * Train trials of any sweep on a Redis until the signal ends it: `sweep` with the same address hands them out. Several workers may run on
 * each of several machines. A worker that is killed loses no trial: another one goes on with it, from its last checkpoint.
 * @param options `redis`: the address; `engine`, `threads`, `signal`, `onEvent`
 * @throws InputError if bullmq and ioredis are not installed, if Redis cannot be reached, and for a sweep of another version of Unrolled
 * @example await sweepWorker({ redis: "redis://127.0.0.1:6379" });
 */
export async function sweepWorker(options: SweepWorkerOptions): Promise<void> {
  const { program = childProgram, checkpointMs = 10_000, lockMs = defaultLockMs, ...checked } = options ?? {};
  checkArguments("sweepWorker", { options: options === undefined ? undefined : checked }, sweepWorkerArguments);
  const { redis, signal, onEvent = () => {}, engine, threads } = options;
  const connection = await connect(redis, (message) => onEvent({ kind: "warning", message }));
  const { Worker, WaitingError, onError } = connection;
  const host = { ...(engine && { engine }), ...(threads && { threads }) };
  const trainer = createTrialProcess({ host, checkpointMs, program });
  const stop = new AbortController();
  signal?.addEventListener("abort", () => stop.abort());
  if (signal?.aborted) stop.abort();
  let problem: unknown;
  let ready = "";
  let [progressMs, writes] = [0, Promise.resolve() as Promise<unknown>];

  const worker = new Worker<QueuedJob, QueuedResult>(
    queueName,
    async (queued, token) => {
      const { version: theirs, sweep, job } = queued.data;
      /** Others take it at once. */
      const putBack = async (): Promise<never> => {
        await queued.moveToWait(token);
        throw new WaitingError();
      };
      if (theirs !== version) {
        problem = new InputError(
          `worker: a sweep of Unrolled ${theirs} waits, and this is ${version}. Install the same version on all machines.`,
        );
        stop.abort();
      }
      if (stop.signal.aborted) return putBack();
      if (ready !== sweep) {
        const data = await connection.getTexts(sweep);
        if (data === undefined) return failed("the texts of its sweep are not in Redis any more");
        trainer.setData(data);
        ready = sweep;
      }
      const { trial, rung, rungs } = job;
      if ((await connection.countStart(sweep, trial)) > maxTries) return deadly(maxTries);
      onEvent({ kind: "started", sweep, trial, rung, rungs });
      // What is written, in its order: the last checkpoint comes after all others.
      writes = Promise.resolve();
      const abandoned = new AbortController();
      const write = (what: () => Promise<unknown>): void => {
        writes = writes.then(what);
        writes.catch(() => abandoned.abort());
      };
      const { outcome, model } = await trainer.train(job, await connection.checkpointOf(sweep, trial), {
        signal: AbortSignal.any([stop.signal, abandoned.signal]),
        onProgress(progress) {
          if (performance.now() - progressMs < progressEveryMs || !allFinite(progress)) return;
          progressMs = performance.now();
          write(() => queued.updateProgress({ ...progress }));
        },
        onCheckpoint: (bytes, updates) => write(() => connection.saveCheckpoint(sweep, trial, updates, bytes)),
      });
      if (model !== undefined) write(() => connection.saveCheckpoint(sweep, trial, outcome.updates, model));
      try {
        await writes;
      } catch (error) {
        // A checkpoint that is too large is the trial's fault; all else is tried again.
        if (error instanceof InputError) return failed(error.message);
        throw error;
      }
      if (outcome.kind === "interrupted") return putBack();
      onEvent({ kind: "ended", sweep, trial, outcome: outcome.kind, ...("loss" in outcome && { loss: outcome.loss }) });
      return outcome;
    },
    {
      ...connection.options,
      // A number that is not whole would end the search for such trials: Redis refuses it.
      ...{ lockDuration: lockMs, stalledInterval: Math.ceil(lockMs * stalledShare) },
      name: `${hostname()}-${process.pid}`,
      // By default a job fails for good with its second worker that is killed.
      maxStalledCount: 1_000_000,
    },
  );
  worker.on("error", onError);
  onEvent({ kind: "waiting" });
  try {
    await new Promise<void>((resolve) => {
      if (stop.signal.aborted) resolve();
      stop.signal.addEventListener("abort", () => resolve());
    });
    await Promise.race([worker.close(), connection.lostAt(stop.signal)]).catch((error: unknown) => {
      if (!(error instanceof Left)) throw error;
      void worker.close(true).catch(() => {});
    });
  } finally {
    trainer.end();
    await connection.close();
  }
  if (problem !== undefined) throw problem;
}

const failed = (message: string): Outcome => ({ kind: "failed", message, updates: 0, curve: [] });

/** JSON makes null of what is not finite, and the queue 0 of null. */
const allFinite = (progress: TrialProgress): boolean => Object.values(progress).every(Number.isFinite);
