/** CoNLL files, label schemes and measures of entities: figures worked out by hand. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  convertLabels,
  type Entity,
  entitiesOf,
  markEntities,
  measureEntities,
  misplacedLabel,
  parseConll,
} from "../../src/formats/conll.ts";
import { refusal } from "../helpers/refusal.ts";

describe("parseConll", () => {
  test("CoNLL-2003: documents, several empty lines, no line end at the end, a token #", () => {
    const text =
      "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\r\n\r\n\r\n# NN B-NP O\n1 CD B-NP O\n\n-DOCSTART- -X- O O\nPeter NNP B-NP B-PER";
    expect(parseConll(text, { name: "a.txt" })).toEqual([
      { tokens: ["EU", "rejects"], labels: ["B-ORG", "O"], name: "a.txt: line 3", lines: [3, 4] },
      { tokens: ["#", "1"], labels: ["O", "O"], name: "a.txt: line 7", lines: [7, 8] },
      { tokens: ["Peter"], labels: ["B-PER"], name: "a.txt: line 11", lines: [11] },
    ]);
    expect(parseConll(text, { labelColumn: 2 })[0]?.labels).toEqual(["NNP", "VBZ"]);
  });
  test("CoNLL-U: comments, words of several tokens, empty nodes, blanks within a column", () => {
    const row = (id: string, form: string, pos: string) =>
      [id, form, "_", pos, "_", "_", "0", "_", "_", "_"].join("\t");
    const text = `# sent_id = 1\n# text = vámonos\n${row("1-2", "vámonos", "_")}\n${row("1", "vamos", "VERB")}\n${row("2", "20 000", "NUM")}\n${row("2.1", "x", "_")}\n\n`;
    expect(parseConll(text)).toMatchObject([{ tokens: ["vamos", "20 000"], labels: ["VERB", "NUM"] }]);
  });
  test("without labels a column of tokens is enough", () => {
    expect(parseConll("a\nb\n\nc", { labelled: false })).toMatchObject([
      { tokens: ["a", "b"], labels: ["", ""] },
      { tokens: ["c"] },
    ]);
  });
  test("what cannot be read is told with its line", () => {
    const of = (text: string, options = {}) => refusal(() => parseConll(text, { name: "a.txt", ...options }));
    expect(of("a O\nb\n")).toBe("a.txt: line 2 has 1 column, line 1 has 2. Correct the line.");
    expect(of("a\nb\n")).toBe(
      "a.txt: line 1 has 1 column, and the label is missing: the token is in column 1. Add a column with labels, or name another one.",
    );
    expect(of("a O\n", { labelColumn: 3 })).toBe(
      "a.txt: line 1 has 2 columns, and the label is in column 3. Add it, or name another column.",
    );
    expect(of("a\t\tO\n", { labelColumn: 2 })).toBe("a.txt: line 1: the label, column 2, is empty. Fill it in.");
    expect(of("\n# nothing\n\n")).toBe(
      "a.txt: has no sentences. Give a line for each token, and an empty line after each sentence.",
    );
    expect(refusal(() => parseConll(Uint8Array.of(97, 0xff), { name: "a.txt" }))).toContain("a.txt: byte 1 (0xff)");
  });
});

describe("schemes", () => {
  const iob2 = ["B-PER", "I-PER", "B-PER", "O", "B-LOC"];
  test("the same entities in each", () => {
    const written = {
      IOB1: ["I-PER", "I-PER", "B-PER", "O", "I-LOC"],
      IOB2: iob2,
      IOBES: ["B-PER", "E-PER", "S-PER", "O", "S-LOC"],
    } as const;
    for (const [scheme, labels] of Object.entries(written)) {
      expect(convertLabels(iob2, scheme as "IOB1")).toEqual(labels);
      expect(convertLabels(labels, "IOB2")).toEqual(iob2);
      expect(misplacedLabel(labels, scheme as "IOB1")).toBe(-1);
    }
    expect(convertLabels(["B-PER", "L-PER", "U-LOC"], "IOB2")).toEqual(["B-PER", "I-PER", "B-LOC"]);
  });
  test("labels that a scheme does not allow", () => {
    expect(misplacedLabel(["O", "I-PER"], "IOB2")).toBe(1);
    expect(misplacedLabel(["B-PER", "I-LOC"], "IOB2")).toBe(1);
    expect(misplacedLabel(["B-PER", "O"], "IOB1")).toBe(0);
    expect(misplacedLabel(["O", "B-PER", "O"], "IOBES")).toBe(1);
    expect(misplacedLabel(["B-PER", "I-PER", "X"], "IOB2")).toBe(2);
    expect(markEntities(["NN", "O"])).toBe(false);
    expect(markEntities(["O", "O"])).toBe(false);
    expect(markEntities(iob2)).toBe(true);
  });
  test("entities that do not overlap survive every scheme", () => {
    const some = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 3 }), fc.constantFrom("A", "B")), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(some, fc.constantFrom("IOB1", "IOB2", "IOBES"), (given, scheme) => {
        let at = 0;
        const entities: Entity[] = given.map(([gap, length, type]) => {
          const start = at + gap;
          at = start + length;
          return { type, start, end: at };
        });
        const labels = Array.from({ length: at + 1 }, () => "O");
        for (const { type, start, end } of entities) {
          for (let t = start; t < end; t++) labels[t] = `${t === start ? "B" : "I"}-${type}`;
        }
        expect(entitiesOf(convertLabels(labels, scheme as "IOB1"))).toEqual(entities);
      }),
    );
  });
});

test("precision, recall and F1 as conlleval prints them, of an example worked out by hand", () => {
  const labels = [
    ["B-PER", "I-PER", "O", "B-LOC", "O"],
    ["B-ORG", "O", "B-PER", "B-PER"],
    ["B-LOC", "I-LOC", "O"],
  ];
  const predicted = [
    ["B-PER", "I-PER", "O", "B-ORG", "O"], // PER right; a LOC called ORG
    ["I-ORG", "O", "B-PER", "I-PER"], // ORG right, begun by I-; two PER called one
    ["B-LOC", "O", "B-LOC"], // an end too early, and one too many
  ];
  const { types, ...all } = measureEntities(labels, predicted);
  // 6 entities, 6 found, 2 correct.
  expect(all).toEqual({ entities: 6, found: 6, correct: 2, precision: 2 / 6, recall: 2 / 6, f1: 2 / 6 });
  expect(types).toEqual([
    { type: "LOC", entities: 2, found: 2, correct: 0, precision: 0, recall: 0, f1: 0 },
    { type: "ORG", entities: 1, found: 2, correct: 1, precision: 0.5, recall: 1, f1: 2 / 3 },
    { type: "PER", entities: 3, found: 2, correct: 1, precision: 0.5, recall: 1 / 3, f1: 0.4 },
  ]);
  expect(measureEntities([["O"]], [["O"]])).toMatchObject({ precision: 0, recall: 0, f1: 0, types: [] });
  expect(refusal(() => measureEntities([["O"]], [["O", "O"]]))).toBe(
    "measureEntities: sentence 0 has 1 labels, and 2 predicted",
  );
});
