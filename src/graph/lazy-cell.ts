/** A cell that comes with the library, read from its equations once somebody looks: most programs use one or two of them all. */
import { type Cell, type CellOptions, cell, type NamesIn } from "./cell.ts";

const parts = [
  "source",
  "equations",
  "inputs",
  "settings",
  "sequences",
  "states",
  "names",
  "parameters",
  "output",
  "stateShapes",
  "kinds",
  "descriptions",
] as const satisfies readonly (keyof Cell)[];

/**
 * The same data as `cell(source, options)`, made when one of its parts is first read. Mistakes in it are told then, so its equations
 * are the library's own.
 * @__NO_SIDE_EFFECTS__
 */
export function lazyCell<const Text extends string>(
  source: Text | (() => Text),
  options?: CellOptions,
): Cell<NamesIn<Text>> {
  const lazy = {};
  const made = (): Cell<NamesIn<Text>> => {
    const whole = cell(typeof source === "function" ? source() : source, options);
    for (const part of parts) Object.defineProperty(lazy, part, { value: whole[part], writable: true });
    return whole;
  };
  for (const part of parts) {
    Object.defineProperty(lazy, part, { get: () => made()[part], enumerable: true, configurable: true });
  }
  return lazy as Cell<NamesIn<Text>>;
}
