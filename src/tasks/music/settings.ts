/** What a model of music is: the form in which it reads music, its grid of time, and how large it is. */
import type { Cell } from "../../graph/cell.ts";
import type { Model } from "../../nn/model.ts";

/**
 * How music is read and written. "events": one token after another, a language model's (a length, a velocity, a note, a shift of time).
 * "roll": which of a piano's 88 keys sound at each step, each with a probability of its own.
 */
export type MusicForm = "events" | "roll";

/** Options of `musicModel`. */
export type MusicOptions = {
  /** Default "events". */
  readonly form?: MusicForm;
  /** Steps of a quarter: 4 for sixteenths, 12 for triplets too. Starts and lengths are rounded to them. Default 4. */
  readonly stepsPerQuarter?: number;
  /** A built-in cell by name, or a cell. Default "lstm". */
  readonly cell?: string | Cell;
  /** Units of each recurrent layer. Default 128. */
  readonly units?: number;
  /** Recurrent layers. Default 1. */
  readonly layers?: number;
  /** Dropout rate of what each layer reads. Default 0.2. */
  readonly dropout?: number;
  /** Seed of the initial values. Default 0. */
  readonly seed?: number;
};

/** What a model's numbers mean: the data of its task. */
export type MusicSettings = {
  readonly form: MusicForm;
  readonly stepsPerQuarter: number;
  /** The tempo that is written: that of the first training piece's beginning. */
  readonly microsecondsPerQuarter: number;
};

/** A model of music: plain data, the content of its file. */
export type MusicModel = { readonly model: Model; readonly settings: MusicSettings };

/** A note on the grid: steps in place of ticks. */
export type GridNote = {
  readonly pitch: number;
  readonly start: number;
  readonly duration: number;
  readonly velocity: number;
};
