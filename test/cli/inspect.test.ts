import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { inspectModel } from "../../src/nn/inspection.ts";
import { dense, gru } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { evaluateLanguageModel } from "../../src/tasks/language-model.ts";
import { encode } from "../../src/text/tokenizer.ts";
import { languageModelIn } from "../helpers/models.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { json, refusal, run, sampleText, tiny } from "./run.ts";

const folder = temporaryFolder();
type Line = Record<string, unknown>;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  writeFileSync(at("text.txt"), sampleText(60));
  writeFileSync(at("empty.txt"), "");
  const train = (out: string, ...args: string[]) =>
    json(folder, "train", "text.txt", "--out", out, "--epochs", "3", ...tiny, ...args);
  await train("m.safetensors");
  await train("two.safetensors", "--layers", "2");
  await train("bpe.safetensors", "--tokens", "bpe", "--vocabulary", "262");
  const { model, extra } = readModel(readFileSync(at("m.safetensors")), "m.safetensors");
  for (const values of Object.values(model.values)) values.fill(Number.NaN);
  writeFileSync(at("nan.safetensors"), writeModel({ model, extra }));
});

test("without a text, the layers are shown", async () => {
  const { code, out } = await run(folder, "inspect", "m.safetensors");
  expect(code).toBe(0);
  expect(out).toMatch(/^m\.safetensors: Unrolled\n\nLayer .*Total parameters: /s);
});

describe("a model of numbers", () => {
  const model = sequential([gru(3, { returnSequences: true }), dense(1)], { input: 2, seed: 1 });
  beforeAll(() => {
    writeFileSync(at("numbers.safetensors"), writeModel({ model, extra: {} }));
    writeFileSync(at("rows.csv"), "a,b\n0.5,1\n-2,0.25\n3,0\n");
    writeFileSync(at("comma.csv"), "a;b\n0,5;1\n-2;0,25\n3;0\n");
    writeFileSync(at("odd.csv"), "a,b\n0.5,1\n-2,?\n");
    writeFileSync(at("three.csv"), "a,b,c\n1,2,3\n");
  });

  test.each(["rows.csv", "comma.csv"])("the rows of %s, step by step: gates, states, the output", async (file) => {
    const lines = await json(folder, "inspect", "numbers.safetensors", file);
    let step = 0;
    for await (const { values, output } of inspectModel(model, [
      [0.5, 1],
      [-2, 0.25],
      [3, 0],
    ])) {
      const line = lines[step++] as { step: number; values: Record<string, number[]>; output: number[] };
      expect(line.step).toBe(step);
      expect(Float32Array.from(line.output)).toEqual(output);
      for (const [name, numbers] of Object.entries(line.values)) {
        expect(Float32Array.from(numbers)).toEqual(values[`gru.${name}`]);
      }
    }
    expect(lines).toHaveLength(step);
    const { code, out } = await run(folder, "inspect", "numbers.safetensors", file, "--html", "rows.html");
    expect([code, out]).toEqual([0, ""]);
    expect((await run(folder, "inspect", "numbers.safetensors", file, "--value", "z")).out).toContain("update gate");
  });

  test.each([
    [["odd.csv"], /^odd\.csv: line 3: column b is "\?", no number\.$/],
    [["three.csv"], /^three\.csv: it has 3 columns, and a step of the model has 2 numbers\. /],
    [["rows.csv", "--text", "a"], /^--text: is for texts, and the model reads numbers\. /],
    [
      ["--text", "a"],
      /^--text: numbers\.safetensors is a model without a task: .*; give a table of its 2 numbers a step as FILE\.csv\.$/,
    ],
  ])("%j is refused", async (args, message) => {
    expect(await refusal(folder, "inspect", "numbers.safetensors", ...args)).toMatch(message);
  });
});

