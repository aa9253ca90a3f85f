/**
 * Windows over a time series as batches of inputs and targets, by Keras's two sets of rules: those of
 * `timeseries_dataset_from_array`, where a window's target is at its start, and those of `TimeseriesGenerator`, where it
 * is just after its end.
 */
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  checkValue,
  flag,
  options as optionsOf,
  orNull,
  type Rule,
  wholeNumber,
} from "../graph/schema.ts";
import { size as count } from "../nn/layers.ts";
import { aSeed, createRandom, type Random } from "../nn/random.ts";
import { seedOr, shuffle } from "../nn/shuffle.ts";
import { type FlatArray, flatten, type NestedNumbers, type Numbers, sizeOf } from "./arrays.ts";

/** Values in time order: numbers (T), vectors (T,F) and so on, nested or flat. */
export type Series = NestedNumbers | FlatArray;

/** A batch: windows x (B,T,...), with the type of the data's numbers, and targets y (B,...). */
export type SeriesBatch = { readonly x: FlatArray; readonly y: FlatArray };

/** Options of `timeseriesDatasetFromArray`, with Keras's names and defaults. */
export type TimeseriesDatasetOptions = {
  /** Distance between the starts of two windows. Default 1. */
  readonly sequenceStride?: number;
  /** Distance between two values of a window. Default 1. */
  readonly samplingRate?: number;
  /** Windows in a batch, fewer in the last; null gives single windows, without an axis of windows. */
  readonly batchSize?: number | null;
  /** Whether the order of windows is random, and new in every pass. */
  readonly shuffle?: boolean;
  readonly seed?: number | null;
  /** The index of the first value that is used. Default 0. */
  readonly startIndex?: number | null;
  /** The index after the last value that is used. By default all are used. */
  readonly endIndex?: number | null;
};

const place = wholeNumber(0);
const series: Rule = {
  expected: "values in time order: an array, lists of them, or { data, shape }",
  accepts: (value) => typeof value === "object" && value !== null,
};
export const timeseriesDatasetArguments: Arguments = {
  data: series,
  targets: orNull(series),
  sequenceLength: count,
  options: optionsOf<TimeseriesDatasetOptions>({
    sequenceStride: alias(count, "stride"),
    samplingRate: count,
    batchSize: orNull(count),
    shuffle: flag,
    seed: orNull(aSeed),
    startIndex: orNull(place),
    endIndex: orNull(place),
  }),
};

/** An iterable of batches, made on demand; every pass starts from the beginning. */
export type TimeseriesDataset<Batch> = Iterable<Batch> & {
  /** Batches in one pass. */
  readonly count: number;
};

/**
 * Windows over a series: window i has the values `data[s], data[s + samplingRate], ...`, `sequenceLength` of them, from
 * `s = startIndex + i * sequenceStride`; its target is `targets[s]`. Windows that would reach past the end are left out,
 * and so are those past the end of the targets. Keras's `timeseries_dataset_from_array`; a random order is one of all
 * windows and from our own generator.
 * @param targets null for none: then batches are the inputs alone
 * @param data the series: T values in time order
 * @param sequenceLength values of each window
 * @param options see `TimeseriesDatasetOptions` for all and their defaults
 * @returns batches { x, y }, which `fit` and `evaluate` take: inputs x (B,T,...), targets y (B,...)
 * @throws InputError for an option out of Keras's range (`endIndex` below the length of the data, strides below it too),
 * and where a window's target is missing
 * @example
 * await fit(model, timeseriesDatasetFromArray(series.slice(0, -10), series.slice(10), 10), { epochs: 5 });
 */
