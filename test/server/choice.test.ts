/** A choice of an answer, told in parts as it is written, and as a whole. */
import { expect, test } from "vitest";
import { bestOf } from "../../src/server/completions/best.ts";
import { formatChoice, formatKeptChoice, lengthOf } from "../../src/server/completions/choice.ts";
import { KeptChoice } from "../../src/server/completions/kept-choice.ts";
import type { Piece } from "../../src/server/completions/piece.ts";
import { tiny } from "./serving.ts";

const names = ["a", "c", "e", "t"];
const ids = names.map((name) => ({
  name,
  token: (tiny.tokenizer as { vocabulary: readonly string[] }).vocabulary.indexOf(name),
}));
const pieces = Array.from({ length: 40 }, (_, place): Piece => {
  const [own, other] = [ids[place % 4], ids[(place + 1) % 4]] as [(typeof ids)[0], (typeof ids)[0]];
  const alternatives = [
    { text: "", ...other, logProbability: -0.5 },
    { text: "", ...own, logProbability: -place },
  ];
  return { text: own.name, ...own, logProbability: place === 0 ? null : -place, alternatives };
});

test("parts of a choice, however it is cut, are together the whole one", () => {
  const kept = new KeptChoice(tiny.tokenizer, 2);
  for (const piece of pieces) kept.push(piece);
  const whole = formatKeptChoice(kept, { index: 3, finish_reason: "stop" });
  // It can be read once, in order.
  const lists = Object.entries(whole.logprobs ?? {}).map(([name, list]) => {
    return [name, Array.from({ length: list.length }, (_, k) => list.at(k))] as const;
  });
  expect(lists).toHaveLength(4);
  for (const size of [1, 3, 7, 40]) {
    const all: Record<string, unknown[]> = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    let [text, offset] = ["", 0];
    for (let from = 0; from < pieces.length; from += size) {
      const some = pieces.slice(from, from + size);
      const part = formatChoice(some, { index: 3, offset, finish_reason: null }, true);
      offset += some.reduce((total, piece) => total + lengthOf(piece), 0);
      text += part.text;
      for (const [name, list] of Object.entries(part.logprobs ?? {})) {
        for (let k = 0; k < list.length; k++) all[name]?.push(list.at(k));
      }
    }
    expect(text).toBe(whole.text);
    for (const [name, list] of lists) expect(all[name], name).toEqual(list);
  }
});

test("what is not asked for is not told", () => {
  const kept = new KeptChoice(tiny.tokenizer, undefined);
  for (const piece of pieces) kept.push(piece);
  const told = { index: 0, text: pieces.map(({ text }) => text).join(""), finish_reason: "length", logprobs: null };
  expect(formatKeptChoice(kept, { index: 0, finish_reason: "length" })).toEqual(told);
  expect(formatChoice(pieces, { index: 0, offset: 0, finish_reason: "length" }, false)).toEqual(told);
});

test("the best of each prompt's texts, of equals the first, and one that has no tokens last", () => {
  const scores = [
    { nats: -4, tokens: 2 },
    { nats: -1, tokens: 1 },
    { nats: -2, tokens: 2 },
    { nats: 0, tokens: 0 },
    { nats: -9, tokens: 1 },
    { nats: -1, tokens: 2 },
  ];
  const found = ["a0", "a1", "a2", "b0", "b1", "b2"];
  expect(bestOf(found, { of: 3, n: 1, scores })).toEqual(["a1", "b2"]);
  expect(bestOf(found, { of: 3, n: 3, scores })).toEqual(["a1", "a2", "a0", "b2", "b1", "b0"]);
});