describe("inspect --json", () => {
  test("one line a token: gates and states by their names, the loss, the likeliest next tokens", async () => {
    const lm = languageModelIn(folder, "m.safetensors");
    const lines = await json(folder, "inspect", "m.safetensors", "--text", "the cat");
    expect(lines.map(({ token }) => token)).toEqual([..."the cat"]);
    let t = 0;
    for await (const { values, probabilities = [], loss } of inspectModel(lm.model, encode(lm.tokenizer, "the cat"))) {
      const line = lines[t++] as { values: Record<string, number[]>; loss: number | null; next: unknown[] };
      expect(Object.keys(line.values)).toEqual(["f", "i", "g", "o", "c", "h"]);
      for (const [name, numbers] of Object.entries(line.values)) {
        expect(Float32Array.from(numbers)).toEqual(values[`lstm.${name}`]);
      }
      for (const gate of line.values.f as number[]) expect(gate > 0 && gate < 1).toBe(true);
      expect(line.loss).toBe(loss ?? null);
      expect(line.next).toHaveLength(5);
      const [best] = line.next as { token: string; probability: number }[];
      expect(best?.probability).toBeCloseTo(Math.max(...probabilities), 5);
      expect(probabilities[encode(lm.tokenizer, best?.token as string)[0] as number]).toBeCloseTo(
        best?.probability as number,
        5,
      );
    }
    expect(t).toBe(7);
  });

  test("a file of a thousand tokens; the losses' mean is what evaluate says", async () => {
    const lines = await json(folder, "inspect", "m.safetensors", "text.txt");
    const text = sampleText(60);
    expect(lines.map(({ token }) => token).join("")).toBe(text);
    const losses = lines.slice(1).map(({ loss }) => loss as number);
    const { loss } = await evaluateLanguageModel(languageModelIn(folder, "m.safetensors"), text);
    expect(losses.reduce((a, b) => a + b) / losses.length).toBeCloseTo(loss, 4);
  });

  test("of several recurrent layers the names come first; --value chooses, a dense layer's too", async () => {
    const [line] = await json(folder, "inspect", "two.safetensors", "--text", "a");
    const names = ["f", "i", "g", "o", "c", "h"];
    const all = (line as Line).values as Record<string, number[]>;
    expect(Object.keys(all)).toEqual([...names.map((name) => `lstm.${name}`), ...names.map((n) => `lstm_1.${n}`)]);
    const chosen = ["--value", "lstm_1.c", "--value", "dense.y", "--value", "lstm_1.c"];
    const [some] = await json(folder, "inspect", "two.safetensors", "--text", "a", ...chosen);
    const values = (some as Line).values as Record<string, number[]>;
    expect(Object.keys(values)).toEqual(["lstm_1.c", "dense.y"]);
    expect(values["lstm_1.c"]).toEqual(all["lstm_1.c"]);
    expect(values["dense.y"]).toHaveLength(new Set(sampleText(60)).size + 1);
    const long = await json(folder, "inspect", "m.safetensors", "--text", "a", "--value", "lstm.f");
    expect(long).toEqual(await json(folder, "inspect", "m.safetensors", "--text", "a", "--value", "f"));
  });

  test("a character that the model never saw is said, and read as unknown", async () => {
    const { code, out, err } = await run(folder, "inspect", "m.safetensors", "--text", "a鯨", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(err)).toEqual({
      warning: '--text: the model never saw "鯨"; it reads each as the unknown character.',
    });
    expect(
      out
        .split("\n")
        .slice(0, 2)
        .map((line) => JSON.parse(line).token),
    ).toEqual(["a", "\uFFFD"]);
  });

  test("a character of several byte pairs belongs to the last of them", async () => {
    const lines = await json(folder, "inspect", "bpe.safetensors", "--text", "鯨 the");
    expect(lines.slice(0, 3).map(({ token }) => token)).toEqual(["", "", "鯨"]);
    expect(lines.map(({ token }) => token).join("")).toBe("鯨 the");
  });
});