export function timeseriesDatasetFromArray(
  data: Series,
  targets: null,
  sequenceLength: number,
  options?: TimeseriesDatasetOptions,
): TimeseriesDataset<FlatArray>;
export function timeseriesDatasetFromArray(
  data: Series,
  targets: Series,
  sequenceLength: number,
  options?: TimeseriesDatasetOptions,
): TimeseriesDataset<SeriesBatch>;
export function timeseriesDatasetFromArray(
  data: Series,
  targets: Series | null,
  sequenceLength: number,
  options: TimeseriesDatasetOptions = {},
): TimeseriesDataset<FlatArray | SeriesBatch> {
  const where = "timeseriesDatasetFromArray";
  checkArguments(where, { data, targets, sequenceLength, options }, timeseriesDatasetArguments);
  const { sequenceStride = 1, samplingRate = 1, batchSize = 128, shuffle: shuffled = false } = options;
  const { seed, startIndex, endIndex } = options;
  const series = seriesOf(data, `${where}: data`);
  const answers = targets === null || targets === undefined ? null : seriesOf(targets, `${where}: targets`);
  const length = lengthOf(series);
  if (length < 2) throw new InputError(`${where}: data: needs at least 2 values in time order, got ${length}`);
  checkWhole(`${where}: sequenceStride`, sequenceStride, 1, length - 1);
  checkWhole(`${where}: samplingRate`, samplingRate, 1, length - 1);
  const start = startIndex ?? 0;
  checkWhole(`${where}: startIndex`, start, 0, length - 1);
  if (endIndex !== undefined && endIndex !== null) checkWhole(`${where}: endIndex`, endIndex, start + 1, length - 1);

  const end = endIndex ?? length;
  const fitting = end - start - (sequenceLength - 1) * samplingRate;
  const used = Math.max(0, answers === null ? fitting : Math.min(fitting, lengthOf(answers)));
  const starts = Array.from({ length: Math.ceil(used / sequenceStride) }, (_, i) => start + i * sequenceStride);
  const last = starts.at(-1);
  if (answers !== null && last !== undefined && last >= lengthOf(answers)) {
    throw new InputError(
      `${where}: targets: the window at ${last} needs targets[${last}], but there are ${lengthOf(answers)}. Give as many targets as data: targets[k] belongs to data[k], also with startIndex.`,
    );
  }

  const random = shuffled ? createRandom(seedOr(seed)) : undefined;
  const size = batchSize ?? 1;
  const orderOf = () => (random === undefined ? starts : shuffle(starts.slice(), random));
  const batchAt = (rows: readonly number[]): FlatArray | SeriesBatch => {
    const windows = windowsAt(series, rows, { length: sequenceLength, rate: samplingRate });
    const x = batchSize === null ? first(windows) : windows;
    if (answers === null) return x;
    const chosen = valuesAt(answers, rows);
    return { x, y: batchSize === null ? first(chosen) : chosen };
  };
  return { count: Math.ceil(starts.length / size), [Symbol.iterator]: () => chunks(orderOf(), size, batchAt) };
}
function* chunks<Chunk>(
  all: readonly number[],
  size: number,
  make: (some: readonly number[]) => Chunk,
): Generator<Chunk, void, undefined> {
  for (let from = 0; from < all.length; from += size) yield make(all.slice(from, from + size));
}

/** Options of `TimeseriesGenerator`, with Keras's names and defaults. */
export type TimeseriesGeneratorOptions = {
  /** Distance between two values of a window. Default 1. */
  readonly samplingRate?: number;
  /** Distance between the starts of two windows. Default 1. */
  readonly stride?: number;
  /** The index of the first value that is used. Default 0. */
  readonly startIndex?: number;
  /** The index of the last target: later values are not used. Default null: the last index. */
  readonly endIndex?: number | null;
  /** Whether every batch has `batchSize` windows drawn at random; a window may come twice. Default false. */
  readonly shuffle?: boolean;
  /** Whether the values of a window are in reverse order. Default false. */
  readonly reverse?: boolean;
  /** Windows in a batch; the last batch may have fewer. Default 128. */
  readonly batchSize?: number;
  /** Seed of the random order. By default a new one each time; Keras has no such option. */
  readonly seed?: number | null;
};

export const timeseriesGeneratorArguments: Arguments = {
  data: series,
  targets: series,
  length: count,
  options: optionsOf<TimeseriesGeneratorOptions>({
    samplingRate: count,
    stride: alias(count, "sequenceStride"),
    startIndex: place,
    endIndex: orNull(place),
    shuffle: flag,
    reverse: flag,
    // With `shuffle` so many are drawn.
    batchSize: wholeNumber(1, 2 ** 24),
    seed: orNull(aSeed),
  }),
};

/**
 * Keras's `TimeseriesGenerator`: the window for row r has the values `data[r - length], data[r - length + samplingRate],
 * ...` before r, and its target is `targets[r]`; r goes from `startIndex + length` to `endIndex` by `stride`.
 * @param data the series: T values in time order
 * @param targets T targets: that of a window is just after its end
 * @param length the steps of a window, before `samplingRate`
 * @param options see `TimeseriesGeneratorOptions` for all and their defaults
 * @throws InputError if data and targets differ in length, for an option out of its range, and where no window fits
 * @example
 * const generator = new TimeseriesGenerator(series, series, 12, { batchSize: 1 });
 * await fit(model, generator, { epochs: 5 }); // batches { x, y }: x (1,12), y (1)
 */
export class TimeseriesGenerator implements TimeseriesDataset<SeriesBatch> {
  /** Batches in one pass. Python's `len`. */
  readonly count: number;
  private readonly data: FlatArray;
  private readonly targets: FlatArray;
  private readonly length: number;
  private readonly samplingRate: number;
  private readonly stride: number;
  private readonly firstRow: number;
  private readonly lastRow: number;
  private readonly reverse: boolean;
  private readonly batchSize: number;
  private readonly random: Random | undefined;

