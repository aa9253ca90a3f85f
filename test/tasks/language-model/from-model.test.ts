/** Language models of models that other programs trained. */
import { describe, expect, test } from "vitest";
import { cell } from "../../../src/graph/cell.ts";
import { bidirectional, dense, dropout, embedding, gru, input, lstm, recurrent } from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { createSession } from "../../../src/nn/session.ts";
import { beamSearch } from "../../../src/tasks/beam-search.ts";
import { generate, generateMany, generateTokens, unknownCharacters } from "../../../src/tasks/generate.ts";
import { inspectText } from "../../../src/tasks/inspect-text.ts";
import {
  evaluateLanguageModel,
  type LanguageModel,
  languageModelFrom,
  readLanguageModel,
  trainLanguageModel,
  writeLanguageModel,
} from "../../../src/tasks/language-model.ts";
import { readVocabulary } from "../../../src/tasks/vocabulary.ts";
import { Tokenizer } from "../../../src/text/keras-tokenizer.ts";
import { decode, encode, vocabularySize } from "../../../src/text/tokenizer.ts";
import { createPredictor } from "../../../src/train/predict.ts";
import { collect, expectClose, redraw } from "../../helpers/models.ts";

const seed = 11;
const drawn = (model: Model): Model => redraw(model, createRandom(seed), 0.8);
/** Vectors in, probabilities out, at every step. */
const oneHot = () =>
  drawn(sequential([lstm(6, { returnSequences: true }), dense(4, { activation: "softmax" })], { input: 4 }));
const tokens = (vocabulary = 4) =>
  drawn(sequential([embedding(vocabulary, 3), gru(6, { returnSequences: true }), dropout(0.2), dense(vocabulary)]));
/** One output for a sequence, in layers as Keras 1 has them. */
const lastOnly = (vocabulary = 4) =>
  drawn(
    sequential([
      embedding(vocabulary, 3),
      lstm(6),
      dense(vocabulary),
      recurrent(cell("y = softmax(x)"), { label: "activation" }),
    ]),
  );

/** The probabilities that a language model gives after a text, by its tokens' texts. */
async function nextOf(lm: LanguageModel, text: string): Promise<Record<string, number>> {
  const [found] = await collect(
    generateTokens(lm, { prompt: text, length: 1, seed: 1, logProbabilities: vocabularySize(lm.tokenizer) }),
  );
  return Object.fromEntries(found!.alternatives.map(({ name, logProbability }) => [name, Math.exp(logProbability)]));
}

/** Those that the model itself gives. */
async function direct(model: Model, ids: readonly number[]): Promise<Float32Array> {
  const vectors = ids.flatMap((id) => Array.from({ length: model.outputSize }, (_, j) => Number(j === id)));
  const predictor = await createPredictor(model, { batch: 1, steps: ids.length });
  const all = await predictor.predict(model.input === "tokens" ? Int32Array.from(ids) : Float32Array.from(vectors));
  predictor.dispose();
  return all.slice(-model.outputSize);
}

