import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readModel } from "../../src/formats/model-file.ts";
import { engineNameFor } from "../../src/runtime/engine-name.ts";
import { type BytePairEncoding, encodeBytePairs, trainBytePairEncoding } from "../../src/text/byte-pair-encoding.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { json, refusal, run, runAlone, sampleText, tiny } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const modelIn = (name: string) => readModel(readFileSync(at(name)), name);
const text = sampleText(200);
let lines: Record<string, unknown>[];

beforeAll(async () => {
  writeFileSync(at("text.txt"), text);
  writeFileSync(at("mine.cell"), "m' = 0.9 * m + tanh(W @ x + b)  # a leaky memory\ny = V @ m * sigmoid(P @ x)\n");
  lines = await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "2", "--seed", "3", ...tiny);
});

describe("train", () => {
  test("--json: a start, progress that goes on, done", async () => {
    const [start, ...rest] = lines;
    const done = rest.pop() as Record<string, number>;
    const vocabulary = new Set(text).size + 1;
    expect(start).toEqual({
      event: "start",
      parameters: vocabulary * 4 + 4 * 6 * (6 + 4 + 1) + 7 * vocabulary,
      vocabulary,
      tokens: text.length,
      engine: await engineNameFor(),
    });
    expect(rest.length).toBeGreaterThan(1);
    let [step, epoch] = [0, 0];
    for (const line of rest as Record<string, number>[]) {
      const fields = ["event", "step", "epoch", "loss", "validationLoss", "tokensPerSecond", "elapsedMs"];
      expect(Object.keys(line)).toEqual(expect.arrayContaining(fields));
      expect(line.event).toBe("progress");
      expect(line.step).toBeGreaterThan(step);
      expect(line.epoch).toBeGreaterThan(epoch);
      [step, epoch] = [line.step as number, line.epoch as number];
      for (const name of ["loss", "tokensPerSecond", "elapsedMs"]) expect(line[name]).toBeGreaterThan(0);
    }
    expect(rest.at(-1)).toMatchObject({ validationLoss: done.validationLoss });
    expect(done).toEqual({
      event: "done",
      ended: "finished",
      kept: "best",
      validationLoss: expect.any(Number),
      epoch: expect.any(Number),
      tokensPerSecond: expect.any(Number),
      file: "m.safetensors",
    });
    expect(done.validationLoss).toBeLessThan(Math.log(vocabulary));
    expect(modelIn("m.safetensors").training?.step).toBe(step);
  });

  test("the same seed makes the same file, another seed another", async () => {
    // In processes of their own: nothing that another command has left counts.
    const train = (seed: string, out: string) =>
      runAlone(folder, "train", "text.txt", "--out", out, "--epochs", "2", "--seed", seed, ...tiny);
    await Promise.all([train("3", "same.safetensors"), train("4", "other.safetensors")]);
    const bytes = readFileSync(at("m.safetensors"));
    expect(readFileSync(at("same.safetensors")).equals(bytes)).toBe(true);
    expect(readFileSync(at("other.safetensors")).equals(bytes)).toBe(false);
  });

  test("--resume goes on: steps add up, the loss falls, the optimiser's state is used", async () => {
    writeFileSync(at("r.safetensors"), readFileSync(at("m.safetensors")));
    const before = modelIn("r.safetensors").training;
    const options = ["--batch", "4", "--steps", "12", "--epochs", "4"];
    const again = await json(folder, "train", "text.txt", "--out", "r.safetensors", "--resume", ...options);
    const after = modelIn("r.safetensors").training;
    expect(after?.step).toBe(2 * (before?.step as number));
    expect(again[1]?.step).toBeGreaterThan(before?.step as number);
    const done = again.at(-1) as Record<string, number>;
    expect(done.validationLoss).toBeLessThan(lines.at(-1)?.validationLoss as number);
    expect(after?.slots.m).not.toEqual(before?.slots.m);
    // The first mean of squares forgets slowly: without the file's it would be smaller after so few steps.
    const sum = (values: Readonly<Record<string, Float32Array>> | undefined) =>
      Object.values(values ?? {}).reduce((total, numbers) => total + numbers.reduce((a, b) => a + b, 0), 0);
    expect(sum(after?.slots.v)).toBeGreaterThan(0.5 * sum(before?.slots.v));
  });

  test("a cell from a file, which the model carries with it", async () => {
    const args = ["--cell", "mine.cell", "--epochs", "1", "--layers", "2"];
    await json(folder, "train", "text.txt", "--out", "mine.safetensors", ...args, ...tiny);
    const { model } = modelIn("mine.safetensors");
    expect(model.layers.map(({ name }) => name)).toEqual(["embedding", "mine", "mine_1", "dense"]);
    expect(model.parameters.map(({ name }) => name)).toContain("mine_1.V");
    const [line] = await json(folder, "generate", "mine.safetensors", "--length", "5", "--seed", "1");
    expect(line?.tokens).toBe(5);
  });

  test("words as tokens", async () => {
    const args = ["--tokens", "word", "--epochs", "3", "--units", "6", "--batch", "2", "--steps", "8"];
    const [start] = await json(folder, "train", "text.txt", "--out", "w.safetensors", ...args);
    expect(start?.tokens).toBeLessThan(text.length / 3);
    const [line] = await json(folder, "generate", "w.safetensors", "--prompt", "the cat", "--length", "30");
    expect(line?.text).toMatch(/ (sat|ran|hid|here|there|cat|dog|hen)/);
  });

  test("byte pairs as tokens: trained here, in the file, for generate, evaluate and --resume", async () => {
    const sizes = ["--units", "6", "--batch", "2", "--steps", "8"];
    const args = ["--tokens", "bpe", "--vocabulary", "270", "--epochs", "3", ...sizes];
    const [start] = await json(folder, "train", "text.txt", "--out", "b.safetensors", ...args);
    const { extra, training } = modelIn("b.safetensors");
    const { tokenizer } = extra.task as { tokenizer: BytePairEncoding };
    expect(tokenizer).toEqual(trainBytePairEncoding(text, { vocabularySize: 270 }));
    expect(start).toMatchObject({ vocabulary: 270, tokens: encodeBytePairs(tokenizer, text).length });
    const [line] = await json(folder, "generate", "b.safetensors", "--prompt", "the cat 鯨", "--length", "30");
    expect(line?.tokens).toBe(30);
    expect(line?.text).toMatch(/ (sat|ran|hid|here|there|cat|dog|hen)/);
    const [before] = await json(folder, "evaluate", "b.safetensors", "text.txt");
    expect(before).toMatchObject({ tokens: (start?.tokens as number) - 1, unknown: 0 });
    const more = ["--batch", "2", "--steps", "8", "--epochs", "6"];
    const again = await json(folder, "train", "text.txt", "--out", "b.safetensors", "--resume", ...more);
    expect(again[0]).toMatchObject({ vocabulary: 270, tokens: start?.tokens });
    expect(modelIn("b.safetensors").training?.step).toBe(2 * (training?.step as number));
    const [after] = await json(folder, "evaluate", "b.safetensors", "text.txt");
    expect(after?.loss).toBeLessThan(before?.loss as number);
  });

  test.each([
    ["adam", ["m", "v"]],
    ["adamw", ["m", "v"]],
    ["nadam", ["m", "v"]],
    ["rmsprop", ["v"]],
    ["sgd", []],
    ["asgd", ["a", "w"]],
  ])("--optimizer %s trains, and its state is in the file, for --resume", async (name, slots) => {
    const out = `${name}.safetensors`;
    const own = ["--optimizer", name, ...tiny, "--epochs", "1", "--keep", "last"];
    const first = await json(folder, "train", "text.txt", "--out", out, ...own);
    const { training, extra } = modelIn(out);
    expect([Object.keys(training?.slots ?? {}), extra.optimizer]).toEqual([slots, name]);
    const again = await json(folder, "train", "text.txt", "--out", out, "--resume", "--epochs", "2");
    expect(modelIn(out).training?.step).toBe(2 * (training?.step as number));
    const [before, after] = [first, again].map((lines) => lines.at(-1)?.validationLoss as number) as [number, number];
    expect(before).toBeLessThan(Math.log(20));
    expect(after).toBeLessThan(before);
  });

  test("without --json: plain lines on standard error, nothing on standard output", async () => {
    const { code, out, err } = await run(
      folder,
      "train",
      "text.txt",
      "--out",
      "p.safetensors",
      "--epochs",
      "1",
      ...tiny,
    );
    expect({ code, out }).toEqual({ code: 0, out: "" });
    const shown = err.split("\n");
    expect(shown[0]).toMatch(/^text\.txt: [\d,]+ tokens, vocabulary \d+, \d+ parameters, engine (native|wasm)$/);
    expect(shown.at(-4)).toMatch(
      /^100% {2}step +\d+ {2}loss \d\.\d{3} {2}validation \d\.\d{3} {2}\(\d\.\d\d bits\/char\)/,
    );
    expect(shown.at(-3)).toMatch(/^ {6}[\w .↵]{100,140}$/);
    expect(shown.at(-2)).toMatch(
      /^Saved p\.safetensors after \d+ s: the best by validation, \d\.\d{3} at epoch 1\.0\.$/,
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(err).not.toMatch(/[\x1b\r█]/);
  });

  test("what it writes while it trains changes no bit of the model; --sample 0 leaves it away", async () => {
    const train = (out: string, ...more: string[]) =>
      run(folder, "train", "text.txt", "--out", out, "--epochs", "2", "--seed", "3", ...tiny, ...more);
    const [some, none] = await Promise.all([
      train("some.safetensors", "--sample", "30"),
      train("none.safetensors", "--sample", "0"),
    ]);
    const samples = ({ err }: { err: string }) => err.split("\n").filter((line) => line.startsWith("      "));
    expect(samples(some).map((line) => line.length)).toEqual([36, 36, 36, 36]);
    expect(new Set(samples(some)).size).toBe(4);
    expect(samples(none)).toEqual([]);
    const bytes = readFileSync(at("m.safetensors"));
    for (const name of ["some", "none"]) expect(readFileSync(at(`${name}.safetensors`)).equals(bytes)).toBe(true);
  });

  test.each([
    ["2", [0.5, 1, 1.5, 2]],
    ["5", [1, 2, 3, 4, 5]],
    ["45", [3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45]],
  ])("--epochs %s: validations at %j", async (epochs, wanted) => {
    const out = ["--out", "v.safetensors", "--overwrite"];
    const found = await json(folder, "train", "text.txt", ...out, "--epochs", epochs, ...tiny);
    const at = found.flatMap(({ event, epoch, validationLoss }) =>
      event === "progress" && typeof validationLoss === "number" && epoch ? [epoch as number] : [],
    );
    expect(at).toHaveLength(wanted.length);
    // After the first update that reaches it.
    for (const [k, epoch] of at.entries()) expect(Math.abs(epoch - (wanted[k] as number))).toBeLessThan(0.03);
  });

  test("a model at --out is replaced, and nothing else is left in the folder", async () => {
    expect(existsSync(at("m.safetensors"))).toBe(true);
    expect(execFileSync("ls", ["-A", folder], { encoding: "utf8" })).not.toMatch(/\.tmp/);
  });
});

describe("generate", () => {
  test("--json: one line; the same seed the same text, another seed another", async () => {
    const write = (seed: string) =>
      json(folder, "generate", "m.safetensors", "--prompt", "the c", "--length", "60", "--seed", seed);
    const [[first], [same], [other]] = await Promise.all([write("1"), write("1"), write("2")]);
    expect(first).toEqual({ text: expect.any(String), seed: 1, tokens: 60, msPerToken: expect.any(Number) });
    expect(first?.text).toHaveLength(60);
    expect(same?.text).toBe(first?.text);
    expect(other?.text).not.toBe(first?.text);
    expect(other?.seed).toBe(2);
  });

  test("without --json: the prompt and what follows; no seed writes something new each time", async () => {
    const runs = await Promise.all(
      [1, 2].map(() => run(folder, "generate", "m.safetensors", "--prompt", "a dog", "--length", "80")),
    );
    for (const { code, out, err } of runs) {
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toMatch(/^a dog/);
      expect(out).toHaveLength(5 + 80 + 1);
    }
    expect(runs[0]?.out).not.toBe(runs[1]?.out);
  });

  test.each([
    ["a prompt that begins with a space", ["--prompt", " a", "--length", "5"], 5],
    ["an empty prompt", ["--prompt", "", "--length", "5"], 5],
    ["no tokens", ["--length", "0"], 0],
    ["temperature 0", ["--temperature", "0", "--length", "5"], 5],
    ["a very high temperature", ["--temperature", "1e300", "--length", "5"], 5],
    ["only the likeliest token", ["--top-k", "1", "--top-p", "1e-9", "--length", "5"], 5],
    ["only tokens as likely as the likeliest", ["--min-p", "1", "--length", "5"], 5],
    ["a repetition penalty", ["--repetition-penalty", "1.3", "--length", "5"], 5],
  ])("%s", async (_, args, tokens) => {
    const [line] = await json(folder, "generate", "m.safetensors", ...args);
    expect(line?.tokens).toBe(tokens);
    expect([...String(line?.text)]).toHaveLength(tokens);
  });

  test("--min-p and penalties change what is written", async () => {
    const write = async (...args: string[]) => {
      const fixed = ["--prompt", "the c", "--length", "60", "--seed", "1", "--temperature", "1.5"];
      const [line] = await json(folder, "generate", "m.safetensors", ...fixed, ...args);
      return line?.text;
    };
    const [plain, some, all, ...penalised] = await Promise.all([
      write(),
      write("--min-p", "0.5"),
      write("--min-p", "0"),
      write("--repetition-penalty", "1.5"),
      write("--frequency-penalty", "2"),
      write("--presence-penalty", "2"),
      write("--frequency-penalty", "-2"),
    ]);
    expect(some).not.toBe(plain);
    expect(all).toBe(plain);
    expect(new Set([plain, ...penalised]).size).toBe(5);
    // Where what was written comes more readily, fewer characters come at all.
    const different = (text: unknown) => new Set(String(text)).size;
    expect(different(penalised[3])).toBeLessThan(different(penalised[1]));
  });

  test("--stop: the text ends before it, whether given once or several times", async () => {
    const write = async (...args: string[]) => {
      const fixed = ["generate", "m.safetensors", "--prompt", "the c", "--length", "200", "--seed", "1"];
      return (await json(folder, ...fixed, ...args))[0];
    };
    const text = String((await write())?.text);
    const [first, second] = [text.slice(60, 63), text.slice(20, 23)];
    const [once, twice] = [await write("--stop", first), await write("--stop", first, "--stop", second)];
    expect(once?.text).toBe(text.slice(0, text.indexOf(first)));
    expect(twice?.text).toBe(text.slice(0, Math.min(text.indexOf(first), text.indexOf(second))));
    expect(once?.tokens).toBe(text.indexOf(first));
    const { out } = await run(folder, ..."generate m.safetensors --length 200 --seed 1 --stop".split(" "), ".");
    expect(out).not.toContain(".");
  });

  test("--logprobs: each token with its log-probability, and the likeliest in its place", async () => {
    const write = (n: string) =>
      json(folder, "generate", "m.safetensors", "--length", "8", "--seed", "1", "--logprobs", n);
    const [[line], [bare]] = await Promise.all([write("2"), write("0")]);
    expect(Object.keys(line ?? {})).toEqual(["text", "seed", "tokens", "msPerToken", "logProbabilities"]);
    type Token = { text: string; token: number; logProbability: number; alternatives: Token[] };
    const tokens = line?.logProbabilities as Token[];
    expect(tokens.map(({ text }) => text).join("")).toBe(line?.text);
    for (const { logProbability, alternatives } of tokens) {
      expect(logProbability).toBeLessThan(0);
      expect(alternatives).toHaveLength(2);
      expect(alternatives[0]?.logProbability).toBeGreaterThanOrEqual(logProbability);
    }
    expect(bare?.text).toBe(line?.text);
    const without = bare?.logProbabilities as Token[] | undefined;
    expect(without?.map(({ alternatives }) => alternatives)).toEqual(Array(8).fill([]));
  });

  test("--beams: the likeliest text, as JSON all that were found; one beam is temperature 0", async () => {
    const write = async (...args: string[]) => {
      const fixed = ["generate", "m.safetensors", "--prompt", "the", "--length", "20", "--seed", "1"];
      return (await json(folder, ...fixed, ...args))[0];
    };
    const [four, one, greedy] = await Promise.all([
      write("--beams", "4"),
      write("--beams", "1"),
      write("--temperature", "0"),
    ]);
    expect(Object.keys(four ?? {})).toEqual(["text", "seed", "tokens", "msPerToken", "beams"]);
    expect(four?.tokens).toBe(20);
    const beams = four?.beams as { text: string; logProbability: number }[];
    expect(beams).toHaveLength(4);
    expect(beams[0]?.text).toBe(four?.text);
    const nats = beams.map(({ logProbability }) => logProbability);
    expect(nats).toEqual([...nats].sort((a, b) => b - a));
    expect(one?.text).toBe(greedy?.text);
    const args = "generate m.safetensors --prompt the --length 20 --beams 4".split(" ");
    expect(await run(folder, ...args)).toMatchObject({ code: 0, out: `the${four?.text}\n`, err: "" });
  });

  test("characters that the model never saw are said in one line on standard error, and read as unknown", async () => {
    const args = ["generate", "m.safetensors", "--length", "5", "--prompt", "the ☃\u{1F9A4} c\x07\t☃"];
    const { code, out, err } = await run(folder, ...args);
    expect({ code, err }).toEqual({
      code: 0,
      err: '--prompt: the model never saw "☃\u{1F9A4}\\u0007\\t"; it reads each as the unknown character.\n',
    });
    expect(out).toHaveLength("the ☃\u{1F9A4} c\x07\t☃".length + 5 + 1);
    const asJson = await run(folder, ...args, "--json");
    expect(asJson.code).toBe(0);
    expect(JSON.parse(asJson.out)).toMatchObject({ tokens: 5 });
    expect(asJson.err.split("\n")).toHaveLength(2);
    expect(JSON.parse(asJson.err)).toEqual({ warning: err.trimEnd() });
    const dash = await run(folder, ...args.slice(0, -1), "- a");
    expect(dash).toMatchObject({ code: 0, out: expect.stringMatching(/^- a/) });
    expect(dash.err).toMatch(/never saw "-";/);
    const many = await run(
      folder,
      ...args.slice(0, -1),
      Array.from({ length: 30 }, (_, k) => String.fromCharCode(0x3b1 + k)).join(""),
    );
    expect(many.err).toMatch(
      /^--prompt: .* "αβ[α-ω]{16}στ" and 10 more characters; it reads each as the unknown character\.\n$/,
    );
  });

  test("temperature 0 writes the same text with any seed", async () => {
    const write = (seed: string) =>
      json(folder, "generate", "m.safetensors", "--temperature", "0", "--length", "40", "--seed", seed);
    const [[first], [other]] = await Promise.all([write("1"), write("2")]);
    expect(other?.text).toBe(first?.text);
  });
});

describe("evaluate", () => {
  test("--json: loss, perplexity, bits per character, tokens; without it the same in words", async () => {
    const [line] = await json(folder, "evaluate", "m.safetensors", "text.txt");
    const { loss, perplexity, bitsPerCharacter, tokens } = line as Record<string, number>;
    expect(tokens).toBe(text.length - 1);
    expect(loss).toBeGreaterThan(0.1);
    expect(perplexity).toBeCloseTo(Math.exp(loss as number), 8);
    expect(bitsPerCharacter).toBeCloseTo((loss as number) / Math.LN2, 8);
    const { out } = await run(folder, "evaluate", "m.safetensors", "text.txt");
    const rows = [
      `loss                ${(loss as number).toFixed(4)} nats per token`,
      `perplexity          ${(perplexity as number).toFixed(3)}`,
      `bits per character  ${(bitsPerCharacter as number).toFixed(4)}`,
      `tokens              ${(tokens as number).toLocaleString("en-US")}`,
    ];
    expect(out).toBe(`${rows.join("\n")}\n`);
  });
});

describe("explain", () => {
  test("--json: a built-in cell's states, parameters and what compiling did", async () => {
    const [line] = await json(
      folder,
      "explain",
      "lstm",
      "--units",
      "8",
      "--input",
      "4",
      "--batch",
      "2",
      "--steps",
      "3",
    );
    expect(line).toMatchObject({
      name: "lstm",
      states: ["c", "h"],
      hoisted: ["W_f", "W_i", "W_g", "W_o"],
      merged: [
        ["W_f", "W_i", "W_g", "W_o"],
        ["U_f", "U_i", "U_g", "U_o"],
      ],
      fused: 1,
      multiplyAdds: 4 * 8 * (8 + 4),
      bytes: expect.any(Number),
    });
    expect(line?.parameters).toContainEqual({ name: "W_f", shape: [8, 4] });
    expect(line?.parameters).toHaveLength(12);
  });

  test("shapes of the states, a matrix among them", async () => {
    const [line] = await json(folder, "explain", "mlstm", "--units", "4");
    expect(line).toMatchObject({ states: ["m", "C", "n"], stateShapes: [[1], [4, 4], [4]] });
    expect((await run(folder, "explain", "mlstm", "--units", "4")).out).toContain("states: m 1, C 4x4, n 4\n");
  });

  test("a file's cell, in words and in TeX", async () => {
    const [line] = await json(folder, "explain", "mine.cell", "--tex", "--units", "4");
    expect(line).toMatchObject({ name: "mine.cell", states: ["m"], tex: expect.stringContaining("m_t &= 0.9") });
    const { code, out, err } = await run(folder, "explain", "mine.cell");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const part of ["Equations", "a leaky memory", "Graph of one time step", "Plan for 64", "hoisted out"]) {
      expect(out).toContain(part);
    }
    const tex = await run(folder, "explain", "gru", "--tex");
    expect(tex.out).toMatch(/^\\begin\{aligned\}\n[\s\S]*\\sigma[\s\S]*\\end\{aligned\}\n$/);
  });

  test("--asm: the loop as machine code, for each instruction set, in words and in JSON", async () => {
    const small = ["explain", "gru", "--units", "20", "--batch", "2", "--steps", "3"];
    const { code, out, err } = await run(folder, ...small, "--asm");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const part of ["# for t = 0 to 2\n", "#   product [U_z U_r] @ h", "zmm0", "call         tile_2_by_"]) {
      expect(out).toContain(part);
    }
    expect(out).not.toContain("d h");
    expect(await run(folder, ...small, "--asm", "--tex")).toMatchObject({
      ...{ code: 2, out: "" },
      err: "unrolled: --asm and --tex: one of them is printed. Leave one out, or add --json.\n",
    });
    const older = await run(folder, ...small, "--asm", "--instruction-set", "avx2", "--gradient", "--whole");
    expect(older.out).toContain("# for t = 2 to 0\n");
    expect(older.out).not.toMatch(/zmm|\d instructions/);
    const [line] = await json(folder, ...small, "--asm", "--instruction-set", "avx2");
    const { instructionSet, bytes, lines } = (line as Record<string, unknown>).assembly as {
      lines: { bytes: string }[];
    } & Record<string, unknown>;
    expect({ name: line?.name, instructionSet }).toEqual({ name: "gru", instructionSet: "avx2" });
    expect(lines.reduce((sum, { bytes }) => sum + bytes.length / 2, 0)).toBe(bytes);
  });
});

