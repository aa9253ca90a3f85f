/**
 * Long-lived worker threads, in Node and in pages, that run compiled programs together on shared memory. Knows nothing
 * about what a program computes.
 */
import { callsAt, goneAt, hereAt, howAt, threadsAt } from "./meeting.ts";
import { patience, workerSource } from "./worker-source.ts";

/** A message from a worker: the run of program `id` has ended; without `id`, the worker has started. */
type Message = { readonly id?: number };
/** A run that has not ended yet. */
type Job = { readonly id: number; readonly numbers: Int32Array; ended: (error?: string) => void; freed?: () => void };
/** What workers of Node and of pages have in common; `ref` and `unref` are of Node alone. */
type PoolWorker = {
  postMessage: (message: object) => void;
  terminate: () => void;
  ref?: () => void;
  unref?: () => void;
};
/** The part of Node's worker_threads that is used here. */
type NodeWorkers = {
  Worker: new (
    source: string,
    options: { eval: true; execArgv: [] },
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
 * Number of workers that have not yet reported that they have started; those of a page start after this thread has returned
 * to its event loop a few times. Infinity if one ended before it reported: a page may forbid workers, and this thread then
 * does everything.
 */
let expected = 0;
/** Turns of the event loop for which we still wait for them. */
let turns = 0;

/** Number of cores that this process may use. */
export function availableThreads(): number {
  const os = builtin("node:os") as { availableParallelism?: () => number } | undefined;
  return os?.availableParallelism?.() ?? (globalThis as { navigator?: Navigator }).navigator?.hardwareConcurrency ?? 1;
}

function receive({ id }: Message): void {
  if (id === undefined) expected--;
  else jobOf(id)?.ended();
}
/**
 * The others would wait for ever for a thread that has failed. So all workers end, and all runs fail; the next run starts new
 * workers.
 */
function fail(error: string): void {
  const [ended, failed] = [workers, jobs];
  if (expected > 0) [expected, turns] = [Number.POSITIVE_INFINITY, 0];
  workers = [];
  for (const worker of ended) worker.terminate();
  for (const job of failed) job.ended(error);
}

/**
 * Return to the event loop, and wait about a second for the workers that are starting. Later runs use those that start
 * later.
 */
async function gather(): Promise<void> {
  do await new Promise((resolve) => setTimeout(resolve, 5));
  while (expected > 0 && turns-- > 0);
}

function startWorker(): PoolWorker {
  const node = builtin("node:worker_threads") as NodeWorkers | undefined;
  const worker =
    node === undefined
      ? new Worker(URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" })))
      : // Without the process's flags: they may say that text is a module, or load something first.
        new node.Worker(workerSource, { eval: true, execArgv: [] });
  // Ignore what comes from a worker that was ended.
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

/** A program that the workers have loaded. */
export type PoolProgram = {
  readonly id: number;
  /**
   * Run the program once on all threads, or on this thread alone if the workers have not started; `how`: see `howToRun`. Rejects with
   * what a thread threw.
   */
  readonly run: (how: number) => Promise<void>;
  /**
   * The same, synchronously, for many short steps without a message for each: this thread does the first part, and workers
   * that follow it do the others; if one is missing, this thread does everything. Allocates nothing on the heap. Only for
   * threads that may wait: see `mayWait`.
   */
  readonly lead: (how: number) => void;
  /** Calls `then` once no thread runs the program: at once if none does, never if its values are lost. */
  readonly whenFree: (then: () => void) => void;
};

/** Whether this thread may wait for others: the main thread of a page may not. */
export const mayWait = (): boolean => (globalThis as { document?: unknown }).document === undefined;

/** Dismisses the workers that follow a program now, if any, so that other programs need not wait until they give up. */
let followed: (() => void) | undefined;

/**
 * What a worker makes `run` of, a function of its number and of how it is run: a module; or, in Node, the text
 * `make` of a function of this, of the numbers where threads meet, and of `require`.
 */
export type WorkerCode =
  | { readonly module: WebAssembly.Module; readonly memory: WebAssembly.Memory }
  | { readonly make: string; readonly [data: string]: unknown };

/**
 * Give code to so many workers; more are started where needed. `numbers` is shared memory where they meet, `part` what the code
 * does here. Nobody waits for a worker that is not known to run: a run is shared by all threads or is this one's alone. A program
 * that ran when a thread failed is lost: part of its step is done, part is not.
 */
export async function loadIntoPool(
  code: WorkerCode,
  numbers: Int32Array,
  threads: number,
  part: (thread: number, how: number) => void,
): Promise<PoolProgram> {
  const id = programs++;
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
      try {
        workers = [...workers, startWorker()];
        expected++;
        turns = 200;
      } catch {
        expected = Number.POSITIVE_INFINITY; // Node without the permission.
      }
    }
    if (mine[0] === workers[0]) return; // Workers end all together.
    mine = workers.slice(0, threads);
    numbers[hereAt] = 0;
    numbers[goneAt] = 1;
    for (const worker of mine) worker.postMessage({ kind: "load", id, code, numbers });
  };
  const begin = (how: number): void => {
    if (jobOf(id) !== undefined) throw new Error("internal: a program is run while it runs");
    if (lost !== undefined) throw lost;
    join();
    numbers[howAt] = how;
  };
  const lose = (error: string): Error => {
    numbers[threadsAt] = 0; // Threads in machine code leave; they cannot be ended there.
    lost = new Error(`internal: a thread failed: ${error}. What the program holds is lost; load it anew.`);
    return lost;
  };
  /** Do the part of the first thread, which is everything if it is alone. Returns what failed, if anything. */
  const runHere = (): string | undefined => {
    try {
      part(0, numbers[howAt] as number);
      return numbers[threadsAt] === 0 ? "it ended" : undefined;
    } catch (error) {
      return String(error);
    }
  };
  const run = async (how: number): Promise<void> => {
    begin(how);
    const job: Job = { id, numbers, ended() {} };
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
  const lead = (how: number): void => {
    begin(how);
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
/** For threads in machine code, which cannot be ended there: they leave, as where a thread has failed. */
export function leaveRuns(): void {
  for (const { numbers } of jobs) numbers[threadsAt] = 0;
}
/** Let the workers forget a program, so that its memory can be collected. */
export const dropFromPool = (id: number): void => tell({ kind: "drop", id });
