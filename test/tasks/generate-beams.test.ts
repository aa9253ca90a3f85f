import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { type BeamSearchOptions, beamSearch } from "../../src/tasks/beam-search.ts";
import { generate } from "../../src/tasks/generate.ts";
import type { LanguageModel } from "../../src/tasks/language-model.ts";
import { decode, encode, vocabularySize } from "../../src/text/tokenizer.ts";
import { lively, reference, textOf } from "../helpers/models.ts";

const small = { units: 6, embedding: 4, seed: 3 };

/** Log-probability of tokens after a prompt, through the reference, in f64. */
function logProbabilityOf({ model, tokenizer }: LanguageModel, prompt: string, tokens: readonly number[]): number {
  const read = encode(tokenizer, prompt);
  const rows = reference(model, Int32Array.from([...read, ...tokens])).slice(read.length - 1);
  return tokens.reduce((total, token, k) => total + (rows[k]?.[token] as number), 0);
}

/** All token sequences that end at `length`, or as soon as their text has a stop string. */
function every({ tokenizer }: LanguageModel, length: number, stop?: string): number[][] {
  let open: number[][] = [[]];
  const ended: number[][] = [];
  for (let k = 0; k < length; k++) {
    const ids = Array.from({ length: vocabularySize(tokenizer) - 1 }, (_, id) => id + 1);
    const longer = open.flatMap((tokens) => ids.map((id) => [...tokens, id]));
    const has = (tokens: number[]) => stop !== undefined && decode(tokenizer, tokens).includes(stop);
    ended.push(...longer.filter(has));
    open = longer.filter((tokens) => !has(tokens));
  }
  return [...ended, ...open];
}

const greedy = (lm: LanguageModel, { prompt, length, stop }: BeamSearchOptions): Promise<string> =>
  textOf(lm, { prompt, length, stop, temperature: 0 });

describe("with as many beams as there are texts it is exact", () => {
  const lm = lively("abcab", small);

  test("the best of all 81 texts of four letters, in order, with their log-probabilities", async () => {
    const found = await beamSearch(lm, { prompt: "ab", length: 4, beams: 81 });
    const wanted = every(lm, 4)
      .map((tokens) => ({ tokens, logProbability: logProbabilityOf(lm, "ab", tokens) }))
      .sort((a, b) => b.logProbability - a.logProbability);
    expect(found).toHaveLength(81);
    for (const [k, { text, tokens, logProbability }] of found.entries()) {
      expect(text).toBe(decode(lm.tokenizer, tokens));
      expect(tokens, `place ${k}`).toEqual(wanted[k]?.tokens);
      expect(Math.abs(logProbability - (wanted[k]?.logProbability ?? 0))).toBeLessThan(1e-5);
    }
  });

  test.each([0, 0.7, 2, -1])("with a stop string and length penalty %d", async (lengthPenalty) => {
    const score = (logProbability: number, count: number) => logProbability / ((5 + count) / 6) ** lengthPenalty;
    const wanted = every(lm, 4, "c")
      .map((tokens) => ({ tokens, score: score(logProbabilityOf(lm, "ab", tokens), tokens.length) }))
      .sort((a, b) => b.score - a.score);
    const found = await beamSearch(lm, { prompt: "ab", length: 4, beams: 200, stop: "c", lengthPenalty });
    expect(found.map(({ tokens }) => tokens)).toEqual(wanted.map(({ tokens }) => tokens));
    for (const { text, tokens } of found) {
      expect(text).toBe(decode(lm.tokenizer, tokens).split("c")[0]);
    }
  });
});

