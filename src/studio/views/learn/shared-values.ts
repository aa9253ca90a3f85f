/**
 * The values that a reader has set in a chapter, as parts of the address, so that a link, a reload and the back button
 * restore them. The address only contains values that differ from the chapter's defaults.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Address, go, linkTo, readAddress, useAddress } from "../../address.ts";

/** Reads a value from an address (undefined if it is invalid), and writes it. */
export type Kind<Value> = {
  readonly standard: Value;
  readonly read: (text: string) => Value | undefined;
  readonly write: (value: Value) => string;
};
// biome-ignore lint/suspicious/noExplicitAny: the values of each kind are its own
export type Kinds = Readonly<Record<string, Kind<any>>>;
type ValueOf<One> = One extends Kind<infer Value> ? Value : never;
export type ValuesOf<All> = { readonly [Name in keyof All]: ValueOf<All[Name]> };

type Range = { readonly min: number; readonly max: number; readonly step: number };

/**
 * The number of a slider. If whole numbers are needed, it is one of the slider's steps; other numbers can be finer than
 * the steps.
 */
export function aNumber(standard: number, { min, max, step }: Range): Kind<number> {
  const exact = (value: number): number => Number(value.toFixed(4));
  const read = (text: string): number | undefined => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= min && value <= max)) return undefined;
    return Number.isInteger(step) ? min + Math.round((value - min) / step) * step : exact(value);
  };
  return { standard, read, write: (value) => `${exact(value)}` };
}
/** A fixed number of numbers, separated by commas. */
export function numbers(standard: readonly number[], range: Range): Kind<readonly number[]> {
  const one = aNumber(0, range);
  return {
    standard,
    read(text) {
      const all = text.split(",").map(one.read);
      return all.length === standard.length && all.every((value) => value !== undefined) ? all : undefined;
    },
    write: (values) => values.join(","),
  };
}
/** Switches: 0 for off, 1 for on. */
export const switches = (standard: readonly boolean[]): Kind<readonly boolean[]> => ({
  standard,
  read: (text) =>
    /^[01]*$/.test(text) && text.length === standard.length ? [...text].map((sign) => sign === "1") : undefined,
  write: (values) => values.map(Number).join(""),
});
/** One of the names of a table. */
export const aName = <Name extends string>(standard: Name, table: Readonly<Record<Name, unknown>>): Kind<Name> => ({
  standard,
  read: (text) => (Object.hasOwn(table, text) ? (text as Name) : undefined),
  write: String,
});
/** A text with a limited number of characters. */
export const aText = (standard: string, longest: number): Kind<string> => ({
  standard,
  read: (text) => text.slice(0, longest),
  write: String,
});

/** The values in an address; a missing or invalid one gets its default. */
export function readValues<All extends Kinds>(kinds: All, query: Address["query"]): ValuesOf<All> {
  const values = Object.entries(kinds).map(([name, { standard, read }]) => {
    const text = query[name];
    return [name, (text === undefined ? undefined : read(text)) ?? standard];
  });
  return Object.fromEntries(values) as ValuesOf<All>;
}

/** The query with these values, without those that are defaults. */
export function writeValues<All extends Kinds>(
  kinds: All,
  values: ValuesOf<All>,
  query: Address["query"],
): Address["query"] {
  const next: Record<string, string> = { ...query };
  for (const [name, { standard, write }] of Object.entries(kinds)) {
    const text = write(values[name as keyof All]);
    if (text === write(standard)) delete next[name];
    else next[name] = text;
  }
  return next;
}

/** The schema of the values in an address, with their defaults. */
const keyOf = (kinds: Kinds, query: Address["query"]): string =>
  JSON.stringify(Object.entries(kinds).map(([name, { standard, write }]) => [query[name] ?? null, write(standard)]));
const placeOf = ({ view, path }: Address): string => [view, ...path].join("/");

/** The query without these values, so that all of them are defaults again. */
export const withoutValues = (kinds: Kinds, query: Address["query"]): Address["query"] =>
  Object.fromEntries(Object.entries(query).filter(([name]) => !Object.hasOwn(kinds, name)));

/** The pause after which the address is updated: browsers limit the number of changes. */
const restMs = 300;

/**
 * The values, a function that changes some of them, and one that resets all of them. The values change at once, the
 * address after a pause. When the address changes, the values follow it.
 */
export function useShared<All extends Kinds>(
  kinds: All,
): readonly [values: ValuesOf<All>, set: (part: Partial<ValuesOf<All>>) => void, reset: () => void] {
  const { query } = useAddress();
  const own = keyOf(kinds, query);
  const [values, setValues] = useState(() => readValues(kinds, query));
  const latest = useRef(values);
  const known = useRef(own);
  const timer = useRef(0);
  const take = (next: ValuesOf<All>): void => {
    latest.current = next;
    setValues(next);
  };
  useEffect(() => {
    if (known.current === own) return;
    known.current = own;
    clearTimeout(timer.current);
    take(readValues(kinds, query));
  }, [own]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const set = (part: Partial<ValuesOf<All>>): void => {
    take({ ...latest.current, ...part });
    clearTimeout(timer.current);
    const place = placeOf(readAddress(location.hash));
    timer.current = window.setTimeout(() => {
      const here = readAddress(location.hash);
      if (placeOf(here) !== place) return;
      const next = writeValues(kinds, latest.current, here.query);
      known.current = keyOf(kinds, next);
      go(linkTo(here.view, here.path, next), { replace: true });
    }, restMs);
  };
  const reset = (): void => set(readValues(kinds, {}));
  return [values, set, reset];
}
