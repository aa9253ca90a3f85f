/**
 * All texts of the page, by view. `en.json` is one language; another one is a file of the same keys, `texts/NAME.json`
 * beside index.html, which `?lang=NAME` takes. Messages are ICU messages: `{n, plural, one {# step} other {# steps}}`.
 */
import { IntlMessageFormat } from "intl-messageformat";
import { type ComponentChildren, h, toChildArray } from "preact";
import { checkTexts } from "./check-texts.ts";
import english from "./en.json" with { type: "json" };

export type Texts = typeof english;

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

async function load(name: string): Promise<{ readonly texts: Texts; readonly problem?: string }> {
  const file = `texts/${name}.json`;
  const lost = (why: string) => ({ texts: english, problem: `${file}: ${why} These texts are English.` });
  if (!isTag(name)) return lost("a language is a tag such as de or pt-BR.");
  try {
    const response = await fetch(`./${file}`);
    if (!response.ok) return lost(`the page's host answered ${response.status}.`);
    const { texts, problems } = checkTexts(english, await response.json());
    if (problems.length === 0) return { texts };
    const [first] = problems;
    return { texts, problem: `${file}: ${problems.length} texts are English, the first because ${first}` };
  } catch (error) {
    return lost(error instanceof Error ? `${error.message}.` : String(error));
  }
}

/** Whatever the other modules of the page begin with waits for it. */
const loaded = asked === undefined || asked === "en" ? { texts: english } : await load(asked);
export const texts: Texts = loaded.texts;
/** The address of the language's file; undefined where the page needs none. */
export const fileOfTexts: string | undefined = texts === english ? undefined : `./texts/${asked}.json`;
/** What is wrong with the language's file, one line. */
export const problemOfTexts: string | undefined = "problem" in loaded ? loaded.problem : undefined;
/** A BCP 47 tag: how numbers, plurals and lists are written. */
export const language: string = problemOfTexts === undefined || texts !== english ? (asked ?? "en") : "en";

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
