/**
 * What an engine is: it makes a plan for its target ready to run. `registry.ts` knows which there are. Knows nothing about
 * cells, models or any engine.
 */
import type { Plan } from "../schedule/plan.ts";
import type { Target } from "../schedule/target.ts";

/** The engines that come with the package. */
export type EngineName = "wasm" | "reference";

/** What of this machine a program may use. Defaults: the engine "wasm", `fma` where there is it, threads where they are worth it. */
export type HostOptions = {
  /** Which engine runs it, by name: "wasm", or "reference", which is slow and computes in f64. */
  readonly engine?: EngineName | undefined;
  /** Fused multiply-add where the host has it (default). Off: the same bits on every processor. */
  readonly fma?: boolean | undefined;
  /**
   * Threads that run it. Results are the same bits for any number. Without it: as many as there are cores for work that
   * is worth it, on shared memory; one where there is none (a page that is not cross-origin isolated).
   */
  readonly threads?: number | undefined;
};

export type Engine = {
  readonly name: string;
  readonly target: Target;
  /**
   * Make a plan for the engine's target ready to run, with memory that is zero. `sync`: it is to run by `runSync`, one short
   * step after the other, not by `run`.
   * @throws InputError for a plan that needs more memory than there is
   */
  readonly load: (plan: Plan, host: HostOptions, how: { readonly sync: boolean }) => Promise<Executable>;
};

/** Numbers of an engine's memory, in place. Of other kinds than 32-bit floats where the engine computes in others. */
export type Numbers = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** A plan that is ready to run. One that owns it is all that ever asks it: see `Program`. */
export type Executable = {
  /** Threads that share a run. */
  readonly threads: number;
  /** Memory in all. */
  readonly bytes: number;
  /**
   * So many numbers from an address of the plan on, in place, until it is disposed of; where the target's memory is a
   * device's, a copy that `run` and `fetch` bring up to date, and that the next run takes over.
   */
  numbers(address: number, count: number): Numbers;
  /** The same of indices and keys. */
  integers(address: number, count: number): Int32Array<ArrayBuffer> | Numbers;
  /**
   * All sections once. 1 where parameters are others than in the run before. Afterwards outputs, totals and states can be
   * read.
   * @throws where it breaks; what it holds is lost then
   */
  run(changed: 0 | 1): Promise<void>;
  /** The same at once, where it was loaded for it. */
  runSync(changed: 0 | 1): void;
  /** Each state goes on from its value after the last step. */
  advanceStates(): void;
  /** Have parameters, gradients and slots up to date as well. Nothing to do where memory is the host's. */
  fetch(): Promise<void>;
  dispose(): void;
};
