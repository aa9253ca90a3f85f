/** Prompts that end within a token: what is written first may stand for their last tokens. */
import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/nn/random.ts";
import { beamSearch } from "../../src/tasks/beam-search.ts";
import { createDescriber, type GenerateTokensOptions, generateMany, generateTokens } from "../../src/tasks/generate.ts";
import { createGenerationEngine, createSequence } from "../../src/tasks/generation-engine.ts";
import { openFrom } from "../../src/tasks/healing.ts";
import {
  type GeneratedToken,
  type LanguageModel,
  languageModel,
  trainLanguageModel,
} from "../../src/tasks/language-model.ts";
import { decode, encode, endOfText, hasUnknown, tokenName, vocabularySize } from "../../src/text/tokenizer.ts";
import { adam } from "../../src/train/optimizers.ts";
import { collect, lively, reference, textOf } from "../helpers/models.ts";

const small = { units: 6, embedding: 4, seed: 3 };

type Way = { readonly token: number; readonly replaces: number; readonly text: string; readonly nats: number };

/** Everything that the text of a prompt can go on with, slow and obvious, in nats relative to all of it. */
function waysOf(lm: LanguageModel, prompt: string): Way[] {
  const { tokenizer } = lm;
  const ids = encode(tokenizer, prompt);
  const all = Array.from({ length: vocabularySize(tokenizer) }, (_, id) => id).filter(
    (id) => id !== endOfText(tokenizer),
  );
  const after = reference(lm.model, ids);
  const before = reference(lm.model, encode(tokenizer, "\n"))[0] as Float64Array;
  const foretold = (place: number, token: number): number =>
    ((place === 0 ? before : after[place - 1]) as Float64Array)[token] as number;
  const spelled = (from: number, token?: number): string =>
    decode(tokenizer, [...ids.subarray(from), ...(token === undefined ? [] : [token])]);
  const longer = Array.from(ids.keys()).flatMap((place) => {
    const end = spelled(place);
    if (hasUnknown(tokenizer) && ids.subarray(place).includes(0)) return [];
    return all
      .map((token) => ({ token, place, own: decode(tokenizer, [token]) }))
      .filter(
        ({ token, own }) => own.startsWith(end) && own.length > end.length && !(token === 0 && hasUnknown(tokenizer)),
      )
      .map((one) => ({ ...one, text: one.own.slice(end.length) }));
  });
  const first = Math.min(ids.length, ...longer.map(({ place }) => place));
  const joint = (place: number, token: number): number => {
    let nats = foretold(place, token);
    for (let k = first; k < place; k++) nats += foretold(k, ids[k] as number);
    return nats;
  };
  const following = all.map((token) => ({ token, place: ids.length, text: decode(tokenizer, [token]) }));
  const found = [...longer, ...following].map(({ token, place, text }) => {
    return { token, replaces: ids.length - place, text, nats: joint(place, token) };
  });
  const total = Math.log(found.reduce((sum, { nats }) => sum + Math.exp(nats), 0));
  return found.map((way) => ({ ...way, nats: way.nats - total }));
}

const tokensOf = (lm: LanguageModel, options: GenerateTokensOptions) => collect(generateTokens(lm, options));

const sea = "the cat sat on the mat. a dog sat on the log. the whales swam\nCall whatever the man wants.\n".repeat(4);
const words = lively(sea, { ...small, tokens: "word" });
const pairs = lively(sea, { ...small, tokens: "bpe", maxVocabulary: 300 });
const chars = lively(sea, small);

