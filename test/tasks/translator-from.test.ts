/** Translators of models that other programs trained. */
import { describe, expect, test } from "vitest";
import { bidirectional, dense, embedding, gru, input, lstm, masking } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import {
  evaluateTranslator,
  readTranslator,
  type TranslatorFromOptions,
  translate,
  translatorFrom,
  writeTranslator,
} from "../../src/tasks/translate.ts";
import { predict } from "../../src/train/predict.ts";
import { redraw } from "../helpers/models.ts";

const seed = 5;
const drawn = (model: Model): Model => redraw(model, createRandom(seed), 0.9);
/** Ids in, as PyTorch has it; the answer has a time of its own. */
const ofIds = (sources = 6, targets = 7) =>
  drawn(
    sequential([
      input("tokens", { name: "letters", time: "question" }),
      embedding(sources, 3, { name: "seen" }),
      gru(5, { name: "encoder" }),
      input("tokens", { name: "sounds", time: "answer" }),
      embedding(targets, 4, { name: "said" }),
      gru(5, { returnSequences: true, initialState: { from: "encoder" } }),
      dense(targets),
    ]),
  );
/** One-hot vectors with a mask, and probabilities, as Keras's example has it. */
const ofVectors = () =>
  drawn(
    sequential([
      input(3, { name: "input_1", time: "one" }),
      masking({ name: "masked" }),
      lstm(5, { name: "encoder", returnState: true }),
      input(5, { name: "input_2", time: "other" }),
      lstm(5, { name: "decoder", reads: "input_2", returnSequences: true, initialState: { from: "encoder" } }),
      dense(5, { activation: "softmax" }),
    ]),
  );

/** The likeliest answer of the model itself, token by token. */
async function likeliest(
  model: Model,
  source: readonly number[],
  start: number,
  end: number,
  never: readonly number[],
) {
  const [first, second] = model.inputs;
  const rowsOf = (ids: readonly number[], features: number | string) =>
    typeof features === "string" ? ids : ids.map((id) => Array.from({ length: features }, (_, k) => Number(k === id)));
  const said: number[] = [];
  while (said.length < 12) {
    const { data, shape } = await predict(model, {
      [first!.name]: [rowsOf(source, first!.features)],
      [second!.name]: [rowsOf([start, ...said], second!.features)],
    } as never);
    const width = shape.at(-1) as number;
    const row = Array.from(data.subarray(-width), (value, id) => (never.includes(id) ? -Infinity : value));
    const token = row.indexOf(Math.max(...row));
    if (token === end) break;
    said.push(token);
  }
  return said;
}
const greedy = { beams: 1, length: 12 } as const;

describe("ids, with padding, an unknown token, a start and an end", () => {
  const source = ["<pad>", "<unk>", "</s>", "a", "b", "c"];
  const target = ["<pad>", "<unk>", "<s>", "</s>", "AA0", "B", "IY1"];
  const model = ofIds();
  const of = translatorFrom(model, { source, target });

  test("writes what the model itself finds likeliest, of one text or several", async () => {
    const texts = ["abc", "c", "ab?ba", "cccccb"];
    const found = await translate(of, texts, greedy);
    for (const [k, text] of texts.entries()) {
      const ids = [...text].map((letter) => (source.includes(letter) ? source.indexOf(letter) : 1));
      const wanted = await likeliest(model, [...ids, 2], 2, 3, [0, 2]);
      expect(found[k]!.text).toBe(wanted.map((id) => target[id]).join(" "));
    }
    expect(new Set(found.map(({ text }) => text)).size).toBeGreaterThan(1);
  });

  test("its file, and what it measures", async () => {
    const again = readTranslator(writeTranslator(of), "g2p");
    expect(again.sourceEnds).toBe(true);
    expect(again.model.values).toEqual(of.model.values);
    const [one] = await translate(of, ["cab"], greedy);
    expect(await translate(again, ["cab"], greedy)).toEqual([one]);
    const pairs = [{ source: "cab", target: one!.text }];
    expect((await evaluateTranslator(again, pairs, { beams: 1 } as never)).exact).toBe(one!.ended ? 1 : 0);
  });
});

