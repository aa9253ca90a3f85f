/** What `unrolled inspect` shows a model reading, step by step: the tokens of a text, or the rows of a table. */
import { isMissing, readNumber, type Table } from "../data/series.ts";
import { InputError } from "../graph/input-error.ts";
import { inspectModel } from "../nn/inspection.ts";
import type { Model } from "../nn/model.ts";
import {
  type InspectedToken,
  inspectedToken,
  inspectText,
  type LabelledValue,
  nextTokens,
} from "../tasks/inspect-text.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { formatCount } from "./output.ts";

/** A step that was read. */
export type ShownStep = {
  /** The text that a token adds, or the row's number. */
  readonly text: string;
  /** The numbers of each value, by its key. */
  readonly values: Readonly<Record<string, Float32Array>>;
  readonly loss: number | undefined;
  readonly next: InspectedToken["next"];
  /** The line of `--json`. */
  readonly json: object;
};

/** What is read: its length, and its steps, which begin anew at each call. */
export type Inspected = {
  readonly count: number;
  readonly steps: (shown: readonly LabelledValue[], most?: number) => AsyncIterable<ShownStep>;
};

/** The tokens of a text. */
export function tokensOf(lm: LanguageModel, ids: Int32Array, file: string): Inspected {
  const { tokenizer } = lm;
  return {
    count: ids.length,
    async *steps(shown, most = ids.length) {
      const values = shown.map(({ key }) => key);
      for await (const token of inspectText(lm, ids.subarray(0, most), file, { values })) {
        const { text, loss, next } = token;
        const json = inspectedToken(tokenizer, shown, token);
        yield { text, values: token.values, loss, next: nextTokens(tokenizer, next), json };
      }
    },
  };
}

/**
 * The rows of a table, as the vectors that a model reads.
 * @throws InputError for another number of columns than the model has features, and for a field that is no number, with its line
 */
export function rowsOf(model: Model, table: Table, path: string): Inspected {
  const { columns, rows, lineOf, delimiter } = table;
  if (columns.length !== model.input) {
    throw new InputError(
      `${path}: it has ${formatCount(columns.length)} column${columns.length === 1 ? "" : "s"}, and a step of the model has ${model.input} numbers. Give a table with a column for each, in their order.`,
    );
  }
  const decimal =
    delimiter === ";" && rows.some((row) => row.some((field) => Number.isNaN(readNumber(field)))) ? "," : ".";
  const vectors = rows.map((row, k) =>
    row.map((field, j) => {
      const number = isMissing(field) ? Number.NaN : readNumber(field, decimal);
      if (Number.isFinite(number)) return number;
      throw new InputError(`${path}: line ${lineOf(k)}: column ${columns[j]} is ${JSON.stringify(field)}, no number.`);
    }),
  );
  return {
    count: vectors.length,
    async *steps(shown, most = vectors.length) {
      let step = 0;
      for await (const { values, output } of inspectModel(model, vectors.slice(0, most), {
        values: shown.map(({ key }) => key),
      })) {
        step++;
        const named = shown.map(({ key, label }) => [label, Array.from(values[key] as Float32Array, nineDigits)]);
        const json = { step, values: Object.fromEntries(named), output: Array.from(output, nineDigits) };
        yield { text: String(step), values, loss: undefined, next: [], json };
      }
    },
  };
}
/** As many as tell 32-bit floats apart. */
const nineDigits = (value: number): number => Number(value.toPrecision(9));