describe("inspect", () => {
  test("a line for each token and value: mean, least and largest as --json's numbers have them", async () => {
    const { code, out, err } = await run(folder, "inspect", "m.safetensors", "--text", "a\n");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const lines = out.split("\n");
    expect(lines[0]).toBe("f  forget gate: what to keep of the old cell state (6 units, ▁ 0 to █ 1)");
    expect(lines[7]).toMatch(/^token {7}value {5}mean {5}min {5}max {2}units$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines[14]).toMatch(/^"\\n" {8}f /);
    const [, last] = await json(folder, "inspect", "m.safetensors", "--text", "a\n");
    const { f } = (last as Line).values as { f: number[] };
    const numbers = (lines[14]?.match(/-?\d+\.\d{3}/g) ?? []).map(Number);
    const wanted = [f.reduce((a, b) => a + b) / f.length, Math.min(...f), Math.max(...f)];
    wanted.forEach((value, k) => {
      expect(Math.abs((numbers[k] as number) - value)).toBeLessThan(6e-4);
    });
    const strip = f.map((value) => "▁▂▃▄▅▆▇█"[Math.floor(8 * value)]).join("");
    expect(lines[14]?.endsWith(`  ${strip}`)).toBe(true);
  });

  test("--value: all units of one value, a character each", async () => {
    const { out } = await run(folder, "inspect", "m.safetensors", "--text", "at", "--value", "lstm.f");
    const lines = await json(folder, "inspect", "m.safetensors", "--text", "at");
    const rows = lines.map(({ token, values }) => {
      const { f } = values as { f: number[] };
      return `"${token}"         ${f.map((value) => "▁▂▃▄▅▆▇█"[Math.floor(8 * value)]).join("")}`;
    });
    expect(out.trimEnd().split("\n").slice(2)).toEqual(rows);
  });

  test("--html: a page in the file, and nothing on standard output", async () => {
    const { code, out, err } = await run(
      folder,
      "inspect",
      "m.safetensors",
      "--text",
      "the</script>",
      "--html",
      "p.html",
    );
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(err).toMatch(/Saved p\.html: 12 steps\. Open it in a browser\.\n$/);
    const page = readFileSync(at("p.html"), "utf8");
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(page).not.toMatch(/https?:|src=|@import|url\(/);
  });

  test.concurrent.for<[string, string[], string | RegExp]>([
    ["nothing to read", ["m.safetensors", "--value", "f"], 'no text was given. Give a FILE, or --text "...".'],
    ["an empty text", ["m.safetensors", "--text", ""], "--text: the text is empty. Give at least one character."],
    ["an empty file", ["m.safetensors", "empty.txt"], "empty.txt: the file is empty. Give a text to read."],
    [
      "a text and a file",
      ["m.safetensors", "text.txt", "--text", "a"],
      "--text: a text was given in text.txt as well. Give one of the two.",
    ],
    ["a missing file", ["m.safetensors", "no.txt"], /^no\.txt: there is no such file/],
    ["no model", ["text.txt", "--text", "a"], /^text\.txt: /],
    [
      "an unknown value",
      ["m.safetensors", "--text", "a", "--value", "q"],
      '--value: the model has no value "q". It has f, i, g, o, c, h, dense.y.',
    ],
    [
      "an unknown value of two layers",
      ["two.safetensors", "--text", "a", "--value", "f"],
      /^--value: the model has no value "f"\. It has lstm\.f, /,
    ],
    [
      "a page that is no page",
      ["m.safetensors", "--text", "a", "--html", "m.safetensors"],
      '--html: needs a name that ends in .html, got "m.safetensors".',
    ],
    ["a page in no folder", ["m.safetensors", "--text", "a", "--html", "no/p.html"], /there is no folder no/],
    [
      "broken values",
      ["nan.safetensors", "--text", "a"],
      /^nan\.safetensors: embedding\.weight\[0, 0\] is NaN, not a finite number\./,
    ],
    [
      "broken values for a page",
      ["nan.safetensors", "--text", "a", "--html", "nan.html"],
      /^nan\.safetensors: embedding\.weight\[0, 0\] is NaN, not a finite number\./,
    ],
  ])("%s is refused in one line", async ([, args, wanted]) => {
    const line = await refusal(folder, "inspect", ...args);
    if (typeof wanted === "string") expect(line).toBe(wanted);
    else expect(line).toMatch(wanted);
  });

  test("a page that would be too large is refused before anything is read", async () => {
    writeFileSync(at("long.txt"), "a".repeat(300_000));
    expect(await refusal(folder, "inspect", "m.safetensors", "long.txt", "--html", "long.html")).toBe(
      "--html: 300,000 steps with 36 numbers each are too many: a page holds 10,000,000 numbers. " +
        "Give fewer, or select values with --value.",
    );
    expect(existsSync(at("long.html"))).toBe(false);
  });
});
