/** The numbers of one unit of a layer at one token, under the names of the cell's equations. */
import type { GruNumbers } from "../../components/gru-diagram.tsx";
import type { LstmNumbers } from "../../components/lstm-diagram.tsx";
import type { CellLines } from "../../engine/cell-lines.ts";
import { fill, texts } from "../../texts/texts.ts";
import type { Reading, ReadValue } from "./reading.ts";

const own = texts.inspect.cell.notes;

/** A value of a cell: the unit's number, or one number for all; or only a note, such as how many numbers it has. */
export type CellValue = { readonly label: string; readonly value?: number; readonly note?: string };

export type CellValues = {
  readonly unit: number;
  /** The states before the token, by name. */
  readonly before: Readonly<Record<string, CellValue>>;
  /** The inputs, by name. */
  readonly inputs: Readonly<Record<string, CellValue>>;
  /** The value of each line, in their order; of a state, the new one. */
  readonly lines: readonly CellValue[];
};

/** @param chosen the value that is chosen, of this layer; a unit of a value that is no vector counts as one of the states */
export function cellValuesAt(
  { values }: Pick<Reading, "values">,
  { layer, inputs, states, fromZeros, lines }: CellLines,
  { chosen, unit: wanted, place }: { readonly chosen: ReadValue; readonly unit: number; readonly place: number },
): CellValues {
  const find = (name: string): ReadValue | undefined => values.find(({ key }) => key === `${layer}.${name}`);
  const kindOf = (name: string) => lines.findLast((line) => line.name === name)?.kind;
  const isVector = lines.some(({ name, kind }) => kind === "vector" && chosen.key === `${layer}.${name}`);
  const vector = states.find((state) => kindOf(state) === "vector") ?? "";
  const size = isVector ? chosen.size : (find(vector)?.size ?? 1);
  const unit = Math.min(wanted, size - 1);
  const told = (
    name: string,
    sign: string,
    numberAt: (value: ReadValue, k: number) => number | undefined,
  ): CellValue => {
    const value = find(name);
    if (value === undefined) return { label: `${name}${sign}`, note: own.notKept };
    const single = value.size === 1 && size > 1;
    if (!single && (value.size !== size || kindOf(name) === "matrix")) {
      return { label: `${name}${sign}`, note: fill(own.numbers, { count: value.size }) };
    }
    const number = numberAt(value, single ? 0 : unit);
    return {
      label: single ? `${name}${sign}` : `${name}${sign}[${unit}]`,
      ...(number === undefined ? { note: own.initial } : { value: number, ...(single && { note: own.oneNumber }) }),
    };
  };
  const at = ({ data, size }: ReadValue, k: number, t: number): number => data[t * size + k] as number;
  const old = (value: ReadValue, k: number) => (place > 0 ? at(value, k, place - 1) : fromZeros ? 0 : undefined);
  return {
    unit,
    before: Object.fromEntries(states.map((state) => [state, told(state, "", old)])),
    inputs: Object.fromEntries(inputs.map((name) => [name, { label: name, note: own.vector }])),
    lines: lines.map(({ name, state }, k) =>
      lines.findLastIndex((line) => line.name === name) === k
        ? told(name, state ? "′" : "", (value, unit) => at(value, unit, place))
        : { label: name, note: own.notKept },
    ),
  };
}

/** The numbers by name, where all of the names have one; of a state, the new one. */
function numbersOf<Name extends string>(
  { lines }: CellLines,
  values: CellValues,
  names: readonly Name[],
): Readonly<Record<Name, number>> | undefined {
  const found = names.map((name) => [name, values.lines[lines.findLastIndex((line) => line.name === name)]?.value]);
  if (found.some(([, value]) => value === undefined)) return undefined;
  return Object.fromEntries(found) as Record<Name, number>;
}

/** What the LSTM's picture shows; undefined where a number of it is not there. */
export function lstmNumbersOf(cell: CellLines, values: CellValues): LstmNumbers | undefined {
  const now = numbersOf(cell, values, ["f", "i", "g", "o", "c", "h"]);
  const [c, h] = [values.before.c?.value, values.before.h?.value];
  if (now === undefined || c === undefined || h === undefined) return undefined;
  return { ...now, before: { c, h }, kept: now.f * c, stored: now.i * now.g, shown: Math.tanh(now.c) };
}

/** What the GRU's picture shows; undefined where a number of it is not there. */
export function gruNumbersOf(cell: CellLines, values: CellValues): GruNumbers | undefined {
  const now = numbersOf(cell, values, ["z", "r", "g", "h"]);
  const h = values.before.h?.value;
  if (now === undefined || h === undefined) return undefined;
  const { z, r, g } = now;
  return { ...now, before: { h }, seen: r * h, share: 1 - z, kept: z * h, taken: (1 - z) * g };
}