test("an engine by its name: train, generate and evaluate compute with it, and a wrong one is told those that there are", async () => {
  writeFileSync(at("t.txt"), sampleText(60));
  writeFileSync(at("my cell.txt"), "h' = tanh(W @ x + U @ h + b)");
  const reference = ["--engine", "reference", "--threads", "1"];
  await json(folder, "train", "t.txt", "--out", "m", "--epochs", "1", "--cell", "my cell.txt", ...tiny, ...reference);
  const { model } = modelIn("m");
  expect(model.layers.map(({ name }) => name)).toContain("my_cell");
  const losses = await Promise.all(
    [reference, []].map(async (how) => (await json(folder, "evaluate", "m", "t.txt", ...how))[0]?.loss as number),
  );
  expect(losses[0]).toBeCloseTo(losses[1] as number, 4);
  // In f64: not the same bits.
  expect(losses[0]).not.toBe(losses[1]);
  const write = ["generate", "m", "--length", "9", "--temperature", "0"];
  expect((await json(folder, ...write, ...reference))[0]?.text).toBe((await json(folder, ...write))[0]?.text);
  for (const command of [
    ["train", "t.txt", "--out", "n"],
    ["generate", "m"],
    ["evaluate", "m", "t.txt"],
    ["serve", "m"],
  ]) {
    expect(await refusal(folder, ...command, "--engine", "cuda")).toBe(
      '--engine: needs one of wasm, reference, native, webgpu, auto, got "cuda".',
    );
  }
});