describe("a trained model of words", async () => {
  const text = "the cat sat on the mat.\na dog lay by a log.\nsome whales swam in the sea.\n".repeat(50);
  const lm = languageModel(text, { units: 16, embedding: 8, tokens: "word", seed: 2 });
  await trainLanguageModel(lm, text, { batch: 4, steps: 12, epochs: 14, optimizer: adam({ learningRate: 0.03 }) });

  test("goes on after a blank with a word that it knows", async () => {
    for (const prompt of ["the cat sat on the ", "some whales swam in the ", "a dog "]) {
      const found = await textOf(lm, { prompt, length: 4, temperature: 0 });
      const whole = await textOf(lm, { prompt: prompt.trimEnd(), length: 4, temperature: 0 });
      expect(whole).toMatch(/^ (mat|sea|lay)/);
      expect(` ${found}`).toBe(whole);
    }
  });

  test("ends a word that is begun", async () => {
    const on = (prompt: string) => textOf(lm, { prompt, length: 1, temperature: 0 });
    expect(await on("some wha")).toBe("les");
    expect(await on("some w")).toBe("hales");
    expect(await on("a dog lay by a l")).toBe("og");
    // It stands for the "s", "o", "m" before it, and nothing stands before those.
    expect(await on("som")).toBe("e");
    expect((await tokensOf(lm, { prompt: "som", length: 1, temperature: 0 }))[0]).toMatchObject({ replaces: 3 });
  });

  test("goes on with another word where the last one is whole", async () => {
    expect(await textOf(lm, { prompt: "the cat sat on the", length: 2, temperature: 0 })).toBe(" mat.");
  });

  test("a prompt of ids is read as it is", async () => {
    const ids = encode(lm.tokenizer, "some wha");
    const [first] = await tokensOf(lm, { prompt: ids, length: 1, temperature: 0 });
    const after = reference(lm.model, ids).at(-1) as Float64Array;
    expect(first?.replaces).toBeUndefined();
    expect(first?.logProbability).toBeCloseTo(Math.max(...after), 4);
  });
});

