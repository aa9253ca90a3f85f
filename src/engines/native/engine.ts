/** Plans as machine code of x86-64, with AVX-512 or AVX2, on threads that share memory. Knows nothing about cells, models or text. */
import { InputError } from "../../graph/input-error.ts";
import { contentOf, type Kept, numberOf, remember } from "../../graph/remember.ts";
import { multiplyAdds } from "../../schedule/cost.ts";
import type { Plan } from "../../schedule/plan.ts";
import type { Target } from "../../schedule/target.ts";
import type { Engine } from "../engine.ts";
import { InstanceExecutable, takeIdle } from "../instance.ts";
import { allocateMemory, checkMemory } from "../memory-limit.ts";
import { cpusAt, numbersOfMeeting, threadsAt, tidsAt } from "../threads/meeting.ts";
import { availableThreads, leaveRuns, loadIntoPool, type PoolProgram } from "../threads/pool.ts";
import type { Isa } from "./assembler.ts";
import { meetingAt } from "./barrier.ts";
import type { Bf16Unit } from "./bf16.ts";
import { bf16Facts, bf16UnitOf, requireTiles } from "./bf16-unit.ts";
import { hasVnni, instructionSets } from "./cpu.ts";
import { type NativeHost, nativeHost } from "./executable-memory.ts";
import { emit, type NativeProgram } from "./program.ts";
import { spreadOver } from "./spread.ts";
import { targetFor } from "./target.ts";
import type { Host } from "./vector-ops.ts";

/** Multiply-adds of a run from which threads gain more than it costs to call them. */
const worthThreads = { message: 12e6, sync: 3e6 };
const maxThreads = 8;

function threadsFor(plan: Plan, wanted: number | undefined, sync: boolean): number {
  const worth = multiplyAdds(plan) >= worthThreads[sync ? "sync" : "message"];
  const threads = wanted ?? (worth ? Math.min(maxThreads, availableThreads()) : 1);
  return sync ? Math.min(maxThreads, threads) : threads;
}

/**
 * The engine of this machine, with the best instructions that its processor has.
 * @throws InputError that says why there is none, and has this as its `cause`, to follow the engine's name
 */
export async function loadNative(): Promise<Engine> {
  try {
    const host = await nativeHost();
    const [isa] = instructionSets(host);
    if (isa === undefined) throw new Error("this processor has no AVX2");
    const unit = bf16UnitHere(host, isa);
    const has = typeof unit === "string";
    return nativeEngine(host, isa, targetFor(isa, "native", has || unit.why), has ? unit : undefined);
  } catch (error) {
    const cause = `cannot run here: ${(error as Error).message.split("\n")[0]?.replace(/[.?!]+$/, "")}`;
    throw new InputError(
      `engine "native" ${cause}. Use the engine "wasm"; for quantize or precision "bf16", "reference".`,
      { cause },
    );
  }
}

type Bf16 = ReturnType<typeof bf16UnitOf>;
const bf16UnitHere = (host: NativeHost, isa: Isa): Bf16 =>
  isa === "avx512" ? bf16UnitOf(bf16Facts(host)) : { why: "has products of bf16 with AVX-512 alone" };

/** The engine for these instructions, and where the target has products of bf16 for this unit, which the processor must have. */
export function nativeEngine(
  host: NativeHost,
  isa: Isa,
  target = targetFor(isa, "native"),
  bf16: Bf16Unit | undefined = undefined,
  vnni = hasVnni(host, isa),
): Engine {
  const reserved = target.reservedBytes;
  return {
    name: target.name,
    isa,
    target,
    async load(plan, { fma = true, threads: wanted, precision }, { sync }) {
      if (bf16 === "amx" && precision === "bf16") requireTiles(host);
      checkMemory(plan.bytes, "the program", target);
      const threads = threadsFor(plan, wanted, sync);
      const key = contentOf({ plan: numberOf(plan), isa, fma, bf16, vnni, threads });
      const placed = await remember(programs, key, async () => place(host, plan, isa, { fma, bf16, vnni }, threads));
      let instance = takeIdle(key);
      if (instance === undefined) {
        checkMemory(placed.bytes, "the program", target);
        const memory = allocate(host, placed.bytes, target);
        const numbers = threads > 1 ? meeting(host, memory) : undefined;
        const run = partOf(host, placed, memory, numbers);
        const advance = host.callable(placed.at + BigInt(placed.advance), 1);
        const { start, buffer, address } = memory;
        const shared = numbers && (await loadIntoPool(workerCode(host, placed, address), numbers, threads, run));
        const pool = shared && keptByFailures(shared, () => callWhenLeft(placed.inside, () => memory));
        const { bytes } = placed;
        instance = {
          key,
          threads,
          buffer,
          start,
          reserved,
          bytes,
          run,
          pool,

          advance: () => advance(address),
        };
      }
      return new InstanceExecutable(instance);
    },
  };
}

/** `inside`: how many workers run it just now, in memory that threads share. */
type Placed = NativeProgram & { readonly at: bigint; readonly inside: Int32Array };
const programs: Kept<Promise<Placed>> = new Map();

/** Code that nothing holds any more: no program runs it, here or in a worker. */
const unheld = new FinalizationRegistry<() => void>((free) => free());

function place(host: NativeHost, plan: Plan, isa: Isa, how: Host, threads: number): Placed {
  const program = emit(plan, isa, how, threads);
  const { address, free } = host.place(program.code);
  const inside = new Int32Array(new SharedArrayBuffer(4));
  const placed = { ...program, at: address, inside };
  unheld.register(placed, () => callWhenLeft(inside, free));
  return placed;
}

