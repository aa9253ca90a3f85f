/** What a chapter of the Learn view says, as a test that runs it: the sentence must stand in the chapter. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Job } from "../../src/studio/engine/remote.ts";

const folder = join(import.meta.dirname, "../../src/studio/views/learn");
const seen = new Map<string, string>();

/** The text of a chapter's file without its tags, on one line. */
function textOf(chapter: string): string {
  const known = seen.get(chapter);
  if (known !== undefined) return known;
  const text = readFileSync(join(folder, `${chapter}.tsx`), "utf8")
    .replace(/<Formula tex="([^"]*)" \/>/g, "$1")
    .replace(/\{" "\}/g, " ")
    .replace(/<\/?[A-Za-z][^>]*>/g, "")
    .replace(/\s+/g, " ")
    .replace(/ ([.,:;])/g, "$1");
  seen.set(chapter, text);
  return text;
}

/** One sentence of a chapter, and what shows that it is so. */
export function claim(chapter: string, sentence: string, run: () => unknown): void {
  const work = async (): Promise<void> => {
    expect(textOf(chapter)).toContain(sentence);
    await run();
  };
  // Where ten trainings share a busy machine.
  test(`${chapter}: ${sentence}`, work, 120_000);
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
