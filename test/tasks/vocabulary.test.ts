/** Vocabularies of other programs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { createRandom } from "../../src/nn/random.ts";
import { readVocabulary } from "../../src/tasks/vocabulary.ts";
import { Tokenizer } from "../../src/text/keras-tokenizer.ts";
import { encode } from "../../src/text/tokenizer.ts";
import type { WhitespaceTokenizer } from "../../src/text/whitespace.ts";

const read = (value: unknown) => readVocabulary(JSON.stringify(value), "v.json");

test("a list, ids by token and tokens by id say the same", () => {
  const tokens = ["\n", " ", "a"];
  expect(read(tokens)).toEqual(tokens);
  expect(read({ a: 2, "\n": 0, " ": 1 })).toEqual(tokens);
  expect(read({ 0: "\n", 1: " ", 2: "a" })).toEqual(tokens);
});

test("a text has a token in each line", () => {
  expect(readVocabulary("\n[UNK]\nthe\ncat\n", "vocabulary.txt")).toEqual(["", "[UNK]", "the", "cat"]);
});

test("digits that are tokens are no ids", () => {
  expect(read({ 0: 1, 1: 0 })).toEqual(["1", "0"]);
});

test("an id without a token stays empty", () => {
  expect(read({ a: 1, b: 3 })).toEqual([null, "a", null, "b"]);
  expect(read([null, "a", null, "b"])).toEqual([null, "a", null, "b"]);
});

test("Keras's tokenizer: as it writes itself, saved once more, and without the words beyond num_words", () => {
  const tokenizer = new Tokenizer({ charLevel: true });
  tokenizer.fitOnTexts(["abca"]);
  expect(readVocabulary(tokenizer.toJson(), "t.json")).toEqual([null, "a", "b", "c"]);
  expect(read(tokenizer.toJson())).toEqual([null, "a", "b", "c"]);
  const few = new Tokenizer({ charLevel: true, numWords: 3 });
  few.fitOnTexts(["abca"]);
  expect(readVocabulary(few.toJson(), "t.json")).toEqual([null, "a", "b"]);
});

test.each([
  ["not JSON", "{", /^v\.json: it is no JSON: /],
  [
    "one text",
    '"abc, d"',
    /^v\.json: it is one text, "abc, d", and a vocabulary has its tokens each by itself\. Give a list of them: \["a", "b"\]\.$/,
  ],
  ["a number", "3", /^v\.json: it is 3, no vocabulary\. Give a list of tokens/],
  ["nothing", "{}", /^v\.json: it has no token\./],
  ["an id twice", '{"a": 0, "b": 0}', /^v\.json: "a" and "b" are both 0\./],
  ["a token twice", '["a", "b", "a"]', /^v\.json: "a" is both 0 and 2\./],
  ["a fraction", '{"a": 0.5}', /^v\.json: the number of "a" is 0\.5\./],
  ["an id beyond all", '{"a": 1e12}', /^v\.json: the number of "a" is 1000000000000\./],
  ["a list of numbers", "[1, 2]", /^v\.json: token 0 is 1, no text\./],
])("%s is refused", (_, json, message) => {
  expect(() => readVocabulary(json, "v.json")).toThrow(message);
});

type Recorded = {
  tokenizers: Record<string, { json: string; pickle: string; sequences: number[][] }>;
  tables: Record<string, Record<string, string>>;
  refused: Record<string, string>;
};
const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, "../fixtures/vocabularies.json"), "utf8"),
) as Recorded;
const pickled = (base64: string) => readVocabulary(Buffer.from(base64, "base64"), "v.pkl");

describe("pickled by Python", () => {
  test.each(Object.entries(recorded.tokenizers))(
    "a tokenizer of Keras is what its JSON is: %s",
    (name, { json, pickle, sequences }) => {
      const vocabulary = pickled(pickle);
      expect(vocabulary).toEqual(readVocabulary(json, "v.json"));
      if (name === "characters") expect(vocabulary).toEqual([null, "a", "b", "c"]);
      else {
        const texts = ["The cat sat.", "The mat", "The zebra, cat"];
        expect(texts.map((text) => [...encode(vocabulary as WhitespaceTokenizer, text)])).toEqual(sequences);
      }
    },
  );

  test.each(Object.entries(recorded.tables))("tables and lists of protocol %s are what they are in JSON", (_, all) => {
    expect(pickled(all.numbers!)).toEqual([null, "a", "b", "é"]);
    for (const one of ["tokens", "list", "tuple"]) expect(pickled(all[one]!)).toEqual(["\n", "a", "b"]);
  });

  test.each([
    ["function", "the class or function print. Give a list of tokens"],
    ["call", "an object without fields"],
    ["set", "a set"],
    ["bytes", "bytes"],
    ["cycle", "more values in each other than a vocabulary"],
  ])("a %s is refused, and nothing is run", (name, found) => {
    expect(() => pickled(recorded.refused[name]!)).toThrow(`v.pkl: it holds ${found}`);
  });
});

test("damaged files: a vocabulary or one line, never anything else", () => {
  const random = createRandom(Number(process.env.FUZZ_SEED ?? 3));
  const all = [
    ...Object.values(recorded.tokenizers).flatMap(({ json, pickle }) => [
      Buffer.from(json),
      Buffer.from(pickle, "base64"),
    ]),
    ...Object.values(recorded.tables).flatMap((table) => Object.values(table).map((one) => Buffer.from(one, "base64"))),
    ...Object.values(recorded.refused).map((one) => Buffer.from(one, "base64")),
  ];
  for (let k = 0; k < Number(process.env.FUZZ ?? 500); k++) {
    const bytes = Uint8Array.from(all[random.integer(all.length)] as Buffer);
    for (let n = 1 + random.integer(4); n > 0; n--) bytes[random.integer(bytes.length)] = random.integer(256);
    const from = random.integer(4) === 0 ? bytes.subarray(0, random.integer(bytes.length)) : bytes;
    try {
      readVocabulary(from, "v.pkl");
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      expect((error as Error).message).toMatch(/^v\.pkl: .+$/);
    }
  }
});
