/**
 * Schemas of arguments and options, as data: one for each public entry, checked once where the value enters. The
 * documentation (docs/options.md) is made from the same schemas.
 */
import { excerpt } from "./excerpt.ts";
import { InputError } from "./input-error.ts";
import { didYouMean } from "./vocabulary.ts";

/** What one value must be: `expected` completes the sentence "... must be", `accepts` tests a value. */
export type Rule = {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** Checks the parts of a value that `accepts` took. @throws InputError with the place */
  readonly look?: (where: string, value: unknown) => void;
  /** Names that other libraries use for the option: "unknown option" then suggests our name. */
  readonly aliases?: readonly string[];
  /** Whether the option must be given. */
  readonly required?: boolean;
  /** Of an object: the rules of its properties. */
  readonly options?: Schema;
};
/** A rule for every option of a type: one that is missing is a compile error. */
export type Schema<T = Readonly<Record<string, unknown>>> = { readonly [K in keyof T]-?: Rule };
/** The rules of a function's arguments by name, in order; options, if any, come last. */
export type Arguments = Readonly<Record<string, Rule>>;

/** Whether it is a whole number from 0 to `count - 1`: a token's id, a class, a place. */
export const isIndex = (value: unknown, count: number): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < count;

const isNumber = (value: unknown): value is number => typeof value === "number";