  constructor(data: Series, targets: Series, length: number, options: TimeseriesGeneratorOptions = {}) {
    const where = "TimeseriesGenerator";
    checkArguments(where, { data, targets, length, options }, timeseriesGeneratorArguments);
    const { samplingRate = 1, stride = 1, startIndex = 0, endIndex = null, shuffle: shuffled = false } = options;
    const { reverse = false, batchSize = 128, seed } = options;
    this.data = seriesOf(data, `${where}: data`);
    this.targets = seriesOf(targets, `${where}: targets`);
    const values = lengthOf(this.data);
    if (values !== lengthOf(this.targets)) {
      throw new InputError(`${where}: targets: needs as many as data, ${values}, got ${lengthOf(this.targets)}`);
    }
    if (endIndex !== null) checkWhole(`${where}: endIndex`, endIndex, 0, values - 1);
    this.length = length;
    this.samplingRate = samplingRate;
    this.stride = stride;
    this.firstRow = startIndex + length;
    this.lastRow = endIndex ?? values - 1;
    this.reverse = reverse;
    this.batchSize = batchSize;
    this.random = shuffled ? createRandom(seedOr(seed)) : undefined;
    if (this.firstRow > this.lastRow) {
      throw new InputError(
        `${where}: length: the first target is at startIndex + length = ${this.firstRow}, past the last one at ${this.lastRow}. Give a shorter window or more data.`,
      );
    }
    const rowsInBatch = batchSize * stride;
    this.count = Math.floor((this.lastRow - this.firstRow + rowsInBatch) / rowsInBatch);
  }

  /**
   * Batch k. Python's `generator[k]`.
   * @returns { x, y }: inputs x (B,T,...) with T = ceil(length / samplingRate), targets y (B,...)
   * @throws InputError unless k is a whole number below `count`
   */
  at(k: number): SeriesBatch {
    checkWhole("TimeseriesGenerator: batch", k, 0, this.count - 1);
    const rows = this.rowsOfBatch(k);
    const starts = rows.map((row) => row - this.length);
    const length = Math.ceil(this.length / this.samplingRate);
    const x = windowsAt(this.data, starts, { length, rate: this.samplingRate, reverse: this.reverse });
    return { x, y: valuesAt(this.targets, rows) };
  }

  *[Symbol.iterator](): Generator<SeriesBatch, void, undefined> {
    for (let k = 0; k < this.count; k++) yield this.at(k);
  }

  private rowsOfBatch(k: number): number[] {
    const { firstRow, lastRow, stride, batchSize, random } = this;
    if (random !== undefined) {
      return Array.from({ length: batchSize }, () => firstRow + random.integer(lastRow - firstRow + 1));
    }
    const from = firstRow + batchSize * stride * k;
    const end = Math.min(from + batchSize * stride, lastRow + 1);
    return Array.from({ length: Math.ceil((end - from) / stride) }, (_, i) => from + i * stride);
  }
}

/** The windows of a series that begin at `starts`. */
function windowsAt(
  { data, shape }: FlatArray,
  starts: readonly number[],
  { length, rate, reverse = false }: { length: number; rate: number; reverse?: boolean },
): FlatArray {
  const inner = shape.slice(1);
  const size = sizeOf(inner);
  const windows = emptyLike(data, starts.length * length * size);
  starts.forEach((start, n) => {
    for (let t = 0; t < length; t++) {
      const from = (start + t * rate) * size;
      const to = (n * length + (reverse ? length - 1 - t : t)) * size;
      for (let j = 0; j < size; j++) windows[to + j] = data[from + j] as number;
    }
  });
  return { data: windows, shape: [starts.length, length, ...inner] };
}

/** The values of a series at some places. */
function valuesAt(series: FlatArray, places: readonly number[]): FlatArray {
  const { data, shape } = windowsAt(series, places, { length: 1, rate: 1 });
  return { data, shape: [places.length, ...shape.slice(2)] };
}

const first = ({ data, shape }: FlatArray): FlatArray => ({ data, shape: shape.slice(1) });

const emptyLike = (data: Numbers, length: number): Numbers =>
  new (data.constructor as new (length: number) => Numbers)(length);

const lengthOf = ({ shape }: FlatArray): number => shape[0] as number;

function seriesOf(series: Series, name: string): FlatArray {
  const flat = flatten(series, name);
  if (flat.shape.length === 0) throw new InputError(`${name}: needs values in time order, got a single value`);
  return flat;
}

function checkWhole(name: string, value: unknown, least: number, most: number): void {
  checkValue(name, value, wholeNumber(least, most));
}
