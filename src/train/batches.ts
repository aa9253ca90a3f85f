/**
 * Batches of examples in the order that programs read them, time first, in one pass over the data after the other: from
 * arrays, or from an iterable of batches.
 */
import { InputError } from "../graph/input-error.ts";
import { alias, anything, checkOptions, formatValue, isList, isPlain, type Schema } from "../graph/schema.ts";
import type { Model } from "../nn/model.ts";
import { createRandom } from "../nn/random.ts";
import { shuffle as shuffled } from "../nn/shuffle.ts";
import {
  checkWholeBatches,
  type DataSet,
  type ExampleArray,
  type Examples,
  type InputArrays,
  type InputSet,
  statefulLayer,
} from "./examples.ts";
import { bucketOf, type PaddingOptions } from "./padding.ts";

/** A batch for `fit` and `evaluate`: inputs x (N,T,...), targets y and sample weights, examples first. */
export type ExampleBatch = {
  readonly x: InputArrays;
  readonly y: ExampleArray;
  readonly sampleWeight?: ExampleArray | undefined;
};
/** An iterable or async iterable of batches: a list, a generator, or a data set that makes them on demand. */
export type BatchSource<Batch = ExampleBatch> = Iterable<Batch> | AsyncIterable<Batch>;

/** The sizes of a program: examples per batch, and time steps. */
export type Sizes = { readonly batch: number; readonly steps: number };
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

/** 0, 1, 2 ... */
export const rowsBetween = (from: number, to: number): Int32Array =>
  Int32Array.from({ length: to - from }, (_, k) => from + k);

type Lengths = Pick<InputSet, "steps" | "lengths">;

/** The length that each example is padded to. */
function bucketsOf(model: Model, { steps, lengths }: Lengths, { buckets }: PaddingOptions): (n: number) => number {
  if (lengths === undefined || model.steps !== undefined) return () => steps;
  const bucket = bucketOf(lengths, { steps, buckets });
  return (n) => bucket(lengths[n] as number);
}

export type Chunk = { readonly rows: Int32Array; readonly steps: number };
/** Group examples, in their order, into batches of equal length, the lengths in turn. */
export function chunksOf(order: Int32Array, batch: number, stepsOf: (n: number) => number): Chunk[] {
  const lengths = order.map(stepsOf);
  return [...new Set(lengths.slice().sort())].flatMap((steps) => {
    const rows = order.filter((_, k) => lengths[k] === steps);
    return Array.from({ length: Math.ceil(rows.length / batch) }, (_, k) => ({
      rows: rows.subarray(k * batch, (k + 1) * batch),
      steps,
    }));
  });
}

/** The batches of input arrays in their order. `together` is the name of a batch that was given as one and stays one. */
export function inputChunks(
  model: Model,
  set: InputSet,
  batch: number,
  options: PaddingOptions & { readonly together: string | undefined },
): Chunk[] {
  const rows = rowsBetween(0, set.count);
  if (options.together !== undefined) return [{ rows, steps: stepsTogether(model, set, options, options.together) }];
  const chunks = chunksOf(rows, batch, bucketsOf(model, set, options));
  checkOrder(model, chunks, "predict");
  return chunks;
}

const sameLength = (chunks: readonly Chunk[]): boolean => chunks.every(({ steps }) => steps === chunks[0]?.steps);
function checkOrder(model: Model, chunks: readonly Chunk[], where: string): void {
  const stateful = statefulLayer(model);
  if (stateful === undefined || sameLength(chunks)) return;
  throw new InputError(
    `${where}: ${stateful} is stateful, and buckets change the order of batches. Leave buckets out.`,
  );
}

/** The length that the examples of a given batch are padded to. */
function stepsTogether(model: Model, { steps, lengths }: Lengths, { buckets }: PaddingOptions, where: string): number {
  if (typeof buckets === "number") {
    throw new InputError(
      `${where}: buckets: a number of groups needs arrays; for batches give lengths, as [20, 50, 100]`,
    );
  }
  return bucketsOf(model, { steps, ...(lengths && { lengths: Int32Array.of(steps) }) }, { buckets })(0);
}

export type ArrayOptions = PaddingOptions & {
  readonly where: string;
  readonly batchSize?: number | undefined;
  /** Seed of the new order in each pass; without it the order stays. */
  readonly shuffle?: number | undefined;
};

