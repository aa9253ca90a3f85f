/** Separate texts and the token that ends each; what tokens are called. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { longerTokens } from "../../src/text/longer-tokens.ts";
import {
  checkTokenizer,
  decode,
  decodeNext,
  decodeToken,
  encode,
  endOfText,
  type Tokenizer,
  tokenName,
  trainTokenizer,
  vocabularySize,
} from "../../src/text/tokenizer.ts";

const kinds = ["char", "word", "bpe"] as const;
const anyText = fc.oneof(fc.string({ unit: "binary", maxLength: 30 }), fc.string({ maxLength: 30 }));

describe.each(kinds)("%s", (kind) => {
  const train = (text: string | readonly string[], maxVocabulary = 300) =>
    trainTokenizer(kind, text, kind === "char" ? {} : { maxVocabulary });

  test("property: each text's tokens are its own, followed by the token that ends it; together they are the texts", () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 5 }), (texts) => {
        const tokenizer = train(texts);
        const end = endOfText(tokenizer) as number;
        expect(end).toBe(vocabularySize(tokenizer) - 1);
        const each = texts.flatMap((text) => [...encode(tokenizer, text), end]);
        expect([...encode(tokenizer, texts)]).toEqual(each);
        expect(decode(tokenizer, each)).toBe(texts.join(""));
        expect(checkTokenizer(JSON.parse(JSON.stringify(tokenizer)))).toEqual(tokenizer);
      }),
      { numRuns: 60 },
    );
  });

  test("a text with what the token is called has the characters of it", () => {
    const text = "before <|endoftext|> after";
    const tokenizer = train([text, text]);
    const ids = encode(tokenizer, text);
    expect([...ids]).not.toContain(endOfText(tokenizer));
    expect(decode(tokenizer, ids)).toBe(text);
    expect(tokenName(tokenizer, endOfText(tokenizer) as number)).toBe("<|endoftext|>");
    expect(decodeToken(tokenizer, endOfText(tokenizer) as number)).toBe("");
    expect(decodeNext(tokenizer, endOfText(tokenizer) as number)).toMatchObject({ text: "" });
  });

  test("a tokenizer of one text has no such token, and refuses separate ones; its data are as before", () => {
    const tokenizer = train("abc abc");
    expect(endOfText(tokenizer)).toBeUndefined();
    expect(tokenizer).not.toHaveProperty("endOfText");
    expect(() => encode(tokenizer, ["a"])).toThrow(InputError);
    expect(checkTokenizer(tokenizer)).not.toHaveProperty("endOfText");
  });

  test("the vocabulary is that of all texts; no token crosses from one into the next", () => {
    const tokenizer = train(["ab", "cd", "ab", "cd"]);
    const all = Array.from({ length: vocabularySize(tokenizer) }, (_, id) => decodeToken(tokenizer, id));
    for (const character of "abcd") expect(all).toContain(character);
    expect(all.some((token) => token.includes("bc") || token.includes("da"))).toBe(false);
  });

  test("data of another form is refused", () => {
    const tokenizer = train(["ab"]);
    expect(() => checkTokenizer({ ...tokenizer, endOfText: 7 })).toThrow('"endOfText" needs true, got 7');
    expect(() => checkTokenizer({ ...tokenizer, endOfText: false })).toThrow('"endOfText" needs true, got false');
  });

  test("property: longer tokens begin with all that a text has from their place on, and are all that do", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("whale", "wha", " ", "the", " t", "😀", "é", "漢"), { maxLength: 8 }),
        (parts) => {
          const tokenizer = train("the whale, the whales é漢😀 é漢. 😀😀 whatever then");
          const ids = encode(tokenizer, parts.join(""));
          const bytes = (tokens: ArrayLike<number>): string =>
            tokenizer.kind === "bpe"
              ? Array.from(tokens, (id) => tokenBytesOf(tokenizer, id)).join("")
              : Array.from(tokens, (id) => decodeToken(tokenizer, id)).join("");
          const found = longerTokens(tokenizer, ids).flatMap(({ place, tokens, length }) => {
            expect(length).toBe(bytes(ids.subarray(place)).length);
            return Array.from(tokens, (token) => `${place} ${token}`);
          });
          const wanted = Array.from(ids.keys()).flatMap((place) => {
            const end = bytes(ids.subarray(place));
            if (kind !== "bpe" && ids.subarray(place).includes(0)) return [];
            const all = Array.from({ length: vocabularySize(tokenizer) }, (_, id) => id);
            return all
              .filter(
                (id) => bytes([id]).length > end.length && bytes([id]).startsWith(end) && !(id === 0 && kind !== "bpe"),
              )
              .map((id) => `${place} ${id}`);
          });
          expect(new Set(found)).toEqual(new Set(wanted));
        },
      ),
      { numRuns: 40 },
    );
  });
});

/** A byte pair's bytes as characters, from its merges alone. */
function tokenBytesOf(tokenizer: Tokenizer & { kind: "bpe" }, id: number): string {
  const merge = tokenizer.merges[id - 256];
  if (merge !== undefined) return tokenBytesOf(tokenizer, merge[0]) + tokenBytesOf(tokenizer, merge[1]);
  return id < 256 ? String.fromCharCode(id) : "";
}

test("byte pairs need room for the token that ends a text", () => {
  expect(() => trainTokenizer("bpe", ["ab"], { maxVocabulary: 256 })).toThrow(
    /must be at least 257, because every byte and the end of a text are tokens/,
  );
  expect(vocabularySize(trainTokenizer("bpe", ["ab"], { maxVocabulary: 257 }))).toBe(257);
  expect(vocabularySize(trainTokenizer("word", ["a b c d"], { maxVocabulary: 9 }))).toBeLessThanOrEqual(9);
});

test.each([
  [[0xe2, 0x82], "bytes:\\xe2\\x82"],
  [[0x20, 0xf0, 0x9f], "bytes: \\xf0\\x9f"],
  [[0xac], "bytes:\\xac"],
  [[0x0a, 0xe2], "bytes:\\n\\xe2"],
  [[0x5c, 0xe2], "bytes:\\\\\\xe2"],
  [[0xff], "bytes:\\xff"],
  [[0xef, 0xbf, 0xbd], "\uFFFD"],
  [[0xe2, 0x82, 0xac], "€"],
  [[0x61], "a"],
])("the bytes %j are called %j in log-probabilities", (bytes, name) => {
  const merges: [number, number][] = [];
  bytes.slice(1).forEach((byte, k) => merges.push([k === 0 ? (bytes[0] as number) : 255 + k, byte]));
  const tokenizer = { kind: "bpe", merges } as const;
  expect(tokenName(tokenizer, bytes.length === 1 ? (bytes[0] as number) : 254 + bytes.length)).toBe(name);
});
