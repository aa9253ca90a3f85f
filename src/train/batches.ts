/**
 * Batches of examples as programs read them, time first, one pass over the data after the other: from arrays, or from
 * whatever yields batches. Knows nothing about programs.
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

/** Examples of a batch with their targets, examples first, as `fit` takes arrays. */
export type ExampleBatch = {
  readonly x: InputArrays;
  readonly y: ExampleArray;
  readonly sampleWeight?: ExampleArray | undefined;
};
/** Whatever yields batches: a list, a generator, a data set that makes them as they are asked for. */
export type BatchSource<Batch = ExampleBatch> = Iterable<Batch> | AsyncIterable<Batch>;

/** The sizes of a program. */
export type Sizes = { readonly batch: number; readonly steps: number };
export type Batch = Sizes & {
  readonly inputs: Buffers;
  readonly targets: ArrayLike<number>;
  readonly weights: ArrayLike<number> | undefined;
  /** So many examples count; the others, copies of the first one, fill up the batch. */
  readonly examples: number;
  /** Which examples they are. */
  readonly rows: Int32Array;
  /** Whether no other follows in its pass; known where somebody asks for it. */
  readonly last: boolean;
};
/** Doubles hold indices and vectors alike. */
export type Buffers = Readonly<Record<string, Float64Array>>;

/** The batches of one pass after the other. */
export type Passes = {
  /** What all batches fit into, or the first. */
  readonly sizes: Sizes;
  /** `stop` is told, in a line, where there are no more. */
  readonly pass: (k: number, stop: (reason: string) => void) => AsyncIterable<Batch>;
  /** Nothing more is wanted. */
  readonly close: () => Promise<void>;
};

/** 0, 1, 2 ... */
export const rowsBetween = (from: number, to: number): Int32Array =>
  Int32Array.from({ length: to - from }, (_, k) => from + k);

type Lengths = Pick<InputSet, "steps" | "lengths">;

/** What each example is filled up to. */
function bucketsOf(model: Model, { steps, lengths }: Lengths, { buckets }: PaddingOptions): (n: number) => number {
  if (lengths === undefined || model.steps !== undefined) return () => steps;
  const bucket = bucketOf(lengths, { steps, buckets });
  return (n) => bucket(lengths[n] as number);
}

export type Chunk = { readonly rows: Int32Array; readonly steps: number };
/** Examples in their order as batches of one length each; the lengths one after the other. */
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

/** The same of arrays to be read in their order; a batch that came as one, and what it is called, stays `together`. */
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
    `${where}: ${stateful} goes on from batch to batch, and buckets change their order. Leave buckets out.`,
  );
}

/** What a batch that came as one is filled up to. */
function stepsTogether(model: Model, { steps, lengths }: Lengths, { buckets }: PaddingOptions, where: string): number {
  if (typeof buckets === "number") {
    throw new InputError(
      `${where}: buckets: a number of groups is for arrays; for batches give lengths, [20, 50, 100]`,
    );
  }
  return bucketsOf(model, { steps, ...(lengths && { lengths: Int32Array.of(steps) }) }, { buckets })(0);
}

export type ArrayOptions = PaddingOptions & {
  readonly where: string;
  readonly batchSize?: number | undefined;
  /** The seed of a new order in each pass; without it the order stays. */
  readonly shuffle?: number | undefined;
};

/**
 * These rows of arrays in each pass. Two sets of buffers for each length take turns: a batch lasts until the one after the
 * next.
 * @throws InputError for batches that a layer whose states go on from one to the next cannot have
 */