describe("few beams", () => {
  const lm = lively("hello world, good day", small);

  test("one beam writes what temperature 0 writes, also up to a stop string", async () => {
    for (const options of [
      { prompt: "hello", length: 60 },
      { prompt: "", length: 20 },
      { prompt: "good", length: 60, stop: ["o", "ld"] },
    ]) {
      const [best, ...others] = await beamSearch(lm, { ...options, beams: 1 });
      expect(best?.text).toBe(await greedy(lm, options));
      expect(others).toEqual([]);
    }
  });

  test("log-probabilities are those of the texts, read anew: states went with their beams", async () => {
    const found = await beamSearch(lm, { prompt: "hello", length: 25, beams: 6 });
    expect(found).toHaveLength(6);
    expect(new Set(found.map(({ text }) => text)).size).toBe(6);
    for (const { tokens, logProbability } of found) {
      expect(tokens).toHaveLength(25);
      expect(Math.abs(logProbability - logProbabilityOf(lm, "hello", tokens))).toBeLessThan(1e-4);
    }
    const nats = found.map(({ logProbability }) => logProbability);
    expect(nats).toEqual([...nats].sort((a, b) => b - a));
  });

  test("finds a likelier text than greedy where the likeliest token leads astray", async () => {
    const prompts = ["he", "wo", "d", "goo", "day", "l", "ll", ","];
    const gains = await Promise.all(
      prompts.map(async (prompt) => {
        const [[one], [four]] = [
          await beamSearch(lm, { prompt, length: 12, beams: 1 }),
          await beamSearch(lm, { prompt, length: 12, beams: 8 }),
        ];
        return (four?.logProbability ?? 0) - (one?.logProbability ?? 0);
      }),
    );
    expect(Math.max(...gains)).toBeGreaterThan(0.01);
  });

  test("words, two layers, and a prompt with unknown words", async () => {
    const words = lively("the cat sat on the mat. ".repeat(5), { ...small, tokens: "word", cell: "gru", layers: 2 });
    const prompt = "the zebra";
    const found = await beamSearch(words, { prompt, length: 8, beams: 5 });
    for (const { text, tokens, logProbability } of found) {
      expect(text).not.toContain("\uFFFD");
      expect(Math.abs(logProbability - logProbabilityOf(words, prompt, tokens))).toBeLessThan(1e-4);
    }
  });

  test("without earlyStop the search goes on until every beam has come to a stop string", async () => {
    const options = { prompt: "hello", length: 60, beams: 4, stop: "gd" };
    const all = await beamSearch(lm, options);
    const ends = (tokens: readonly number[]) => decode(lm.tokenizer, tokens).includes("gd");
    const early = await beamSearch(lm, { ...options, earlyStop: true });
    expect(ends(early[0]?.tokens ?? [])).toBe(true);
    expect(early[0]).toEqual(all[0]);
    for (const { text, tokens } of all) {
      expect(text).not.toContain("gd");
      expect(ends(tokens) || tokens.length === 60).toBe(true);
    }
    const steps = (found: typeof all) => Math.max(...found.map(({ tokens }) => tokens.length));
    expect(steps(early)).toBeLessThan(steps(all));
  });
});

describe("edges", () => {
  const lm = lively("abcab", small);

  test("more beams than texts give the texts; no length gives the empty one", async () => {
    expect((await beamSearch(lm, { length: 1, beams: 50 })).map(({ text }) => text).sort()).toEqual(["a", "b", "c"]);
    expect(await beamSearch(lm, { length: 0 })).toEqual([{ text: "", tokens: [], logProbability: 0 }]);
  });

  test("a signal ends it with what it has", async () => {
    let written = 0;
    // A busy machine may write nothing in the first of these times.
    for (const ms of [50, 500, 5000]) {
      const [best] = await beamSearch(lm, { length: 1e9, signal: AbortSignal.timeout(ms) });
      written = best?.text.length ?? 0;
      if (written > 0) break;
    }
    expect(written).toBeGreaterThan(0);
    expect(await beamSearch(lm, { signal: AbortSignal.abort() })).toEqual([
      { text: "", tokens: [], logProbability: 0 },
    ]);
  });

  test.each([
    [{ beams: 0 }, "beamSearch: beams must be a whole number of at least 1, got 0"],
    [{ beams: 1.5 }, "beamSearch: beams must be a whole number of at least 1, got 1.5"],
    [{ length: -1 }, "beamSearch: length must be a whole number of at least 0, got -1"],
    [{ lengthPenalty: Number.NaN }, "beamSearch: lengthPenalty must be a finite number, got NaN"],
    [{ stop: "" }, 'beamSearch: stop must be a non-empty string, or a list, each a non-empty string, got ""'],
  ])("%j is refused in one line", async (options, message) => {
    await expect(beamSearch(lm, options)).rejects.toThrow(new InputError(message));
  });

  test("more beams than fit into memory, and a model of NaN, are refused in one line", async () => {
    await expect(beamSearch(lm, { beams: 1e9 })).rejects.toThrow(/^the program needs [\d,]+ bytes of memory/);
    const broken = lively("abcab", small);
    broken.model.values["dense.b"]?.fill(Number.NaN);
    await expect(beamSearch(broken, { length: 2 })).rejects.toThrow(/^logits: logit 0 is NaN/);
  });
});

test("byte pairs: the text is that of the tokens, and one beam writes what temperature 0 does", async () => {
  const lm = lively("größe 鯨鯨", { ...small, tokens: "bpe" });
  const found = await beamSearch(lm, { prompt: "gr", length: 12, beams: 3 });
  for (const { text, tokens } of found) expect(text).toBe(decode(lm.tokenizer, tokens));
  const [one] = await beamSearch(lm, { prompt: "gr", length: 12, beams: 1 });
  let greedy = "";
  for await (const piece of generate(lm, { prompt: "gr", length: 12, temperature: 0 })) greedy += piece;
  expect(one?.text).toBe(greedy);
});
