/** Texts that come, go and come back between steps: each is what it is alone. */
import { describe, expect, test } from "vitest";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createSession } from "../../src/nn/session.ts";
import { createDescriber, type GeneratedToken, generateTokens } from "../../src/tasks/generate.ts";
import { createGenerationEngine, createSequence, type Sequence } from "../../src/tasks/generation-engine.ts";
import { type LanguageModel, languageModel } from "../../src/tasks/language-model.ts";
import { createSlots } from "../../src/tasks/slots.ts";
import { collect } from "../helpers/models.ts";

const book = "the cat sat on the mat. a dog ran here.\n".repeat(8);
const lm = languageModel(book, { units: 7, embedding: 5, seed: 4 });

type Piece = { readonly text: string; readonly token?: number; readonly logProbability?: number };

const textOf = (prompt: string, seed: number, length: number): Sequence<Piece> =>
  createSequence<Piece>(lm, { prompt, seed, length, describe: createDescriber(lm.tokenizer, 0) });

const alone = (prompt: string, seed: number, length: number): Promise<GeneratedToken[]> =>
  collect(generateTokens(lm, { prompt, seed, length }));

test("texts that join, leave and join again in programs of 1, 2 and 5 slots are what they are alone", async () => {
  const seed = Date.now() % 1e6;
  const random = createRandom(seed);
  const engine = await createGenerationEngine<Piece>(lm, [1, 2, 5]);
  const all = Array.from({ length: 12 }, (_, k) => ({
    prompt: book.slice(k, k + random.integer(12)),
    length: 1 + random.integer(20),
    seed: k,
  }));
  const texts = all.map(({ prompt, seed, length }) => textOf(prompt, seed, length));
  const [outside, inside] = [[...texts], [] as Sequence<Piece>[]];
  const found = new Map<Sequence<Piece>, Piece[]>(texts.map((text) => [text, []]));
  while (outside.length + inside.length > 0) {
    while (engine.count < engine.size && outside.length > 0 && random.uniform() < 0.7) {
      const [text] = outside.splice(random.integer(outside.length), 1) as [Sequence<Piece>];
      engine.admit(text);
      inside.push(text);
    }
    if (inside.length > 0 && random.uniform() < 0.3) {
      const [text] = inside.splice(random.integer(inside.length), 1) as [Sequence<Piece>];
      engine.evict(text);
      outside.push(text);
    }
    expect(engine.count).toBe(inside.length);
    for (const { text, pieces, ended } of engine.step()) {
      found.get(text)?.push(...pieces);
      if (ended !== undefined) inside.splice(inside.indexOf(text), 1);
    }
  }
  for (const [k, text] of texts.entries()) {
    const { prompt, seed: own, length } = all[k] as (typeof all)[number];
    expect(found.get(text), `text ${k} of seed ${seed}`).toEqual(await alone(prompt, own, length));
  }
});

test("a text goes on from what an earlier one remembers, its last token first", async () => {
  const engine = await createGenerationEngine<Piece>(lm, [1]);
  const first = textOf("the cat", 1, 9);
  engine.admit(first);
  const written: Piece[] = [];
  while (engine.count > 0) for (const { pieces } of engine.step()) written.push(...pieces);
  const options = { length: 6, temperature: 0, seed: 0, describe: (text: string) => ({ text }) };
  const second = createSequence<Piece>(lm, { ...options, prompt: Int32Array.of(first.latest), state: first.state });
  engine.admit(second);
  let text = "";
  while (engine.count > 0) for (const { pieces } of engine.step()) for (const piece of pieces) text += piece.text;
  let whole = "";
  const prompt = `the cat${written.map((piece) => piece.text).join("")}`;
  for await (const piece of generateTokens(lm, { prompt, length: 6, temperature: 0 })) whole += piece.text;
  expect(text).toBe(whole);
});

test("a text of no length only reads; one with nothing to read ends at once and remembers what it began with", async () => {
  const engine = await createGenerationEngine<Piece>(lm, [2]);
  const reads = textOf("abc", 0, 0);
  const state = Float32Array.from({ length: 14 }, (_, k) => k / 10);
  const options = { prompt: "", length: 0, seed: 0, describe: (text: string) => ({ text }) };
  const nothing = createSequence<Piece>(lm, { ...options, state });
  engine.admit(reads);
  engine.admit(nothing);
  expect(engine.step()).toMatchObject([{ text: nothing, pieces: [], ended: "length" }, { text: reads }]);
  expect(nothing.state).toEqual(state);
  while (engine.count > 0) engine.step();
  expect([reads.read, reads.written]).toEqual([3, 0]);
  const session = await createSession(lm.model);
  for (const token of reads.toRead) session.next(token);
  expect(engine.named(reads.state)).toEqual(session.state());
});

test("a text whose logits are no numbers ends with the fault; the others go on", async () => {
  const broken: LanguageModel = languageModel(book, { cell: "simple-rnn", units: 3, embedding: 2, seed: 1 });
  // The letter that stands first in the vocabulary makes it break.
  broken.model.values[broken.model.parameters[0]?.name as string]?.fill(Number.NaN, 2, 4);
  const engine = await createGenerationEngine<Piece>(broken, [2]);
  const make = (token: number) =>
    createSequence<Piece>(broken, {
      ...{ prompt: Int32Array.of(token), length: 1, seed: 0, describe: (text: string) => ({ text }) },
    });
  const [bad, good] = [make(1), make(2)];
  engine.admit(bad);
  engine.admit(good);
  const [first, second] = engine.step();
  expect(String(first?.ended)).toMatch(/logits: logit \d+ is NaN/);
  expect(second).toMatchObject({ text: good, ended: "length" });
  expect(second?.pieces).toHaveLength(1);
});

describe("states that training learned start a slot", () => {
  const model = sequential([embedding(5, 4), lstm(3, { returnSequences: true, initialState: "learned" }), dense(5)]);
  for (const state of ["h", "c"]) model.values[`lstm.initial_${state}`]?.set([0.5, -0.25, 0.125]);

  test("and only that: the steps after go on from the step before, as a session's", async () => {
    const slots = await createSlots({ model }, 2);
    const session = await createSession(model);
    for (const token of [1, 4, 2, 2]) {
      slots.tokens[1] = token;
      slots.step();
      expect(slots.logits[1]).toEqual(session.next(token));
    }
    slots.restore(1);
    session.reset();
    slots.tokens[1] = 3;
    slots.step();
    expect(slots.logits[1]).toEqual(session.next(3));
  });
});
