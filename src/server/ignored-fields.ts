/** Fields of requests that nothing here knows: they mean nothing, and each is told of once. */
import { excerpt } from "../graph/excerpt.ts";
import type { WarningLine } from "./options.ts";

/** Names that are told of, and characters of each: clients may send any. */
const [maxNames, maxCharacters] = [100, 60];

/** Told of the unknown fields of each request to a route. */
export type IgnoredFields = (path: string, names: readonly string[]) => void;

/** Tells `warn` of each name once. */
export function createIgnoredFields(warn: (line: WarningLine) => void): IgnoredFields {
  const told = new Set<string>();
  const tell = (warning: string): void => warn({ time: new Date().toISOString(), warning });
  return (path, names) => {
    for (const name of names) {
      if (told.size >= maxNames) return;
      const short = excerpt(name, maxCharacters);
      if (told.has(short)) continue;
      told.add(short);
      tell(`${path}: the field "${short}" is not known here, and ignored. This is said once.`);
      if (told.size === maxNames) tell(`${maxNames} fields were ignored: no others are named.`);
    }
  };
}
