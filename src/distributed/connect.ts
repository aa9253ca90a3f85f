/**
 * Processes that `mpirun` of Open MPI has started, as a communicator. Open MPI's library is opened at run time by way of koffi, an optional
 * package; a thread of its own talks to it. Knows nothing about models.
 */
import { availableParallelism, cpus } from "node:os";
import { type Worker as NodeWorker, Worker } from "node:worker_threads";
import type { Numbers } from "../engines/engine.ts";
import { findKoffi } from "../engines/native/executable-memory.ts";
import { Disconnected, InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, inRange, oneOf, options as optionsOf, type Schema } from "../graph/schema.ts";
import type { Communicator } from "../train/communicator.ts";
import { type Launched, launched, strangers } from "./launched.ts";
import { type Answer, type Command, communicate, type Packing } from "./mpi-thread.ts";

/** Options of `connect`. */
export type ConnectOptions = {
  /** How long a process may take to start, or not answer, before the others end, in seconds. Default 60. */
  readonly patienceSeconds?: number | undefined;
  /**
   * In what sums of 32-bit numbers travel: "f32", as they are; "bf16", in half of the bytes; "int8", in a quarter, with a scale for each 256
   * numbers. They are added in f32. Default "f32".
   */
  readonly packing?: Packing | undefined;
};
const connectRules: Schema<ConnectOptions> = {
  patienceSeconds: inRange(0, Number.POSITIVE_INFINITY, "()"),
  packing: oneOf("f32", "bf16", "int8"),
};
/** @internal */
export const connectArguments: Arguments = { options: optionsOf<ConnectOptions>(connectRules) };

/** A communicator that owns a thread and Open MPI until `close`. */
export type MpiCommunicator = Communicator & {
  /** This process among those of its machine. */
  readonly localRank: number;
  /** How many threads it may use so that all processes of its machine find room. */
  readonly threads: number;
  /** End the connection, once all processes are here. */
  close(): Promise<void>;
};

let connected = false;
const libraries = process.platform === "darwin" ? ["libmpi.40.dylib", "libmpi.dylib"] : ["libmpi.so.40", "libmpi.so"];

/**
 * Connect this process with the others that `mpirun` of Open MPI has started. Every process calls it, once.
 * @returns a communicator for the option `distributed` of `fit`, `fitStream` and the tasks, to `close` at the end; undefined where this
 *   process was started alone
 * @throws InputError where Open MPI or the package koffi is missing, for MPICH, and where a process does not answer
 * @example
 * const distributed = await connect();
 * await fit(model, x, y, { epochs: 5, distributed });
 * if (distributed === undefined || distributed.rank === 0) writeFileSync("model.safetensors", writeModel(model));
 * await distributed?.close();
 */
export async function connect(options: ConnectOptions = {}): Promise<MpiCommunicator | undefined> {
  checkArguments("connect", { options }, connectArguments);
  const here = launched();
  if (here === undefined) return undefined;
  if (here.by !== "Open MPI") throw new InputError(`connect: this process was started ${strangers[here.by]}`);
  if (connected) throw new InputError("connect: this process is connected already, and MPI starts once in a process.");
  connected = true;
  const { patienceSeconds = 60, packing = "f32" } = options;
  const { createRequire } = await import("node:module");
  const require = createRequire(import.meta.url);
  const koffi = koffiPath(require);
  const { load, address } = require(koffi) as {
    load: (file: string) => unknown;
    address: (view: ArrayBufferView) => bigint;
  };
  const library = libraries.find((file) => {
    try {
      return load(file) !== undefined;
    } catch {
      return false;
    }
  });
  if (library === undefined) {
    throw new InputError(
      `connect: Open MPI's library (${libraries[0]}) is not found, though mpirun has started this process. Install it where the ` +
        "system looks for libraries (Debian: libopenmpi3).",
    );
  }
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const data = { koffi, library, signal, patienceMs: 1000 * patienceSeconds };
  // What the thread does is one function that uses nothing but its parameters.
  const source = `(${communicate})(require("node:worker_threads").workerData, require);`;
  const worker = new Worker(source, { eval: true, execArgv: [], workerData: data });
  return open(worker, { ...here, signal, packing, address, patienceSeconds });
}

