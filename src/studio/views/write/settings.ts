/** The settings of a generated text in an address: the same address gives the same text. */
import { excerpt } from "../../../graph/excerpt.ts";
import { unixLineEnds } from "../../../text/line-ends.ts";
import type { WritingSettings } from "../../engine/writing.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.write.settings;

/** A token that the reader chose, and its position after the prompt. */
export type Choice = { readonly place: number; readonly token: number };

/** Everything that determines a text: the sampling settings, the reader's choices, and the number of tokens. */
export type Plan = {
  readonly settings: WritingSettings;
  readonly choices: readonly Choice[];
  readonly length: number;
};

/** Optional numbers, by their names in addresses, which are the options of `unrolled generate`. */
const optional = {
  "top-k": "topK",
  "top-p": "topP",
  "min-p": "minP",
  "repetition-penalty": "repetitionPenalty",
} as const;

/** The range of each number, here and in the form. */
export const bounds = {
  length: { label: own.labels.length, min: 0, max: 20_000, whole: true },
  temperature: { label: own.labels.temperature, min: 0, max: 2, whole: false },
  "top-k": { label: own.labels.topK, min: 1, max: Number.MAX_SAFE_INTEGER, whole: true },
  "top-p": { label: own.labels.topP, min: 0.05, max: 1, whole: false },
  "min-p": { label: own.labels.minP, min: 0, max: 0.5, whole: false },
  "repetition-penalty": { label: own.labels.repetitionPenalty, min: 1, max: 2, whole: false },
  seed: { label: own.labels.seed, min: 0, max: 2 ** 32 - 1, whole: true },
} as const;
type Name = keyof typeof bounds;

function isRight(name: Name, text: string): boolean {
  const { min, max, whole } = bounds[name];
  const value = Number(text);
  return text.trim() !== "" && value >= min && value <= max && (!whole || Number.isInteger(value));
}

/** The errors of an address: a line for each invalid number. */
export function problemsOf(query: Readonly<Record<string, string>>): readonly string[] {
  return (Object.keys(bounds) as Name[]).flatMap((name) => {
    const { label, min, max, whole } = bounds[name];
    const said = query[name];
    if (said === undefined || isRight(name, said)) return [];
    const problem = name === "top-k" ? own.notWholeFrom : whole ? own.notWhole : own.notNumber;
    return fill(problem, { label, min, max: max.toLocaleString("en"), said: excerpt(said) });
  });
}

export const usual = { temperature: 0.8, length: 500 } as const;

/** The plan in an address, without invalid values; undefined without a seed, when nothing is generated yet. */
export function planOf(query: Readonly<Record<string, string>>): Plan | undefined {
  if (query.seed === undefined) return undefined;
  const number = (name: Name, otherwise: number): number => {
    const said = query[name] ?? "";
    return isRight(name, said) ? Number(said) : otherwise;
  };
  const given = Object.entries(optional).flatMap(([name, key]) => {
    const value = number(name as keyof typeof optional, Number.NaN);
    return Number.isNaN(value) ? [] : [[key, value] as const];
  });
  const choices = (query.take ?? "").split(",").flatMap((pair) => {
    const [, place, token] = /^(\d+):(\d+)$/.exec(pair) ?? [];
    return place === undefined ? [] : [{ place: Number(place), token: Number(token) }];
  });
  return {
    settings: {
      ...{
        prompt: unixLineEnds(query.prompt ?? ""),
        seed: number("seed", 0),
        temperature: number("temperature", usual.temperature),
      },
      ...Object.fromEntries(given),
    },
    choices: choices.sort((a, b) => a.place - b.place),
    length: number("length", usual.length),
  };
}

/** The address of a plan. */
export function queryOf({ settings, choices, length }: Plan): Record<string, string> {
  const { prompt, temperature, seed } = settings;
  const given = Object.entries(optional).flatMap(([name, key]) => {
    const value = settings[key];
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  return {
    ...{ prompt, length: String(length), temperature: String(temperature) },
    ...Object.fromEntries(given),
    seed: String(seed),
    ...(choices.length > 0 && { take: choices.map(({ place, token }) => `${place}:${token}`).join(",") }),
  };
}
