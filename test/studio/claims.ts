/** What a page says, as a test that runs it: the sentence must stand in the page's texts. */
import { expect, test } from "vitest";
import type { Job } from "../../src/studio/engine/remote.ts";
import english from "../../src/studio/texts/en.json" with { type: "json" };

type Section = { readonly [name: string]: string | Section } | readonly (string | Section)[];

const messagesOf = (section: string | Section): readonly string[] =>
  typeof section === "string" ? [section] : Object.values(section).flatMap(messagesOf);

/** The messages of a page without their tags. What stands in holes, such as formulas, has its name in braces: `{u}`. */
function textOf(page: string): string {
  const name = page.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const sections: Readonly<Record<string, string | Section>> = { ...english.learn, ...english.toys };
  return messagesOf(sections[name] ?? [])
    .map((message) => message.replace(/<\/?[A-Za-z]+>/g, ""))
    .join("\n");
}

/** One sentence of a page, and what shows that it is so. */
export function claim(page: string, sentence: string, run: () => unknown): void {
  const work = async (): Promise<void> => {
    expect(textOf(page)).toContain(sentence);
    await run();
  };
  // Where ten trainings share a busy machine.
  test(`${page}: ${sentence}`, work, 120_000);
}

/** Ten seeds of those that the sliders have. */
export const seeds = Array.from({ length: 10 }, (_, k) => k + 1);

/** All that a job tells, and what it ends with; `enough` ends it early. */
export async function toItsEnd<Value, Result>(
  job: Job<Value, Result>,
  enough: (value: Value) => boolean = () => false,
): Promise<{ readonly values: readonly Value[]; readonly result: Result | undefined }> {
  const values: Value[] = [];
  for (;;) {
    const { done, value } = await job.next();
    if (done) return { values, result: value };
    values.push(value);
    if (!enough(value)) continue;
    await job.return(undefined as never);
    return { values, result: undefined };
  }
}
