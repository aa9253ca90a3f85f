/** How a text is written, as an address says it: the same address is the same text. */
import { excerpt } from "../../../graph/excerpt.ts";
import { unixLineEnds } from "../../../text/line-ends.ts";
import type { WritingSettings } from "../../engine/writing.ts";

/** A token that the reader chose, at a place among those after the prompt. */
export type Choice = { readonly place: number; readonly token: number };

/** All of a text: what is drawn from, what the reader chose instead, and how many tokens. */
export type Plan = {
  readonly settings: WritingSettings;
  readonly choices: readonly Choice[];
  readonly length: number;
};

/** Numbers that may be left out, by their names in addresses, which are those of `unrolled generate`. */
const optional = {
  "top-k": "topK",
  "top-p": "topP",
  "min-p": "minP",
  "repetition-penalty": "repetitionPenalty",
} as const;

/** What each number may be, here and in the form. */
export const bounds = {
  length: { label: "Length, tokens", min: 0, max: 20_000, whole: true },
  temperature: { label: "Temperature", min: 0, max: 2, whole: false },
  "top-k": { label: "Top-k", min: 1, max: Number.MAX_SAFE_INTEGER, whole: true },
  "top-p": { label: "Top-p", min: 0.05, max: 1, whole: false },
  "min-p": { label: "Min-p", min: 0, max: 0.5, whole: false },
  "repetition-penalty": { label: "Repetition penalty", min: 1, max: 2, whole: false },
  seed: { label: "Seed", min: 0, max: 2 ** 32 - 1, whole: true },
} as const;
type Name = keyof typeof bounds;

function isRight(name: Name, text: string): boolean {
  const { min, max, whole } = bounds[name];
  const value = Number(text);
  return text.trim() !== "" && value >= min && value <= max && (!whole || Number.isInteger(value));
}

/** What an address says wrongly: a line for each number. */
export function problemsOf(query: Readonly<Record<string, string>>): readonly string[] {
  return (Object.keys(bounds) as Name[]).flatMap((name) => {
    const { label, min, max, whole } = bounds[name];
    const said = query[name];
    if (said === undefined || isRight(name, said)) return [];
    const most = name === "top-k" ? "on" : `to ${max.toLocaleString("en")}`;
    return `${label}: ${whole ? "a whole number" : "a number"} from ${min} ${most}, not “${excerpt(said)}”.`;
  });
}

export const usual = { temperature: 0.8, length: 500 } as const;

/** What an address plans, without what it says wrongly; undefined for one without a seed, which writes nothing yet. */
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
