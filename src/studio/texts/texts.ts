/**
 * All texts of the page, by view. `en.json` is one language; another one is a file of the same keys, `texts/NAME.json`
 * beside index.html, which `?lang=NAME` takes. Messages are ICU messages: `{n, plural, one {# step} other {# steps}}`.
 */
import { IntlMessageFormat } from "intl-messageformat";
import { type ComponentChildren, h, toChildArray } from "preact";
import { checkTexts } from "./check-texts.ts";
import original from "./en.json" with { type: "json" };

export type Texts = typeof original;

/** The language that the address asks for, such as "de"; undefined for English. */
const asked = new URLSearchParams(globalThis.location?.search ?? "").get("lang") ?? undefined;

/** A BCP 47 tag, which is a safe name of a file. */
function isTag(name: string): boolean {
  try {
    return Intl.getCanonicalLocales(name).length === 1;
  } catch {
    return false;
  }
}

/** What the language's file has, or why there is none. */
async function load(name: string): Promise<{ readonly found?: unknown; readonly problem?: string }> {
  const lost = (why: string) => ({ problem: `${why} These texts are English.` });
  if (!isTag(name)) return lost("a language is a tag such as de or pt-BR.");
  try {
    const response = await fetch(`./texts/${name}.json`);
    if (!response.ok) return lost(`the page's host answered ${response.status}.`);
    return { found: await response.json() };
  } catch (error) {
    return lost(error instanceof Error ? `${error.message}.` : String(error));
  }
}

/** Whatever the other modules of the page begin with waits for it. */
const { found, problem } = asked === undefined || asked === "en" ? {} : await load(asked);
/** A BCP 47 tag: how numbers, plurals and lists are written. */
export const language: string = found === undefined ? "en" : (asked as string);
/** The address of the language's file; undefined where the page needs none. */
export const fileOfTexts: string | undefined = found === undefined ? undefined : `./texts/${asked}.json`;

const english: string[] = [];
export const texts = {} as Texts;

/**
 * Add parts of the English file, in the page's language. In the built page the parts of a view come with the modules that say them
 * (scripts/studio.mjs).
 */
export function addTexts(parts: { readonly [Name in keyof Texts]?: Partial<Texts[Name]> }): void {
  const { texts: checked, problems } = found === undefined ? { texts: parts, problems: [] } : checkTexts(parts, found);
  const all = texts as Record<string, object>;
  for (const [name, part] of Object.entries(checked)) all[name] = { ...all[name], ...part };
  for (const problem of problems) if (!english.includes(problem)) english.push(problem);
}
addTexts(original);

/** What is wrong with the language's file so far, one line. */
export function problemOfTexts(): string | undefined {
  const why = english.length === 0 ? problem : `${english.length} texts are English, the first because ${english[0]}`;
  return why === undefined ? undefined : `texts/${asked}.json: ${why}`;
}

const formats = new Map<string, IntlMessageFormat>();

function formatOf(message: string): IntlMessageFormat {
  let format = formats.get(message);
  if (format === undefined) {
    format = new IntlMessageFormat(message, language);
    formats.set(message, format);
  }
  return format;
}

/** A message with its values, as text. @throws Error if a value is missing */
export function fill(message: string, values: Readonly<Record<string, string | number>>): string {
  return formatOf(message).format(values) as string;
}

/** What stands for a hole `{name}`, or around the inside of `<name>inside</name>`. */
export type Part = ComponentChildren | ((inside: ComponentChildren) => ComponentChildren);

const marks = Object.fromEntries(
  ["b", "code", "em", "i", "kbd", "strong", "sub", "sup"].map((tag) => [
    tag,
    (inside: ComponentChildren) => h(tag, null, inside),
  ]),
);

/**
 * A message with its values, as children of an element. `<b>`, `<code>`, `<em>`, `<i>`, `<kbd>`, `<strong>`, `<sub>` and
 * `<sup>` are what they are in HTML; every other tag is a function in `values`. @throws Error if a value is missing
 */
export function rich(message: string, values: Readonly<Record<string, Part>> = {}): ComponentChildren {
  return toChildArray(formatOf(message).format({ ...marks, ...values } as never) as ComponentChildren);
}