describe("a model of every step", () => {
  test("of one-hot vectors with a softmax: the same probabilities, by token", async () => {
    const model = oneHot();
    const lm = languageModelFrom(model, { vocabulary: ["b", "a", "\n", "c"] });
    expect(lm.tokenizer).toEqual({ kind: "char", vocabulary: ["\uFFFD", "b", "a", "\n", "c"], lower: true });
    const wanted = await direct(model, [1, 0, 3, 3]);
    const found = await nextOf(lm, "AbCc");
    expect(unknownCharacters(lm, "AbD")).toEqual(["d"]);
    expectClose(
      ["b", "a", "\n", "c"].map((name) => found[name]!),
      wanted,
      { within: 1e-6 },
    );
    expect(found).not.toHaveProperty("\uFFFD");
  });

  test("of tokens with a padding, an unknown token and an end: they are ours", async () => {
    const model = tokens(6);
    const lm = languageModelFrom(model, { vocabulary: ["<pad>", "<unk>", "</s>", "a", "b", "c"] });
    expect(lm.tokenizer).toEqual({ kind: "char", vocabulary: ["\uFFFD", "a", "b", "c"], endOfText: true, lower: true });
    // "?" is read as the model's own unknown token, 1.
    const wanted = Float64Array.from(await direct(model, [3, 1, 5]), Math.exp);
    const found = await nextOf(lm, "a?c");
    expect(found.b! / found.a!).toBeCloseTo(wanted[4]! / wanted[3]!, 4);
    expect(found["<|endoftext|>"]! / found.a!).toBeCloseTo(wanted[2]! / wanted[3]!, 4);
  });

  test.each([
    ["log-probabilities of a dense layer", ["z = W @ x + b", "y = z - max(z) - log(sum(exp(z - max(z))))"], undefined],
    [
      "log-probabilities in three lines",
      ["s = W @ x", " d = s - max(s)  # not too large", " y = d - log(sum(exp(d)))"],
      undefined,
    ],
    ["a dense layer without a bias", ["y = W @ x"], undefined],
    ["log-probabilities by a layer of their own", ["y = W @ x + b"], "y = log(softmax(x))"],
  ])("%s: the same probabilities", async (_, lines, after) => {
    const model = drawn(
      sequential([
        embedding(4, 3),
        gru(6, { returnSequences: true }),
        recurrent(cell(lines.join("\n")), { units: 4, label: "head" }),
        ...(after === undefined ? [] : [recurrent(cell(after), { label: "activation" })]),
      ]),
    );
    const numbers = Float64Array.from(await direct(model, [2, 0, 1]), Math.exp);
    const sum = numbers.reduce((a, b) => a + b, 0);
    const found = await nextOf(languageModelFrom(model, { vocabulary: [..."abcd"] }), "cab");
    expectClose(
      [..."abcd"].map((name) => found[name]!),
      numbers.map((one) => one / sum),
      { within: 1e-6 },
    );
  });

  test("an input layer is the embedding; another name stays", () => {
    const model = drawn(
      sequential([input(3, { name: "text" }), lstm(4, { returnSequences: true, name: "memory" }), dense(3)]),
    );
    const lm = languageModelFrom(model, { vocabulary: ["a", "b", "c"] });
    expect(lm.model.layers.map(({ name, kind }) => [name, kind])).toEqual([
      ["text", "embedding"],
      ["memory", "cell"],
      ["dense", "cell"],
    ]);
  });

  test("a table that reads and predicts tokens stays one", async () => {
    const model = drawn(
      sequential([embedding(4, 5), gru(5, { returnSequences: true }), dense(4, { tied: "embedding" })]),
    );
    const lm = languageModelFrom(model, { vocabulary: ["a", "b", "c", "d"] });
    const logits = Float64Array.from(await direct(model, [0, 2]), Math.exp);
    const sum = logits.reduce((a, b) => a + b, 0);
    const found = await nextOf(lm, "ac");
    expectClose(
      ["a", "b", "c", "d"].map((name) => found[name]!),
      logits.map((one) => one / sum),
      { within: 1e-6 },
    );
    expect(lm.model.parameters.map(({ name }) => name)).not.toContain("dense.W");
  });

  test("its file, training further, and generation", async () => {
    const lm = languageModelFrom(tokens(), { vocabulary: ["a", "b", "c", "\n"] });
    const again = readLanguageModel(writeLanguageModel(lm));
    expect(again.model.values).toEqual(lm.model.values);
    const options = { prompt: "ab", length: 20, seed: 3 } as const;
    const text = (await collect(generate(lm, options))).join("");
    expect((await collect(generate(again, options))).join("")).toBe(text);
    const before = await evaluateLanguageModel(again, "abcabcabcabcabcabc\n");
    await trainLanguageModel(again, "abc".repeat(40), {
      batch: 2,
      steps: 5,
      epochs: 3,
      validationSplit: 0,
      threads: 1,
    });
    expect((await evaluateLanguageModel(again, "abcabcabcabcabcabc\n")).loss).toBeLessThan(before.loss);
  });
});