describe.each([
  [
    "words",
    words,
    ["of the ", "the wha", "a dog sat on the l", "w", " ", "Call w", "☃wh", "the ☃", "th", "mat.", "x the"],
  ],
  ["byte pairs", pairs, ["the ", "the wha", "on th", "w", "a do", " ", "éw", "the man.", "the whales s"]],
] as const)("%s: what is written first", (_, lm, prompts) => {
  test.each(prompts)(
    "after %j has the model's own probabilities, relative to all that its text can go on with",
    async (prompt) => {
      const ways = waysOf(lm, prompt).filter(({ token }) => token !== 0 || !hasUnknown(lm.tokenizer));
      const [token] = await tokensOf(lm, { prompt, length: 1, logProbabilities: 1e9, seed: 1 });
      const found = (token as GeneratedToken).alternatives;
      expect(found).toHaveLength(ways.length);
      for (const { token, replaces, text, nats } of ways) {
        const one = found.find((one) => one.token === token && (one.replaces ?? 0) === replaces);
        expect(one?.logProbability, `${token} for ${replaces}`).toBeCloseTo(nats, 3);
        expect(one?.name).toBe(text.includes("\uFFFD") ? tokenName(lm.tokenizer, token) : text);
      }
      // Its text may be that of half a character where it is the last.
      const { alternatives: _all, text: _text, ...first } = token as GeneratedToken;
      expect(found).toContainEqual(expect.objectContaining(first));
    },
  );

  test("each as often as it is likely", async () => {
    const prompt = prompts[1];
    const many = 4000;
    const counts = new Map<string, number>();
    const texts = Array.from({ length: many }, () => prompt);
    for await (const { token, replaces = 0 } of generateMany(lm, texts, { length: 1, temperature: 1, seed: 5 })) {
      counts.set(`${token} ${replaces}`, (counts.get(`${token} ${replaces}`) ?? 0) + 1);
    }
    // The unknown character is never written.
    const ways = waysOf(lm, prompt).filter(({ token }) => token !== 0 || !hasUnknown(lm.tokenizer));
    const total = ways.reduce((sum, { nats }) => sum + Math.exp(nats), 0);
    for (const { token, replaces, nats } of ways) {
      const probability = Math.exp(nats) / total;
      const share = (counts.get(`${token} ${replaces}`) ?? 0) / many;
      const error = Math.sqrt((probability * (1 - probability)) / many);
      expect(Math.abs(share - probability), `${token} ${replaces}`).toBeLessThan(5 * error + 1 / many);
    }
  });

  test("and all that follows is what a prompt of those ids goes on with", async () => {
    for (const prompt of prompts) {
      const ids = encode(lm.tokenizer, prompt);
      for (let seed = 0; seed < 4; seed++) {
        const found = await tokensOf(lm, { prompt, length: 6, seed, temperature: 1.2 });
        const tokens = found.map(({ token }) => token);
        const all = Int32Array.of(...ids.subarray(0, ids.length - (found[0]?.replaces ?? 0)), ...tokens);
        expect(decode(lm.tokenizer, all)).toBe(decode(lm.tokenizer, ids) + found.map(({ text }) => text).join(""));
        const rows = reference(lm.model, all);
        found.slice(1).forEach(({ token, logProbability }, k) => {
          const row = rows[all.length - found.length + k] as Float64Array;
          expect(logProbability).toBeCloseTo(row[token] as number, 3);
        });
      }
    }
  });

  test("many side by side are to the bit what each is alone, penalties and filters included", async () => {
    const sampling = { temperature: 0.9, topP: 0.9, minP: 0.01, repetitionPenalty: 1.3, frequencyPenalty: 0.5 };
    const options = { ...sampling, length: 9, logProbabilities: 3, stop: "at" };
    for (const batch of [1, 3, 32]) {
      const found: GeneratedToken[][] = prompts.map(() => []);
      for await (const { prompt, ...token } of generateMany(lm, prompts, { ...options, batch, seed: 7 })) {
        found[prompt]?.push(token);
      }
      for (const [k, prompt] of prompts.entries()) {
        expect(found[k]).toEqual(await tokensOf(lm, { ...options, prompt, seed: 7 + k }));
      }
    }
  });

  test("beam search finds the likeliest of all ways, each with what the model says", async () => {
    for (const prompt of prompts) {
      const ways = waysOf(lm, prompt).filter(({ token }) => token !== 0 || !hasUnknown(lm.tokenizer));
      const best = await beamSearch(lm, { prompt, length: 1, beams: 12 });
      const sorted = ways.sort((a, b) => b.nats - a.nats).slice(0, 12);
      best.forEach(({ logProbability }, k) => {
        expect(logProbability).toBeCloseTo(sorted[k]?.nats as number, 3);
      });
      // Two tokens further: the sum of what the model says of each.
      const [first] = await beamSearch(lm, { prompt, length: 3, beams: 12 });
      const ids = encode(lm.tokenizer, prompt);
      const { tokens, replaces = 0, logProbability } = first as NonNullable<typeof first>;
      const all = Int32Array.of(...ids.subarray(0, ids.length - replaces), ...tokens);
      const rows = reference(lm.model, all);
      const start = ways.find((way) => way.token === tokens[0] && way.replaces === replaces)?.nats as number;
      const rest = tokens.slice(1).map((token, k) => rows[all.length - tokens.length + k]?.[token] as number);
      expect(logProbability).toBeCloseTo(
        rest.reduce((sum, nats) => sum + nats, start),
        3,
      );
    }
  });
});

test("one beam writes what is written at temperature 0", async () => {
  for (const prompt of ["of the ", "the wha", "w", "Call w"]) {
    for (const lm of [words, pairs]) {
      const [one] = await beamSearch(lm, { prompt, length: 8, beams: 1 });
      expect(one?.text).toBe(await textOf(lm, { prompt, length: 8, temperature: 0 }));
    }
  }
});

test("characters have nothing to heal", async () => {
  const prompt = "the wha";
  const options = { length: 20, seed: 3, logProbabilities: 2 };
  expect(await tokensOf(chars, { ...options, prompt })).toEqual(
    await tokensOf(chars, { ...options, prompt: encode(chars.tokenizer, prompt) }),
  );
});