/** A whole number. */
export const wholeNumber = /* @__NO_SIDE_EFFECTS__ */ (least: number, most?: number): Rule => ({
  expected: `a whole number ${most === undefined ? `of at least ${least}` : `from ${least} to ${most}`}`,
  accepts: (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= (most ?? Infinity),
});
/** A number in [low, high), or in (low, high) or so: as the brackets say. */
export const inRange = /* @__NO_SIDE_EFFECTS__ */ (
  low: number,
  high = Infinity,
  brackets: "[)" | "[]" | "()" | "(]" = "[)",
): Rule => ({
  expected: `a number in ${brackets[0]}${low}, ${high}${brackets[1]}`,
  accepts: (value) =>
    isNumber(value) &&
    (brackets[0] === "[" ? value >= low : value > low) &&
    (brackets[1] === "]" ? value <= high : value < high),
});
const aNumber: Rule = { expected: "a number", accepts: isNumber };
export const finiteNumber: Rule = { expected: "a finite number", accepts: Number.isFinite };
export const flag: Rule = { expected: "true or false", accepts: (value) => typeof value === "boolean" };
export const string: Rule = { expected: "a string", accepts: (value) => typeof value === "string" };
export const someText: Rule = {
  expected: "a non-empty string",
  accepts: (value) => typeof value === "string" && value !== "",
};
export const callable: Rule = { expected: "a function", accepts: (value) => typeof value === "function" };
export const anything: Rule = { expected: "anything", accepts: () => true };
export const oneOf = /* @__NO_SIDE_EFFECTS__ */ (...choices: readonly string[]): Rule => ({
  expected: `${choices.length > 1 ? "one of " : ""}${choices.map((one) => `"${one}"`).join(", ")}`,
  accepts: (value) => choices.includes(value as string),
});
export const either = /* @__NO_SIDE_EFFECTS__ */ (...rules: readonly Rule[]): Rule => ({
  expected: rules.map(({ expected }) => expected).join(", or "),
  accepts: (value) => rules.some(({ accepts }) => accepts(value)),
  look: (where, value) => rules.find(({ accepts }) => accepts(value))?.look?.(where, value),
});
/** A value that may also be null or undefined. */
export const orNull = /* @__NO_SIDE_EFFECTS__ */ (rule: Rule): Rule =>
  either(rule, { expected: "null", accepts: (value) => value === null || value === undefined });
export const listOf = /* @__NO_SIDE_EFFECTS__ */ (rule: Rule, least = 0): Rule => ({
  expected: `a list${least > 0 ? ` of at least ${least}` : ""}, each ${rule.expected}`,
  accepts: (value) => Array.isArray(value) && value.length >= least,
  // By index: `every` would skip holes.
  look(where, value) {
    for (let k = 0; k < (value as unknown[]).length; k++) checkValue(`${where}[${k}]`, (value as unknown[])[k], rule);
  },
});
/** Values of one kind under any names: `{ lstm: 0.1 }`. */
export const recordOf = /* @__NO_SIDE_EFFECTS__ */ (rule: Rule): Rule => ({
  expected: `an object, each value ${rule.expected}`,
  accepts: isPlain,
  look(where, value) {
    for (const [name, one] of Object.entries(value as object)) checkValue(`${where}: ${name}`, one, rule);
  },
});
/** An object of options. */
export const options = /* @__NO_SIDE_EFFECTS__ */ <T>(schema: Schema<T>): Rule => ({
  expected: "an object",
  accepts: isPlain,
  look: (where, value) => checkOptions(where, value, schema),
  options: schema as Schema,
});
/** An array or typed array. Whoever reads it checks its numbers. */
export const anArray: Rule = { expected: "an array of numbers", accepts: (value) => isList(value) };
/** An array that holds only numbers; NaN is one. */
export const numbers: Rule = {
  ...anArray,
  look(where, value) {
    const list = value as ArrayLike<unknown>;
    // The values of a typed array all have one type: the first tells.
    const count = ArrayBuffer.isView(value) ? Math.min(1, list.length) : list.length;
    for (let k = 0; k < count; k++) if (!isNumber(list[k])) checkValue(`${where}[${k}]`, list[k], aNumber);
  },
};
export const iterable: Rule = {
  expected: "an iterable",
  accepts: (value) => typeof value === "object" && typeof value?.[Symbol.iterator as keyof object] === "function",
};
/** An object that has at least these properties, as in `having("an AbortSignal", "aborted")`. */
export const having = /* @__NO_SIDE_EFFECTS__ */ (expected: string, ...properties: readonly string[]): Rule => ({
  expected,
  accepts: (value) => typeof value === "object" && value !== null && properties.every((name) => name in value),
});
export const aSignal: Rule = having("an AbortSignal", "aborted");
export const alias = /* @__NO_SIDE_EFFECTS__ */ (rule: Rule, ...aliases: readonly string[]): Rule => ({
  ...rule,
  aliases,
});
export const required = /* @__NO_SIDE_EFFECTS__ */ (rule: Rule): Rule => ({ ...rule, required: true });

/**
 * Check the arguments of a public function, in order.
 * @throws InputError for the first one that its rule does not accept, with the place
 */
export function checkArguments(where: string, given: Readonly<Record<string, unknown>>, rules: Arguments): void {
  for (const [name, rule] of Object.entries(rules)) {
    if (name === "options") checkOptions(where, given.options, rule.options as Schema);
    else checkValue(`${where}: ${name}`, given[name], rule);
  }
}

/**
 * Check the options of a public function. An option that is `undefined` counts as absent.
 * @param where the entry, as its caller wrote it: `fit`
 * @throws InputError for an option that the schema does not have, with a suggestion, and for a value that its rule does not accept
 */
export function checkOptions<T>(where: string, given: unknown, schema: Schema<T>): void {
  const all = given === undefined ? {} : given;
  if (!isPlain(all)) throw new InputError(`${where}: the options must be an object, got ${formatValue(given)}`);
  const rules = schema as Schema;
  const unknown = Object.keys(all).find((name) => !Object.hasOwn(rules, name));
  if (unknown !== undefined) throw new InputError(`${where}: unknown option "${unknown}".${meant(unknown, rules)}`);
  for (const [name, rule] of Object.entries(rules)) {
    const value = name in {} && !Object.hasOwn(all, name) ? undefined : all[name];
    if (value !== undefined || rule.required) checkValue(`${where}: ${name}`, value, rule);
  }
}

/** Options with the defaults in place of those that are absent or `undefined`. */
export const withDefaults = <Defaults extends object, Given extends object>(
  defaults: Defaults,
  given: Given,
): Omit<Given, keyof Defaults> & {
  [K in keyof Defaults]: K extends keyof Given ? Exclude<Given[K], undefined> : Defaults[K];
} =>
  Object.assign(
    {},
    defaults,
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  ) as never;

/** @throws InputError for a value that the rule does not accept */
export function checkValue(where: string, value: unknown, { expected, accepts, look }: Rule): void {
  if (!accepts(value)) throw new InputError(`${where} must be ${expected}, got ${formatValue(value)}`);
  look?.(where, value);
}

/**
 * Look up a name, in any style, in a table: `mean_squared_error` finds `meanSquaredError`.
 * @throws InputError for a name that the table does not have, with a suggestion
 */
export function lookUp<T>(where: string, name: string, table: Readonly<Record<string, T>>): T {
  const names = Object.keys(table);
  const found = names.find((one) => plain(one) === plain(name));
  if (found !== undefined) return table[found] as T;
  const hint = didYouMean(camelCase(name), names) || ` There are ${names.join(", ")}.`;
  throw new InputError(`${where} ${formatValue(name)} is not known.${hint}`);
}

/** The option that was likely meant: the same name in another style, or the name that another library uses. */
export function findMeant(name: string, rules: Readonly<Record<string, Pick<Rule, "aliases">>>): string | undefined {
  const names = Object.keys(rules);
  const means = (one: string): boolean => rules[one]?.aliases?.some((other) => plain(other) === plain(name)) ?? false;
  return (
    names.find((one) => one === camelCase(name)) ?? names.find(means) ?? names.find((one) => plain(one) === plain(name))
  );
}

function meant(name: string, rules: Schema): string {
  const names = Object.keys(rules);
  const known = findMeant(name, rules);
  if (known !== undefined) return ` Did you mean ${known}?`;
  if (names.length === 0) return " There are no options.";
  return didYouMean(camelCase(name), names) || ` The options are ${names.join(", ")}.`;
}
/** A name in lower case without `_` and `-`, the same for every style. */
const plain = (name: string): string => name.replace(/[_-]/g, "").toLowerCase();
/** `mean_squared_error` to `meanSquaredError`. */
export const camelCase = (name: string): string =>
  name.replace(/[_-]+(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Whether a value is an array, a typed array or another array-like object. */
export const isList = (value: unknown): value is ArrayLike<unknown> =>
  typeof value === "object" && value !== null && Number.isSafeInteger((value as { length?: unknown }).length);

/** Whether a value is a plain object: not an array, map, number or string. */
export const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Object.prototype.toString.call(value) === "[object Object]";

/** A value as an error message shows it: shortened, strings in quotes. */
export function formatValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(excerpt(value));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (isList(value)) return `a list of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
