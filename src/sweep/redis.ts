/**
 * What a sweep and its workers share in Redis: a queue of jobs (BullMQ), the texts, and the checkpoints of trials that are under way.
 * The two packages are loaded here, when a sweep first asks for Redis.
 */
import { InputError } from "../graph/input-error.ts";
import type { Job, Outcome, TrialData } from "./trial.ts";
import { Left } from "./workers.ts";

/** All keys begin so: those of the queue, and our own. */
const prefix = "unrolled";
export const queueName = "trials";
const keysOf = (sweep: string) => ({
  data: `${prefix}:sweep:${sweep}:data`,
  trial: (trial: number) => `${prefix}:sweep:${sweep}:trial-${trial}`,
});

/** A job as it stands in the queue. Numbers in it are finite: JSON makes null of others. */
export type QueuedJob = { readonly version: string; readonly sweep: string; readonly job: Job };
export type QueuedResult = Outcome;

/** The id of a job: never the name of one of the queue's own keys, and the same however often it is handed out. */
export const idOf = (sweep: string, { trial, rung }: Job): string => `${sweep}-trial-${trial}-rung-${rung}`;

/** Redis holds strings of up to 512 MB; what is larger than these is refused, in MiB. */
const maxTexts = 128;
const maxCheckpoint = 256;
/** Whoever leaves a sweep for so long begins its trials under way anew, in seconds. */
const expiryS = 30 * 24 * 3600;

/**
 * How long a worker that gives no sign of life keeps its trial, in milliseconds, and, of that, how often others look for such. Its main
 * thread is never busy for long: the training is in another process.
 */
export const lockMs = 15_000;
export const stalledShare = 1 / 3;

/** A checkpoint never gives way to an older one, which a worker may still write that was taken for dead. */
const keepNewest = `
local old = tonumber(redis.call('HGET', KEYS[1], 'updates') or '-1')
if tonumber(ARGV[1]) >= old then
  redis.call('HSET', KEYS[1], 'updates', ARGV[1], 'bytes', ARGV[2], 'starts', 0)
end
return redis.call('EXPIRE', KEYS[1], ARGV[3])`;

/**
 * The texts as workers are given them.
 * @throws InputError if they are too large
 */
export function textsOf(data: TrialData): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(data));
  if (bytes.length <= maxTexts * 2 ** 20) return bytes;
  throw new InputError(
    `the texts have ${Math.ceil(bytes.length / 2 ** 20)} MiB, and at most ${maxTexts} go through Redis. Search with a part of them.`,
  );
}

/** How often who leaves looks for a connection that is lost, and how long it waits for it, in milliseconds. */
const [lookMs, leaveMs] = [100, 1500];

/** An address without its password, for messages. */
const shown = (url: string): string => url.replace(/\/\/[^@/]*@/, "//");

async function load() {
  try {
    const [bullmq, { Redis }] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { ...bullmq, Redis };
  } catch (cause) {
    throw new InputError("sweep: Redis needs the packages bullmq and ioredis: npm install bullmq@6 ioredis@6", {
      cause,
    });
  }
}

/**
 * Connect to Redis.
 * @param onProblem told once when the connection is lost; it is tried again until it is there
 * @throws InputError without the packages, for a wrong address, and if nobody answers there
 */
