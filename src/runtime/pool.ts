/**
 * Long-lived worker threads, in Node and in pages, that run compiled programs together on shared memory. Knows nothing
 * about what a program computes.
 */

/**
 * Numbers at the start of a program's memory, behind those of the barrier: whether parameters have changed, and what each
 * thread that follows another (see `lead`) is about.
 */
const [changedAt, firstFollower] = [2, 3];
const [away, waiting, called] = [0, 1, 2];
/** A few cache lines are kept for all of them. */
const mostFollowers = 12;
/** Looks at its number before a follower goes back to its messages: about half a millisecond. */
const patience = 200_000;

/**
 * Garbage collectors do not know what shared memory weighs: what is dropped would stay for ever. So as many bytes that
 * they do know of, of memory that is never touched and costs nothing, are made and dropped where shared memory is made,
 * given to a worker or dropped. Little by little is not worth it.
 */
const worthWeighing = 2 ** 24;
let unweighed = 0;

/** Have the collector of this thread know of so many bytes of shared memory. */
export function weigh(bytes: number): void {
  unweighed += bytes;
  if (unweighed < worthWeighing) return;
  try {
    new WebAssembly.Memory({ initial: Math.min(unweighed / 65536, 65536) });
  } catch {
    // Where even that cannot be had the collector was at work just now.
  }
  unweighed = 0;
}

/**
 * What a worker does: keep programs by number, run one when told, say so; or follow a thread that runs one step after the
 * other, without a message each. The same text in Node and in pages.
 */
const workerSource = `
const port = typeof require === "function" ? require("node:worker_threads").parentPort : self;
const programs = new Map();
let unweighed = 0;
const weigh = ({ buffer }) => {
  unweighed += buffer.byteLength;
  if (unweighed < ${worthWeighing}) return;
  try { new WebAssembly.Memory({ initial: Math.min(unweighed / 65536, 65536) }); } catch {}
  unweighed = 0;
};
const follow = ({ run, numbers }, thread) => {
  const mine = ${firstFollower} + thread - 1;
  for (let looks = 0; looks < ${patience} || Atomics.compareExchange(numbers, mine, ${waiting}, ${away}) === ${called}; looks++) {
    const what = Atomics.load(numbers, mine);
    if (what === ${away}) return;
    if (what === ${waiting}) continue;
    run(thread, Atomics.load(numbers, ${changedAt}));
    Atomics.store(numbers, mine, ${waiting});
    looks = 0;
  }
};
const receive = ({ kind, id, module, memory, thread, changed }) => {
  if (kind === "load") {
    const { run } = new WebAssembly.Instance(module, { env: { memory } }).exports;
    programs.set(id, { run, numbers: new Int32Array(memory.buffer, 0, ${firstFollower + mostFollowers}) });
    weigh(memory);
  } else if (kind === "drop") {
    const dropped = programs.get(id);
    programs.delete(id);
    if (dropped) weigh(dropped.numbers);
  } else {
    try {
      if (kind === "follow") return follow(programs.get(id), thread);
      programs.get(id).run(thread, changed);
      port.postMessage({ id });
    } catch (error) {
      port.postMessage({ id, error: String(error) });
    }
  }
};
if (port.on) port.on("message", receive);
else port.onmessage = (event) => receive(event.data);
`;

type Message = { readonly id: number; readonly error?: string };
/** A run that so many threads have not ended yet. */
type Job = { readonly id: number; left: number; readonly done: (error?: string) => void };
type PoolWorker = {
  readonly send: (message: object) => void;
  readonly busy: (yes: boolean) => void;
  readonly end: () => void;
};

/** What Node's worker_threads has, as far as it is used here. */
type NodeWorkers = {
  Worker: new (
    source: string,
    options: { eval: true },
  ) => {
    postMessage: (message: object) => void;
    on: ((event: "message", handler: (message: Message) => void) => void) &
      ((event: "error", handler: (error: Error) => void) => void) &
      ((event: "exit", handler: () => void) => void);
    ref: () => void;
    unref: () => void;
    terminate: () => void;
  };
};
type NodeProcess = { getBuiltinModule?: (id: string) => unknown };
const builtin = (id: string): unknown => (globalThis as { process?: NodeProcess }).process?.getBuiltinModule?.(id);

let workers: readonly PoolWorker[] = [];
let jobs: readonly Job[] = [];
const jobOf = (id: number): Job | undefined => jobs.find((job) => job.id === id);
let programs = 0;

/** Cores that this process may use. */
export function availableThreads(): number {
  const os = builtin("node:os") as { availableParallelism?: () => number } | undefined;
  return os?.availableParallelism?.() ?? (globalThis as { navigator?: Navigator }).navigator?.hardwareConcurrency ?? 1;
}

function receive({ id, error }: Message): void {
  const job = jobOf(id);
  if (error !== undefined) fail(error);
  else if (job !== undefined && --job.left === 0) job.done();
}
/**
 * A thread that fails never comes to where the others wait for it. So all workers end, and all that runs fails; the next
 * run starts new ones.
 */
function fail(error: string): void {
  const [ended, failed] = [workers, jobs];
  workers = [];
  for (const worker of ended) worker.end();
  for (const job of failed) job.done(error);
}

