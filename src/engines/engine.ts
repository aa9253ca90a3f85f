/**
 * The interface of an engine, which makes a plan for its target ready to run. `registry.ts` lists the engines. Knows nothing
 * about cells, models or any one engine.
 */
import type { Plan, Precision } from "../schedule/plan.ts";
import type { Target } from "../schedule/target.ts";

/** The engines that come with the package. */
export type EngineName = "auto" | "wasm" | "reference" | "native" | "webgpu";

/**
 * What of this machine a program may use. Defaults: the engine "auto", `fma` where the host has it, threads where they are
 * worth it.
 */
export type HostOptions = {
  /**
   * The engine that runs the program: "wasm"; "native", machine code for x86-64 in Node; "webgpu", the graphics card, which trains and
   * predicts whole batches and does not answer step by step; "reference", which is slow and computes in f64; or "auto", the default:
   * "native" where it can run and `fma` is not false, else "wasm".
   */
  readonly engine?: EngineName | undefined;
  /** Whether to use fused multiply-add where the host has it. Default true; false, with the engine "auto" or "wasm", gives the same bits on every processor. */
  readonly fma?: boolean | undefined;
  /**
   * Number of threads that run the program, 1 to 64. Any number gives the same bits. Default: one for each core where the
   * work is worth it; 1 where memory cannot be shared (in a page that is not cross-origin isolated).
   */
  readonly threads?: number | undefined;
  /**
   * In what the operands of matrix products are. "bf16": rounded to it, with sums, parameters and everything else in f32 (mixed
   * precision), on engines that have it. Default "f32".
   */
  readonly precision?: Exclude<Precision, "int8"> | undefined;
};

/** Host options of what runs a model and does not train it. */
export type InferenceOptions = HostOptions & {
  /**
   * "int8": round the model's matrices to 8 bits, each row by its largest number, and multiply in 8 bits: the program reads a quarter of
   * the bytes, and its outputs are near the model's own. Any engine and any number of threads give the same products. Default: f32.
   */
  readonly quantize?: "int8" | undefined;
};

export type Engine = {
  readonly name: string;
  /** The processor's instructions for vectors that its code is made of. */
  readonly isa?: string;
  readonly target: Target;
  /** It runs whole batches, and no program is loaded into it with `sync`. */
  readonly answersLater?: true;
  /**
   * Make a plan for the engine's target ready to run, with its memory set to zeros. `sync`: the caller will use `runSync`,
   * for many short runs, and not `run`.
   * @throws InputError if the plan needs more memory than the engine or the machine has
   */
  readonly load: (plan: Plan, host: HostOptions, how: { readonly sync: boolean }) => Promise<Executable>;
};

/** A view of an engine's memory: 32-bit floats, or 64-bit floats if the engine computes in these. */
export type Numbers = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** A plan that is ready to run. It has one owner, which alone calls it: see `Program`. */
export type Executable = {
  /** Number of threads that share a run. */
  readonly threads: number;
  /** Size of its memory in bytes. */
  readonly bytes: number;
  /**
   * A view of `count` numbers from an address (in bytes) of the plan on. It is valid until `dispose`. If the target's memory
   * is a device's, it is a view of the host's copy: `run` and `fetch` update the copy, and the next run reads what was written to it.
   */
  numbers(address: number, count: number): Numbers;
  /** The same for indices and keys, which are integers. */
  integers(address: number, count: number): Int32Array<ArrayBuffer> | Numbers;
  /**
   * Run all sections once; of a plan in parts, where `section` is given, that section alone. `changed`: 1 if parameters have changed since
   * the run before. Outputs, totals and states can be read afterwards.
   * @throws if the run fails; the values in memory are lost then
   */
  run(changed: 0 | 1, section?: number): Promise<void>;
  /** The same, synchronously, if it was loaded with `sync`. */
  runSync(changed: 0 | 1): void;
  /** Let the next run of each state start from its value after the last step. */
  advanceStates(): void;
  /**
   * The host has written the slab of parameters or slots at this address of the plan, or the part of it that is this parameter's. An engine
   * whose memory is the host's need not know.
   */
  wrote?(slab: number, parameter: string | undefined): void;
  /** Keep a copy of the parameters on the device, by a number. An engine whose memory is the host's has none. */
  keepParameters?(copy: number): void;
  /** Copy what was kept by this number to the host. */
  keptParameters?(copy: number, into: Float32Array): Promise<void>;
  /** Copy parameters, gradients and slots to the host as well. It does nothing if the memory is the host's. */
  fetch(): Promise<void>;
  /** Free its memory. */
  dispose(): void;
};
