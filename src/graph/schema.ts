/**
 * What a caller may give, as data: one schema for each public entry, checked once where the value enters. The documentation
 * shows the same schema. Knows nothing about what the values are for.
 */
import { excerpt } from "./excerpt.ts";
import { InputError } from "./input-error.ts";
import { didYouMean } from "./vocabulary.ts";

/** What one value must be: in words that go on from "must be", and as a test. */
export type Rule = {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** Other people's names for the option, which a message answers with ours. */
  readonly aliases?: readonly string[];
};
/** A rule for every option of a type: one that is missing is a compile error. */
export type Schema<T = Readonly<Record<string, unknown>>> = { readonly [K in keyof T]-?: Rule };

const isNumber = (value: unknown): value is number => typeof value === "number";

/** A whole number. */
export const wholeNumber = (least: number, most?: number): Rule => ({
  expected: `a whole number ${most === undefined ? `of at least ${least}` : `from ${least} to ${most}`}`,
  accepts: (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= (most ?? Infinity),
});
/** A number in [low, high), or in (low, high) or so: as the brackets say. */
export const inRange = (low: number, high = Infinity, brackets: "[)" | "[]" | "()" | "(]" = "[)"): Rule => ({
  expected: `a number in ${brackets[0]}${low}, ${high}${brackets[1]}`,
  accepts: (value) =>
    isNumber(value) &&
    (brackets[0] === "[" ? value >= low : value > low) &&
    (brackets[1] === "]" ? value <= high : value < high),
});
export const finiteNumber: Rule = { expected: "a finite number", accepts: Number.isFinite };
export const flag: Rule = { expected: "true or false", accepts: (value) => typeof value === "boolean" };
export const string: Rule = { expected: "a text", accepts: (value) => typeof value === "string" };
export const callable: Rule = { expected: "a function", accepts: (value) => typeof value === "function" };
export const anything: Rule = { expected: "anything", accepts: () => true };
export const oneOf = (...choices: readonly string[]): Rule => ({
  expected: `${choices.length > 1 ? "one of " : ""}${choices.map((one) => `"${one}"`).join(", ")}`,
  accepts: (value) => choices.includes(value as string),
});
export const either = (...rules: readonly Rule[]): Rule => ({
  expected: rules.map(({ expected }) => expected).join(", or "),
  accepts: (value) => rules.some(({ accepts }) => accepts(value)),
});
export const listOf = (rule: Rule): Rule => ({
  expected: `a list, each ${rule.expected}`,
  accepts: (value) => Array.isArray(value) && value.every(rule.accepts),
});
/** Something with all of these properties, whatever else it has: `"an AbortSignal"`, "aborted". */
export const having = (expected: string, ...properties: readonly string[]): Rule => ({
  expected,
  accepts: (value) => typeof value === "object" && value !== null && properties.every((name) => name in value),
});
export const alias = (rule: Rule, ...aliases: readonly string[]): Rule => ({ ...rule, aliases });

/**
 * Whether these options are what the entry takes; an absent one is `undefined`.
 * @param where the entry, as its caller wrote it: `fit`
 * @throws InputError for an option that the schema does not have, with the one that was meant, and for one of another kind
 */
export function checkOptions<T>(where: string, given: unknown, schema: Schema<T>): void {
  if (given === undefined) return;
  if (!isPlain(given)) throw new InputError(`${where}: the options must be an object, got ${formatValue(given)}`);
  const rules = schema as Readonly<Record<string, Rule>>;
  for (const [name, value] of Object.entries(given)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) throw new InputError(`${where}: unknown option "${name}".${meant(name, rules)}`);
    if (value !== undefined) checkValue(`${where}: ${name}`, value, rule);
  }
}

/** @throws InputError for a value that the rule does not accept */
export function checkValue(where: string, value: unknown, { expected, accepts }: Rule): void {
  if (!accepts(value)) throw new InputError(`${where} must be ${expected}, got ${formatValue(value)}`);
}

function meant(name: string, rules: Readonly<Record<string, Rule>>): string {
  const camel = camelCase(name);
  const names = Object.keys(rules);
  const known = names.find((one) => one === camel || rules[one]?.aliases?.some((other) => camelCase(other) === camel));
  if (known !== undefined) return ` Did you mean ${known}?`;
  if (names.length === 0) return " There are no options.";
  return didYouMean(camel, names) || ` The options are ${names.join(", ")}.`;
}
const camelCase = (name: string): string => name.replace(/[_-]+(\w)/g, (_, letter: string) => letter.toUpperCase());

/** An object with names and values: no list, map, number or text. */
export const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Object.prototype.toString.call(value) === "[object Object]";

/** A value as an error's line shows it: short, and texts in quotes. */
export function formatValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(excerpt(value));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