describe("a model of windows", () => {
  const vocabulary = [null, "a", "b", "c"];
  const make = (window = 3): LanguageModel => languageModelFrom(lastOnly(), { vocabulary, window });
  /** The same in plain steps: the last tokens, padded in front. */
  async function wanted(ids: readonly number[], window: number): Promise<Float32Array> {
    const read = [...Array.from({ length: window }, () => 0), ...ids].slice(-window);
    return direct(lastOnly(), read);
  }

  test.each([
    ["a shorter text is padded in front", "ab"],
    ["of a longer one the last tokens count", "abcabca"],
  ])("%s", async (_, text) => {
    const found = await nextOf(make(), text);
    const all = await wanted([...encode(make().tokenizer, text)], 3);
    const sum = all[1]! + all[2]! + all[3]! + all[0]!;
    expectClose(
      ["a", "b", "c"].map((name) => found[name]!),
      [1, 2, 3].map((k) => all[k]! / sum),
      { within: 1e-6 },
    );
  });

  test("many texts at once are those that each gives alone; a beam of one is the likeliest", async () => {
    const lm = make();
    const prompts = ["a", "cba", "bbbb", ""];
    const alone = await Promise.all(
      prompts.map(async (prompt, k) => (await collect(generate(lm, { prompt, length: 12, seed: 5 + k }))).join("")),
    );
    const together = prompts.map(() => "");
    for await (const { prompt, text } of generateMany(lm, prompts, { length: 12, seed: 5, batch: 2 })) {
      together[prompt] += text;
    }
    expect(together).toEqual(alone);
    const greedy = (await collect(generate(lm, { prompt: "ab", length: 8, temperature: 0 }))).join("");
    expect((await beamSearch(lm, { prompt: "ab", length: 8, beams: 1 }))[0]?.text).toBe(greedy);
    // With several, each beam has a window of its own.
    const [best] = await beamSearch(lm, { prompt: "ab", length: 6, beams: 4 });
    let nats = 0;
    let read = [...encode(lm.tokenizer, "ab")];
    for (const id of encode(lm.tokenizer, best!.text)) {
      const all = await wanted(read, 3);
      nats += Math.log(all[id]! / all.reduce((a, b) => a + b, 0));
      read = [...read, id];
    }
    expect(best!.logProbability).toBeCloseTo(nats, 4);
  });

  test("the loss of a text is that of each token after its window, however long the text is", async () => {
    const lm = make();
    const random = createRandom(seed);
    const ids = Array.from({ length: 90 }, () => 1 + random.integer(3));
    let nats = 0;
    for (let k = 1; k < ids.length; k++) {
      const all = await wanted(ids.slice(0, k), 3);
      nats -= Math.log(all[ids[k]!]! / all.reduce((a, b) => a + b, 0));
    }
    const { loss } = await evaluateLanguageModel(lm, decode(lm.tokenizer, ids));
    expect(loss).toBeCloseTo(nats / (ids.length - 1), 5);
  });

  test("inspecting shows each token's own window", async () => {
    const lm = make();
    const ids = encode(lm.tokenizer, "abcba");
    const steps = await collect(inspectText(lm, ids, "m", { values: ["lstm.h"] }));
    const { model } = lm;
    const session = await createSession(model);
    for (const id of ids.subarray(2)) session.next(id);
    expectClose(steps[4]!.values["lstm.h"]!, session.state()["lstm.h"]!, { within: 1e-9 });
    session.dispose();
    const all = await wanted([...ids.subarray(0, 4)], 3);
    expect(steps[4]!.loss).toBeCloseTo(-Math.log(all[ids[4]!]! / all.reduce((a, b) => a + b, 0)), 4);
  });

  test("its file has the window", () => {
    const again = readLanguageModel(writeLanguageModel(make(7)));
    expect(again.window).toBe(7);
  });

  test("it may read backwards: each window is there as a whole", async () => {
    const model = drawn(sequential([embedding(4, 3), bidirectional(lstm(4)), dense(4)]));
    const lm = languageModelFrom(model, { vocabulary, window: 4 });
    expect(await collect(generate(lm, { prompt: "abc", length: 5, seed: 1 }))).toHaveLength(5);
  });
});

