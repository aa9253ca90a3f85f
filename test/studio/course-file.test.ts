/** Course files: what is read, and the one line that says what is wrong with one. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { readAddress } from "../../src/studio/address-text.ts";
import { hasAll, readCourse } from "../../src/studio/course/course-file.ts";
import { jsonFault } from "../../src/studio/course/json-fault.ts";
import { paragraphsOf, piecesOf } from "../../src/studio/course/marks.ts";
import { cases } from "../helpers/cases.ts";

const checks = {
  choice: { kind: "choice", asks: "Which?", answers: [{ text: "a", right: true, why: "So." }, { text: "b" }] },
  number: { kind: "number", asks: "How many?", right: 3, within: 0.5, why: "So." },
  text: { kind: "text", asks: "Why?" },
  done: { kind: "done", asks: "Do it." },
  questions: { kind: "questions", asks: "Answer them.", chapter: "lstm" },
  toy: { kind: "toy", asks: "Train.", task: "copy", atLeast: 0.9 },
  model: { kind: "model", asks: "Train a text.", below: 2 },
  address: { kind: "address", asks: "Choose a unit.", address: "#/inspect/*?unit=*" },
};
const first = { title: "One", address: "#/learn/lstm", text: "See [the Lab](#/lab).", tasks: ["Read."], checks: [] };
const whole = {
  ...{ format: 1, id: "a-course.1", title: "A course", text: "Hello." },
  stops: [first, { title: "Two", address: "#/toys/copy?units=8", checks: Object.values(checks) }],
};
const withStop = (changed: object) => ({ ...whole, stops: [{ ...first, ...changed }] });
const withCheck = (kind: keyof typeof checks, changed: object) =>
  withStop({ address: "#/lab", checks: [{ ...checks[kind], ...changed }] });
const without = (name: string) => Object.fromEntries(Object.entries(whole).filter(([key]) => key !== name));

/** The message of the one error that there may be. */
function problemOf(json: string): string | undefined {
  try {
    readCourse(json, "c.json");
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message;
  }
}

test("a course with a check of each kind is read as it stands, with a byte order mark too", () => {
  expect(readCourse(JSON.stringify(whole), "c.json")).toEqual(whole);
  expect(readCourse(`\uFEFF${JSON.stringify(whole)}`, "c.json")).toEqual(whole);
});

