/**
 * Tables as CSV texts: read with what guessing is safe (delimiter, header) and errors that name the line, and written.
 * No text becomes a number or a date here: `src/data/series.ts` does that. By csv-parse. For Node and for pages: knows nothing
 * of files.
 */
import { type CsvError, type Info, parse } from "csv-parse/sync";
import { isDateText } from "../data/calendar.ts";
import { isMissing, readNumber, type Table } from "../data/series.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  either,
  flag,
  formatValue,
  having,
  listOf,
  oneOf,
  options as optionsOf,
  type Schema,
  someText,
  string,
} from "../graph/schema.ts";
import { decodeText } from "./decode-text.ts";

const delimiters = [",", ";", "\t"] as const;

/** Options of `parseCsv` and `readCsv`. */
export type CsvOptions = {
  /** What errors call the table. Default "the table"; of `readCsv` the path. */
  readonly name?: string;
  /** What stands between fields. By default that of ",", ";" and tab which the first lines have. */
  readonly delimiter?: "," | ";" | "\t";
  /**
   * Whether the first row has the names of the columns. By default it has, unless its fields are all numbers, or numbers and
   * dates. Without names the columns are called "1", "2" and so on.
   */
  readonly header?: boolean;
};
/** @internal */
export const csvSchema: Schema<CsvOptions> = { name: someText, delimiter: oneOf(...delimiters), header: flag };

/** What `parseCsv` takes. */
export const parseCsvArguments: Arguments = {
  content: either(string, having("the bytes of a file", "byteLength", "buffer")),
  options: optionsOf<CsvOptions>(csvSchema),
};
/**
 * Read a table from the text or the bytes of a CSV file, as `readCsv` does.
 * @throws InputError, with the line, for a quote that is not closed, rows of another number of fields, and a name that two
 * columns have; for bytes that are no UTF-8; and where there are no rows
 * @example parseCsv("month,sales\n2024-01,112\n").rows // [["2024-01", "112"]]
 */
export function parseCsv(content: string | Uint8Array, options: CsvOptions = {}): Table {
  checkArguments("parseCsv", { content, options }, parseCsvArguments);
  return tableOf(content, options, { canSayDelimiter: true });
}

/**
 * The same, also for those whose callers cannot say what stands between fields, and are not told to.
 * @internal
 */
export function tableOf(
  content: string | Uint8Array,
  options: CsvOptions,
  { canSayDelimiter }: { readonly canSayDelimiter: boolean },
): Table {
  const { name = "the table", header } = options;
  const decoded = typeof content === "string" ? content.replace(/^\uFEFF/, "") : decodeText(content, name);
  // csv-parse takes the first line end for that of all lines: where they mix, it leaves CRs or joins lines.
  const text = decoded.replace(/\r\n?/g, "\n");
  const delimiter = options.delimiter ?? guessDelimiter(text);
  const records = recordsOf(text, delimiter, name);
  const first = records[0];
  if (first === undefined) throw new InputError(`${name}: is empty. Give a table with one row a step.`);
  const given = first.fields.filter((field) => !isMissing(field));
  const named =
    header ?? !(given.some(isSomeNumber) && given.every((field) => isSomeNumber(field) || isDateText(field)));
  const columns = first.fields.map((field, k) => (named && field.trim() !== "" ? field.trim() : String(k + 1)));
  const twice = columns.findIndex((column, k) => columns.indexOf(column) !== k);
  if (twice >= 0) {
    throw new InputError(
      `${name}: line ${first.line}: columns ${columns.indexOf(columns[twice] as string) + 1} and ${twice + 1} are both called ${formatValue(columns[twice])}. Rename one.`,
    );
  }
  const own = named ? records.slice(1) : records;
  const odd = own.find(({ fields }) => fields.length !== columns.length);
  if (odd !== undefined) {
    const shown = delimiter === "\t" ? "tab" : `"${delimiter}"`;
    throw new InputError(
      `${name}: line ${odd.line} has ${odd.fields.length} field${odd.fields.length === 1 ? "" : "s"}, line ${first.line} has ${columns.length} (between them: ${shown}). Correct the line, ${canSayDelimiter ? `put texts with ${shown} in quotes, or give delimiter` : `or put texts with ${shown} in quotes`}.`,
    );
  }
  if (own.length === 0) {
    throw new InputError(`${name}: has the names of columns and no rows. Give a table with one row a step.`);
  }
  const lines = own.map(({ line }) => line);
  return { name, columns, rows: own.map(({ fields }) => fields), lineOf: (row) => lines[row] as number, delimiter };
}

const isSomeNumber = (text: string): boolean =>
  !Number.isNaN(readNumber(text, ".")) || !Number.isNaN(readNumber(text, ","));

/** Fields, and the line on which they begin. */
type CsvRecord = { readonly line: number; readonly fields: readonly string[] };