export async function connect(url: string, onProblem: (problem: string) => void) {
  if (!/^(rediss?:\/\/[^\s]+|\/[^\s]+)$/.test(url)) {
    throw new InputError(
      `redis: must be an address as redis://127.0.0.1:6379 or the path of a socket, got "${shown(url)}".`,
    );
  }
  const { Queue, Worker, Job: BullJob, WaitingError, Redis } = await load();
  const first = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 });
  let problem: Error | undefined;
  first.on("error", (error: Error) => {
    problem = error;
  });
  try {
    await first.connect();
    await first.ping();
  } catch (error) {
    const { code, message } = (problem ?? error) as Error & { code?: string };
    throw new InputError(
      `${shown(url)}: Redis cannot be reached (${code ?? message}). Start it, or check the address.`,
    );
  } finally {
    first.disconnect();
  }
  const said = new Set<string>();
  let lost = false;
  const onError = (error: Error & { code?: string }): void => {
    if (client.status === "ready") {
      // Of a trial, for one, that was given to another worker meanwhile: what that one gives counts, and counts once.
      const [, trial] = /\block\b.*-trial-(\d+)-rung-/i.exec(error.message) ?? [];
      const message =
        trial === undefined
          ? error.message.replace(/\s+/g, " ")
          : `trial ${trial} was given to another worker meanwhile. Nothing is lost.`;
      if (!said.has(message)) onProblem(`${shown(url)}: ${message}`);
      said.add(message);
    } else if (!lost) {
      onProblem(`${shown(url)}: the connection is lost (${error.code ?? error.message}), and is tried again.`);
      lost = true;
    }
  };
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on("error", onError);
  client.on("ready", () => {
    lost = false;
  });

  const save = async (key: string, updates: number, bytes: Uint8Array): Promise<void> => {
    if (bytes.length > maxCheckpoint * 2 ** 20) {
      throw new InputError(
        `its checkpoint has ${Math.ceil(bytes.length / 2 ** 20)} MiB, and at most ${maxCheckpoint} go through Redis. Search smaller models.`,
      );
    }
    await client.eval(keepNewest, 1, key, updates, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), expiryS);
  };
  return {
    ...{ Queue, Worker, BullJob, WaitingError, client, onError },
    options: { connection: client, prefix } as const,
    putTexts: (sweep: string, texts: Uint8Array) => client.set(keysOf(sweep).data, Buffer.from(texts), "EX", expiryS),
    async getTexts(sweep: string): Promise<TrialData | undefined> {
      const text = await client.get(keysOf(sweep).data);
      return text === null ? undefined : (JSON.parse(text) as TrialData);
    },
    saveCheckpoint: (sweep: string, trial: number, updates: number, bytes: Uint8Array) =>
      save(keysOf(sweep).trial(trial), updates, bytes),
    async checkpointOf(sweep: string, trial: number): Promise<Uint8Array | undefined> {
      const bytes = await client.hgetBuffer(keysOf(sweep).trial(trial), "bytes");
      // Plain bytes, at the beginning of memory of their own.
      return bytes === null ? undefined : new Uint8Array(bytes);
    },
    /** How often a trial has been begun since it last came further, this time included. */
    async countStart(sweep: string, trial: number): Promise<number> {
      const key = keysOf(sweep).trial(trial);
      const starts = await client.hincrby(key, "starts", 1);
      await client.expire(key, expiryS);
      return starts;
    },
    forgetTrial: (sweep: string, trial: number) => client.del(keysOf(sweep).trial(trial)),
    forgetTexts: (sweep: string) => client.del(keysOf(sweep).data),
    /**
     * Rejects once the signal says to leave and the connection is lost and does not come back at once. What waits for Redis then never
     * ends by itself, not even where the client is closed.
     */
    lostAt(signal: AbortSignal | undefined): Promise<never> {
      const lost = new Promise<never>((_, reject) => {
        const leave = (): void => {
          let lostMs = 0;
          const look = setInterval(() => {
            lostMs = client.status === "ready" ? 0 : lostMs + lookMs;
            if (lostMs < leaveMs && client.status !== "end") return;
            clearInterval(look);
            reject(new Left(`${shown(url)}: the connection is lost.`));
          }, lookMs);
        };
        if (signal?.aborted) leave();
        else signal?.addEventListener("abort", leave);
      });
      lost.catch(() => {}); // Who waits for it has other things to wait for.
      return lost;
    },
    async close(): Promise<void> {
      client.disconnect();
    },
  };
}
export type Connection = Awaited<ReturnType<typeof connect>>;
