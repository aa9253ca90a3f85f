/** What a translation must have of the original: the same keys, and in each message the same holes and tags. */
import { type MessageFormatElement, parse, TYPE } from "@formatjs/icu-messageformat-parser";

/** The names of the holes and tags of a message, each once, in order of the alphabet. @throws Error if it is no ICU message */
export function partsOf(message: string): readonly string[] {
  const found = new Set<string>();
  const visit = (elements: readonly MessageFormatElement[]): void => {
    for (const element of elements) {
      if (element.type === TYPE.literal || element.type === TYPE.pound) continue;
      found.add(element.type === TYPE.tag ? `<${element.value}>` : `{${element.value}}`);
      if (element.type === TYPE.tag) visit(element.children);
      else if (element.type === TYPE.plural || element.type === TYPE.select)
        for (const option of Object.values(element.options)) visit(option.value);
    }
  };
  visit(parse(message));
  return [...found].sort();
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Why a message cannot stand for the original; undefined if it can. */
function problemOf(original: string, found: unknown): string | undefined {
  if (found === undefined) return "it is missing";
  if (typeof found !== "string") return `it is ${JSON.stringify(found)?.slice(0, 40)}, not a text`;
  try {
    const [wanted, has] = [partsOf(original), partsOf(found)];
    const lost = wanted.find((part) => !has.includes(part));
    if (lost !== undefined) return `${lost} is missing in it`;
    const unknown = has.find((part) => !wanted.includes(part));
    if (unknown !== undefined) return `the original has no ${unknown}`;
  } catch (error) {
    return `it is no ICU message (${error instanceof Error ? error.message : error})`;
  }
  return undefined;
}

/**
 * The texts of `found` in the shape of `original`, which stands in wherever a text is missing or has other holes.
 * @returns them, and for each text that was not taken a line such as "learn.title: it is missing"
 */
export function checkTexts<Texts extends object>(
  original: Texts,
  found: unknown,
): { readonly texts: Texts; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const checked = (wanted: unknown, has: unknown, path: string): unknown => {
    if (typeof wanted === "string") {
      const problem = problemOf(wanted, has);
      if (problem === undefined) return has;
      problems.push(`${path}: ${problem}`);
      return wanted;
    }
    const below = (key: string): unknown => (isRecord(has) || Array.isArray(has) ? (has as never)[key] : undefined);
    const entries = Object.entries(wanted as object).map(
      ([key, value]) => [key, checked(value, below(key), path === "" ? key : `${path}.${key}`)] as const,
    );
    return Array.isArray(wanted) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
  };
  return { texts: checked(original, found, "") as Texts, problems };
}
