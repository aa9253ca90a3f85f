import { expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import {
  alias,
  callable,
  checkOptions,
  checkValue,
  either,
  finiteNumber,
  flag,
  formatValue,
  having,
  inRange,
  isIndex,
  listOf,
  oneOf,
  type Rule,
  type Schema,
  string,
  wholeNumber,
} from "../../src/graph/schema.ts";
import { refusal } from "../helpers/refusal.ts";

type Options = { batchSize?: number; validationSplit?: number; shuffle?: boolean; length?: number };
const schema: Schema<Options> = {
  batchSize: wholeNumber(1),
  validationSplit: inRange(0, 1),
  shuffle: flag,
  length: alias(wholeNumber(0), "max_tokens"),
};
const messageOf = (given: unknown): string => refusal(() => checkOptions("fit", given, schema));

test("options that the schema has are accepted, and absent ones", () => {
  for (const given of [undefined, {}, { batchSize: 3 }, { shuffle: undefined }, Object.create(null), { length: 0 }]) {
    expect(() => checkOptions("fit", given, schema)).not.toThrow();
  }
});
test("a name of another style, another library or with a slip is answered by ours", () => {
  expect(messageOf({ batch_size: 3 })).toBe('fit: unknown option "batch_size". Did you mean batchSize?');
  expect(messageOf({ "validation-split": 3 })).toMatch("Did you mean validationSplit?");
  expect(messageOf({ max_tokens: 3 })).toMatch("Did you mean length?");
  expect(messageOf({ maxTokens: 3 })).toMatch("Did you mean length?");
  expect(messageOf({ shufle: true })).toMatch("Did you mean shuffle?");
  expect(messageOf({ colour: 1 })).toBe(
    'fit: unknown option "colour". The options are batchSize, validationSplit, shuffle, length.',
  );
  expect(messageOf({ constructor: 1 })).toMatch("unknown option");
  expect(messageOf(JSON.parse('{"__proto__": 1}'))).toMatch("unknown option");
});
test("a value of another kind is named with what it must be", () => {
  expect(messageOf({ batchSize: "3" })).toBe('fit: batchSize must be a whole number of at least 1, got "3"');
  expect(messageOf({ batchSize: 0 })).toMatch("got 0");
  expect(messageOf({ validationSplit: 1 })).toBe("fit: validationSplit must be a number in [0, 1), got 1");
  expect(messageOf({ validationSplit: Number.NaN })).toMatch("got NaN");
  expect(messageOf({ shuffle: null })).toBe("fit: shuffle must be true or false, got null");
});
test("options that are no object of names are refused", () => {
  for (const given of [null, 3, "batchSize", [], new Map(), new Float32Array(1), () => {}, new Date(), Symbol("x")]) {
    expect(messageOf(given)).toMatch("the options must be an object, got");
  }
});
test("each rule accepts what it says and nothing near it", () => {
  const cases: readonly (readonly [Rule, readonly unknown[], readonly unknown[]])[] = [
    [wholeNumber(0, 5), [0, 5], [-1, 6, 0.5, "1", Number.NaN, 2n, null]],
    [inRange(0, 1, "(]"), [0.1, 1], [0, 1.1, "1"]],
    [inRange(0, 1, "()"), [0.5], [0, 1]],
    [inRange(0), [0, 1e300], [-1, Number.POSITIVE_INFINITY]],
    [finiteNumber, [-1.5], [Number.NaN, Number.POSITIVE_INFINITY, "1"]],
    [oneOf("char", "word"), ["char"], ["words", 1, undefined]],
    [either(string, callable), ["a", () => {}], [1, null, {}]],
    [listOf(string), [[], ["a"]], ["a", [1], { length: 0 }]],
    [having("an AbortSignal", "aborted"), [new AbortController().signal], [{}, null, "aborted"]],
  ];
  for (const [rule, good, bad] of cases) {
    for (const value of good) expect(() => checkValue("it", value, rule)).not.toThrow();
    for (const value of bad) expect(() => checkValue("it", value, rule)).toThrow(InputError);
  }
});
test("a value of any kind is shown in a line", () => {
  const values = [
    "a\nb",
    "x".repeat(100),
    1n,
    () => {},
    [1],
    new Float32Array(2),
    {},
    null,
    undefined,
    Symbol("s"),
    -0,
  ];
  for (const value of values) expect(formatValue(value)).not.toMatch(/\n/);
});

test("an index is a whole number from 0 to one less than the count, and a number", () => {
  for (const right of [0, -0, 1, 64]) expect(isIndex(right, 65), String(right)).toBe(true);
  for (const wrong of [-1, 65, 0.5, Number.NaN, Infinity, "1", 1n, null, undefined, [1]]) {
    expect(isIndex(wrong, 65), String(wrong)).toBe(false);
  }
  expect(isIndex(0, 0)).toBe(false);
});
