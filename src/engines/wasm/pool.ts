/**
 * Long-lived worker threads, in Node and in pages, that run compiled programs together on shared memory. Knows nothing
 * about what a program computes.
 */
import { callsAt, changedAt, goneAt, hereAt, threadsAt } from "./meeting.ts";
import { patience, workerSource } from "./worker-source.ts";

/** A run has ended; without its number, a worker is there. */
type Message = { readonly id?: number };
/** A run that has not ended yet. */
type Job = { readonly id: number; ended: (error?: string) => void; freed?: () => void };
/** What workers of Node and of pages have alike, and what those of Node alone have. */
type PoolWorker = {
  postMessage: (message: object) => void;
  terminate: () => void;
  ref?: () => void;
  unref?: () => void;
};
/** What Node's worker_threads has, as far as it is used here. */
type NodeWorkers = {
  Worker: new (
    source: string,
    options: { eval: true },
  ) => Required<PoolWorker> & {
    on: ((event: "message", handler: (message: Message) => void) => void) &
      ((event: "error", handler: (error: unknown) => void) => void) &
      ((event: "exit", handler: (code: number) => void) => void);
  };
};
type NodeProcess = { getBuiltinModule?: (id: string) => unknown };
const builtin = (id: string): unknown => (globalThis as { process?: NodeProcess }).process?.getBuiltinModule?.(id);

let workers: readonly PoolWorker[] = [];
let jobs: readonly Job[] = [];
const jobOf = (id: number): Job | undefined => jobs.find((job) => job.id === id);
let programs = 0;
/**
 * Workers that have not said that they are there: those of a page start when this thread has turned a few times. Infinity
 * where one ended before: a page may be forbidden to have any, and this thread does everything.
 */
let expected = 0;
/** Turns that are still waited for them. */
let turns = 0;

/** Cores that this process may use. */
export function availableThreads(): number {
  const os = builtin("node:os") as { availableParallelism?: () => number } | undefined;
  return os?.availableParallelism?.() ?? (globalThis as { navigator?: Navigator }).navigator?.hardwareConcurrency ?? 1;
}

function receive({ id }: Message): void {
  if (id === undefined) expected--;
  else jobOf(id)?.ended();
}
/**
 * A thread that fails never comes to where the others wait for it. So all workers end, and all that runs fails; the next
 * run starts new ones.
 */
function fail(error: string): void {
  const [ended, failed] = [workers, jobs];
  if (expected > 0) [expected, turns] = [Number.POSITIVE_INFINITY, 0];
  workers = [];
  for (const worker of ended) worker.terminate();
  for (const job of failed) job.ended(error);
}

/** Have a turn, and wait for the workers that are to come, for about a second. Those that come later are of use then. */
async function gather(): Promise<void> {
  do await new Promise((resolve) => setTimeout(resolve, 5));
  while (expected > 0 && turns-- > 0);
}

