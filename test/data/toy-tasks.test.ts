/** Toy tasks: each sequence against its rule, said a second time and in another way. */
import { describe, expect, test } from "vitest";
import { blank, drawToy, type ToyTask, type ToyTaskName, toyBatch, toyTasks } from "../../src/data/toy-tasks.ts";
import { createRandom } from "../../src/nn/random.ts";
import { texts } from "../../src/studio/texts/texts.ts";
import { cases } from "../helpers/cases.ts";

const names = Object.keys(toyTasks) as ToyTaskName[];

/** What is to be answered for what is read, as texts without the steps before the answer; undefined where the rule forbids it. */
const rules: { readonly [Name in ToyTaskName]: (read: string, alphabet: number) => string } = {
  copy: (read) => read.split(">")[0] as string,
  reverse: (read) => [...(read.split(">")[0] as string)].reduce((turned, letter) => letter + turned, ""),
  sort(read) {
    const counts = new Map<string, number>();
    for (const letter of read.split(">")[0] as string) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    return [..."abcdefghijklmnopqrstuvwxyz"].map((letter) => letter.repeat(counts.get(letter) ?? 0)).join("");
  },
  repeat(read) {
    const [times, ...letters] = read.split(">")[0] as string;
    return letters.join("").repeat(Number(times));
  },
  add(read, base) {
    const digits = [...read.slice(0, -1)];
    const number = (from: number): number =>
      digits.filter((_, k) => k % 2 === from).reduce((sum, digit, k) => sum + Number(digit) * base ** k, 0);
    const length = digits.length / 2 + 1;
    return [...(number(0) + number(1)).toString(base).padStart(length, "0")].reverse().join("");
  },
  parity: (read) => [...read].map((_, t) => `${read.slice(0, t + 1).split("1").length % 2 === 0 ? 1 : 0}`).join(""),
  modular(read, base) {
    let at = 0;
    for (const digit of read.slice(0, -1)) for (let k = 0; k < Number(digit); k++) at = at + 1 === base ? 0 : at + 1;
    return `${at}`;
  },
  brackets(read) {
    let rest = read.split(">")[0] as string;
    for (let before = ""; before !== rest; ) {
      before = rest;
      rest = rest.replace(/\(\)|\[\]|\{\}/g, "");
    }
    const closing: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
    return `${[...rest]
      .reverse()
      .map((open) => closing[open])
      .join("")}.`;
  },
  recall(read) {
    const [pairs, key] = read.split("?") as [string, string];
    const at = pairs.lastIndexOf(key);
    return pairs[at + 1] as string;
  },
  induction: (read) => read[read.indexOf("!") + 1] as string,
  first: (read) => read[0] as string,
  delayed: (read) => read.slice(0, 3),
  count: (read) => `${"b".repeat(read.length / 2 - 1)}.`,
  majority(read) {
    const letters = [...(read.split(">")[0] as string)].sort().join("");
    const runs = (letters.match(/(.)\1*/g) as string[]).sort((a, b) => b.length - a.length);
    expect(runs[0]?.length, read).not.toBe(runs[1]?.length);
    return runs[0]?.[0] as string;
  },
  largest: (read) => `${Math.max(...[...(read.split(">")[0] as string)].map(Number))}`,
};

test("there are at least 12 tasks, each with a sentence of its own on the page", () => {
  expect(names.length).toBeGreaterThanOrEqual(12);
  expect(Object.keys(texts.toys.tasks)).toEqual(names);
  expect(new Set(names.map((name) => texts.toys.tasks[name].about)).size).toBe(names.length);
  for (const name of names) expect(texts.toys.tasks[name].about, name).toMatch(/^[A-Z][^.]*\.$/);
});

describe.each(names)("%s", (name) => {
  const task: ToyTask = toyTasks[name];
  test("every sequence answers as the rule says, within its steps and symbols", () => {
    for (let seed = 0; seed < cases(60); seed++) {
      const random = createRandom(seed);
      const length = task.length.min + random.integer(Math.min(12, task.length.max) - task.length.min + 1);
      const alphabet = task.alphabet.min + random.integer(task.alphabet.max - task.alphabet.min + 1);
      const symbols = task.symbols(alphabet);
      const sizes = { shortest: length, longest: length, alphabet };
      const { inputs, targets } = drawToy(name, random, sizes);
      const place = `seed ${seed}, length ${length}, alphabet ${alphabet}`;
      expect(symbols[0], place).toBe(blank);
      expect(new Set(symbols).size, place).toBe(symbols.length);
      expect(
        symbols.every((symbol) => symbol.length === 1),
        place,
      ).toBe(true);
      expect(inputs.length, place).toBe(targets.length);
      expect(inputs.length, place).toBeLessThanOrEqual(task.steps(length));
      expect(Math.min(...inputs), place).toBeGreaterThanOrEqual(0);
      // What is answered follows what is read, or each of its steps.
      const read = inputs.map((index) => symbols[index]).join("");
      const answered = targets
        .filter((index) => index >= 0)
        .map((index) => symbols[index])
        .join("");
      expect(answered, `${place}: ${read}`).toBe(rules[name](read, alphabet));
      expect(targets.at(-1), place).toBeGreaterThanOrEqual(0);
      expect(drawToy(name, createRandom(seed), sizes)).toEqual(drawToy(name, createRandom(seed), sizes));
    }
  });

  test("a batch has its sequences side by side, and counts their answers alone", () => {
    const sizes = { shortest: task.length.min, longest: 6, alphabet: task.alphabet.standard };
    const batch = toyBatch(name, createRandom(5), sizes, 9);
    const random = createRandom(5);
    expect(batch.inputs.length).toBe(9 * task.steps(6));
    for (let n = 0; n < 9; n++) {
      const { inputs, targets } = drawToy(name, random, sizes);
      const row = <Numbers extends Int32Array | Float32Array>(all: Numbers): number[] =>
        Array.from(all.subarray(n * batch.steps, (n + 1) * batch.steps));
      const filled = (all: readonly number[], by: number): number[] => [
        ...all,
        ...Array(batch.steps - all.length).fill(by),
      ];
      expect(row(batch.inputs)).toEqual(filled(inputs, 0));
      expect(row(batch.counts)).toEqual(
        filled(
          targets.map((target) => (target < 0 ? 0 : 1)),
          0,
        ),
      );
      expect(row(batch.targets)).toEqual(
        filled(
          targets.map((target) => Math.max(0, target)),
          0,
        ),
      );
    }
  });
});

test("the longest sequence of each task has all of its steps, for some seed", () => {
  for (const name of names) {
    const task: ToyTask = toyTasks[name];
    const sizes = { shortest: 6, longest: 6, alphabet: task.alphabet.standard };
    const random = createRandom(1);
    const longest = Math.max(...Array.from({ length: 400 }, () => drawToy(name, random, sizes).inputs.length));
    expect(longest, name).toBe(task.steps(6));
  }
});
