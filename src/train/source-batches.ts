/** Batches of an iterable: each is read, checked and copied into buffers of its sizes. */

import { InputError } from "../graph/input-error.ts";
import { alias, anything, checkOptions, formatValue, isPlain } from "../graph/schema.ts";
import type { Model } from "../nn/model.ts";
import { createBatchBuffers, fillBatch } from "./batch-buffers.ts";
import type { Batch, BatchSource, ExampleBatch, Passes } from "./batches.ts";
import { rowsBetween, stepsTogether } from "./chunks.ts";
import { type DataSet, statefulLayer } from "./examples.ts";
import type { PaddingOptions } from "./padding.ts";
import { createReader } from "./source-reader.ts";

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
    const buffers = createBatchBuffers(data, { batch: most, steps: stepsTogether(model, data, options, place) });
    return fillBatch(data, rowsBetween(0, data.count), buffers);
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