const wrong: readonly (readonly [value: unknown, says: string])[] = [
  [3, "c.json: is 3; expected a course, an object with format, id, title and stops."],
  [[], "c.json: is a list of 0; expected a course"],
  [null, "c.json: is null; expected a course"],
  [{ title: "x" }, 'c.json: is an object without "stops"; expected a course'],
  [without("format"), 'c.json: the course has no "format"; expected 1, the only one that this version knows.'],
  [{ ...whole, format: 2 }, "c.json: format is 2; expected 1, the only one that this version knows."],
  [without("id"), 'c.json: the course has no "id"; expected a name of 1 to 80 letters, digits'],
  [{ ...whole, id: "a course" }, 'c.json: id is "a course"; expected a name of 1 to 80 letters'],
  [{ ...whole, titel: "x" }, 'c.json: the course has "titel", which is not known here. Did you mean title?'],
  [{ ...whole, author: "x" }, 'has "author", which is not known here. It may have format, id, title, text, stops.'],
  [{ ...whole, stops: {} }, "c.json: stops is an object; expected a list of 1 to 100 stops, in [ ]."],
  [{ ...whole, stops: [] }, "c.json: stops is a list of 0; expected a list of 1 to 100 stops, in [ ]."],
  [{ ...whole, stops: [first, 7] }, "c.json: stops[1] is 7; expected an object with title, address, text"],
  [{ ...whole, stops: [first, first] }, 'c.json: stops[1].title is "One", like another stop; expected one of its own.'],
  [withStop({ title: " " }), 'c.json: stops[0].title is " "; expected a text of 1 to 200 characters, in quotes.'],
  [withStop({ text: 5 }), "c.json: stops[0].text is 5; expected a text of 1 to 5,000 characters, in quotes."],
  [withStop({ tasks: ["a", ""] }), 'c.json: stops[0].tasks[1] is ""; expected a text of 1 to 1,000 characters'],
  [withStop({ address: "learn" }), 'c.json: stops[0].address is "learn"; expected an address of the studio'],
  [withStop({ address: "#/labs" }), 'stops[0].address is "#/labs"; expected one of the views learn, lab, toys'],
  [withStop({ address: "#/labs" }), 'behind "#/". Did you mean lab?'],
  [withStop({ address: "#/learn/lstn" }), 'is "#/learn/lstn"; expected one of perceptron, learning'],
  [withStop({ address: "#/toys/copi" }), 'behind "#/toys/". Did you mean copy?'],
  [
    withStop({ text: "[here](javascript:alert)" }),
    'stops[0].text has a link to "javascript:alert"; expected an address such as "#/lab" or "https://..."',
  ],
  [withStop({ tasks: ["[a](#/lob)"] }), 'stops[0].tasks[0] has a link to "#/lob"; expected one of the views'],
  [withStop({ text: "[here](http://a.example)" }), 'has a link to "http://a.example"; expected'],
  [withStop({ checks: [{ asks: "x" }] }), 'stops[0].checks[0] has no "kind"; expected one of choice, number'],
  [withCheck("text", { kind: "numbr" }), 'checks[0].kind is "numbr"; expected one of choice, number, text'],
  [withCheck("text", { right: 3 }), 'stops[0].checks[0] has "right", which is not known here.'],
  [withCheck("text", { asks: undefined }), 'stops[0].checks[0] has no "asks"; expected a text of 1 to 1,000'],
  [withCheck("number", { right: "3" }), 'checks[0].right is "3"; expected a number, without quotes.'],
  [withCheck("number", { within: -1 }), "checks[0].within is -1; expected a number of at least 0, without quotes."],
  [
    withCheck("choice", { answers: [{ text: "a", right: true }] }),
    "answers is a list of 1; expected a list of 2 to 12",
  ],
  [withCheck("choice", { answers: [{ text: "a" }, { text: "b" }] }), 'answers has 0 answers with "right": true;'],
  [
    withCheck("choice", { answers: [{ text: "a", right: false }, { text: "b" }] }),
    "answers[0].right is false; expected true; leave it out where an answer is wrong.",
  ],
  [withCheck("choice", { answers: [{ text: "a" }, { text: "a" }] }), 'answers[1].text is "a", like another answer'],
  [withCheck("questions", { chapter: "gru" }), 'checks[0].chapter is "gru"; expected one of perceptron'],
  [withCheck("toy", { task: "sorting" }), 'checks[0].task is "sorting"; expected one of copy'],
  [withCheck("toy", { atLeast: 95 }), "checks[0].atLeast is 95; expected a number above 0, at most 1, without quotes."],
  [withCheck("model", { below: 0 }), "checks[0].below is 0; expected a number above 0, without quotes."],
  [withCheck("address", { address: "#/lab" }), "checks[0].address is where the stop begins, so it would be"],
  [
    withStop({ checks: [checks.text, checks.text] }),
    'stops[0].checks[1].asks is "Why?", like another check of this stop; expected one of its own.',
  ],
];
test.each(wrong.map(([value, says]) => [says, value]))("%s", (says, value) => {
  const problem = problemOf(JSON.stringify(value));
  expect(problem).toContain(says);
  expect(problem).toMatch(/^c\.json: [^\n]+[.?]$/);
});

test.each([
  ['{\n  "format": 1,\n  "id": "a" "title"\n}', 'line 3, column 13: found “"title"”; expected "," or "}".'],
  ["", "line 1, column 1: found the end of the line; expected a value."],
  ["nothing", "line 1, column 1: found “nothing”; expected a value."],
  ['{"a": [1,]}', "column 10: found “]}”; expected a value."],
  ['{"a": [}', 'column 8: found “}”; expected a value or "]".'],
  ["{a: 1}", 'column 2: found “a: 1}”; expected a name in quotes or "}".'],
  ['{"a" 1}', 'column 6: found “1}”; expected ":".'],
  ['{"a": 1}}', "column 9: found “}”; expected the end of the text."],
  ['{"a": "x\n"}', "column 7: found"],
  ['{"a": 1,\n', "line 2, column 1: found the end of the line; expected a name in quotes."],
])("JSON that is broken is told with its place: %j", (json, says) => {
  expect(problemOf(json)).toContain(`c.json: is not JSON at `);
  expect(problemOf(json)).toContain(says);
  expect(problemOf(json)).toMatch(/Look there and just before it\.$/);
});