/**
 * The batches of these rows of the arrays, in each pass. Each length has two sets of buffers that take turns, so a batch
 * is overwritten by the one after the next.
 * @throws InputError for batches that a stateful layer cannot have
 */
export function arrayPasses(model: Model, data: DataSet, rows: Int32Array, options: ArrayOptions): Passes {
  const { where, batchSize = 32, shuffle } = options;
  const batch = Math.min(batchSize, rows.length);
  const stepsOf = bucketsOf(model, data, options);
  const chunksIn = (order: Int32Array): Chunk[] => chunksOf(order, batch, stepsOf);
  checkWholeBatches(model, { count: rows.length, batch, shuffle: shuffle !== undefined }, where);
  const all = chunksIn(rows);
  checkOrder(model, all, where);
  // Seeded by the pass, so that a resumed training has the same order.
  function chunksOfPass(k: number): Chunk[] {
    if (shuffle === undefined) return all;
    const random = createRandom(shuffle + k);
    const chunks = chunksIn(shuffled(rows.slice(), random));
    return sameLength(chunks) ? chunks : shuffled(chunks, random);
  }
  const rooms = new Map<number, Room[]>();
  let turn = 0;
  function roomOf(steps: number): Room {
    const pair = rooms.get(steps) ?? [0, 1].map(() => roomFor(data, { batch, steps }));
    rooms.set(steps, pair);
    turn = 1 - turn;
    return pair[turn] as Room;
  }
  return {
    sizes: { batch, steps: all.at(-1)?.steps as number },
    pass: (k) => arrayPass(data, chunksOfPass(k), roomOf),
    close: async () => {},
  };
}
async function* arrayPass(
  data: DataSet,
  chunks: readonly Chunk[],
  roomOf: (steps: number) => Room,
): AsyncGenerator<Batch, void, undefined> {
  for (const [at, { rows, steps }] of chunks.entries()) {
    yield Object.assign(fillRoom(data, rows, roomOf(steps)), { last: at + 1 === chunks.length });
  }
}

/** The buffers of a batch. */
type Room = ReturnType<typeof roomFor>;
const roomFor = ({ inputs, targets, weights }: DataSet, { batch, steps }: Sizes) => ({
  batch,
  steps,
  inputs: buffersOf(inputs, { batch, steps }),
  targets: bufferOf(targets, { batch, steps }),
  weights: weights && bufferOf(weights, { batch, steps }),
  rows: new Int32Array(batch),
});
function fillRoom({ inputs, targets, weights }: DataSet, rows: Int32Array, room: Room): Batch {
  takeRows(rows, room.rows);
  takeInputs(inputs, room.rows, room.inputs, room.steps);
  takeBatch(targets, room.rows, room.targets, room.steps);
  if (weights && room.weights) takeBatch(weights, room.rows, room.weights, room.steps);
  return { examples: rows.length, last: false, ...room };
}

/** Examples of unequal length are padded to `padded` steps; others keep theirs. */
const stepsIn = ({ ragged, steps }: Examples, padded: number): number => (ragged === undefined ? steps : padded);
const bufferOf = (examples: Examples, { batch, steps }: Sizes): Float64Array =>
  new Float64Array(stepsIn(examples, steps) * batch * examples.features);
export const buffersOf = (inputs: InputSet["inputs"], sizes: Sizes): Buffers =>
  Object.fromEntries(Object.entries(inputs).map(([name, examples]) => [name, bufferOf(examples, sizes)]));

export function takeInputs(inputs: InputSet["inputs"], rows: Int32Array, into: Buffers, steps: number): void {
  for (const [name, examples] of Object.entries(inputs)) takeBatch(examples, rows, into[name] as Float64Array, steps);
}

/** These examples; the first one again fills the rest. */
export function takeRows(rows: Int32Array, into: Int32Array): void {
  into.fill(rows[0] as number);
  into.set(rows);
}

/** Examples (N,T,D) -> a batch (T,B,D). */
function takeBatch(examples: Examples, rows: Int32Array, into: Float64Array, padded: number): void {
  const { data, features, ragged } = examples;
  const batch = rows.length;
  const steps = stepsIn(examples, padded);
  for (let b = 0; b < batch; b++) {
    const n = rows[b] as number;
    const start = ragged === undefined ? n * steps : (ragged.starts[n] as number);
    const own = ragged === undefined ? steps : (ragged.starts[n + 1] as number) - start;
    const first = ragged?.pre ? steps - own : 0;
    for (let t = 0; t < steps; t++) {
      const [source, target] = [(start + t - first) * features, (t * batch + b) * features];
      const there = t >= first && t < first + own;
      for (let j = 0; j < features; j++) into[target + j] = there ? (data[source + j] as number) : (ragged?.fill ?? 0);
    }
  }
}

