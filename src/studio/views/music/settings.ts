/** What is to be written, in an address: the same address and model give the same music. */
import { excerpt } from "../../../graph/excerpt.ts";
import type { Address } from "../../address.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.music.settings;

type Query = Address["query"];

export type Plan = {
  /** Quarters. */
  readonly length: number;
  readonly temperature: number;
  readonly seed: number;
  /** Pitches that sound all the time. */
  readonly hold: readonly number[];
  /** Pitches of the keys that begin, one after the other. */
  readonly keys: readonly number[];
  /** The file, and the piece of it, that begins; it is not in the address. */
  readonly from: string | undefined;
};

/** The range of each number, here and in the form. */
export const bounds = {
  length: { label: own.length, min: 1, max: 256, step: 1 },
  temperature: { label: own.temperature, min: 0, max: 2, step: 0.05 },
  seed: { label: own.seed, min: 0, max: 2 ** 32 - 1, step: 1 },
} as const;
type Name = keyof typeof bounds;
const names = Object.keys(bounds) as Name[];
export const usual = { length: 16, temperature: 0.8 } as const;

export function isRight(name: Name, text: string): boolean {
  const { min, max, step } = bounds[name];
  const value = Number(text);
  return text.trim() !== "" && value >= min && value <= max && (step < 1 || Number.isInteger(value));
}

/** What is wrong with numbers that are given as texts: a line for each. */
export const problemsOf = (given: Query): readonly string[] =>
  names.flatMap((name) => {
    const said = given[name];
    if (said === undefined || isRight(name, said)) return [];
    const { label, min, max, step } = bounds[name];
    const problem = step < 1 ? own.notNumber : own.notWhole;
    return fill(problem, { label, min, max: max.toLocaleString("en"), said: excerpt(said) });
  });

const pitchesIn = (text = ""): readonly number[] =>
  text.split(",").flatMap((one) => (/^\d{1,3}$/.test(one) && Number(one) <= 127 ? Number(one) : []));

/** The plan in an address; undefined without a seed, when nothing is written yet, and where a number is wrong. */
export function planOf(query: Query): Plan | undefined {
  const { seed, length = String(usual.length), temperature = String(usual.temperature) } = query;
  if (seed === undefined || problemsOf(query).length > 0) return undefined;
  return {
    ...{ length: Number(length), temperature: Number(temperature), seed: Number(seed) },
    ...{ hold: pitchesIn(query.hold), keys: pitchesIn(query.keys), from: query.from },
  };
}

/** The address of a plan. */
export const queryOf = ({ length, temperature, seed, hold, keys, from }: Plan): Query => ({
  ...{ length: String(length), temperature: String(temperature), seed: String(seed) },
  ...(hold.length > 0 && { hold: hold.join(",") }),
  ...(from !== undefined ? { from } : keys.length > 0 && { keys: keys.join(",") }),
});