function koffiPath(require: NodeJS.Require): string {
  try {
    return findKoffi(require);
  } catch (error) {
    throw new InputError(`connect: ${(error as Error).message}. Open MPI is called through it.`);
  }
}

/** Cores for each process of a machine. Where mpirun has bound the process to some cores, these are its own. */
function threadsFor(localSize: number): number {
  const own = availableParallelism();
  return own < cpus().length ? own : Math.max(1, Math.floor(own / localSize));
}

type Open = Launched & {
  readonly signal: Int32Array;
  readonly packing: Packing;
  readonly address: (view: ArrayBufferView) => bigint;
  readonly patienceSeconds: number;
};

/** A rejection that whoever asked sees where it awaits it, which may be later. */
function later<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}

async function open(
  worker: NodeWorker,
  { localRank, localSize, signal, packing, address, patienceSeconds }: Open,
): Promise<MpiCommunicator> {
  type Waiting = {
    readonly resolve: (result: readonly Uint8Array[]) => void;
    readonly reject: (error: Error) => void;
    /** Memory that the thread reads or writes. */
    readonly held: unknown;
  };
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  let failure: Disconnected | undefined;
  let started: ((size: { rank: number; size: number }) => void) | undefined;
  let failed: ((error: Error) => void) | undefined;
  /** Nothing can be asked any more. */
  const fail = (why: string): void => {
    failure ??= new Disconnected(`training by several processes: ${why}. All of them end.`);
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
    failed?.(failure);
  };
  const starting = new Promise<{ rank: number; size: number }>((resolve, reject) => {
    [started, failed] = [resolve, reject];
  });
  worker.on("message", (answer: Answer) => {
    if (answer.kind === "ready") started?.(answer);
    else if (answer.kind === "failed") fail(answer.why);
    else {
      waiting.get(answer.id)?.resolve(answer.result ?? []);
      waiting.delete(answer.id);
      if (waiting.size === 0) worker.unref();
    }
  });
  worker.on("exit", () => {
    if (waiting.size > 0) fail("the thread that talks to Open MPI has ended");
  });
  worker.on("error", (error) => fail(`Open MPI says: ${error.message.split("\n")[0]}`));
  const ask = (command: Command, held?: unknown): Promise<readonly Uint8Array[]> => {
    if (failure !== undefined) return later(Promise.reject(failure));
    const id = asked++;
    const answer = new Promise<readonly Uint8Array[]>((resolve, reject) => {
      waiting.set(id, { resolve, reject, held });
    });
    worker.ref();
    worker.postMessage({ id, ...command });
    Atomics.add(signal, 0, 1);
    Atomics.notify(signal, 0);
    return later(answer);
  };
  // Open MPI starts once all processes do. Until then its thread cannot be ended, and would keep the process.
  const impatience = setTimeout(
    () => {
      worker.unref();
      process.once("exit", () => process.kill(process.pid, "SIGKILL"));
      fail(`another one has not started within ${patienceSeconds} seconds`);
    },
    Math.min(1000 * patienceSeconds, 2 ** 31 - 1),
  );
  const { rank, size } = await starting.finally(() => clearTimeout(impatience));
  worker.unref();
  return {
    ...{ rank, size, localRank, threads: threadsFor(localSize) },
    sum(numbers: Numbers) {
      const bytesEach = numbers instanceof Float32Array ? 4 : 8;
      if (numbers.length === 0) return Promise.resolve();
      const sum = ask({ kind: "sum", address: address(numbers), count: numbers.length, bytesEach, packing }, numbers);
      return later(sum.then(() => {}));
    },
    gather: (bytes) => ask({ kind: "gather", bytes }),
    broadcast: (bytes) => later(ask({ kind: "broadcast", bytes }).then(([given]) => given as Uint8Array)),
    async close() {
      if (failure === undefined) await ask({ kind: "close" });
    },
  };
}
