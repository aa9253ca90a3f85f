/**
 * Long-lived worker threads, in Node and in pages, that run compiled programs together on shared memory. Knows nothing
 * about what a program computes.
 */

/** What a worker does: keep programs by number, run one when told, say so. The same text in Node and in pages. */
const workerSource = `
const port = typeof require === "function" ? require("node:worker_threads").parentPort : self;
const programs = new Map();
const receive = ({ kind, id, module, memory, thread, changed }) => {
  if (kind === "load") programs.set(id, new WebAssembly.Instance(module, { env: { memory } }).exports.run);
  else if (kind === "drop") programs.delete(id);
  else {
    try {
      programs.get(id)(thread, changed);
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
type Job = { left: number; error: string | undefined; readonly done: () => void };
type PoolWorker = { readonly send: (message: object) => void; readonly busy: (yes: boolean) => void };

/** What Node's worker_threads has, as far as it is used here. */
type NodeWorkers = {
  Worker: new (
    source: string,
    options: { eval: true },
  ) => {
    postMessage: (message: object) => void;
    on: ((event: "message", handler: (message: Message) => void) => void) &
      ((event: "error", handler: (error: Error) => void) => void);
    ref: () => void;
    unref: () => void;
  };
};
type NodeProcess = { getBuiltinModule?: (id: string) => unknown };
const builtin = (id: string): unknown => (globalThis as { process?: NodeProcess }).process?.getBuiltinModule?.(id);

const workers: PoolWorker[] = [];
const jobs = new Map<number, Job>();
let programs = 0;

/** Cores that this process may use. */
export function availableThreads(): number {
  const os = builtin("node:os") as { availableParallelism?: () => number } | undefined;
  return os?.availableParallelism?.() ?? (globalThis as { navigator?: Navigator }).navigator?.hardwareConcurrency ?? 1;
}

function receive({ id, error }: Message): void {
  const job = jobs.get(id);
  if (job === undefined) return;
  job.error ??= error;
  job.left--;
  if (job.left === 0) job.done();
}
/** A worker that died takes all that runs with it. */
function fail(error: string): void {
  for (const id of [...jobs.keys()]) {
    const job = jobs.get(id) as Job;
    job.error ??= error;
    job.done();
  }
}

function startWorker(): PoolWorker {
  const node = builtin("node:worker_threads") as NodeWorkers | undefined;
  if (node !== undefined) {
    const worker = new node.Worker(workerSource, { eval: true });
    worker.on("message", receive);
    worker.on("error", (error) => fail(String(error)));
    // An idle pool does not keep the process alive.
    worker.unref();
    return {
      send: (message) => worker.postMessage(message),
      busy: (yes) => (yes ? worker.ref() : worker.unref()),
    };
  }
  const worker = new Worker(URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" })));
  worker.onmessage = (event: MessageEvent<Message>) => receive(event.data);
  worker.onerror = (event) => fail(event.message);
  return { send: (message) => worker.postMessage(message), busy: () => {} };
}

/** A program as the workers have it. */
export type PoolProgram = {
  readonly id: number;
  /** All threads once; 1 where parameters have changed. Rejects with what a thread threw. */
  readonly run: (changed: 0 | 1) => Promise<void>;
};

/** Give a module and its shared memory to so many workers; more are started where needed. */
export function loadIntoPool(module: WebAssembly.Module, memory: WebAssembly.Memory, threads: number): PoolProgram {
  while (workers.length < threads) workers.push(startWorker());
  const mine = workers.slice(0, threads);
  const id = programs++;
  for (const worker of mine) worker.send({ kind: "load", id, module, memory });
  const run = (changed: 0 | 1): Promise<void> =>
    new Promise((resolve, reject) => {
      if (jobs.has(id)) {
        reject(new Error("internal: a program is run while it runs"));
        return;
      }
      const done = (): void => {
        jobs.delete(id);
        for (const worker of mine) worker.busy(jobs.size > 0);
        const { error } = job;
        if (error === undefined) resolve();
        else reject(new Error(`internal: a thread failed: ${error}`));
      };
      const job: Job = { left: threads, error: undefined, done };
      jobs.set(id, job);
      // Every worker gets its jobs in one order, so that two programs never wait for each other.
      mine.forEach((worker, thread) => {
        worker.busy(true);
        worker.send({ kind: "run", id, thread, changed });
      });
    });
  return { id, run };
}

/** Forget a program: its memory can then be collected. */
export function dropFromPool(id: number): void {
  for (const worker of workers) worker.send({ kind: "drop", id });
}
