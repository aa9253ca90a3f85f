import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { bidirectional, dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createSession } from "../../src/nn/session.ts";
import {
  type GenerateOptions,
  type GenerateTokensOptions,
  generate,
  generateMany,
  generateTokens,
  unknownCharacters,
} from "../../src/tasks/generate.ts";
import { type LanguageModel, languageModel } from "../../src/tasks/language-model.ts";
import { createStopSequenceBuffer, findStop, stopStrings } from "../../src/tasks/stop-sequences.ts";
import { createSampler } from "../../src/text/sampling.ts";
import { decode, decodeToken, encode, vocabularySize } from "../../src/text/tokenizer.ts";
import { cases } from "../helpers/cases.ts";
import { collect, reference } from "../helpers/models.ts";

const tiny = { units: 8, embedding: 4 };
const lm = languageModel("hello world, good day", { ...tiny, seed: 1 });

const written = (of: LanguageModel, options: GenerateOptions) => collect(generate(of, options));
const tokensOf = (of: LanguageModel, options: GenerateTokensOptions) => collect(generateTokens(of, options));

describe("generate", () => {
  test("the same seed writes the same text, another seed another", async () => {
    const [first, same, other] = [
      await written(lm, { length: 40, seed: 1 }),
      await written(lm, { length: 40, seed: 1 }),
      await written(lm, { length: 40, seed: 2 }),
    ];
    expect(first).toHaveLength(40);
    expect(same).toEqual(first);
    expect(other).not.toEqual(first);
  });

  test("the host's options are taken by each way to write, and products of bf16 are not those of f32", async () => {
    const host = { engine: "reference", fma: true, threads: 1, precision: "bf16" } as const;
    const options = { ...host, length: 10, seed: 1, prompt: "hel" };
    const { prompt, ...many } = { ...options, logProbabilities: 1 };
    const tokens = await tokensOf(lm, { ...options, logProbabilities: 1 });
    expect(await written(lm, options)).toEqual(tokens.map(({ text }) => text).filter((text) => text !== ""));
    expect((await collect(generateMany(lm, [prompt], many))).map(({ logProbability }) => logProbability)).toEqual(
      tokens.map(({ logProbability }) => logProbability),
    );
    const [plain] = await tokensOf(lm, { ...options, precision: "f32" });
    expect(plain?.logProbability).not.toBe(tokens[0]?.logProbability);
    expect(plain?.logProbability).toBeCloseTo(tokens[0]?.logProbability as number, 2);
    const { precision, ...eight } = { ...options, quantize: "int8" as const };
    expect(await written(lm, eight)).not.toEqual([]);
  });

  test("streams: each piece comes when it is written, and who has enough may stop", async () => {
    const pieces: string[] = [];
    for await (const piece of generate(lm, { length: 1e15, seed: 3 })) {
      pieces.push(piece);
      if (pieces.length === 5) break;
    }
    expect(pieces).toEqual(await written(lm, { length: 5, seed: 3 }));
  });

  test("a signal stops it, also while it reads a long prompt", async () => {
    const stop = new AbortController();
    const pieces: string[] = [];
    for await (const piece of generate(lm, { length: 1e9, signal: stop.signal })) {
      pieces.push(piece);
      if (pieces.length === 3) stop.abort();
    }
    expect(pieces).toHaveLength(3);
    const soon = AbortSignal.timeout(50);
    expect(await written(lm, { prompt: "hello".repeat(1e6), length: 5, signal: soon })).toEqual([]);
  });

  test("others get their turn while it writes", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    // So many take seconds: there were hundreds of turns in them, or there are none.
    for await (const _ of generate(lm, { length: 1e6 })) if (turns > 2) break;
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  });

  test("length 0 writes nothing", async () => {
    expect(await written(lm, { length: 0 })).toEqual([]);
  });

  test("writes what a session and a sampler write by hand, penalties over the prompt included", async () => {
    const sampling = { temperature: 0.9, minP: 0.1, topK: 9, repetitionPenalty: 1.5, repetitionWindow: 20 };
    for (const prompt of ["good day", ""]) {
      const session = await createSession(lm.model);
      const sampler = createSampler(sampling, lm.model.outputSize);
      let logits = new Float32Array();
      for (const token of encode(lm.tokenizer, prompt)) {
        logits = session.next(token);
        sampler.read(token);
      }
      // As if after the end of a line, which is not in this text: the unknown character.
      if (prompt === "") logits = session.next(0);
      const random = createRandom(7);
      const tokens = Array.from({ length: 50 }, () => {
        logits[0] = -Infinity;
        const token = sampler.draw(logits, random);
        logits = session.next(token);
        return token;
      });
      const found = await tokensOf(lm, { prompt, length: 50, seed: 7, ...sampling });
      expect(found.map(({ token }) => token)).toEqual(tokens);
    }
  });

  test("an empty prompt is read as the end of a line", async () => {
    const lines = languageModel("one\ntwo\n", { ...tiny, seed: 2 });
    const first = async (prompt: string) => (await tokensOf(lines, { prompt, length: 1, seed: 4 }))[0];
    expect(await first("")).toEqual(await first("\n"));
    expect(await first("")).not.toEqual(await first("o"));
  });

  test("characters and words that the model does not know are read and never written", async () => {
    const text = (await written(lm, { prompt: "☃☃", length: 200, temperature: 5 })).join("");
    expect([...text].every((character) => "hello world, good day".includes(character))).toBe(true);
    // What is unknown is read all the same.
    const [after, without] = [await tokensOf(lm, { prompt: "he☃" }), await tokensOf(lm, { prompt: "he" })];
    expect(after[0]?.logProbability).not.toBe(without[0]?.logProbability);
    const words = languageModel("the cat sat. ".repeat(9), { ...tiny, tokens: "word", seed: 2 });
    const pieces = await written(words, { prompt: "the zebra sat", length: 100, temperature: 9 });
    expect(pieces).toHaveLength(100);
    expect(pieces.join("")).not.toContain("\uFFFD");
  });

  test("a prompt of ids writes what its text does, penalties included; an id that is no token's is refused", async () => {
    const options = { length: 40, seed: 3, repetitionPenalty: 1.3 };
    const ids = [...encode(lm.tokenizer, "hello wo")];
    expect(await written(lm, { ...options, prompt: ids })).toEqual(
      await written(lm, { ...options, prompt: "hello wo" }),
    );
    expect(await written(lm, { ...options, prompt: [] })).toEqual(await written(lm, options));
    const size = vocabularySize(lm.tokenizer);
    const refused = written(lm, { prompt: [1, size] });
    await expect(refused).rejects.toThrow(`prompt: token ${size} at 1 is out of range: expected 0 to ${size - 1}`);
    await expect(refused).rejects.toThrow(InputError);
  });

  test("a prompt longer than any training sequence: what came first still counts", async () => {
    const forgetful = languageModel("ab ".repeat(9), { ...tiny, seed: 3 });
    // Nothing is forgotten: all gates of the old state are open.
    forgetful.model.values["lstm.b_f"]?.fill(30);
    const prompts = [`a${"b".repeat(400)}`, `b${"b".repeat(400)}`];
    for (const prompt of prompts) {
      const [found] = await tokensOf(forgetful, { prompt, length: 1, logProbabilities: 3 });
      const wanted = reference(forgetful.model, encode(forgetful.tokenizer, prompt)).at(-1) as Float64Array;
      for (const { token, logProbability } of found?.alternatives ?? []) {
        expect(Math.abs(logProbability - (wanted[token] as number))).toBeLessThan(1e-4);
      }
    }
    const [[a], [b]] = [
      await tokensOf(forgetful, { prompt: prompts[0], length: 1, temperature: 0 }),
      await tokensOf(forgetful, { prompt: prompts[1], length: 1, temperature: 0 }),
    ];
    expect(a?.logProbability).not.toBe(b?.logProbability);
  });

  test.each([
    [{ length: -1 }, "generateTokens: length must be a whole number of tokens from 0, or Infinity, got -1"],
    [{ length: Number.NaN }, "generateTokens: length must be a whole number of tokens from 0, or Infinity, got NaN"],
    [{ minP: 2 }, "generateTokens: minP must be a number in [0, 1], got 2"],
    [{ stop: "" }, 'generateTokens: stop must be a non-empty string, or a list, each a non-empty string, got ""'],
    [{ stop: ["a", ""] }, 'generateTokens: stop[1] must be a non-empty string, got ""'],
    [{ stop: [5] as never }, "generateTokens: stop[0] must be a non-empty string, got 5"],
    [{ seed: 0.5 }, "generateTokens: seed must be a whole number from -9007199254740991 to 9007199254740991, got 0.5"],
    [{ logProbabilities: 1.5 }, "generateTokens: logProbabilities must be a whole number of at least 0, got 1.5"],
  ])("%j is refused in one line", async (options, message) => {
    await expect(tokensOf(lm, options)).rejects.toThrow(new InputError(message));
  });

  test("models that cannot write are refused in one line", async () => {
    const broken = languageModel("hello", tiny);
    broken.model.values["dense.b"]?.fill(Number.NaN);
    await expect(written(broken, { length: 3 })).rejects.toThrow(/^logits: logit 1 is NaN\. .* train anew/);
    await expect(tokensOf(broken, { length: 3 })).rejects.toThrow(InputError);
    const both = bidirectional(lstm(3, { returnSequences: true }));
    const size = vocabularySize(lm.tokenizer);
    const model = sequential([embedding(size, 2), both, dense(size)]);
    await expect(written({ ...lm, model }, {})).rejects.toThrow(
      new InputError(
        "generate: runs one step at a time, but bidirectional starts at the last step. " +
          "Run the model on whole sequences, with createPredictor or as an ONNX file of these.",
      ),
    );
  });
});