function startWorker(): PoolWorker {
  const node = builtin("node:worker_threads") as NodeWorkers | undefined;
  const worker =
    node === undefined
      ? new Worker(URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" })))
      : new node.Worker(workerSource, { eval: true });
  // What comes from a worker that was ended is too late.
  const here =
    <T>(act: (value: T) => void) =>
    (value: T): void => {
      if (workers.includes(worker)) act(value);
    };
  if ("on" in worker) {
    worker.on("message", here(receive));
    worker.on(
      "error",
      here((error) => fail(String(error))),
    );
    worker.on(
      "exit",
      here<unknown>(() => fail("it ended")),
    );
    // An idle pool does not keep the process alive.
    worker.unref();
  } else {
    worker.onmessage = here(({ data }: MessageEvent<Message>) => receive(data));
    worker.onerror = here(({ message }: ErrorEvent) => fail(String(message)));
  }
  return worker;
}

/** A program as the workers have it. */
export type PoolProgram = {
  readonly id: number;
  /**
   * All threads once; 1 where parameters have changed. This thread alone where the workers are not there. Rejects with what
   * a thread threw.
   */
  readonly run: (changed: 0 | 1) => Promise<void>;
  /**
   * The same at once: workers that follow do all parts but the first, which this thread does, for many short steps without
   * a message each; where one is not there this thread does all. Makes nothing on the heap. Only where this thread may
   * wait: see `mayWait`.
   */
  readonly lead: (changed: 0 | 1) => void;
  /** Calls back when no thread runs it, at once where none does; never where what it holds is lost. */
  readonly whenFree: (then: () => void) => void;
};

/** Whether this thread may wait for others: that of a page may not. */
export const mayWait = (): boolean => (globalThis as { document?: unknown }).document === undefined;

/** Dismisses the workers that follow at present, if any: others must not wait until they have lost patience. */
let followed: (() => void) | undefined;

/**
 * Give a module and its shared memory to so many workers; more are started where needed. `part` is what the module does
 * here. Nobody waits for a worker that is not known to run: a run is shared by all threads or is this one's alone. A program
 * that ran when a thread failed is lost: part of its step is done, part is not.
 */
export async function loadIntoPool(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  threads: number,
  part: (thread: number, changed: 0 | 1) => void,
): Promise<PoolProgram> {
  const id = programs++;
  const numbers = new Int32Array(memory.buffer);
  let mine: readonly PoolWorker[] = [];
  let lost: Error | undefined;
  let looks = 0;
  const dismiss = (): void => {
    numbers[goneAt] = 1;
    followed = undefined;
  };
  const whenFree = (then: () => void): void => {
    if (followed === dismiss) dismiss();
    const job = jobOf(id);
    if (job !== undefined) job.freed = then;
    else if (lost === undefined) then();
  };
  const join = (): void => {
    while (expected < Number.POSITIVE_INFINITY && workers.length < threads) {
      workers = [...workers, startWorker()];
      expected++;
      turns = 200;
    }
    if (mine[0] === workers[0]) return; // Workers end all together.
    mine = workers.slice(0, threads);
    numbers[hereAt] = 0;
    numbers[goneAt] = 1;
    for (const worker of mine) worker.postMessage({ kind: "load", id, module, memory });
  };
  const begin = (changed: 0 | 1): void => {
    if (jobOf(id) !== undefined) throw new Error("internal: a program is run while it runs");
    if (lost !== undefined) throw lost;
    join();
    numbers[changedAt] = changed;
  };
  const lose = (error: string): Error => {
    lost = new Error(`internal: a thread failed: ${error}. What the program holds is lost; load it anew.`);
    return lost;
  };
  /** The part of the first thread, which is all where it is alone. Returns what failed, if anything. */
  const runHere = (): string | undefined => {
    try {
      part(0, numbers[changedAt] as 0 | 1);
      return numbers[threadsAt] === 0 ? "it ended" : undefined;
    } catch (error) {
      return String(error);
    }
  };
  const run = async (changed: 0 | 1): Promise<void> => {
    begin(changed);
    const job: Job = { id, ended() {} };
    const end = new Promise<string | undefined>((resolve) => {
      job.ended = resolve;
    });
    jobs = [...jobs, job];
    if (expected > 0) await gather();
    followed?.();
    numbers[threadsAt] = expected > 0 ? 1 : threads;
    if (expected > 0) job.ended(runHere());
    // Every worker gets its jobs in one order, so that two programs never wait for each other.
    else
      mine.forEach((worker, thread) => {
        worker.ref?.();
        worker.postMessage({ kind: "run", id, thread });
      });
    const error = await end;
    jobs = jobs.filter((other) => other !== job);
    for (const worker of workers) if (jobs.length === 0) worker.unref?.();
    if (error !== undefined) throw lose(error);
    job.freed?.();
  };
  const lead = (changed: 0 | 1): void => {
    begin(changed);
    if (followed !== dismiss) followed?.();
    followed = dismiss;
    if (Atomics.exchange(numbers, goneAt, 0) > 0) {
      looks = patience;
      mine.forEach((worker, thread) => {
        if (thread > 0) worker.postMessage({ kind: "follow", id, thread });
      });
    }
    const others = threads - 1;
    let here = 0;
    do here = Atomics.compareExchange(numbers, hereAt, others, 0);
    while (here !== others && looks-- > 0);
    numbers[threadsAt] = here === others ? threads : 1;
    if (here === others) {
      looks = patience;
      Atomics.add(numbers, callsAt, 1);
    }
    const error = runHere();
    if (error !== undefined) {
      fail(error);
      throw lose(error);
    }
  };
  join();
  if (expected > 0) await gather();
  return { id, run, lead, whenFree };
}

/** Post a message to every worker. */
export function tell(message: object): void {
  for (const worker of workers) worker.postMessage(message);
}
/** Have the workers forget a program: its memory can then be collected. */
export const dropFromPool = (id: number): void => tell({ kind: "drop", id });
