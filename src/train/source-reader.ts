/** A reader of an iterable, at once or asynchronous, that can be restarted and closed. */

import { InputError } from "../graph/input-error.ts";
import { formatValue } from "../graph/schema.ts";
import type { BatchSource } from "./batches.ts";

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
