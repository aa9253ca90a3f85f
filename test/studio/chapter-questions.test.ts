/** The questions at the end of the chapters: two each, with one right answer, and what is so by the engine where it can say. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cellFacts } from "../../src/nn/cell-facts.ts";
import { readNumber } from "../../src/studio/components/typed-number.ts";
import { type CellSource, learning } from "../../src/studio/engine/learning.ts";
import { type ChapterName, isRight, questions } from "../../src/studio/views/learn/chapter-questions.ts";

const folder = join(import.meta.dirname, "../../src/studio/views/learn");

test("each chapter of the contents ends with its own two questions", () => {
  const contents = readFileSync(join(folder, "learn.tsx"), "utf8");
  const chapters = [...contents.matchAll(/load: \(\) => import\("\.\/(\w+)\.tsx"\)/g)].map(
    ([, name]) => name as string,
  );
  expect(chapters).toEqual(Object.keys(questions));
  for (const chapter of chapters) {
    expect(readFileSync(join(folder, `${chapter}.tsx`), "utf8")).toContain(`<Questions chapter="${chapter}" />`);
    expect(questions[chapter as ChapterName], chapter).toHaveLength(2);
  }
});

test.each(Object.values(questions).flat())("$asks", (question) => {
  // One sentence, and a question that ends as one.
  expect(question.asks).toMatch(/\?$/);
  expect(question.why).toMatch(/^[^?!]+\.$/);
  if ("options" in question) {
    const right = question.options.map((_, k) => isRight(question, `${k}`));
    expect(right.filter(Boolean)).toHaveLength(1);
    expect(new Set(question.options).size).toBe(question.options.length);
    expect(isRight(question, "7x")).toBeUndefined();
  } else {
    expect(isRight(question, `${question.right}`)).toBe(true);
    expect(isRight(question, `${question.right + 0.1}`)).toBe(false);
    expect(isRight(question, "many")).toBeUndefined();
  }
});

test("numbers are read as people write them", () => {
  expect(["0.5", " 0,5 ", ".5", "−0.5", "+3", "750"].map(readNumber)).toEqual([0.5, 0.5, 0.5, -0.5, 3, 750]);
  expect(["", "-", "1e3", "0x10", "1,000.5", "half", "NaN"].map(readNumber)).toEqual(new Array(7).fill(undefined));
});

/** The numbers that are right at the end of a chapter. */
const right = (chapter: ChapterName): number[] =>
  questions[chapter].flatMap((one) => ("options" in one ? [] : [one.right]));

test("the numbers that are right are the engine's", async () => {
  const last = async (source: CellSource, sequence: readonly (readonly number[])[], name: string, options = {}) =>
    (await learning.trace(source, sequence, { units: 1, ...options }))[name]?.at(-1)?.[0] as number;
  const zeros = (count: number): number[][] => Array.from({ length: count }, () => [0]);

  const line = { parameters: { W: [2, -1], b: [-0.5] } };
  expect([await last("dense", [[1, 1]], "y", line)]).toEqual(right("perceptron"));
  const back = await learning.traceGradients({ equations: "a = 1 * x\nb = 0.5 * a\nc = 0.5 * b\ny = 4 * c" }, [[1]]);
  expect([back.a?.[0]?.[0]]).toEqual(right("learning"));
  const echo = { parameters: { W: [1], U: [0.5], b: [0] } };
  const [heard] = right("feedback") as [number];
  expect(Math.abs((await last("simple-rnn", [[Math.atanh(0.4)], ...zeros(2)], "h", echo)) - heard)).toBeLessThan(0.005);
  const { h } = await learning.trace("simple-rnn", zeros(1000), { units: 16 });
  expect([h?.at(-1)?.length]).toEqual(right("memory"));
  expect([await last({ equations: "h' = 0.5 * h + x" }, [[1024], ...zeros(10)], "h")]).toEqual(right("forgetting"));

  // Gates that stand where the questions say: x is the candidate, and what was in the state came in by an open gate.
  const gated = { equations: "f = 0.5\ni = 1\ng = 1 * x\nc' = f * c + i * g" };
  expect(await last(gated, [[0.8], [0.3]], "c")).toBeCloseTo(right("lstm")[0] as number, 6);
  const mixed = { equations: "z = 0.9\ng = 1 * x\nh' = z * h + (1 - z) * g" };
  const [state, parameters] = right("variants") as [number, number];
  expect(await last(mixed, [[10], [0]], "h")).toBeCloseTo(state, 6);
  const [lstm, gru] = ["lstm", "gru"].map((name) => cellFacts(name, { units: 16, input: 8 }).parameters);
  expect((1000 * (gru as number)) / (lstm as number)).toBeCloseTo(parameters, 6);
  expect([-Math.log2(1 / 8)]).toEqual(right("text"));
});
