/** What a form of music models does, so that making, training, measuring and writing know of none. */
import type { InferenceOptions } from "../../engines/engine.ts";
import type { Cell } from "../../graph/cell.ts";
import type { Model } from "../../nn/model.ts";
import type { SamplingOptions } from "../../text/sampling.ts";
import type { TrainingHost } from "../training.ts";
import type { GridNote } from "./settings.ts";

/** How large a network is. */
export type NetworkOptions = {
  readonly cell: Cell;
  readonly units: number;
  readonly layers: number;
  readonly dropout: number;
  readonly seed: number;
};

/** How a network is trained, all of it said. */
export type FormTraining = {
  readonly epochs: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  /** Told after each pass; loss and validation loss in nats. */
  readonly onEpoch: (epoch: number, loss: number, validationLoss: number | undefined) => void;
  readonly host: TrainingHost;
};

/** How music is written. */
export type FormWriting = SamplingOptions & {
  /** Steps to write, behind what primes. */
  readonly length: number;
  readonly seed: number;
  readonly prime: readonly GridNote[];
  /** Pitches that sound in every step that is written. */
  readonly hold: readonly number[];
  readonly signal: AbortSignal | undefined;
  readonly host: InferenceOptions;
};

/** What a network reads as it writes: a token or a vector of what primes, and of what it wrote itself. */
export type WrittenInput = {
  readonly input: number | Float32Array;
  /** The step of the grid that it stands in; below 0 in what primes. */
  readonly step: number;
  /** The notes that are written so far, from step 0 on, without what primes. */
  readonly notes: () => GridNote[];
};

/** A form of music models. */
export type Form = {
  /** What its losses are a unit of, for people: "event", "step". */
  readonly unit: string;
  /** The pitches that it can write. */
  readonly range: readonly [lowest: number, highest: number];
  readonly network: (options: NetworkOptions) => Model;
  /** @returns why the model is none of this form, if it is not */
  readonly mismatch: (model: Model) => string | undefined;
  /**
   * Train on pieces; the model ends with the values of the best epoch on those to validate on, if there are any.
   * @returns the losses by epoch
   */
  readonly train: (
    model: Model,
    pieces: readonly (readonly GridNote[])[],
    validation: readonly (readonly GridNote[])[],
    how: FormTraining,
  ) => Promise<{ readonly loss: readonly number[]; readonly validationLoss: readonly number[] }>;
  /** @returns the mean loss in nats of its unit, and how many of them there are */
  readonly evaluate: (
    model: Model,
    pieces: readonly (readonly GridNote[])[],
    host: InferenceOptions,
  ) => Promise<{ readonly loss: number; readonly count: number }>;
  /** Writes one input after the other, at least one; the notes at the last are all of them. */
  readonly write: (model: Model, how: FormWriting) => AsyncGenerator<WrittenInput, void>;
};