test("only what is written ends a text, not the end of the prompt", async () => {
  const [first] = await tokensOf(words, { prompt: "the wha", length: 1, temperature: 0, stop: "wha" });
  expect(first?.text).not.toBe("");
  expect(first?.replaces).toBeGreaterThan(0);
});

describe("byte pairs that cut characters", () => {
  // The last two bytes of "€" are a token, and so are they with the first one of the next "€".
  const tokenizer = {
    kind: "bpe",
    merges: [
      [0x82, 0xac],
      [256, 0xe2],
    ],
  } as const;
  const lm: LanguageModel = { ...lively("a cat, a cat", { ...small, tokens: "bpe", maxVocabulary: 258 }), tokenizer };
  const bias = lm.model.values["dense.b"] as Float32Array;

  test("a token that begins within the prompt's last character and ends within the next shows as that one is whole", async () => {
    expect(lm.model.outputSize).toBe(258);
    expect([...encode(tokenizer, "a€")]).toEqual([0x61, 0xe2, 256]);
    bias.fill(0);
    bias[257] = 40;
    const [half] = await tokensOf(lm, { prompt: "a€", length: 1, temperature: 0, logProbabilities: 1 });
    // At the end of a text there is no more to come.
    expect(half).toMatchObject({ token: 257, replaces: 1, text: "\uFFFD", name: "bytes:\\xe2" });
    expect(half?.alternatives[0]).toMatchObject({ token: 257, replaces: 1, text: "", name: "bytes:\\xe2" });
    bias[256] = 39;
    bias[257] = 0;
    const ids = Int32Array.of(0x61, 0xe2, 257);
    const [rest] = await tokensOf(lm, { prompt: ids, length: 1, temperature: 0 });
    // A prompt of ids that ends within a character.
    expect(rest).toMatchObject({ token: 256, text: "€", name: "bytes:\\x82\\xac" });
  });

  test("what may still change begins at a character", () => {
    expect(openFrom(tokenizer, encode(tokenizer, "a€"))).toBe(1);
    expect(openFrom(tokenizer, encode(tokenizer, "€a"))).toBe(3);
    expect(openFrom(words.tokenizer, encode(words.tokenizer, "of the "))).toBe(
      encode(words.tokenizer, "of the ").length - 1,
    );
  });
});

test("texts that join, leave and join again while their prompts are read are what they are alone", async () => {
  const random = createRandom(11);
  for (const lm of [words, pairs]) {
    const engine = await createGenerationEngine<GeneratedToken>(lm, [1, 2, 5]);
    const prompts = ["the wha", "of the ", "w", "th", " a dog sat on the l", "Call w", "x the", ""];
    const common = { length: 6, temperature: 1.1 };
    const describe = createDescriber(lm.tokenizer, 2);
    const texts = prompts.map((prompt, seed) =>
      createSequence<GeneratedToken>(lm, { ...common, prompt, seed, describe }),
    );
    const [outside, inside] = [[...texts], [] as typeof texts];
    const found = new Map(texts.map((text) => [text, [] as GeneratedToken[]]));
    while (outside.length + inside.length > 0) {
      while (engine.count < engine.size && outside.length > 0 && random.uniform() < 0.7) {
        const [text] = outside.splice(random.integer(outside.length), 1) as typeof texts;
        engine.admit(text as (typeof texts)[0]);
        inside.push(text as (typeof texts)[0]);
      }
      if (inside.length > 0 && random.uniform() < 0.4) {
        const [text] = inside.splice(random.integer(inside.length), 1) as typeof texts;
        engine.evict(text as (typeof texts)[0]);
        outside.push(text as (typeof texts)[0]);
      }
      for (const { text, pieces, ended } of engine.step()) {
        found.get(text)?.push(...pieces);
        if (ended !== undefined) inside.splice(inside.indexOf(text), 1);
      }
    }
    for (const [seed, text] of texts.entries()) {
      const prompt = prompts[seed] as string;
      expect(found.get(text)).toEqual(await tokensOf(lm, { ...common, prompt, seed, logProbabilities: 2 }));
    }
  }
});
