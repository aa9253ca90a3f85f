/** How a text is written, as an address says it: the same address is the same text. */
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

export const usual = { temperature: 0.8, length: 500 } as const;

/** What an address plans; undefined for one without a seed, which writes nothing yet. */
export function planOf(query: Readonly<Record<string, string>>): Plan | undefined {
  if (query.seed === undefined) return undefined;
  const number = (name: string, otherwise: number): number => {
    const value = Number(query[name] ?? "none");
    return Number.isFinite(value) ? value : otherwise;
  };
  const given = Object.entries(optional).flatMap(([name, key]) => {
    const value = number(name, Number.NaN);
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
    length: Math.max(0, Math.floor(number("length", usual.length))),
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