function recordsOf(text: string, delimiter: string, name: string): CsvRecord[] {
  // Lines that are passed over: only then csv-parse has to count for each record, which takes it twice the time.
  const info = /(^|\n)[^\S\n]*\n/.test(text);
  let parsed: unknown;
  try {
    parsed = parse(text, {
      delimiter,
      record_delimiter: "\n",
      skip_empty_lines: true,
      relax_column_count: true,
      // Blanks around a tab may be empty fields.
      trim: delimiter !== "\t",
      info,
    });
  } catch (error) {
    const { code, lines } = error as CsvError & Info;
    if (code === undefined) throw error;
    const line = code === "CSV_QUOTE_NOT_CLOSED" ? lineOfOpenQuote(text) : lines;
    throw new InputError(`${name}: line ${line}: ${problems[code] ?? `cannot be read (${code})`}`, { cause: error });
  }
  let next = 1;
  return (parsed as (string[] | { record: string[]; info: Info })[]).map((one) => {
    const fields = Array.isArray(one) ? one : one.record;
    // A field in quotes may have lines of its own; csv-parse counts to the end of the record.
    const own = fields.reduce((sum, field) => sum + (field.includes("\n") ? field.split("\n").length - 1 : 0), 0);
    const line = Array.isArray(one) ? next : one.info.lines - own;
    next = line + own + 1;
    return { line, fields };
  });
}

const problems: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote (") is opened, and not closed by the end of the file. Close it.',
  CSV_INVALID_CLOSING_QUOTE: 'a text follows on a closing quote ("). Double the quotes within fields.',
  INVALID_OPENING_QUOTE: 'a quote (") stands within a field. Put the field in quotes, and double those within it.',
};

function lineOfOpenQuote(text: string): number {
  let [open, line, opened] = [false, 1, 1];
  for (const [character] of text.matchAll(/["\n]/g)) {
    if (character === "\n") line++;
    else {
      open = !open;
      if (open) opened = line;
    }
  }
  return opened;
}

/** The delimiter that the first line and the next have equally often, outside of quotes; tab and ";" before ",". */
function guessDelimiter(text: string): string {
  const [first = "", second] = text
    .slice(0, 2 ** 20)
    .split("\n", 50)
    .filter((line) => line !== "")
    .map((line) => line.replace(/"[^"]*"/g, ""));
  const counts = ["\t", ";", ","].map((delimiter) => ({
    delimiter,
    inFirst: first.split(delimiter).length - 1,
    inSecond: second?.split(delimiter).length ?? 0,
  }));
  const equal = counts.find(
    ({ inFirst, inSecond }) => inFirst > 0 && (second === undefined || inSecond - 1 === inFirst),
  );
  return (equal ?? counts.reduce((most, one) => (one.inFirst > most.inFirst ? one : most))).delimiter;
}

/** Options of `writeCsv`. */
export type WriteCsvOptions = {
  /** What stands between fields. Default ",". */
  readonly delimiter?: "," | ";" | "\t";
};

/** What `writeCsv` takes. */
export const writeCsvArguments: Arguments = {
  columns: listOf(string, 1),
  rows: listOf({ expected: "a list of texts and numbers", accepts: Array.isArray }),
  options: optionsOf<WriteCsvOptions>({ delimiter: oneOf(...delimiters) }),
};

/**
 * Write a table as CSV, which `parseCsv` reads as the same texts: fields in quotes where they need it, LF after each row.
 * @param columns the names in the first line
 * @param rows of as many texts and numbers; numbers have as many digits as tell them apart, NaN is an empty field
 * @throws InputError for a row with another number of fields, and for what is neither text nor number
 * @example writeCsv(["month", "sales"], [["2024-01", 112]]) // "month,sales\n2024-01,112\n"
 */
export function writeCsv(
  columns: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  options: WriteCsvOptions = {},
): string {
  checkArguments("writeCsv", { columns, rows, options }, writeCsvArguments);
  const { delimiter = "," } = options;
  const special = new RegExp(`["\n\r${delimiter}]|^\\s|\\s$`);
  const lineOf = (fields: readonly (string | number)[], place: string): string => {
    if (fields.length !== columns.length) {
      throw new InputError(`writeCsv: ${place} has ${fields.length} fields, and there are ${columns.length} columns`);
    }
    const texts = Array.from(fields, (field, k) => {
      if (typeof field !== "string" && typeof field !== "number") {
        throw new InputError(`writeCsv: ${place}[${k}] must be a text or a number, got ${formatValue(field)}`);
      }
      const text = Number.isNaN(field) ? "" : String(field);
      // A line without any character would be passed over.
      return special.test(text) || (text === "" && fields.length === 1) ? `"${text.replaceAll('"', '""')}"` : text;
    });
    return `${texts.join(delimiter)}\n`;
  };
  return lineOf(columns, "columns") + rows.map((row, r) => lineOf(row, `rows[${r}]`)).join("");
}