describe("log-probabilities", () => {
  test("are the model's own, before temperature, filters and penalties; within 1e-5 of the reference", async () => {
    const sampling = { temperature: 3, topK: 9, minP: 0.01, repetitionPenalty: 2 };
    const found = await tokensOf(lm, { prompt: "good", length: 60, seed: 5, logProbabilities: 4, ...sampling });
    const prompt = encode(lm.tokenizer, "good");
    const all = Int32Array.from([...prompt, ...found.map(({ token }) => token)]);
    const wanted = reference(lm.model, all).slice(prompt.length - 1);
    found.forEach(({ token, text, logProbability, alternatives }, k) => {
      const right = wanted[k] as Float64Array;
      expect(text).toBe(decodeToken(lm.tokenizer, token));
      expect(Math.abs(logProbability - (right[token] as number))).toBeLessThan(1e-5);
      expect(alternatives).toHaveLength(4);
      for (const one of alternatives) {
        expect(one.text).toBe(decodeToken(lm.tokenizer, one.token));
        expect(Math.abs(one.logProbability - (right[one.token] as number))).toBeLessThan(1e-5);
      }
      // No token outside is likelier than the last one inside.
      const inside = new Set(alternatives.map((one) => one.token));
      const outside = right.filter((_, id) => id !== 0 && !inside.has(id));
      expect(Math.max(...outside)).toBeLessThan((alternatives.at(-1)?.logProbability ?? 0) + 1e-5);
      const nats = alternatives.map((one) => one.logProbability);
      expect(nats).toEqual([...nats].sort((a, b) => b - a));
    });
  });

  test("the tokens are those of generate; without a number there are no alternatives", async () => {
    const options = { prompt: "hello", length: 30, seed: 9 };
    const found = await tokensOf(lm, options);
    expect(found.map(({ text }) => text)).toEqual(await written(lm, options));
    expect(found.every(({ alternatives }) => alternatives.length === 0)).toBe(true);
    expect(found.every(({ logProbability }) => logProbability < 0)).toBe(true);
  });

  test("a number beyond the vocabulary means all, but never the unknown character", async () => {
    const [first] = await tokensOf(lm, { length: 1, logProbabilities: 1e9 });
    const size = vocabularySize(lm.tokenizer);
    expect(new Set(first?.alternatives.map(({ token }) => token))).toEqual(
      new Set(Array.from({ length: size - 1 }, (_, k) => k + 1)),
    );
    const total = first?.alternatives.reduce((sum, { logProbability }) => sum + Math.exp(logProbability), 0) ?? 0;
    // The rest is the unknown character's.
    expect(total).toBeLessThan(1);
    expect(total).toBeGreaterThan(0.8);
  });

  test("at temperature 0 the token is the first alternative", async () => {
    for (const { token, alternatives } of await tokensOf(lm, { length: 20, temperature: 0, logProbabilities: 1 })) {
      expect(alternatives.map((one) => one.token)).toEqual([token]);
    }
  });
});