/** Whether it is an array of numbers or of lists, which no source of batches is. */
export const isNested = (given: unknown): boolean =>
  isList(given) && (typeof given[0] === "number" || isList(given[0]));

/** Whether it is iterable, so may be a source of batches. */
export const isSource = (given: unknown): given is BatchSource<unknown> =>
  typeof given === "object" && given !== null && (Symbol.iterator in given || Symbol.asyncIterator in given);

/**
 * The arguments of `fit` and `evaluate` after the model: arrays x and y, or batches; and the options, some of which are
 * only for arrays and some only for batches.
 * @throws InputError if there is neither, if y is missing, and for options that are for the other
 */
export function argumentsOf<Options extends { readonly sampleWeight?: ExampleArray | undefined }>(
  where: string,
  [x, y, more]: readonly [unknown, ExampleArray | Options | undefined, Options | undefined],
  only: { readonly arrays: readonly (keyof Options)[]; readonly batches: readonly (keyof Options)[] },
  rules: Schema<Options>,
): { readonly data: ExampleBatch | BatchSource; readonly options: Options } {
  const arrays = y !== undefined && !(isPlain(y) && !("data" in y && "shape" in y));
  if (!arrays && !isSource(x)) {
    throw new InputError(`${where}: needs x and y, or an iterable of batches { x, y }; got ${formatValue(x)} and no y`);
  }
  if (!arrays && isNested(x)) {
    const what = isList((x as ArrayLike<unknown>)[0]) ? "lists" : "numbers";
    throw new InputError(
      `${where}: y is missing: x is a list of ${what}. Give y after x, or batches { x, y } in its place`,
    );
  }
  const given = arrays || y === undefined ? more : y;
  checkOptions(where, given, rules);
  const options = (given ?? {}) as Options;
  for (const name of arrays ? only.batches : only.arrays) {
    if (options[name] === undefined) continue;
    const why = arrays
      ? "is for batches; of arrays all examples are used"
      : "is for arrays; batches are used as they come";
    throw new InputError(`${where}: ${String(name)} ${why}. Leave it out.`);
  }
  if (!arrays) return { data: x as BatchSource, options };
  return { data: { x: x as InputArrays, y: y as ExampleArray, sampleWeight: options.sampleWeight }, options };
}

export type SourceOptions = PaddingOptions & {
  readonly where: string;
  /** Batches per pass, and the name of the option for it; without it a pass ends with the source. */
  readonly count: number | undefined;
  readonly countName: string;
  /** `again`: whether there are several passes; `anew`: whether each pass restarts the source if that is possible. */
  readonly again: boolean;
  readonly anew: boolean;
  /** Whether `last` must be known, for which the next batch is read before a batch is yielded. */
  readonly ahead: boolean;
  readonly read: (batch: ExampleBatch, where: string) => DataSet;
};

/**
 * The batches of an iterable, of any number of examples and steps each. An iterable that can be read again restarts in
 * each pass or, with a `count`, when it ends; one that can be read only once (a generator) continues.
 * @throws InputError if there is no batch, and if a generator is to be read several times without a `count`
 */