test("a text has a fault in its JSON exactly where JSON.parse refuses it", () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const signs = fc.string({
    unit: fc.constantFrom(...'[]{},:"\\ 10.-eEu\n', "true", "null", '"a"', '"a":', "\\u00e9", "\u0007", "\u007f"),
  });
  const spoiled = fc
    .tuple(fc.json(), fc.nat(60), fc.nat(2), signs)
    .map(([json, at, length, put]) => json.slice(0, at) + put + json.slice(at + length));
  fc.assert(
    fc.property(fc.oneof(fc.json(), spoiled, signs), (text) => {
      expect(jsonFault(text) === undefined).toBe(isJson(text));
    }),
    { numRuns: cases(3000) },
  );
});

test("whatever is changed in a course, it is read or refused by one line", () => {
  const json = JSON.stringify(whole, null, 1);
  /** All places of the course, by their keys. */
  const places: (readonly (string | number)[])[] = [];
  const visit = (value: unknown, path: readonly (string | number)[]): void => {
    if (typeof value !== "object" || value === null) return;
    for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
      places.push([...path, key]);
      visit((value as Record<string, unknown>)[key], [...path, key]);
    }
  };
  visit(whole, []);
  const values = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom("#/learn/%", "[x](#/", "[x](https://a.example)", "*"),
    fc.string(),
  );
  const changed = fc
    .tuple(fc.constantFrom(...places), fc.option(values, { nil: undefined }), fc.string())
    .map(([path, value, name]) => {
      const copy = JSON.parse(json);
      const parent = path.slice(0, -1).reduce((inside, key) => inside[key], copy);
      parent[path.at(-1) as string] = value;
      if (!Array.isArray(parent) && name.length % 3 === 0) parent[name] = value ?? null;
      return JSON.stringify(copy);
    });
  const cut = fc
    .tuple(fc.nat(json.length), fc.nat(20), fc.string())
    .map(([at, length, put]) => json.slice(0, at) + put + json.slice(at + length));
  fc.assert(
    fc.property(fc.oneof(changed, cut), (text) => {
      const problem = problemOf(text);
      if (problem !== undefined) expect(problem).toMatch(/^c\.json: [^\n\r\u2028]+[.?]$/);
    }),
    { numRuns: cases(1000) },
  );
});

test("an address has all that another says: view, path and settings, where * is anything", () => {
  const at = readAddress("#/inspect/moby?unit=17&show=map&at=");
  const like = ["#/inspect", "#/inspect/moby", "#/inspect/*?unit=*", "#/inspect?show=map&unit=17", "#/inspect?at="];
  const unlike = [
    "#/write",
    "#/inspect/other",
    "#/inspect/*/more",
    "#/inspect?unit=1",
    "#/inspect?at=*",
    "#/inspect?constructor=*",
  ];
  expect(like.filter((asked) => !hasAll(at, asked))).toEqual([]);
  expect(unlike.filter((asked) => hasAll(at, asked))).toEqual([]);
});

describe("texts", () => {
  test.each([
    ["*a* **b c** `d*e*` [f](#/lab)", "em:a text:  strong:b c text:  code:d*e* text:  link:f>#/lab"],
    ["2 * 3 * 4, a*b", "text:2 * 3 * 4, a*b"],
    ["<b>x</b> &amp; _y_", "text:<b>x</b> &amp; _y_"],
    ["", ""],
  ])("%j has the marks %s", (text, expected) => {
    const told = piecesOf(text).map(({ kind, text, href }) => `${kind}:${text}${href === undefined ? "" : `>${href}`}`);
    expect(told.join(" ")).toBe(expected);
  });

  test("all of a text is in its pieces; paragraphs stand apart by an empty line", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab*`[]()# \n") }), (text) => {
        const lengths = piecesOf(text).map(({ text }) => text.length);
        expect(lengths.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(text.length);
        const plain = piecesOf(text).every(({ kind }) => kind === "text");
        if (plain)
          expect(
            piecesOf(text)
              .map(({ text }) => text)
              .join(""),
          ).toBe(text);
      }),
      { numRuns: cases(300) },
    );
    expect(paragraphsOf("a\nb\n\n\nc\n  \nd\n")).toEqual(["a\nb", "c", "d\n"]);
  });
});