describe("a model of words", () => {
  const keras = new Tokenizer({ oovToken: "<OOV>" });
  keras.fitOnTexts(["The cat sat.", "The mat"]);

  test("with Keras's tokenizer: the same probabilities, by word", async () => {
    const model = lastOnly(8);
    const lm = languageModelFrom(model, { vocabulary: readVocabulary(keras.toJson()), window: 4 });
    const [ids] = keras.textsToSequences(["The zebra sat!"]);
    expect(ids).toEqual([2, 1, 4]);
    const all = await direct(model, [0, ...ids!]);
    const found = await nextOf(lm, "The zebra sat!");
    const sum = all.slice(0, 6).reduce((a, b) => a + b, 0);
    expectClose(
      ["<OOV>", "the", "cat", "sat", "mat"].map((word) => found[` ${word}`]!),
      all.slice(1, 6).map((one) => one / sum),
      { within: 1e-6 },
    );
  });

  test("with a list that has a line's end and an unknown word", async () => {
    const model = tokens(5);
    const lm = languageModelFrom(model, { vocabulary: ["<eos>", "<unk>", "the", "cat", "."] });
    expect(lm.tokenizer).toMatchObject({ kind: "whitespace", lineEnds: true, unknown: 2 });
    const wanted = Float64Array.from(await direct(model, [2, 1, 4, 0, 3]), Math.exp);
    const found = await nextOf(lm, "The dog .\ncat");
    const sum = wanted.reduce((a, b) => a + b, 0);
    expectClose(
      ["\n", " <unk>", " the", " cat", " ."].map((word) => found[word]!),
      wanted.map((one) => one / sum),
      { within: 1e-5 },
    );
  });

  test("writes a blank before each word, but where there is one; a beam does, too", async () => {
    const lm = languageModelFrom(tokens(4), { vocabulary: ["the", "cat", "sat", "mat"] });
    const texts = new Map<string, string>();
    for (const prompt of ["", "the cat", "the cat ", "the cat\n"]) {
      const text = (await collect(generate(lm, { prompt, length: 6, seed: 2 }))).join("");
      expect(text).toMatch(prompt === "the cat" ? /^( \w+){6}$/ : /^\w+( \w+){5}$/);
      texts.set(prompt, text);
      const [best] = await beamSearch(lm, { prompt, length: 3, beams: 2 });
      expect(best!.text).toMatch(prompt === "the cat" ? /^( \w+){3}$/ : /^\w+( \w+){2}$/);
    }
    expect(texts.get("the cat")).toBe(` ${texts.get("the cat ")}`);
    const again = readLanguageModel(writeLanguageModel(lm));
    expect((await collect(generate(again, { prompt: "the cat", length: 6, seed: 2 }))).join("")).toBe(
      texts.get("the cat"),
    );
  });

  test("is measured, inspected and trained further", async () => {
    const lm = languageModelFrom(tokens(4), { vocabulary: ["the", "cat", "sat", "mat"] });
    const text = "The cat sat. The mat! ".repeat(30);
    const before = await evaluateLanguageModel(lm, text);
    expect(before.tokens).toBe(149);
    const [read] = await collect(inspectText(lm, encode(lm.tokenizer, "The zebra sat"), "m", { values: ["gru.h"] }));
    expect(read!.text).toBe(" the");
    await trainLanguageModel(lm, text, { batch: 2, steps: 5, epochs: 5, validationSplit: 0, threads: 1 });
    expect((await evaluateLanguageModel(lm, text)).loss).toBeLessThan(before.loss);
  });
});

test.each<[string, () => Model, Parameters<typeof languageModelFrom>[1], RegExp]>([
  [
    "of words",
    tokens,
    { vocabulary: ["the", "cat", "sat", "##s"] },
    /vocabulary: token 3 is "##s", a part of a word, and nothing says how words are cut/,
  ],
  [
    "of words with blanks",
    tokens,
    { vocabulary: ["the", "cat", "sat", "new york"] },
    /vocabulary: "new york" has a blank in it/,
  ],
  ["of more tokens", tokens, { vocabulary: [..."abcde"] }, /vocabulary: it has 5 numbers, the model 4/],
  [
    "that predicts something else",
    () => sequential([embedding(4, 3), lstm(2), dense(2)]),
    { vocabulary: [..."abcd"] },
    /the model reads 4 tokens or features and gives 2 numbers: it does not predict the next of its tokens/,
  ],
  [
    "that ends in a gate",
    () => sequential([lstm(4, { returnSequences: true })], { input: 4 }),
    { vocabulary: [..."abcd"] },
    /the model ends in lstm, and what predicts tokens ends in a dense layer/,
  ],
  [
    "of every step with a window",
    tokens,
    { vocabulary: [..."abcd"], window: 3 },
    /window: the model predicts at every step/,
  ],
])("a model %s is refused", (_, model, options, message) => {
  expect(() => languageModelFrom(model(), options)).toThrow(message);
});