/**
 * A run ends with its first thread, which another may follow much later, and a run that fails with any thread: workers may still be
 * in its code, and in its memory.
 */
export function callWhenLeft(inside: Int32Array, then: () => void): void {
  if (Atomics.load(inside, 0) === 0) then();
  // It does not keep the process alive.
  else setTimeout(callWhenLeft, 100, inside, then).unref();
}

type Memory = { readonly buffer: ArrayBuffer; readonly start: number; readonly address: bigint };

/** Memory of zeros; a plan's begins where its alignment wants it. It is this thread's: workers have its address alone. */
function allocate(host: NativeHost, bytes: number, { alignment }: Target): Memory {
  const buffer = allocateMemory(bytes, () => new ArrayBuffer(bytes + alignment));
  const at = host.addressOf(new Uint8Array(buffer, 0, alignment));
  const start = (alignment - Number(at % BigInt(alignment))) % alignment;
  return { buffer, start, address: at + BigInt(start) };
}

/** The numbers by which threads meet; the program's memory says where they lie. */
function meeting(host: NativeHost, { buffer, start }: Memory): Int32Array {
  const numbers = new Int32Array(new SharedArrayBuffer(4 * numbersOfMeeting));
  new BigInt64Array(buffer, start + meetingAt, 1)[0] = host.addressOf(numbers);
  return numbers;
}

/** Workers may be in the memory after a run that failed. */
const keptByFailures = (pool: PoolProgram, keep: () => void): PoolProgram => ({
  ...pool,
  run: (changed) =>
    pool.run(changed).catch((error) => {
      keep();
      throw error;
    }),
});

/** What a thread runs: all of each part, where it is alone. Holds the code: whoever can call it keeps it in memory. */
function partOf(
  host: NativeHost,
  placed: Placed,
  { address }: Memory,
  numbers: Int32Array | undefined,
): (thread: number, how: number) => void {
  const callable = (entry: number): Call => host.callable(placed.at + BigInt(entry), 2);
  const parts = placed.parts.map(({ alone, runs }) => [callable(alone), ...runs.map(callable)]);
  return (thread, how) => {
    const first = how < 2 ? 0 : (how >> 1) - 1;
    const last = how < 2 ? parts.length - 1 : first;
    for (let k = first; k <= last; k++) {
      const own = numbers === undefined || numbers[threadsAt] === 1 ? 0 : thread + 1;
      const call = parts[k]?.[own] as Call;
      call(address, how & 1);
    }
  };
}
type Call = (base: bigint, changed: number) => void;

/**
 * How many workers load koffi just now, and 1 once this thread ends. A worker that is ended in the middle of that takes the process
 * along; so this thread waits for those, and later ones do not begin.
 */
const loading = new Int32Array(new SharedArrayBuffer(8));
/** Before this thread ends, and all workers with it: none is left that waits for one that is no more. */
function freeWorkers(): void {
  leaveRuns();
  Atomics.store(loading, 1, 1);
  const until = performance.now() + 5000;
  for (let count = Atomics.load(loading, 0); count > 0 && performance.now() < until; count = Atomics.load(loading, 0))
    Atomics.wait(loading, 0, count, 100);
}
let waits = false;

/** The same in a worker, which has nothing of ours. */
function workerCode(
  host: NativeHost,
  { at, parts, inside }: Placed,
  base: bigint,
): { readonly make: string } & Record<string, unknown> {
  if (!waits) process.once("exit", freeWorkers);
  waits = true;
  const make = `(({ koffi, base, entries, places, inside, loading }, numbers, require) => {
    let parts, spread;
    Atomics.add(loading, 0, 1);
    try {
      if (Atomics.load(loading, 1) === 1) return { run() {} };
      const { decode, load, proto } = require(koffi);
      spread = (${spreadOver})(load(null), numbers, places); // Without load, this thread has no memory for calls.
      parts = entries.map((part) => part.map((at) => decode(at, proto("void (int64_t, int64_t)"))));
    } finally {
      Atomics.sub(loading, 0, 1);
      Atomics.notify(loading, 0);
    }
    // Numbers of threads that were there before belong to nobody.
    numbers.fill(0, places.tidsAt);
    const tid = (() => {
      try {
        const [pid, , own] = require("node:fs").readlinkSync("/proc/thread-self").split("/");
        return Number(pid) === process.pid ? Number(own) : 0;
      } catch {
        return 0;
      }
    })();
    const runParts = (own, how) => {
      const first = how < 2 ? 0 : (how >> 1) - 1;
      const last = how < 2 ? parts.length - 1 : first;
      for (let k = first; k <= last; k++) parts[k][own](base, how & 1);
    };
    const run = (thread, how) => {
      numbers[places.tidsAt + thread] = tid;
      Atomics.add(inside, 0, 1);
      if (numbers[places.threadsAt] === 1) runParts(0, how);
      else {
        const leave = spread(thread);
        runParts(thread + 1, how);
        leave();
      }
      Atomics.sub(inside, 0, 1);
    };
    return { run };
  })`;
  const addresses = parts.map(({ alone, runs }) => [alone, ...runs].map((entry) => at + BigInt(entry)));
  return { make, koffi: host.koffi, base, entries: addresses, places: { threadsAt, cpusAt, tidsAt }, inside, loading };
}
