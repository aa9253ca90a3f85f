/** What was made once for equal data is not made again. Knows nothing about what is made. */

/**
 * What `make` gave for this key, if it is among the `most` used last; of a promise that fails, nothing is kept. What is
 * made is shared: nobody may change it.
 */
export function remember<T>(kept: Map<string, T>, key: string, make: () => T, most = 16): T {
  let value = kept.get(key);
  if (value === undefined) {
    value = make();
    // What failed may go well the next time.
    if (value instanceof Promise) value.catch(() => kept.delete(key));
  }
  kept.delete(key);
  kept.set(key, value);
  for (const oldest of kept.keys()) if (kept.size > most) kept.delete(oldest);
  return value;
}

const numbers = new WeakMap<object, number>();
const byContent = new Map<string, number>();
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