function startWorker(): PoolWorker {
  // What comes from a worker that was ended is too late.
  const here = (act: () => void): void => {
    if (workers.includes(made)) act();
  };
  const made = startNodeWorker(here) ?? startPageWorker(here);
  return made;
}
function startNodeWorker(here: (act: () => void) => void): PoolWorker | undefined {
  const node = builtin("node:worker_threads") as NodeWorkers | undefined;
  if (node === undefined) return undefined;
  const worker = new node.Worker(workerSource, { eval: true });
  worker.on("message", (message) => here(() => receive(message)));
  worker.on("error", (error) => here(() => fail(String(error))));
  worker.on("exit", () => here(() => fail("it ended")));
  // An idle pool does not keep the process alive.
  worker.unref();
  return {
    send: (message) => worker.postMessage(message),
    busy: (yes) => (yes ? worker.ref() : worker.unref()),
    end: () => worker.terminate(),
  };
}
function startPageWorker(here: (act: () => void) => void): PoolWorker {
  const worker = new Worker(URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" })));
  worker.onmessage = ({ data }: MessageEvent<Message>) => here(() => receive(data));
  worker.onerror = ({ message }) => here(() => fail(message));
  return { send: (message) => worker.postMessage(message), busy: () => {}, end: () => worker.terminate() };
}

/** A program as the workers have it. */
export type PoolProgram = {
  readonly id: number;
  /** All threads once; 1 where parameters have changed. Rejects with what a thread threw. */
  readonly run: (changed: 0 | 1) => Promise<void>;
  /**
   * Have the workers do all parts but the first, which this thread does right after: for many short steps, without a
   * message each. Makes nothing on the heap. Only where this thread may wait: see `mayWait`.
   */
  readonly lead: (changed: 0 | 1) => void;
  /** Calls back when no thread runs it, at once where none does; never where what it holds is lost. */
  readonly whenFree: (then: () => void) => void;
};

/** Whether this thread may wait for others: that of a page may not. */
export const mayWait = (): boolean => (globalThis as { document?: unknown }).document === undefined;

/** The program that workers follow at present, if any: others must not wait until they have lost patience. */
let followed: { readonly id: number; readonly dismiss: () => void } | undefined;

/**
 * Give a module and its shared memory to so many workers; more are started where needed. A program that ran when a
 * thread failed is lost: part of its step is done, part is not.
 */
export function loadIntoPool(module: WebAssembly.Module, memory: WebAssembly.Memory, threads: number): PoolProgram {
  const id = programs++;
  const numbers = new Int32Array(memory.buffer, 0, firstFollower + mostFollowers);
  let mine: readonly PoolWorker[] = [];
  let lost: Error | undefined;
  let freed: (() => void) | undefined;
  const whenFree = (then: () => void): void => {
    if (followed?.id === id) followed.dismiss();
    if (jobOf(id) !== undefined) freed = then;
    else if (lost === undefined) then();
  };
  const join = (): void => {
    while (workers.length < threads) workers = [...workers, startWorker()];
    if (mine[0] === workers[0]) return; // Workers end all together.
    mine = workers.slice(0, threads);
    numbers.fill(away, firstFollower);
    for (const worker of mine) worker.send({ kind: "load", id, module, memory });
  };
  join();
  const run = (changed: 0 | 1): Promise<void> =>
    new Promise((resolve, reject) => {
      if (jobOf(id) !== undefined) throw new Error("internal: a program is run while it runs");
      if (lost !== undefined) throw lost;
      join();
      followed?.dismiss();
      const done = (error?: string): void => {
        jobs = jobs.filter((job) => job.id !== id);
        for (const worker of workers) worker.busy(jobs.length > 0);
        if (error === undefined) {
          resolve();
          const then = freed;
          freed = undefined;
          then?.();
        } else {
          lost = new Error(`internal: a thread failed: ${error}. What the program holds is lost; load it anew.`);
          reject(lost);
        }
      };
      jobs = [...jobs, { id, left: threads, done }];
      // Every worker gets its jobs in one order, so that two programs never wait for each other.
      mine.forEach((worker, thread) => {
        worker.busy(true);
        worker.send({ kind: "run", id, thread, changed });
      });
    });
  const self = {
    id,
    dismiss(): void {
      for (let k = 1; k < threads; k++) Atomics.compareExchange(numbers, firstFollower + k - 1, waiting, away);
      followed = undefined;
    },
  };
  const lead = (changed: 0 | 1): void => {
    if (jobOf(id) !== undefined) throw new Error("internal: a program is run while it runs");
    if (lost !== undefined) throw lost;
    join();
    if (followed?.id !== id) {
      followed?.dismiss();
      followed = self;
    }
    Atomics.store(numbers, changedAt, changed);
    for (let k = 1; k < threads; k++) {
      const at = firstFollower + k - 1;
      let was = called;
      // A thread that is called still ends the step before.
      while (was === called) was = Atomics.compareExchange(numbers, at, waiting, called);
      if (was === waiting) continue;
      Atomics.store(numbers, at, called);
      mine[k]?.send({ kind: "follow", id, thread: k });
    }
  };
  return { id, run, lead, whenFree };
}

/** Have the workers forget a program: its memory can then be collected. */
export function dropFromPool(id: number): void {
  for (const worker of workers) worker.send({ kind: "drop", id });
}
