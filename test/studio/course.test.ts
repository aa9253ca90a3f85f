/**
 * What answers to a course are worth, and which facts fulfil a check; that all of the built-in course is there, and can be done (its
 * text model: learn-training-claims.test.ts).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gru } from "../../src/cells/gru.ts";
import { chapterNames, readAddress, viewNames } from "../../src/studio/address-text.ts";
import { type Check, readCourse, type Stop } from "../../src/studio/course/course-file.ts";
import { answersFile } from "../../src/studio/course/sheet.tsx";
import {
  type Answers,
  answerAt,
  answerBy,
  keyOf,
  progressOf,
  stopAt,
  verdictOf,
} from "../../src/studio/course/verdict.ts";
import { toys } from "../../src/studio/engine/toys.ts";
import { parts } from "../../src/studio/views/inspect/parts.ts";
import { questions } from "../../src/studio/views/learn/chapter-questions.ts";
import { askedOf } from "../../src/studio/views/toys/settings.ts";
import { toItsEnd } from "./claims.ts";

describe("answers", () => {
  const choice: Check = {
    ...{ kind: "choice", asks: "Which?" },
    answers: [{ text: "this", right: true, why: "So." }, { text: "that" }],
  };
  const number: Check = { kind: "number", asks: "How many?", right: 0.3, within: 0.1, why: "So." };
  test.each<[string, Check, string | undefined, object]>([
    ["none", choice, undefined, { done: false }],
    ["right, with its explanation", choice, "this", { done: true, right: true, why: "So." }],
    ["wrong, without any", choice, "that", { done: false, right: false }],
    ["of an answer that the course has no more", choice, "those", { done: false }],
    ["at the edge of the tolerance", number, "0,4", { done: true, right: true, why: "So." }],
    ["behind it", number, "0.41", { done: false, right: false, why: "So." }],
    ["no number", number, "many", { done: false }],
    ["without a tolerance", { kind: "number", asks: "?", right: 4 }, "4", { done: true, right: true }],
    ["a text, not judged", { kind: "text", asks: "Why?" }, "because", { done: true }],
    ["blanks", { kind: "text", asks: "Why?" }, "  ", { done: false }],
    ["done", { kind: "done", asks: "Do it." }, "done", { done: true }],
    ["not done after all", { kind: "done", asks: "Do it." }, "", { done: false }],
  ])("%s", (_, check, answer, verdict) => {
    expect(verdictOf(check, answer)).toEqual(verdict);
  });

  const stops: Stop[] = [
    { title: "One", address: "#/lab", checks: [choice, number] },
    { title: "Two", address: "#/lab" },
  ];
  const answers: Answers = { [keyOf(stops[0] as Stop, choice)]: "this", [keyOf(stops[0] as Stop, number)]: "7" };

  test("progress counts what is done; a right and a wrong answer are told in the file", () => {
    expect(progressOf(stops, answers)).toEqual({ done: 1, all: 2 });
    const file = JSON.parse(answersFile({ id: "a", title: "A", stops }, answers, new Date(0)));
    expect(file).toEqual({
      ...{ course: "a", title: "A", saved: "1970-01-01T00:00:00.000Z" },
      stops: [
        {
          title: "One",
          checks: [
            { kind: "choice", asks: "Which?", answer: "this", done: true, right: true },
            { kind: "number", asks: "How many?", answer: "7", done: false, right: false },
          ],
        },
        { title: "Two", checks: [] },
      ],
    });
  });

  test("a fact fulfils a check of its own kind, subject and size alone", () => {
    const toy: Check = { kind: "toy", asks: "", task: "copy", atLeast: 0.9 };
    const model: Check = { kind: "model", asks: "", below: 2 };
    const chapter: Check = { kind: "questions", asks: "", chapter: "lstm" };
    const fulfils = (check: Check, facts: readonly Parameters<typeof answerBy>[1][]): (string | undefined)[] =>
      facts.map((fact) => answerBy(check, fact));
    expect(
      fulfils(toy, [
        { kind: "toy", task: "copy", whole: 0.9 },
        { kind: "toy", task: "copy", whole: 0.89 },
        { kind: "toy", task: "sort", whole: 1 },
        { kind: "model", tokens: "char", nats: 1 },
      ]),
    ).toEqual(["0.9000", undefined, undefined, undefined]);
    expect(
      fulfils(model, [
        { kind: "model", tokens: "char", nats: 1.5 },
        { kind: "model", tokens: "char", nats: 2 },
        { kind: "model", tokens: "word", nats: 1 },
      ]),
    ).toEqual(["1.5000", undefined, undefined]);
    expect(
      fulfils(chapter, [
        { kind: "questions", chapter: "lstm", right: 2, of: 2 },
        { kind: "questions", chapter: "lstm", right: 1, of: 2 },
        { kind: "questions", chapter: "text", right: 2, of: 2 },
      ]),
    ).toEqual(["2/2", undefined, undefined]);
  });
});

test("the stop follows the reader's place: the present one if it is its place, else the next", () => {
  const addresses = [
    "#/learn",
    "#/learn/lstm",
    "#/toys",
    "#/toys/copy?units=8",
    "#/lab",
    "#/inspect",
    "#/lab?start=gru",
  ];
  const stops = addresses.map((address) => ({ title: address, address }));
  const at = (hash: string, present: number): number =>
    stopAt({ id: "a", title: "A", stops }, readAddress(hash), present);
  expect(at("#/learn/lstm?walk=2", 0)).toBe(1);
  expect(at("#/learn/gru", 1)).toBe(1); // No stop's.
  expect(at("#/toys/parity", 1)).toBe(2);
  expect(at("#/toys/copy", 1)).toBe(3);
  expect(at("#/inspect/a-model?unit=1", 0)).toBe(5);
  expect([at("#/lab", 0), at("#/lab?units=3", 4), at("#/lab", 5), at("#/lab", 6)]).toEqual([4, 4, 6, 6]);
  expect(at("#/music", 3)).toBe(3);
});

test("the guide's course is one, and the line that it shows is said of it", () => {
  const guide = readFileSync(join(import.meta.dirname, "../../docs/teaching.md"), "utf8");
  const [, json = ""] = /^```json\n([\s\S]*?)^```$/m.exec(guide) ?? [];
  expect(readCourse(json, "course.json").stops).toHaveLength(2);
  const [, line = ""] = /its place in the file: `([^`]*)`/.exec(guide) ?? [];
  const wrong = json.replace('"atLeast": 0.95', '"atLeast": 95');
  expect(() => readCourse(wrong, "course.json")).toThrow(line.replace(/\s+/g, " "));
});

describe("the built-in course", () => {
  const file = join(import.meta.dirname, "../../src/studio/course/course.json");
  const course = readCourse(readFileSync(file, "utf8"), "course.json");
  const all = course.stops.flatMap(({ checks = [] }) => checks);
  const ofKind = <Kind extends Check["kind"]>(kind: Kind) =>
    all.filter((check): check is Extract<Check, { kind: Kind }> => check.kind === kind);

  test("goes through all chapters in their order, then Toys, Lab, Inspect and Write; each stop asks something", () => {
    const [places, chapters] = [viewNames, chapterNames] as readonly (readonly string[])[];
    expect(chapters).toEqual(Object.keys(questions));
    const addresses = course.stops.map(({ address }) => readAddress(address));
    expect(addresses.slice(0, 8).map(({ path }) => path[0])).toEqual(chapters);
    expect(addresses.slice(8).map(({ view }) => view)).toEqual(["toys", "lab", "inspect", "write"]);
    expect(addresses.filter(({ view }) => !places?.includes(view))).toEqual([]);
    expect(course.stops.filter(({ checks = [], tasks = [] }) => checks.length === 0 || tasks.length === 0)).toEqual([]);
  });

  test("what is judged has an answer that is right, and one that is not", () => {
    for (const check of ofKind("choice")) {
      const verdicts = check.answers.map(({ text }) => verdictOf(check, text));
      expect(verdicts.map(({ right }) => right).sort()).toEqual([...new Array(verdicts.length - 1).fill(false), true]);
      expect(verdicts.filter(({ why }) => why === undefined)).toEqual([]);
    }
    for (const check of ofKind("number")) {
      expect(verdictOf(check, `${check.right}`).done).toBe(true);
      expect(verdictOf(check, `${check.right + 1}`).done).toBe(false);
    }
    const [slope, share, lines] = ofKind("number").map(({ right }) => right);
    expect(slope).toBeCloseTo(-0.1 * 3);
    expect(share).toBeCloseTo(0.9 ** 22, 3);
    expect(lines).toBe(gru.source.trim().split("\n").length);
  });

  test("the chapters whose questions are asked have some; the settings to make are settings of their views", () => {
    const asked = ofKind("questions").map(({ chapter }) => chapter);
    expect(asked).toEqual(chapterNames);
    const made = ["#/learn/perceptron?data=xor", "#/inspect/a-model?show=similar&at=3", "#/write/a-model?seed=1"];
    const checks = ofKind("address");
    expect(checks.map((check, k) => answerAt(check, readAddress(made[k] as string), made[k] as string))).toEqual(made);
    expect(parts).toHaveProperty("similar");
  });

  test("the toy task is learned with the settings of its stop's address", async () => {
    const stop = course.stops.find(({ address }) => address.startsWith("#/toys"));
    const { settings } = askedOf(readAddress(stop?.address ?? ""));
    if (settings === undefined) throw new Error("the settings are not valid");
    const { values } = await toItsEnd(toys.trainToy(settings));
    const whole = values.at(-1)?.held.exact as number;
    const [check] = ofKind("toy");
    expect(answerBy(check as Check, { kind: "toy", task: settings.task, whole })).toBeDefined();
  });
});