export function arrayPasses(model: Model, data: DataSet, rows: Int32Array, options: ArrayOptions): Passes {
  const { where, batchSize = 32, shuffle } = options;
  const batch = Math.min(batchSize, rows.length);
  const stepsOf = bucketsOf(model, data, options);
  const chunksIn = (order: Int32Array): Chunk[] => chunksOf(order, batch, stepsOf);
  checkWholeBatches(model, { count: rows.length, batch, shuffle: shuffle !== undefined }, where);
  const all = chunksIn(rows);
  checkOrder(model, all, where);
  // By pass, so that one that is taken up again has the order that it would have had.
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

/** Where a batch of examples goes. */
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

/** Examples with lengths of their own have so many steps in a batch, others as many as they have. */
const stepsIn = ({ ragged, steps }: Examples, padded: number): number => (ragged === undefined ? steps : padded);
const bufferOf = (examples: Examples, { batch, steps }: Sizes): Float64Array =>
  new Float64Array(stepsIn(examples, steps) * batch * examples.features);
export const buffersOf = (inputs: InputSet["inputs"], sizes: Sizes): Buffers =>
  Object.fromEntries(Object.entries(inputs).map(([name, examples]) => [name, bufferOf(examples, sizes)]));

export function takeInputs(inputs: InputSet["inputs"], rows: Int32Array, into: Buffers, steps: number): void {
  for (const [name, examples] of Object.entries(inputs)) takeBatch(examples, rows, into[name] as Float64Array, steps);
}

/** These examples, then the first of them again. */
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

/** Whether it is an array of numbers, or of lists: no batch is one. */
export const isNested = (given: unknown): boolean =>
  isList(given) && (typeof given[0] === "number" || isList(given[0]));

/** Whether this yields batches, and is no array of numbers. */
export const isSource = (given: unknown): given is BatchSource<unknown> =>
  typeof given === "object" && given !== null && (Symbol.iterator in given || Symbol.asyncIterator in given);

/**
 * The arguments of `fit` and `evaluate` behind the model: arrays, or what yields batches; and the options, of which some are
 * for one of them alone.
 * @throws InputError where there is neither, where y alone is missing, and for options of the other
 */
export function argumentsOf<Options extends { readonly sampleWeight?: ExampleArray | undefined }>(
  where: string,
  [x, y, more]: readonly [unknown, ExampleArray | Options | undefined, Options | undefined],
  only: { readonly arrays: readonly (keyof Options)[]; readonly batches: readonly (keyof Options)[] },
  rules: Schema<Options>,
): { readonly data: ExampleBatch | BatchSource; readonly options: Options } {
  const arrays = y !== undefined && !(isPlain(y) && !("data" in y && "shape" in y));
  if (!arrays && !isSource(x)) {
    throw new InputError(`${where}: needs x and y, or what yields batches { x, y }; got ${formatValue(x)} and no y`);
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
      ? "is for batches; of arrays all examples are taken"
      : "is for arrays; batches are taken as they come";
    throw new InputError(`${where}: ${String(name)} ${why}. Leave it out.`);
  }
  if (!arrays) return { data: x as BatchSource, options };
  return { data: { x: x as InputArrays, y: y as ExampleArray, sampleWeight: options.sampleWeight }, options };
}

export type SourceOptions = PaddingOptions & {
  readonly where: string;
  /** Batches of a pass, and what the option for it is called; without it a pass ends with the source. */
  readonly count: number | undefined;
  readonly countName: string;
  /** Whether there are several passes, and whether each begins anew where that is possible, or goes on. */
  readonly again: boolean;
  readonly anew: boolean;
  /** Whether a batch must say that it is the last, for which the next is read before it is handed out. */
  readonly ahead: boolean;
  readonly read: (batch: ExampleBatch, where: string) => DataSet;
};

/**
 * What yields batches, of any number of examples and steps each. What can be read anew begins anew in each pass, or, with a
 * `count`, at its end; what can be read once goes on.
 * @throws InputError where there is no batch, or a second pass of what can be read once is wanted without a `count`
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
        `${place} has ${data.count} examples, batch 0 has ${most}; ${stateful} goes on from batch to batch, so all need as many`,
      );
    }
    most = Math.max(most, data.count);
    const room = roomFor(data, { batch: most, steps: stepsTogether(model, data, options, place) });
    return fillRoom(data, rowsBetween(0, data.count), room);
  }
  /** The next batch of a pass, from the beginning again where that is possible and wanted. */
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
        `${where}: the batches can be read once, and there are several epochs. Give ${countName}, or what can be read anew.`,
      );
    }
    first = await take();
    if (first === undefined) throw new InputError(`${where}: there is no batch`);
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
  /** After so many batches, none of which said that it is the last of `count`. */
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

/** What is left of something that can be iterated; `empty` while nothing has come of it since it began. */
export function createReader<Item>(source: BatchSource<Item>, where: string) {
  const { [Symbol.iterator]: atOnce, [Symbol.asyncIterator]: later } = source as Iterable<Item> & AsyncIterable<Item>;
  const iterate: unknown = later ?? atOnce;
  const begin = (): AsyncIterator<Item> | Iterator<Item> => {
    const iterator: unknown = typeof iterate === "function" ? iterate.call(source) : iterate;
    if (typeof (iterator as Iterator<Item> | undefined)?.next === "function") return iterator as Iterator<Item>;
    throw new InputError(
      `${where}: what yields batches must give an iterator, { next() {} }, got ${formatValue(iterator)}`,
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
      // What throws has ended, unless something else says so.
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
    /** A generator's `finally` runs, unless it has ended by itself; one that is still at work is told, and not waited for. */
    async close(): Promise<void> {
      if (waiting) Promise.resolve(leave()).catch(() => {});
      else if (!done) await leave();
      done = true;
    },
  };
  return reader;
}
