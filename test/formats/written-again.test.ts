/** Whatever is written can be read again and is what it was, or is refused before a byte is made. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { InputError } from "../../src/graph/input-error.ts";
import * as unrolled from "../../src/index.ts";
import type { LayerSpec } from "../../src/nn/layers.ts";
import { trainTokenizer } from "../../src/text/tokenizer.ts";
import { cases } from "../helpers/cases.ts";

const { bidirectional, dense, dropout, gru, input, lstm, masking, sequential } = unrolled;
const lm = unrolled.languageModel("abcab cabca", { units: 3, embedding: 2, seed: 1 });
const words = unrolled.languageModel("ab cab ca b ca", { units: 3, embedding: 2, seed: 1, tokens: "word" });
const pairs = unrolled.languageModel("abcab cabca abcab", { units: 2, embedding: 2, seed: 1, tokens: "bpe" });
const trainer = await unrolled.createTrainer(lm.model, { batch: 1, steps: 2 });
const random = sequential(
  [
    masking({ maskValue: 0.5 }),
    bidirectional(lstm(2, { returnSequences: true, zoneout: { c: 0.1 }, dropout: 0.2 }), {
      backward: gru(2, { returnSequences: true }),
    }),
    dropout(0.5, { locked: true, name: "drop" }),
    gru(3, { initialState: "learned", stateful: false, name: "last" }),
    dense(2, { activation: "tanh" }),
  ],
  { input: 2, seed: 3 },
);

/** What may be changed in a language model, and into what. */
const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    undefined,
    "",
    "words",
    -1,
    0.5,
    Number.NaN,
    Infinity,
    2 ** 53,
    1n,
    true,
    [],
    {},
    "\ud800",
  ),
  fc.constantFrom<unknown>(
    new Float64Array(3),
    new Float32Array(1),
    new Map(),
    new Date(0),
    () => 1,
    [null],
    ["a", "a"],
    { a: 1 },
  ),
);
const places = fc.constantFrom<readonly string[]>(
  ...["model", "tokenizer", "training", "optimizer"].map((name) => [name]),
  ...["layers", "input", "inputs", "outputSize", "returnsSequences", "parameters", "values", "steps", "backwards"].map(
    (name) => ["model", name],
  ),
  ...["0", "1", "2"].flatMap((k) => [
    ["model", "layers", k],
    ...["name", "kind", "label", "units", "inputDim", "outputDim", "cell", "dropout", "zoneout", "initialState"].map(
      (name) => ["model", "layers", k, name],
    ),
  ]),
  ...["kind", "vocabulary", "merges"].map((name) => ["tokenizer", name]),
  ...["0", "1", "2"].map((k) => ["tokenizer", "vocabulary", k]),
  ["tokenizer", "merges", "0"],
  ...["embedding.weight", "dense.b"].map((name) => ["model", "values", name]),
  ...[
    ["training", "step"],
    ["training", "slots"],
    ["training", "slots", "m"],
    ["training", "slots", "m", "dense.b"],
  ],
);
/** A copy with another value at a place, where there is such a place. */
function changed(value: unknown, [first, ...rest]: readonly string[], into: unknown): unknown {
  if (first === undefined) return into;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  // Names that mean nothing are not kept.
  if (!(first in copy) && !("model" in copy)) return value;
  copy[first] = changed(copy[first], rest, into);
  return copy;
}
/** What is absent is undefined; a cell is what its equations say. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, one: unknown) => {
      if (ArrayBuffer.isView(one)) return Array.from(one as Float32Array, String);
      if (typeof one === "object" && one !== null && "equations" in one)
        return (one as unknown as { source: string }).source;
      return typeof one === "number" && !Number.isFinite(one) ? String(one) : one;
    }) ?? "null",
  );

const models = [lm, words, pairs, { ...lm, training: trainer.state(), optimizer: "adam" }];
test.each(models.map((one, k) => [k, one] as const))("language model %i is read as it was written", (_, one) => {
  const again = unrolled.readLanguageModel(unrolled.writeLanguageModel(one), "file");
  expect(plain(again)).toEqual(plain(one));
});

test("property: a language model with one or two things changed is refused, or read as it was written", () => {
  let [written, refused] = [0, 0];
  fc.assert(
    fc.property(
      fc.constantFrom(...models),
      fc.array(fc.tuple(places, junk), { minLength: 1, maxLength: 2 }),
      (one, changes) => {
        const given = changes.reduce<unknown>(
          (value, [place, into]) => changed(value, place, into),
          one,
        ) as unrolled.LanguageModel;
        let bytes: Uint8Array;
        try {
          bytes = unrolled.writeLanguageModel(given);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          refused++;
          return;
        }
        written++;
        expect(plain(unrolled.readLanguageModel(bytes, "file"))).toEqual(plain(given));
      },
    ),
    { seed: 1, numRuns: cases(500) },
  );
  expect(Math.min(written, refused)).toBeGreaterThan(20);
});

const anyLayer: fc.Arbitrary<LayerSpec> = fc.oneof(
  fc
    .record({ units: fc.integer({ min: 1, max: 3 }), on: fc.boolean(), rate: fc.double({ min: 0, max: 0.9 }) })
    .map(({ units, on, rate }) => gru(units, { returnSequences: on, dropout: rate })),
  fc.integer({ min: 1, max: 3 }).map((units) => dense(units)),
  fc.double({ min: 0, max: 0.9 }).map((rate) => dropout(rate)),
  fc.integer({ min: 1, max: 2 }).map((units) => bidirectional(lstm(units, { returnSequences: true }))),
  fc.constant(masking({ maskValue: -0 })),
  fc.constant(input(2)),
);
test("property: any model that can be made, with any data beside it, is refused or read as it was written", () => {
  let written = 0;
  fc.assert(
    fc.property(
      fc.array(anyLayer, { minLength: 1, maxLength: 4 }),
      fc.dictionary(fc.string(), fc.anything(), { maxKeys: 3 }),
      (layers, extra) => {
        let model: unrolled.Model;
        try {
          model = sequential(layers, layers[0]?.kind === "input" ? {} : { input: 2 });
        } catch {
          return;
        }
        let bytes: Uint8Array;
        try {
          bytes = writeModel({ model, extra });
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          return;
        }
        written++;
        const again = readModel(bytes, "file");
        expect(plain(again.model)).toEqual(plain(model));
        expect(plain(again.extra)).toEqual(plain(extra));
      },
    ),
    { seed: 2, numRuns: cases(350) },
  );
  expect(written).toBeGreaterThan(20);
});
test("a model of many kinds of layer is read as it was written", () => {
  expect(plain(readModel(writeModel({ model: random, extra: {} }), "file").model)).toEqual(plain(random));
});

test("tokenizers of Keras: what cannot be read again is not given out", () => {
  const tokenizer = new unrolled.Tokenizer({ oovToken: "?" });
  tokenizer.fitOnTexts(["a b", "a c \ud800"]);
  expect(unrolled.tokenizerFromJson(tokenizer.toJson()).wordIndex).toEqual(tokenizer.wordIndex);
  tokenizer.wordCounts.set("a", -1);
  expect(() => tokenizer.toJson()).toThrow(InputError);
});
test("names of a file's own and what JSON would lose are refused as data beside a model", () => {
  const refuse = (extra: Record<string, unknown>, message: string): void =>
    expect(() => writeModel({ model: random, extra })).toThrow(message);
  refuse({ unrolled: 1 }, 'the format itself uses the name "unrolled"');
  refuse({ format: 1 }, 'the format itself uses the name "format"');
  refuse({ a: Number.NaN }, "extra: a must be plain data that JSON can hold, got NaN");
  refuse({ a: undefined }, "extra: a must be plain data");
  refuse({ a: new Date() }, "extra: a must be plain data");
  refuse({ a: 1n }, "extra: a must be plain data");
  refuse({ a: { b: [new Map()] } }, "extra: a must be plain data");
  expect(() => unrolled.writeLanguageModel({ ...lm, tokenizer: trainTokenizer("char", "xyz") })).toThrow(InputError);
});