test("one-hot vectors that are masked, a tab and a line's end", async () => {
  const [source, target] = [[..."abc"], ["\t", "\n", ..."XYZ"]];
  const model = ofVectors();
  const of = translatorFrom(model, { source, target });
  expect(of.model.layers.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    "input source",
    "embedding source_vectors",
    "cell encoder",
    "input target",
    "embedding target_vectors",
    "cell decoder",
    "cell dense",
  ]);
  const found = await translate(of, ["abc", "b", "ccb"], greedy);
  for (const [k, ids] of [[0, 1, 2], [1], [2, 2, 1]].entries()) {
    const wanted = await likeliest(model, ids, 0, 1, [0]);
    expect(found[k]!.text).toBe(wanted.map((id) => target[id]).join(""));
  }
});

test("inputs before their tables, and an encoder in both directions", async () => {
  const model = drawn(
    sequential([
      input("tokens", { name: "a", time: "a" }),
      input("tokens", { name: "b", time: "b" }),
      embedding(5, 3, { name: "seen", reads: "a" }),
      bidirectional(gru(3), { name: "encoder" }),
      embedding(6, 4, { name: "said", reads: "b" }),
      gru(6, { returnSequences: true, initialState: { from: "encoder" } }),
      dense(6),
    ]),
  );
  const [source, target] = [
    ["</s>", ..."abcd"],
    ["<s>", "</s>", ..."WXYZ"],
  ];
  const of = translatorFrom(model, { source, target });
  const found = await translate(of, ["abc", "dd"], greedy);
  for (const [k, ids] of [
    [1, 2, 3, 0],
    [4, 4, 0],
  ].entries()) {
    const wanted = await likeliest(model, ids, 0, 1, [0]);
    expect(found[k]!.text).toBe(wanted.map((id) => target[id]).join(""));
  }
});

const sides = { source: ["</s>", ..."abcde"], target: ["<s>", "</s>", ..."ABCDE"] };
test.each<[string, () => Model, TranslatorFromOptions, RegExp]>([
  [
    "of one input",
    () => drawn(sequential([embedding(6, 3), gru(4, { returnSequences: true }), dense(6)])),
    sides,
    /^translatorFrom: the model reads tokens; a translator reads two sequences/,
  ],
  [
    "of other tokens than it reads",
    () =>
      drawn(
        sequential([
          input("tokens", { name: "a", time: "a" }),
          embedding(6, 3),
          gru(5, { name: "encoder" }),
          input("tokens", { name: "b", time: "b" }),
          embedding(7, 4),
          gru(5, { returnSequences: true, initialState: { from: "encoder" } }),
          dense(8),
        ]),
      ),
    sides,
    /reads 7 tokens of its target and predicts 8: they are not the same/,
  ],
  ["with another source", ofIds, { ...sides, source: [..."ab"] }, /source: the vocabulary has 2 numbers, the model 6/],
  [
    "without a start",
    ofIds,
    { ...sides, target: ["</s>", ..."ABCDEF"] },
    /start: no token of the target has a name that is in use for its start, such as <s>\./,
  ],
  ["with a start that is none", ofIds, { ...sides, start: "GO" }, /start: the target has no token "GO"/],
  [
    "of parts of words",
    ofIds,
    { ...sides, target: ["<s>", "</s>", "a", "##b", "c", "d", "e"] },
    /target: vocabulary: token 3 is "##b", a part of a word/,
  ],
  [
    "that predicts by its table",
    () =>
      drawn(
        sequential([
          input("tokens", { name: "a", time: "a" }),
          embedding(6, 5),
          gru(5, { name: "encoder" }),
          input("tokens", { name: "b", time: "b" }),
          embedding(7, 5, { name: "table" }),
          gru(5, { returnSequences: true, initialState: { from: "encoder" } }),
          dense(7, { tied: "table" }),
        ]),
      ),
    sides,
    /dense predicts tokens by a table that it shares with another layer/,
  ],
])("a model %s is refused", (_, model, options, message) => {
  expect(() => translatorFrom(model(), options)).toThrow(message);
});
