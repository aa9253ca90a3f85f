/** Texts as commands read them: separate ones, line ends, and what is typed. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readEscapes } from "../../src/cli/escapes.ts";
import { readTexts } from "../../src/cli/texts.ts";
import { generate } from "../../src/tasks/language-model.ts";
import { decode, encode, endOfText } from "../../src/text/tokenizer.ts";
import { languageModelIn } from "../helpers/models.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { json, refusal, run, sampleText, tiny } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const poems = Array.from({ length: 40 }, (_, k) => `poem ${k}\r\nthe cat ${k % 3 === 0 ? "sat" : "ran"} here.\r\n`);
const unix = poems.map((poem) => poem.replaceAll("\r", ""));

beforeAll(async () => {
  writeFileSync(at("poems.jsonl"), `${poems.map((text) => JSON.stringify({ id: 1, text })).join("\r\n")}\n\n`);
  writeFileSync(at("bare.ndjson"), poems.map((text) => JSON.stringify(text)).join("\n"));
  writeFileSync(at("body.jsonl"), poems.map((body) => JSON.stringify({ body, title: "x" })).join("\n"));
  mkdirSync(at("poems/more"), { recursive: true });
  poems.forEach((poem, k) => {
    writeFileSync(at(`poems/${k < 30 ? "" : "more/"}${String(k).padStart(2, "0")}.txt`), poem);
  });
  writeFileSync(at("windows.txt"), sampleText(200).replaceAll("\n", "\r\n"));
  writeFileSync(at("unix.txt"), sampleText(200));
  await json(folder, "train", "poems.jsonl", "--out", "m.safetensors", "--epochs", "1", "--seed", "3", ...tiny);
});

describe("separate texts", () => {
  test("are the lines of a .jsonl file, by a field or the whole line, and the files of a folder in the order of their names", () => {
    expect(readTexts(at("poems.jsonl"), "")).toEqual(unix);
    expect(readTexts(at("bare.ndjson"), "")).toEqual(unix);
    expect(readTexts(at("body.jsonl"), "", "body")).toEqual(unix);
    expect(readTexts(at("poems"), "")).toEqual(unix);
  });

  test("hidden files and empty texts are left out; a link to a file is a file", () => {
    const own = mkdtempSync(join(folder, "own-"));
    writeFileSync(join(own, "b.txt"), "b");
    writeFileSync(join(own, "a.jsonl"), '"a1"\n{"text":""}\n{"text":"a2"}');
    writeFileSync(join(own, "empty.txt"), "");
    writeFileSync(join(own, ".hidden"), "h");
    mkdirSync(join(own, ".git"));
    writeFileSync(join(own, ".git/config"), "g");
    symlinkSync(at("unix.txt"), join(own, "c.txt"));
    expect(readTexts(own, "")).toEqual(["a1", "a2", "b", sampleText(200)]);
  });

  test("the model that is written into the folder that is read is none of its texts, also with --resume", async () => {
    const options = ["train", "poems", "--out", "poems/m.safetensors", ...tiny];
    await json(folder, ...options, "--epochs", "1");
    await json(folder, ...options, "--epochs", "2", "--resume");
    expect(languageModelIn(folder, "poems/m.safetensors").training?.step).toBeGreaterThan(0);
    rmSync(at("poems/m.safetensors"));
  });

  test("models in a folder are none of its texts, for whoever reads it; a text that is called as one is", async () => {
    const own = mkdtempSync(join(folder, "models-"));
    copyFileSync(at("m.safetensors"), join(own, "m.safetensors"));
    expect(() => readTexts(own, "to read")).toThrow(/: it contains no text\. Give a folder with text\.$/);
    copyFileSync(at("m.safetensors"), join(own, "model.bin"));
    writeFileSync(join(own, "a.txt"), "the cat");
    writeFileSync(join(own, "z.safetensors"), "a poem");
    expect(readTexts(own, "")).toEqual(["the cat", "a poem"]);
    const [line] = await json(folder, "evaluate", join(own, "m.safetensors"), own);
    expect(line?.tokens).toBe("the cat".length + "a poem".length + 1);
    expect(await json(folder, "inspect", "m.safetensors", own)).toHaveLength("the cat".length + "a poem".length + 2);
    await json(
      folder,
      "train",
      "poems",
      "--out",
      "v.safetensors",
      "--validation-file",
      own,
      "--epochs",
      "0.1",
      ...tiny,
    );
  });

  test.each([
    ["no JSON", '{"text":"a"}\n{"text":', /^x\.jsonl: line 2 is not valid JSON: /],
    ["a number", "3", "x.jsonl: line 1 needs an object or a string, got 3"],
    ["a list", '["a"]', 'x.jsonl: line 1 needs an object or a string, got ["a"]'],
    [
      "another field",
      '\n{"content":"a","n":1}',
      'x.jsonl: line 2 has no text in "text", but one in content. Name the field: --field NAME.',
    ],
    [
      "no text",
      '{"text":3}',
      'x.jsonl: line 1 has no text in "text", but no field that has one. Name the field: --field NAME.',
    ],
    ["nothing", "\n\n", "x.jsonl: it contains no text. Give a file with text."],
  ])("a line with %s is refused by its number", async (_, content, message) => {
    const own = mkdtempSync(join(folder, "wrong-"));
    writeFileSync(join(own, "x.jsonl"), content);
    const line = await refusal(own, "train", "x.jsonl", "--out", "never.safetensors");
    if (typeof message === "string") expect(line).toBe(message);
    else expect(line).toMatch(message);
  });

  test("--field of a text that is no lines of JSON is refused", async () => {
    expect(await refusal(folder, "train", "unix.txt", "--out", "n.safetensors", "--field", "body")).toMatch(
      /^--field: unix\.txt is one text, not lines of JSON/,
    );
  });

  test("train the same model from lines and from files, which knows the end of a text and no carriage return", async () => {
    await json(folder, "train", "poems", "--out", "f.safetensors", "--epochs", "1", "--seed", "3", ...tiny);
    expect(readFileSync(at("f.safetensors")).equals(readFileSync(at("m.safetensors")))).toBe(true);
    const { tokenizer } = languageModelIn(folder, "m.safetensors");
    expect(tokenizer).toMatchObject({ kind: "char", endOfText: true });
    expect(decode(tokenizer, encode(tokenizer, "\r"))).toBe("\uFFFD");
  });

  test("are evaluated and inspected, their ends too", async () => {
    const { tokenizer } = languageModelIn(folder, "m.safetensors");
    const tokens = encode(tokenizer, unix).length;
    expect(await json(folder, "evaluate", "m.safetensors", "poems")).toEqual([
      expect.objectContaining({ tokens: tokens - 1, unknown: 0 }),
    ]);
    writeFileSync(at("two.jsonl"), '"the"\n"a cat"');
    const lines = await json(folder, "inspect", "m.safetensors", "two.jsonl");
    expect(lines.map(({ token }) => token)).toEqual([..."the", "", ..."a cat", ""]);
  });

  test("a model of one text refuses them in a line", async () => {
    await json(folder, "train", "unix.txt", "--out", "one.safetensors", "--epochs", "0.1", ...tiny);
    expect(await refusal(folder, "evaluate", "one.safetensors", "poems.jsonl")).toBe(
      "the tokenizer has no end-of-text token, because it was trained on a single text. Give it one text, or train it on a list of texts.",
    );
  });

  test("without a prompt the model begins a new one", async () => {
    const lm = languageModelIn(folder, "m.safetensors");
    const end = endOfText(lm.tokenizer) as number;
    expect(end).toBe(lm.model.outputSize - 1);
    const [line] = await json(folder, ..."generate m.safetensors --length 20 --seed 4 --temperature 0.8".split(" "));
    let text = "";
    const options = { prompt: [end], length: 20, seed: 4, temperature: 0.8 };
    for await (const piece of generate(lm, options)) text += piece;
    expect(line?.text).toBe(text);
  });
});

describe("line ends of Windows", () => {
  test("train the model that those of Unix train", async () => {
    const train = (file: string, out: string) =>
      json(folder, "train", file, "--out", out, "--epochs", "1", "--seed", "1", ...tiny);
    await Promise.all([train("windows.txt", "w.safetensors"), train("unix.txt", "u.safetensors")]);
    expect(readFileSync(at("w.safetensors")).equals(readFileSync(at("u.safetensors")))).toBe(true);
    const evaluate = async (file: string) => (await json(folder, "evaluate", "u.safetensors", file))[0];
    expect(await evaluate("windows.txt")).toEqual(await evaluate("unix.txt"));
    const inspect = (...args: string[]) => json(folder, "inspect", "u.safetensors", ...args);
    expect(await inspect("--text", "a\r\nt\re")).toEqual(await inspect("--text", "a\nt\ne"));
    writeFileSync(at("short.txt"), "a\r\nt");
    expect(await inspect("short.txt")).toEqual(await inspect("--text", "a\nt"));
    const write = async (prompt: string, stop: string) => {
      const args = ["--prompt", prompt, "--stop", stop, "--seed", "1", "--length", "50"];
      return (await json(folder, "generate", "u.safetensors", ...args))[0]?.text;
    };
    expect(await write("here.\r\n", "a\r\n")).toEqual(await write("here.\n", "a\n"));
  });
});

describe("what is typed", () => {
  test.each([
    ["\\n", "\n"],
    ["a\\tb", "a\tb"],
    ["\\\\n", "\\n"],
    ["\\u{e9}\\u{1F9A4}", "é🦤"],
    ["plain", "plain"],
    ["\\\\\\n", "\\\n"],
  ])("%j is %j", (typed, text) => {
    expect(readEscapes("--stop", typed)).toBe(text);
  });

  test.each(["\\", "\\r", "\\d", "\\u{110000}", "\\u{d800}", "\\u{}", "\\u00e9", "a\\"])("%j is refused", (typed) => {
    expect(() => readEscapes("--stop", typed)).toThrow(/^--stop: \\.* is not an escape sequence\. Use \\n, \\t/);
  });

  test("--stop '\\n' ends a text at the end of a line", async () => {
    const args = ["generate", "m.safetensors", "--prompt", "the", "--seed", "1", "--length", "300"];
    const [whole] = await json(folder, ...args);
    const [first] = await json(folder, ...args, "--stop", "\\n");
    expect(String(whole?.text)).toContain("\n");
    expect(first?.text).toBe(String(whole?.text).split("\n")[0]);
  });

  test("a --stop that the model cannot write is warned about, and only that", async () => {
    const args = ["generate", "m.safetensors", "--length", "5", "--stop", "a", "--stop", "X☃", "--seed", "1"];
    const warning = '--stop: the model cannot generate "X☃", so "X☃" has no effect.';
    expect(await run(folder, ...args)).toMatchObject({ code: 0, err: `${warning}\n` });
    expect((await run(folder, ...args, "--json")).err).toBe(`${JSON.stringify({ warning })}\n`);
  });

  test("a --prompt is read as it is, and \\n in it is warned about", async () => {
    const { err } = await run(folder, "generate", "m.safetensors", "--length", "1", "--prompt", "the\\ncat");
    expect(err).toBe(
      "--prompt: the model never saw \"\\\\\"; it reads each as the unknown character. Escapes are not replaced in a text; in bash, write a line end as $'\\n'.\n",
    );
  });
});
