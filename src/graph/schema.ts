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
  /** Looks inside a value that is accepted. @throws InputError with the place */
  readonly look?: (where: string, value: unknown) => void;
  /** Other people's names for the option, which a message answers with ours. */
  readonly aliases?: readonly string[];
  /** An option that has to be given. */
  readonly required?: boolean;
  /** What is in it, by name. */
  readonly options?: Schema;
};
/** A rule for every option of a type: one that is missing is a compile error. */
export type Schema<T = Readonly<Record<string, unknown>>> = { readonly [K in keyof T]-?: Rule };
/** The arguments of an entry in their order, by name; its options, if any, are the last. */
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
export const string: Rule = { expected: "a text", accepts: (value) => typeof value === "string" };
export const someText: Rule = {
  expected: "a text of at least one character",
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
/** What may also be null, or left out among the arguments. */
export const orNull = /* @__NO_SIDE_EFFECTS__ */ (rule: Rule): Rule =>
  either(rule, { expected: "null", accepts: (value) => value === null || value === undefined });
export const listOf = /* @__NO_SIDE_EFFECTS__ */ (rule: Rule, least = 0): Rule => ({
  expected: `a list${least > 0 ? ` of at least ${least}` : ""}, each ${rule.expected}`,
  accepts: (value) => Array.isArray(value) && value.length >= least,
  // By place: `every` would pass over holes.
  look(where, value) {
    for (let k = 0; k < (value as unknown[]).length; k++) checkValue(`${where}[${k}]`, (value as unknown[])[k], rule);
  },
});
/** Values of one kind under any names: `{ lstm: 0.1 }`. */
export const recordOf = /* @__NO_SIDE_EFFECTS__ */ (rule: Rule): Rule => ({
  expected: `an object by name, each ${rule.expected}`,
  accepts: isPlain,
  look(where, value) {
    for (const [name, one] of Object.entries(value as object)) checkValue(`${where}: ${name}`, one, rule);
  },
});
/** Options, or an object of the same kind among them. */
export const options = /* @__NO_SIDE_EFFECTS__ */ <T>(schema: Schema<T>): Rule => ({
  expected: "an object",
  accepts: isPlain,
  look: (where, value) => checkOptions(where, value, schema),
  options: schema as Schema,
});
/** An array, typed or not, whose numbers are checked by whoever reads them. */
export const anArray: Rule = { expected: "an array of numbers", accepts: (value) => isList(value) };
/** An array of nothing but numbers, NaN among them. */
export const numbers: Rule = {
  ...anArray,
  look(where, value) {
    const list = value as ArrayLike<unknown>;
    // A typed array's are all of one kind.
    const count = ArrayBuffer.isView(value) ? Math.min(1, list.length) : list.length;
    for (let k = 0; k < count; k++) if (!isNumber(list[k])) checkValue(`${where}[${k}]`, list[k], aNumber);
  },
};
export const iterable: Rule = {
  expected: "a list, or something else to go through",
  accepts: (value) => typeof value === "object" && typeof value?.[Symbol.iterator as keyof object] === "function",
};
/** Something with all of these properties, whatever else it has: `"an AbortSignal"`, "aborted". */
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
 * Whether the arguments of an entry are what it takes, in their order.
 * @throws InputError for the first that is not, with the place
 */
export function checkArguments(where: string, given: Readonly<Record<string, unknown>>, rules: Arguments): void {
  for (const [name, rule] of Object.entries(rules)) {
    if (name === "options") checkOptions(where, given.options, rule.options as Schema);
    else checkValue(`${where}: ${name}`, given[name], rule);
  }
}

/**
 * Whether these options are what the entry takes; an absent one is `undefined`.
 * @param where the entry, as its caller wrote it: `fit`
 * @throws InputError for an option that the schema does not have, with the one that was meant, and for one of another kind
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

/** Options with what stands for absent ones; one that is undefined is absent. */
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
 * What a name stands for, in any style: `mean_squared_error` is `meanSquaredError`.
 * @throws InputError for a name that the table does not have, with the one that was meant
 */
export function lookUp<T>(where: string, name: string, table: Readonly<Record<string, T>>): T {
  const names = Object.keys(table);
  const found = names.find((one) => plain(one) === plain(name));
  if (found !== undefined) return table[found] as T;
  const hint = didYouMean(camelCase(name), names) || ` There are ${names.join(", ")}.`;
  throw new InputError(`${where} ${formatValue(name)} is not known.${hint}`);
}

/** The option that a name in another style stands for, or one of other people. */
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
/** A name without what differs from style to style. */
const plain = (name: string): string => name.replace(/[_-]/g, "").toLowerCase();
/** `mean_squared_error` as `meanSquaredError`. */
export const camelCase = (name: string): string =>
  name.replace(/[_-]+(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Arrays, typed arrays and what else has places and a length. */
export const isList = (value: unknown): value is ArrayLike<unknown> =>
  typeof value === "object" && value !== null && Number.isSafeInteger((value as { length?: unknown }).length);

/** An object with names and values: no list, map, number or text. */
export const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Object.prototype.toString.call(value) === "[object Object]";

/** A value as an error's line shows it: short, and texts in quotes. */
export function formatValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(excerpt(value));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (isList(value)) return `a list of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
