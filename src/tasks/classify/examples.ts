/** Examples of classification as they are given: sound, rows of numbers or texts, each with its label. Knows nothing about models. */
import { InputError } from "../../graph/input-error.ts";
import {
  anArray,
  checkOptions,
  checkValue,
  formatValue,
  isList,
  isPlain,
  numbers,
  type Rule,
  required,
  type Schema,
  someText,
  string,
  wholeNumber,
} from "../../graph/schema.ts";

/** Sound of one channel: samples from -1 to 1, and samples a second. */
export type Sound = { readonly samples: ArrayLike<number>; readonly sampleRate: number };
/** Numbers: a row a step, all rows of one length. */
export type NumberRows = { readonly rows: readonly ArrayLike<number>[] };

/** A text. */
export type Text = { readonly text: string };

/** A sequence: sound, rows of numbers, or a text. */
export type Sequence = (Sound | NumberRows | Text) & {
  /** What messages call it, such as its file. */
  readonly name?: string | undefined;
};
/** A sequence with its class. */
export type LabelledSequence = Sequence & {
  readonly label: string;
  /** Who or what it is from, such as the speaker: validation holds out whole groups. */
  readonly group?: string | undefined;
  /** Where its label is written, for messages: a file, a line and a column. */
  readonly where?: string | undefined;
};

export const isSound = (one: Sequence): one is Sequence & Sound => "samples" in one;
export const isText = (one: Sequence): one is Sequence & Text => "text" in one;
/** What messages call a sequence's kind. */
export const kindOf = (one: Sequence): string => (isSound(one) ? "sound" : isText(one) ? "a text" : "rows of numbers");

const nameRules = { name: string, group: string, label: someText, where: string };
const soundRules: Schema = { ...nameRules, samples: required(numbers), sampleRate: required(wholeNumber(1)) };
const textRules: Schema = { ...nameRules, text: required(someText) };
const rowRules: Schema = {
  ...nameRules,
  rows: required({ ...anArray, expected: "a list of rows, each a list of numbers" }),
};

function checkSequence(where: string, value: unknown, labelled: boolean): void {
  if (!isPlain(value)) throw new InputError(`${where} must be an object, got ${formatValue(value)}`);
  const rules = "samples" in value ? soundRules : "text" in value ? textRules : rowRules;
  checkOptions(where, value, labelled ? { ...rules, label: required(someText) } : rules);
}

const listRule = (labelled: boolean): Rule => ({
  expected: `a list of sequences, { samples, sampleRate${labelled ? ", label" : ""} }, { rows${labelled ? ", label" : ""} } or { text${labelled ? ", label" : ""} }`,
  accepts: (value) => Array.isArray(value) && value.length > 0,
  look(where, value) {
    for (let k = 0; k < (value as unknown[]).length; k++)
      checkSequence(`${where}[${k}]`, (value as unknown[])[k], labelled);
  },
});
export const someSequences: Rule = listRule(false);
export const labelledSequences: Rule = listRule(true);

/** What a message calls example k. */
export const nameOf = (one: Sequence, k: number): string => one.name ?? `example ${k}`;
/** Where a message says that the label of example k is. */
export const placeOfLabel = (one: LabelledSequence, k: number): string => one.where ?? nameOf(one, k);

/**
 * The rows of a sequence of numbers, checked.
 * @throws InputError for rows of other lengths than `width`, and for what is not a finite number
 */
export function checkedRows({ rows }: NumberRows, width: number | undefined, where: string): Float64Array[] {
  if (rows.length === 0) throw new InputError(`${where}: has no rows. Leave it out.`);
  const columns = width ?? (isList(rows[0]) ? rows[0].length : 0);
  return Array.from(rows, (row, t) => {
    checkValue(`${where}: row ${t}`, row, numbers);
    if (row.length !== columns || columns === 0) {
      throw new InputError(`${where}: row ${t} has ${row.length} numbers, expected ${columns || "at least one"}`);
    }
    return Float64Array.from({ length: columns }, (_, j) => {
      const value = row[j];
      if (typeof value === "number" && Number.isFinite(value)) return value;
      throw new InputError(`${where}: row ${t}, column ${j}: needs a finite number, got ${formatValue(value)}`);
    });
  });
}
