/** Batches of examples as programs read them, time first, in one pass over the data after the other. */
import type { Steps } from "../graph/graph.ts";
import type { ExampleArray, InputArrays } from "./examples.ts";

/** A batch for `fit` and `evaluate`: inputs x (N,T,...), targets y and sample weights, examples first. */
export type ExampleBatch = {
  readonly x: InputArrays;
  readonly y: ExampleArray;
  readonly sampleWeight?: ExampleArray | undefined;
};
/** An iterable or async iterable of batches: a list, a generator, or a data set that makes them on demand. */
export type BatchSource<Batch = ExampleBatch> = Iterable<Batch> | AsyncIterable<Batch>;

/** The sizes of a program: examples per batch, and time steps. */
export type Sizes = { readonly batch: number; readonly steps: Steps };
export type Batch = Sizes & {
  readonly inputs: Buffers;
  readonly targets: ArrayLike<number>;
  readonly weights: ArrayLike<number> | undefined;
  /** The number of examples that count; the others, copies of the first, fill up the batch. */
  readonly examples: number;
  /** The indices of the examples in the data. */
  readonly rows: Int32Array;
  /** Whether it is the last of its pass; set only if `ahead` asks for it. */
  readonly last: boolean;
};
/** The inputs by name: f64 holds both indices and vectors. */
export type Buffers = Readonly<Record<string, Float64Array>>;

/** The batches of one pass after the other. */
export type Passes = {
  /** The sizes of the first batch, or of the largest. */
  readonly sizes: Sizes;
  /** The batches of pass `k`. `stop` is called with a reason if the data end early. */
  readonly pass: (k: number, stop: (reason: string) => void) => AsyncIterable<Batch>;
  /** End the source: no more batches are needed. */
  readonly close: () => Promise<void>;
};