export async function sourcePasses(model: Model, source: BatchSource, options: SourceOptions): Promise<Passes> {
  const { where, count, countName, again, anew, ahead, read } = options;
  const stateful = statefulLayer(model);
  const reader = createReader(source, where);
  let number = 0;
  let most = 0;
  async function take(): Promise<Batch | undefined> {
    const given = await reader.next();
    if (given === undefined) return undefined;
    const place = `${where}: batch ${number++}`;
    if (!(isPlain(given) && "x" in given && "y" in given)) {
      throw new InputError(`${place} must be { x, y } or { x, y, sampleWeight }, got ${formatValue(given)}`);
    }
    checkOptions(place, given, { x: anything, y: anything, sampleWeight: alias(anything, "weights", "w") });
    const data = read(given, place);
    if (stateful !== undefined && most > 0 && data.count !== most) {
      throw new InputError(
        `${place} has ${data.count} examples, batch 0 has ${most}; ${stateful} is stateful, so all batches need the same size`,
      );
    }
    most = Math.max(most, data.count);
    const room = roomFor(data, { batch: most, steps: stepsTogether(model, data, options, place) });
    return fillRoom(data, rowsBetween(0, data.count), room);
  }
  /** The next batch of a pass; restarts the source if it has ended and can be read again. */
  async function takeOn(): Promise<Batch | undefined> {
    const batch = await take();
    if (batch !== undefined || count === undefined || anew || reader.once || reader.empty) return batch;
    await reader.restart();
    return take();
  }
  let first: Batch | undefined;
  try {
    if (reader.once && again && count === undefined) {
      throw new InputError(
        `${where}: the batches can be read only once, but there are several epochs. Give ${countName}, or an iterable that can be read again.`,
      );
    }
    first = await take();
    if (first === undefined) throw new InputError(`${where}: there are no batches`);
  } catch (error) {
    await reader.close();
    throw error;
  }
  const sizes = { batch: first.batch, steps: first.steps };
  async function begin(): Promise<Batch | undefined> {
    if (first === undefined && anew && !reader.once) await reader.restart();
    const batch = first ?? (await takeOn());
    first = undefined;
    return batch;
  }
  /** The source ended after `n` batches. */
  async function end(n: number, stop: (reason: string) => void): Promise<void> {
    if (count !== undefined || n === 0) stop(`the data ended after ${n}${count ? ` of ${count}` : ""} batches`);
    else if (!reader.once) await reader.restart();
  }
  const pass: Passes["pass"] = (_, stop) => sourcePass({ begin, takeOn, count, ahead, end: (n) => end(n, stop) });
  return { sizes, pass, close: () => reader.close() };
}
type SourcePass = Pick<SourceOptions, "count" | "ahead"> & {
  readonly begin: () => Promise<Batch | undefined>;
  readonly takeOn: () => Promise<Batch | undefined>;
  readonly end: (n: number) => Promise<void>;
};
async function* sourcePass(source: SourcePass): AsyncGenerator<Batch, void, undefined> {
  const { begin, takeOn, end, count, ahead } = source;
  let batch = await begin();
  let n = 0;
  for (; batch !== undefined; n++) {
    const atEnd = n + 1 === count;
    const next: Batch | undefined = ahead && !atEnd ? await takeOn() : undefined;
    yield { ...batch, last: atEnd || (ahead && next === undefined) };
    if (atEnd) return;
    batch = ahead ? next : await takeOn();
  }
  await end(n);
}

const isResult = <Item>(given: unknown): given is IteratorResult<Item> => typeof given === "object" && given !== null;

/** A reader of an iterable that can be restarted; `empty` until it has yielded something. */
export function createReader<Item>(source: BatchSource<Item>, where: string) {
  const { [Symbol.iterator]: atOnce, [Symbol.asyncIterator]: later } = source as Iterable<Item> & AsyncIterable<Item>;
  const iterate: unknown = later ?? atOnce;
  const begin = (): AsyncIterator<Item> | Iterator<Item> => {
    const iterator: unknown = typeof iterate === "function" ? iterate.call(source) : iterate;
    if (typeof (iterator as Iterator<Item> | undefined)?.next === "function") return iterator as Iterator<Item>;
    throw new InputError(
      `${where}: the iterable of batches must give an iterator, { next() {} }, got ${formatValue(iterator)}`,
    );
  };
  let iterator: ReturnType<typeof begin> | undefined = begin();
  let done = false;
  let waiting = false;
  const leave = (): unknown => (typeof iterator?.return === "function" ? iterator.return() : undefined);
  const reader = {
    once: (iterator as unknown) === source,
    empty: true,
    async next(): Promise<Item | undefined> {
      if (done) return undefined;
      // An iterator that throws has ended.
      done = true;
      waiting = true;
      iterator ??= begin();
      const result: unknown = await iterator.next();
      waiting = false;
      if (!isResult<Item>(result)) {
        throw new InputError(`${where}: next() must give { done, value }, got ${formatValue(result)}`);
      }
      if (result.done === true) return undefined;
      done = reader.empty = false;
      return result.value;
    },
    async restart(): Promise<void> {
      await reader.close();
      [iterator, done, reader.empty] = [undefined, false, true];
    },
    /** Call the iterator's `return()`, so that a generator's `finally` runs, unless it has ended; without waiting if `next()` is pending. */
    async close(): Promise<void> {
      if (waiting) Promise.resolve(leave()).catch(() => {});
      else if (!done) await leave();
      done = true;
    },
  };
  return reader;
}