describe("stop strings", () => {
  const through = (pieces: readonly string[], stop: string | string[]) => {
    const gate = createStopSequenceBuffer(stopStrings(stop));
    const steps: string[][] = [];
    for (const [k, text] of pieces.entries()) {
      const { pieces: out, stopped } = gate.pass({ text }, k === pieces.length - 1);
      steps.push(out.map(({ text }) => text));
      if (stopped) break;
    }
    return steps;
  };

  test("what may be the beginning of one waits until it is decided", () => {
    expect(through(["x", "a", "b", "a", "b", "d", "y"], "abc")).toEqual([
      ...[["x"], [], [], ["a", "b"], []],
      ...[["a", "b", "d"], ["y"]],
    ]);
    expect(through(["x", "a", "b", "c", "y"], "abc")).toEqual([["x"], [], [], []]);
  });

  test("at the end of the text what was held back comes out", () => {
    expect(through(["x", "a", "b"], "abc")).toEqual([["x"], [], ["a", "b"]]);
    expect(through(["x", "a", "bc"], "abc")).toEqual([["x"], [], []]);
  });

  test("within a token: it is cut before the stop string, or left out", () => {
    expect(through([" one", ". Two"], ". ")).toEqual([[" one"], []]);
    expect(through([" one", "x. Two"], ". ")).toEqual([[" one"], ["x"]]);
    expect(through(["a.", ". b"], "..")).toEqual([[], ["a"]]);
    expect(through(["a.", "b"], "..")).toEqual([[], ["a.", "b"]]);
  });

  test("of several, the one that is complete first; of those at once, the one that begins first", () => {
    expect(through(["a", "b", "c"], ["abc", "b"])).toEqual([[], ["a"]]);
    expect(through(["xabc"], ["c", "bc", "abcd"])).toEqual([["xa"]]);
  });

  test("property: what comes out is the text before the first complete stop string", () => {
    const word = (maxLength: number) => fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength });
    fc.assert(
      fc.property(fc.array(word(3)), fc.array(word(4), { maxLength: 3 }), (pieces, stops) => {
        let [text, wanted] = ["", undefined as string | undefined];
        for (const piece of pieces) {
          text += piece;
          const at = findStop(text, stops);
          if (at !== undefined && wanted === undefined) wanted = text.slice(0, at);
        }
        const steps = through(pieces, stops);
        expect(steps.flat().join("")).toBe(wanted ?? text);
        // Nothing waits without need.
        let out = 0;
        steps.slice(0, -1).forEach((step, k) => {
          out += step.length;
          const held = pieces.slice(out, k + 1).join("");
          const starts = [...held].map((_, from) => held.slice(from)).filter((end) => end.length > 0);
          if (held !== "") expect(starts.some((end) => stops.some((stop) => stop.startsWith(end)))).toBe(true);
        });
      }),
      { numRuns: cases(700) },
    );
  });

  test("generate ends before them, with characters and with words", async () => {
    const options = { length: 300, seed: 2, temperature: 2 };
    const text = (await written(lm, options)).join("");
    const stop = text.slice(100, 102);
    const before = text.slice(0, text.indexOf(stop));
    expect(before.length).toBeGreaterThan(0);
    expect((await written(lm, { ...options, stop })).join("")).toBe(before);
    expect((await written(lm, { ...options, stop: ["never there", stop] })).join("")).toBe(before);
    expect((await tokensOf(lm, { ...options, stop })).map((one) => one.text).join("")).toBe(before);
    expect((await written(lm, { ...options, stop: "never there" })).join("")).toBe(text);
    expect((await written(lm, { ...options, stop: [] })).join("")).toBe(text);
    const words = languageModel("the cat sat on the mat. ".repeat(9), { ...tiny, tokens: "word", seed: 2 });
    const all = (await written(words, options)).join("");
    const within = all.indexOf("at");
    const pieces = await written(words, { ...options, stop: "at" });
    expect(pieces.join("")).toBe(all.slice(0, within));
    expect(pieces.every((piece) => piece !== "")).toBe(true);
  });

  test("the end of the prompt is not part of one", async () => {
    const [first] = await written(lm, { prompt: "hello", length: 5, temperature: 0 });
    const pieces = await written(lm, { prompt: "hello", length: 5, temperature: 0, stop: `o${first}` });
    expect(pieces.length).toBeGreaterThan(0);
  });
});