describe("help", () => {
  const commands = ["train", "generate", "evaluate", "forecast", "classify", "trajectories", "music", "explain"];

  test("lists every command; each has its own, with an example; no line is wider than 79 columns", async () => {
    const [overview, ...each] = await Promise.all([
      run(folder, "--help"),
      ...commands.map((command) => run(folder, command, "--help")),
    ]);
    for (const { code, out, err } of [overview as (typeof each)[0], ...each]) {
      expect({ code, err }).toEqual({ code: 0, err: "" });
      for (const line of out.split("\n")) expect(line.length, line).toBeLessThan(80);
    }
    for (const command of commands) expect(overview?.out).toContain(`\n  ${command} `);
    for (const { out } of each) expect(out).toMatch(/^Usage: unrolled [\s\S]+Options:\n[\s\S]+--json[\s\S]+Examples?:/);
    expect((await run(folder, "help", "train")).out).toBe(each[0]?.out);
    expect((await run(folder, "-h")).out).toBe(overview?.out);
    expect((await run(folder, "--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe.skipIf(process.platform === "win32")("a reader that goes away", () => {
  const program = join(import.meta.dirname, "../../dist/cli/main.js");
  const shell = (command: string) =>
    spawnSync("bash", ["-c", command.replaceAll("unrolled", `'${process.execPath}' '${program}'`)], {
      cwd: folder,
      encoding: "utf8",
    });

  test.each(["generate m.safetensors --length 100000", "explain lstm", "--help"])(
    "%s | head -c 10 ends soon and says nothing",
    (command) => {
      const { stdout, stderr } = shell(`unrolled ${command} | head -c 10; echo " $\{PIPESTATUS[0]}"`);
      expect(stderr).toBe("");
      expect(stdout).toMatch(/^[\s\S]{10} 0\n$/);
    },
  );

  test("training goes on without one and saves the model", () => {
    const { stderr, stdout } = shell(
      `unrolled train text.txt --out piped.safetensors --json --epochs 1 ${tiny.join(" ")} | head -c 9; echo "$\{PIPESTATUS[0]}"`,
    );
    expect(stderr).toBe("");
    expect(stdout).toBe('{"event":0\n');
    expect(statSync(at("piped.safetensors")).size).toBeGreaterThan(1000);
  });

  test("standard output closed, and a full disk", () => {
    expect(shell("unrolled generate m.safetensors --length 3 >&-")).toMatchObject({ status: 0, stderr: "" });
    expect(shell("unrolled generate m.safetensors --length 3 2>&-")).toMatchObject({ status: 0 });
    if (!existsSync("/dev/full")) return;
    expect(shell("unrolled generate m.safetensors --length 3 > /dev/full")).toMatchObject({
      status: 2,
      stderr: "unrolled: standard output cannot be written (ENOSPC). Is the disk full?\n",
    });
  });
});
