/** What was made once for equal data is not made again. Knows nothing about what is made. */

/** What was made, by key, and when it was last asked for. */
export type Kept<T> = Map<string, { readonly value: T; used: number }>;
let uses = 0;

/**
 * What `make` gave for this key, if it is among the `most` used last; of a promise that fails, nothing is kept. What is
 * made is shared: nobody may change it. To find it changes no map: a map that is changed again and again leaves tables
 * behind, each of which holds the next one and what was in it, until a full collection.
 */
export function remember<T>(kept: Kept<T>, key: string, make: () => T, most = 16): T {
  const found = kept.get(key);
  if (found !== undefined) {
    found.used = ++uses;
    return found.value;
  }
  const value = make();
  // What failed may go well the next time.
  if (value instanceof Promise) value.catch(() => kept.delete(key));
  kept.set(key, { value, used: ++uses });
  if (kept.size > most) {
    const [[oldest]] = [...kept].sort(([, a], [, b]) => a.used - b.used) as [[string, unknown]];
    kept.delete(oldest);
  }
  return value;
}

const numbers = new WeakMap<object, number>();
const byContent: Kept<number> = new Map();
let given = 0;

/**
 * A number that stands for the content of data which nobody changes once they are made: a plan, a cell. Two of one number
 * are equal; equal ones nearly always have one number.
 */
export function numberOf(data: object): number {
  const number = numbers.get(data) ?? remember(byContent, contentOf(data), () => given++, 64);
  numbers.set(data, number);
  return number;
}

/** Plain data as text, the same for equal content alone; cells, which are long, by their number. */
export const contentOf = (value: unknown): string => JSON.stringify(value, exactly);

/** What JSON would leave out, or write like something else. */
function exactly(key: string, value: unknown): unknown {
  if (key === "cell" && typeof value === "object" && value !== null) return numberOf(value);
  if (value instanceof Map || value instanceof Set) return { all: [...value] };
  if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return value;
  return { number: Object.is(value, -0) ? "-0" : String(value) };
}