describe("unknownCharacters", () => {
  test("each once, in the order of the text; none of them where all are known", () => {
    expect(unknownCharacters(lm, "☃hello ☃🦤 z")).toEqual(["☃", "🦤", "z"]);
    expect(unknownCharacters(lm, "hello world")).toEqual([]);
    expect(unknownCharacters(lm, "")).toEqual([]);
    expect(unknownCharacters(lm, "h\uFFFD")).toEqual(["\uFFFD"]);
  });

  test("of words, their characters", () => {
    const words = languageModel("the cat sat on the mat. ".repeat(3), { ...tiny, tokens: "word" });
    expect(unknownCharacters(words, "the zebra sat. Nö")).toEqual(["z", "b", "r", "N", "ö"]);
    expect(decode(words.tokenizer, encode(words.tokenizer, "the cats"))).toBe("the cats");
    expect(unknownCharacters(words, "the cats")).toEqual([]);
  });
});

describe("byte pairs", () => {
  // Its bytes are all equally likely at first: most of what it writes is no character.
  const byBytes = languageModel("größe größe naïve 鯨鯨鯨鯨", { ...tiny, tokens: "bpe", seed: 4 });
  const options = { prompt: encode(byBytes.tokenizer, "grö"), length: 200, seed: 6, temperature: 2 };

  test("the pieces are the text of the tokens, with U+FFFD for what is no character, at the end too", async () => {
    for (const length of [1, 2, 3, 50, 200]) {
      const found = await tokensOf(byBytes, { ...options, length, logProbabilities: 1e9 });
      expect(found).toHaveLength(length);
      const text = found.map((one) => one.text).join("");
      expect(text).toBe(
        decode(
          byBytes.tokenizer,
          found.map(({ token }) => token),
        ),
      );
      expect((await written(byBytes, { ...options, length })).join("")).toBe(text);
      // Byte 0 is a token like any other.
      expect(found[0]?.alternatives).toHaveLength(vocabularySize(byBytes.tokenizer));
    }
    expect(unknownCharacters(byBytes, "Ωx\0")).toEqual([]);
  });

  test("a stop string of many bytes ends the text before it", async () => {
    const lm = languageModel("鯨", { ...tiny, tokens: "bpe", seed: 4 });
    const whale = encode(lm.tokenizer, "鯨");
    // After each byte of the character the next one, after the last one the first: nothing else is written.
    const { values } = lm.model;
    for (const name of Object.keys(values)) values[name]?.fill(0);
    const bias = values["dense.b"] as Float32Array;
    for (const id of whale) bias[id] = 60;
    const all = (await written(lm, { length: 300, seed: 3 })).join("");
    const at = all.indexOf("鯨");
    expect(at).toBeGreaterThan(0);
    expect((await written(lm, { length: 300, seed: 3, stop: "鯨" })).join("")).toBe(all.slice(0, at));
  });
});
