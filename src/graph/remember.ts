/** A small cache: what was made for a key is made once, the least recently used entry goes first. */

/** What was made, by key, and when it was last asked for. */
export type Kept<T> = Map<string, { readonly value: T; used: number }>;
let uses = 0;

/**
 * The cached value of this key, or the result of `make`, which is then kept among the `most` used last. A promise that
 * rejects is not kept. The value is shared, so nobody may change it. A hit changes no map: a map that changes again and
 * again leaves old tables behind, which hold on to their entries until a full garbage collection.
 */
export function remember<T>(kept: Kept<T>, key: string, make: () => T, most = 16): T {
  const found = kept.get(key);
  if (found !== undefined) {
    found.used = ++uses;
    return found.value;
  }
  const value = make();
  // A failure may succeed the next time.
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
 * A number for immutable data (a plan, a cell), by content: data with the same number are equal, and equal data nearly
 * always have the same number.
 */
export function numberOf(data: object): number {
  const number = numbers.get(data) ?? remember(byContent, contentOf(data), () => given++, 64);
  numbers.set(data, number);
  return number;
}

/** Plain data as a string that is the same only for equal content; cells, which are long, become their number. */
export const contentOf = (value: unknown): string => JSON.stringify(value, exactly);

/** Values that JSON would leave out, or write like something else. */
function exactly(key: string, value: unknown): unknown {
  if (key === "cell" && typeof value === "object" && value !== null) return numberOf(value);
  if (value instanceof Map || value instanceof Set) return { all: [...value] };
  if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return value;
  return { number: Object.is(value, -0) ? "-0" : String(value) };
}
