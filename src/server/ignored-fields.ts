/** Report unknown fields of requests, which are ignored; each is reported once. */
import { excerpt } from "../graph/excerpt.ts";
import type { WarningLine } from "./options.ts";

/** The largest number of reported names, and of characters in each, because clients can send any names. */
const [maxNames, maxCharacters] = [100, 60];

/** Receives the unknown fields of each request to a route. */
export type IgnoredFields = (path: string, names: readonly string[]) => void;

/** Make a function that passes each name to `warn` once. */
export function createIgnoredFields(warn: (line: WarningLine) => void): IgnoredFields {
  const told = new Set<string>();
  const tell = (warning: string): void => warn({ time: new Date().toISOString(), warning });
  return (path, names) => {
    for (const name of names) {
      if (told.size >= maxNames) return;
      const short = excerpt(name, maxCharacters);
      if (told.has(short)) continue;
      told.add(short);
      tell(`${path}: the unknown field "${short}" is ignored. This is reported once.`);
      if (told.size === maxNames) tell(`${maxNames} fields were ignored; further ones are not reported.`);
    }
  };
}
