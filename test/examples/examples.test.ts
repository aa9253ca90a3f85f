/** Every example as `npm run example` builds it, and what it prints by value. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root, runNode } from "../helpers/processes.ts";
import { programs } from "../helpers/programs.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
const example = programs("example");
/** What it prints, where it ends well. */
async function printed(name: string, ...args: string[]): Promise<string> {
  const { code, out, err } = await example(name, ...args);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
}
/** The first group of every match, as numbers. */
const numbers = (out: string, pattern: RegExp): number[] => Array.from(out.matchAll(pattern), ([, one]) => Number(one));

describe.concurrent("examples", { timeout: 180_000 }, () => {
  test("shifted-sequence: says the next number, for rows it has not seen too, and not far outside", async () => {
    const out = await printed("shifted-sequence");
    const rows = Array.from(out.matchAll(/read +(.+)\n +says +(.+)/g), ([, read = "", says = ""]) =>
      [read, says].map((line) => line.split(/ +/).map(Number)),
    );
    expect(rows.map(([read]) => read?.[0])).toEqual([1, 4, 8, 2.5, 40]);
    const errors = rows.map(([read = [], says = []]) =>
      Math.max(...says.map((n, k) => Math.abs(n - 1 - (read[k] ?? 0)))),
    );
    for (const error of errors.slice(0, 4)) expect(error).toBeLessThan(0.5);
    expect(errors[4]).toBeGreaterThan(5);
  });

  test("names: towns and people that the training did not have", async () => {
    const out = await printed("names");
    for (const share of numbers(out, /([\d.]+) %/g)) expect(share).toBeGreaterThan(95);
    expect(out.match(/Belham \(LOC\), Gorstein \(LOC\)/g)).toHaveLength(2);
  });

  test("perceptron: AND settles at w = (2, 1), b = -2; XOR comes back to its weights; two layers solve it", async () => {
    const out = await printed("perceptron");
    const [and = "", xor = "", layers = ""] = out.split("\n\n");
    expect(and).toMatch(/ 5 +2 +1 +-2 +0 0 0 1\nAll four are right: learned\.$/);
    // W += (target - output) * x by hand: (0,1) fires, (1,0) does, (1,1) must not.
    expect(xor).toMatch(/ 2 +-1 +0 +1 +1 1 0 0\n +3 +-1 +0 +1 +1 1 0 0\n.*after pass 2 again/);
    const probabilities = numbers(layers, /probability of 1: ([\d.]+)/g);
    expect(probabilities.map((p) => Math.round(p))).toEqual([0, 1, 1, 0]);
    for (const p of probabilities) expect(Math.abs(p - 0.5)).toBeGreaterThan(0.4);
  });

  test("vanishing-gradient: back to step 1 an LSTM's cell state keeps 1,000 times what a simple RNN and a GRU do", async () => {
    const out = await printed("vanishing-gradient");
    const [, rnn, lstm, gru] = (/^ +1 .*$/m.exec(out)?.[0] ?? "").trim().split(/ +/).map(Number) as number[];
    expect(lstm).toBeGreaterThan(1e-4);
    expect((lstm as number) / (rnn as number)).toBeGreaterThan(1000);
    expect((lstm as number) / (gru as number)).toBeGreaterThan(1000);
    expect(out).toMatch(/^LSTM, c +85 % of it/m);
  });

  test("tagger: both ways all words but 1 in 1,000, forwards 83 to 90 %", async () => {
    const out = await printed("tagger");
    const [forwards = 0, both] = numbers(out, /: ([\d.]+) %/g);
    expect(both).toBeGreaterThan(99.9);
    expect(forwards).toBeGreaterThan(83);
    expect(forwards).toBeLessThan(90);
    expect(out).toContain("the/DET old/NOUN man/VERB the/DET boat/NOUN");
    expect(out).toContain("the/DET young/NOUN light/VERB her/PRON");
  });

  test("adding-numbers: 95 % of the sums that it did not learn are right", async () => {
    const out = await printed("adding-numbers");
    const [right] = numbers(out, /^(\d+) of 1000/gm);
    expect(right).toBeGreaterThan(950);
    const shown = Array.from(out.matchAll(/(\d+)\+(\d+) = (\d*)(?: +(no))?/g));
    expect(shown.length).toBeGreaterThanOrEqual(6);
    for (const [line, a, b, sum, no] of shown) {
      expect({ line, right: Number(a) + Number(b) === Number(sum) }).toEqual({ line, right: no === undefined });
    }
  });

  test("walking: one path is no better than constant velocity, and three are right with a third each", async () => {
    const out = await printed("walking");
    const [straight = 0, one = 0, best = 0] = numbers(out, /([\d.]+) m$/gm);
    expect(Math.abs(straight - one)).toBeLessThan(0.5);
    expect(best).toBeLessThan(0.2);
    const futures = Array.from(out.matchAll(/with (\d+) % at \(([-\d.]+), ([-\d.]+)\)/g), (match) =>
      match.slice(1).map(Number),
    );
    expect(futures.map(([percent = 0]) => Math.abs(percent - 33) < 8)).toEqual([true, true, true]);
    expect(futures.map(([, , y = 0]) => Math.sign(Math.round(y)) + 0).sort()).toEqual([-1, 0, 1]);
  });

  test("tune: all bars add up, other tunes are foreseen better than before, and a file is written", async () => {
    const file = join(folder, "new.mid");
    const out = await printed("tune", file);
    expect(out).toMatch(/^60 of 60 tunes/);
    const [, before = 0, after = 0] = (/others: ([\d.]+) before, ([\d.]+) after/.exec(out) ?? []).map(Number);
    expect(after).toBeLessThan(before / 2);
    const [notes = 0] = numbers(out, /^(\d+) notes/gm);
    expect(notes).toBeGreaterThan(4);
    expect(readFileSync(file).subarray(0, 4).toString()).toBe("MThd");
  });

  test("forecast-sales: that promotions are told makes it better than what needs no network, by a third", async () => {
    const out = await printed("forecast-sales");
    const [own = 0, ...others] = numbers(out, /([\d.]+) %$/gm);
    expect(others).toHaveLength(6);
    for (const other of others) expect(own).toBeLessThan((2 / 3) * other);
    const [covered = 0] = numbers(out, /^(\d+) % of them/gm);
    expect(Math.abs(covered - 80)).toBeLessThan(15);
    const months = Array.from(out.matchAll(/2024-\d\d +([\d.]+) +([\d.]+) to ([\d.]+)/g), (match) =>
      match.slice(1).map(Number),
    );
    expect(months).toHaveLength(12);
    for (const [value = 0, low = 0, high = 0] of months) expect(low < value && value < high).toBe(true);
  });

  test("reversing: writes words backwards, letter by letter from what it wrote itself", async () => {
    const pairs = Array.from((await printed("reversing")).matchAll(/(\w+) -> (\w*)/g), ([, word, answer]) => [
      word,
      answer,
    ]);
    expect(pairs).toHaveLength(5);
    const right = pairs.filter(([word, answer]) => [...(word ?? "")].reverse().join("") === answer);
    expect(right.length).toBeGreaterThanOrEqual(4);
  });

  test("adding-problem, 60 steps: the LSTM below 0.01, the simple RNN not below 0.1 where answering 1 has 0.1667", async () => {
    const out = await printed("adding-problem", "--steps", "60");
    const [rnn, lstm] = numbers(out.split("\n").at(-2) ?? "", /(0\.\d{4})/g);
    expect(rnn).toBeGreaterThan(0.1);
    expect(lstm).toBeLessThan(0.01);
  });

  test("copy-memory: the LSTM below 40 % of a guess's loss, the simple RNN not below 90 %", async () => {
    const out = await printed("copy-memory");
    const [guess = 0] = numbers(out, /Without memory: (.*)/g);
    expect(guess).toBeCloseTo((3 * Math.log(4)) / 36, 4);
    const [rnn, lstm] = numbers(out.split("\n").at(-2) ?? "", /(0\.\d{4})/g);
    expect(rnn).toBeGreaterThan(0.9 * guess);
    expect(lstm).toBeLessThan(0.4 * guess);
  });

  test("tones: new ones are right, and a rising one is heard as such piece by piece", async () => {
    const out = await printed("tones");
    const [right] = numbers(out, /^(\d+) of 100 new tones right/gm);
    expect(right).toBeGreaterThan(95);
    const pieces = Array.from(out.matchAll(/after (\d+) ms +(\w+) #* ([\d.]+)/g), ([, ms, label]) => [
      Number(ms),
      label,
    ]);
    expect(pieces.map(([ms]) => ms)).toEqual([60, 120, 180, 240, 300]);
    expect(pieces.at(-1)?.[1]).toBe("rises");
  });

  test("sentiment: 74 % of the reviews held out", async ({ skip }) => {
    const folder = join(process.env.UNROLLED_DATA ?? join(root, "../shared/data"), "sentiment");
    if (!existsSync(folder)) skip(`there is no ${folder}: set UNROLLED_DATA to the folder with the data`);
    const out = await printed("sentiment", folder);
    const accuracies = /valAccuracy +(.*)/.exec(out)?.[1]?.split(" ").map(Number) as number[];
    expect(accuracies.at(-1)).toBeGreaterThan(0.74);
    const [good = 0, bad = 100] = numbers(out, /^ *(\d+) % {2}/gm);
    expect(good).toBeGreaterThan(80);
    expect(bad).toBeLessThan(20);
  });

  test("wrong arguments: one line, exit 2", async () => {
    const nothing = join(folder, "nothing");
    const mistakes: [string[], string][] = [
      [[], "npm run example: no example was named. There are adding-numbers, adding-problem,"],
      [["perceptrom"], 'npm run example: there is no example "perceptrom". There are adding-numbers,'],
      [["sentiment"], "unrolled: sentiment: name the folder with rt-polarity.pos and rt-polarity.neg"],
      [["sentiment", nothing], "unrolled: ENOENT: no such file or directory"],
      [["adding-problem", "--steps", "1"], "unrolled: --steps: needs a whole number from 2 to 1000"],
      [["copy-memory", "--length", "1"], "unrolled: Unknown option '--length'"],
    ];
    for (const [k, [args, begin]] of mistakes.entries()) {
      const [name = "", ...rest] = args;
      // The first three as their readers run them.
      const { code, out, err } = await (k < 3
        ? runNode(["scripts/program.mjs", "example", ...args])
        : example(name, ...rest));
      expect({ code, out, begin: err.slice(0, begin.length), lines: err.split("\n").length }).toEqual({
        ...{ code: 2, out: "", begin, lines: 2 },
      });
    }
  });
});

const files = readdirSync(join(root, "examples")).filter((file) => file.endsWith(".ts"));
const textOf = (file: string): string => readFileSync(join(root, "examples", file), "utf8");

test.each(files)(
  "%s: under 60 lines, a comment at the top, nothing but the public surface, a place in the list",
  (file) => {
    const text = textOf(file);
    expect(text.trimEnd().split("\n").length).toBeLessThan(60);
    expect(text).toMatch(/^\/\*\*\n( \* .+\n){2,5} \*\/\n/);
    const imports = Array.from(text.matchAll(/ from "(.+)";/g), ([, from]) => from);
    expect(imports).toContain("unrolled");
    expect(
      imports.filter((from) => !/^(unrolled(\/(cells|formats\/(csv|abc|midi)))?|node:.+)$/.test(from as string)),
    ).toEqual([]);
    expect(textOf("README.md")).toContain(`npm run example -- ${file.slice(0, -".ts".length)}`);
  },
);
