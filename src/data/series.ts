/**
 * From a table of texts to time series of numbers: which column has the dates, which have numbers, one series or one for
 * each id, dates at even steps, nothing missing. Whatever is not as it should be is named with its line, or is put right
 * as the caller asks, and noted. Knows nothing of files, scaling and models.
 */
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
} from "../graph/schema.ts";
import { didYouMean } from "../graph/vocabulary.ts";
import {
  checkDateFormat,
  describeFrequency,
  type Frequency,
  formatDate,
  inferFrequency,
  isDateText,
  parseFrequency,
  readDates,
  step,
  stepsBetween,
} from "./calendar.ts";

/** A table of texts, as `parseCsv` of `unrolled/formats/csv` reads it. */
export type Table = {
  /** What errors call it: the file's name. */
  readonly name: string;
  readonly columns: readonly string[];
  /** Rows of as many texts as there are columns. */
  readonly rows: readonly (readonly string[])[];
  /** The line of the file on which a row begins, from 1. */
  readonly lineOf: (row: number) => number;
  /** What stands between fields, where it is known. */
  readonly delimiter?: string;
};

/** Options of `seriesOfTable`. */
export type SeriesOptions = {
  /**
   * The column of dates, or columns of their parts (year, month, day, hour). By default it is found; `false`: there are
   * none, and the rows are in time order.
   */
  readonly date?: string | readonly string[] | false;
  /** How dates are written, in Day.js's letters: "DD/MM/YYYY HH:mm". By default it is found. */
  readonly dateFormat?: string;
  /** The step from one date to the next: "month", "15 minutes", "weekday". By default it is found. */
  readonly frequency?: string;
  /** A column of names, in a table that has several series below each other. By default it is found where dates repeat. */
  readonly id?: string;
  /** The columns of numbers that are wanted. By default all that have numbers. */
  readonly columns?: readonly string[];
  /** What stands before decimals. "," reads 1.234,5 as 1234.5; "." reads 1,234.5 so. By default "." without thousands. */
  readonly decimal?: "." | ",";
  /**
   * What takes the place of missing values and missing dates. "last": the value before; "linear": on the line between its
   * neighbours. Where a series begins with missing values, both take the first that there is. What is missing at the end of a column is
   * its future: it stays NaN, whatever is chosen. Default "refuse".
   */
  readonly fill?: "refuse" | "zero" | "last" | "linear";
  /** What is done where a date comes twice. Default "refuse". */
  readonly duplicates?: "refuse" | "mean" | "first";
  /** Whether all missing values stay, as NaN; missing dates are filled with NaN then. Default false. */
  readonly keepMissing?: boolean;
};

/** One series: values at even steps. */
export type Series = {
  /** Its id; "" where the table has one series. */
  readonly name: string;
  /** The dates, T of them (see `calendar.ts` for what an instant is); undefined where there are none. */
  readonly instants: Float64Array<ArrayBuffer> | undefined;
  /** The numbers of each column, T each; NaN for what is missing at the end. */
  readonly values: Readonly<Record<string, Float64Array<ArrayBuffer>>>;
  /** The texts of each other column, T each, for covariates that are categories. */
  readonly texts: Readonly<Record<string, readonly string[]>>;
  /** The row of the table that each step came from; -1 for a date that was missing. */
  readonly rows: Int32Array<ArrayBuffer>;
};

/** What a table has: its series, what their dates are, and in words what was found and changed on the way. */
export type SeriesOfTable = {
  readonly series: readonly Series[];
  /** The columns of numbers, in the table's order. */
  readonly columns: readonly string[];
  /** The columns of texts, in the table's order, without dates and ids. */
  readonly textColumns: readonly string[];
  readonly dateColumn: string | undefined;
  readonly dateFormat: string | undefined;
  readonly frequency: Frequency | undefined;
  readonly idColumn: string | undefined;
  readonly notes: readonly string[];
};

const schema: Schema<SeriesOptions> = {
  date: either(someText, listOf(someText, 1), { expected: "false", accepts: (value) => value === false }),
  dateFormat: someText,
  frequency: someText,
  id: someText,
  columns: listOf(someText, 1),
  decimal: oneOf(".", ","),
  fill: oneOf("refuse", "zero", "last", "linear"),
  duplicates: oneOf("refuse", "mean", "first"),
  keepMissing: flag,
};
/** @internal */
export const seriesOfTableArguments: Arguments = {
  table: having("a table, as parseCsv makes it", "name", "columns", "rows", "lineOf"),
  options: optionsOf<SeriesOptions>(schema),
};

const missingTexts = new Set(["", "na", "n/a", "nan", "null", "none", "-", "?", "."]);
/** Whether a text says that a value is missing: "", NA, null, NaN, - and the like. */
export const isMissing = (text: string): boolean => missingTexts.has(text.trim().toLowerCase());

const plainNumber = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const commaNumber = /^[+-]?(\d{1,3}(\.\d{3})+|\d+|(?=,))(,\d*)?([eE][+-]?\d+)?$/;
const thousandsNumber = /^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/;

/**
 * A number as tables write it: decimal, with or without an exponent. "0x10", "Infinity" and "12 kg" are none.
 * @param decimal see `SeriesOptions`
 * @returns NaN for a text that is no number
 */
export function readNumber(text: string, decimal?: "." | ","): number {
  const trimmed = text.trim();
  const number =
    decimal === ","
      ? commaNumber.test(trimmed)
        ? Number(trimmed.replaceAll(".", "").replace(",", "."))
        : Number.NaN
      : plainNumber.test(trimmed)
        ? Number(trimmed)
        : decimal === "." && thousandsNumber.test(trimmed)
          ? Number(trimmed.replaceAll(",", ""))
          : Number.NaN;
  return Number.isFinite(number) ? number : Number.NaN;
}

/**
 * The series of a table. Dates and the frequency are found from the whole column; rows out of order are sorted.
 * @throws InputError, one line with file, line and column, for what cannot be read or is missing, and what to do
 * @example
 * const { series, frequency } = seriesOfTable(parseCsv(bytes, { name: "sales.csv" }), { fill: "linear" });
 */
export function seriesOfTable(table: Table, options: SeriesOptions = {}): SeriesOfTable {
  const read = evenSeries(table, options);
  return options.keepMissing === true
    ? read
    : filledSeries(table, read, options.fill ?? "refuse", { columns: read.columns });
}

/**
 * The series of a table at even steps: missing dates are there or refused, missing values are NaN.
 * @throws InputError as `seriesOfTable`
 * @internal
 */
export function evenSeries(table: Table, options: SeriesOptions): SeriesOfTable {
  checkArguments("seriesOfTable", { table, options }, seriesOfTableArguments);
  const { fill = "refuse", duplicates = "refuse", keepMissing = false, decimal } = options;
  if (options.dateFormat !== undefined) checkDateFormat(table.name, options.dateFormat);
  if (table.rows.length === 0) throw new InputError(`${table.name}: has no rows. Give a file with one row a step.`);
  const notes: string[] = [];
  const dates = datesOf(table, options, notes);
  const idColumn = idColumnOf(table, options, dates, notes);
  const { columns, textColumns } = columnsOf(table, options, [...(dates?.columns ?? []), idColumn]);
  notes.push(...notedThousands(table, columns, decimal));

  let merged = 0;
  const groups = groupsOf(table, idColumn).map(({ name, rows }) => {
    const sorted = dates === undefined ? rows : sortedRows(table, rows, dates, notes);
    const unique = dates === undefined ? sorted.map((row) => [row]) : uniqueRows(table, sorted, dates, duplicates);
    merged += rows.length - unique.length;
    return { name, rows: unique };
  });
  if (merged > 0) notes.push(`${count(merged, "row")} had a date that was there already: ${duplicates} was taken`);
  const frequency = dates === undefined ? undefined : frequencyOf(table, groups, dates, options.frequency);

  let added = 0;
  const series = groups.map(({ name, rows }): Series => {
    const grid = dates === undefined || frequency === undefined ? rows : gridOf(rows, dates, frequency);
    const missing = grid.filter((same) => same.length === 0).length;
    if (missing > 0 && fill === "refuse" && !keepMissing) {
      throw missingDates(table, grid, missing, dates as Dates, frequency as Frequency, name);
    }
    added += missing;
    const first = grid[0]?.[0] as number;
    return {
      name,
      instants:
        dates === undefined || frequency === undefined
          ? undefined
          : Float64Array.from(grid, (_, k) => step(dates.instants[first] as number, frequency, k)),
      values: Object.fromEntries(columns.map((column) => [column, valuesOf(table, grid, column, decimal)])),
      texts: Object.fromEntries(textColumns.map((column) => [column, textsOf(table, grid, column)])),
      rows: Int32Array.from(grid, (same) => same[0] ?? -1),
    };
  });
  const way = keepMissing ? "left as NaN" : `filled: ${fill}`;
  if (added > 0) notes.push(`${count(added, "date")} of ${count(series.length, "series")} missing, ${way}`);
  const dateColumn = dates?.columns.join(", ");
  return { series, columns, textColumns, dateColumn, dateFormat: dates?.format, frequency, idColumn, notes };
}

/**
 * The same series with their gaps filled, or refused. What is missing at the end of a column is its future and stays NaN.
 * @param of the columns that are looked at, and those among them that are known for the past alone: their end is a gap too
 * @throws InputError for a gap, with its line, where it is to be refused
 * @internal
 */
export function filledSeries(
  table: Table,
  read: SeriesOfTable,
  fill: "refuse" | "zero" | "last" | "linear",
  { columns, past = [] }: { readonly columns: readonly string[]; readonly past?: readonly string[] },
): SeriesOfTable {
  let filled = 0;
  const ahead = new Map<string, number[]>();
  const series = read.series.map((one) => {
    const values = Object.entries(one.values).map(([column, all]) => {
      if (!columns.includes(column)) return [column, all] as const;
      const last = all.findLastIndex((value) => !Number.isNaN(value)) + 1;
      if (last === 0 && all.length > 0 && fill !== "zero") {
        if (fill === "refuse") throw missingValues(table, one, column, all.length, read.dateFormat);
        throw new InputError(
          `${placeOf(table, undefined, column, one.name)}: has no value at all. Leave the column out, or choose fill "zero".`,
        );
      }
      const end = last === 0 || (fill !== "refuse" && past.includes(column)) ? all.length : last;
      if (end < all.length) ahead.set(column, [...(ahead.get(column) ?? []), all.length - end]);
      const gaps = all.reduce((sum, value, t) => sum + Number(t < end && Number.isNaN(value) && one.rows[t] !== -1), 0);
      const own = all.slice();
      if (fill !== "refuse") fillIn(own.subarray(0, end), fill);
      else if (gaps > 0) throw missingValues(table, one, column, gaps, read.dateFormat);
      filled += gaps;
      return [column, own] as const;
    });
    return { ...one, values: Object.fromEntries(values) };
  });
  const notes = [...read.notes];
  if (filled > 0) notes.push(`${count(filled, "value")} missing, filled: ${fill}`);
  for (const [column, counts] of ahead) {
    if (past.includes(column)) continue;
    const most = Math.max(...counts);
    const rows =
      most === 1 && counts.length === 1
        ? "the last row has"
        : counts.every((one) => one === most)
          ? `the last ${count(most, "row")} have`
          : `up to ${count(most, "row")} at the end have`;
    const of = read.series.length === 1 ? "" : ` in ${counts.length} of ${count(read.series.length, "series")}`;
    notes.push(`${rows} no value of ${formatValue(column)}${of}: ${most === 1 ? "it is" : "they are"} the future`);
  }
  return { ...read, series, notes };
}

/**
 * The column of numbers that is the time, and nothing to forecast: in every series it grows with each step; and its name says so
 * ("index", "t", "timestamp"), or it is the first column, in even steps of whole numbers, where there are no dates or it has no name.
 * @returns undefined where there is none, and where there is no other column
 */
export function timeColumn(
  series: readonly (Pick<Series, "values"> & Partial<Pick<Series, "instants">>)[],
): string | undefined {
  const names = Object.keys(series[0]?.values ?? {});
  const isTime = (name: string, k: number): boolean =>
    series.every(({ values, instants }) => {
      const all = values[name] ?? new Float64Array();
      const steps = Array.from(all.subarray(1), (value, t) => value - (all[t] as number));
      const even = (): boolean => steps.every((one) => one === steps[0]) && all.every(Number.isInteger);
      return (
        steps.length > 1 &&
        steps.every((one) => one > 0) &&
        (stepNames.test(name) ||
          dateNames.test(name) ||
          (k === 0 && (instants === undefined || name === "1") && even()))
      );
    });
  return names.length < 2 ? undefined : names.find(isTime);
}

const cellOf = (table: Table, row: number, index: number): string =>
  (table.rows[row] as readonly string[])[index] as string;

const count = (n: number, what: string): string =>
  `${n.toLocaleString("en-US")} ${n === 1 || what === "series" ? what : `${what}s`}`;

/** Where in the file: its name, the line, the column and the series, as far as they are known. */
function placeOf(table: Table, row?: number, column?: string, series = ""): string {
  const parts = [
    ...(row === undefined ? [] : [`line ${table.lineOf(row)}`]),
    ...(column === undefined ? [] : [`column ${formatValue(column)}`]),
    ...(series === "" ? [] : [`series ${formatValue(series)}`]),
  ];
  return parts.length === 0 ? table.name : `${table.name}: ${parts.join(", ")}`;
}

function indexOf(table: Table, column: string): number {
  const index = table.columns.indexOf(column);
  if (index >= 0) return index;
  const hint =
    didYouMean(column, table.columns) || ` It has ${table.columns.map((one) => formatValue(one)).join(", ")}.`;
  throw new InputError(`${table.name}: has no column ${formatValue(column)}.${hint}`);
}

/** The dates of all rows, and the columns that they came from. */
type Dates = { readonly columns: readonly string[]; readonly instants: readonly number[]; readonly format: string };

/** Names that columns of dates have, so that numbers in them may be years, and texts should be dates. */
const dateNames =
  /^(date|datetime|time|timestamp|year|yr|month|period|quarter|day|week|ds|datum|jahr|monat)s?(?![a-z])/i;
/** Names of columns that number the steps, or that have Unix times. */
const stepNames =
  /^((unix|epoch)\w*|(t|ts|step|time_?step|index|idx|row|row_?n(o|r|um|umber)|no|nr|seconds?|elapsed)(?![a-z]))/i;
const unixTime = /^(\d{10}(\.\d+)?|\d{13})$/;
const partNames = ["year", "month", "day", "hour", "minute"] as const;

function datesOf(table: Table, { date, dateFormat }: SeriesOptions, notes: string[]): Dates | undefined {
  if (date === false) return undefined;
  if (date !== undefined) {
    const columns = typeof date === "string" ? [date] : date;
    return columns.length === 1
      ? oneColumn(table, columns[0] as string, dateFormat, notes)
      : partColumns(table, columns, dateFormat);
  }
  const found = table.columns.find((column, index) => {
    const every = Math.ceil(table.rows.length / 200);
    const rows = table.rows.filter((_, row) => row % every === 0);
    const some = rows.map((row) => row[index] as string).filter((text) => !isMissing(text));
    const good = some.filter(
      (text) =>
        (dateFormat === undefined ? isDateText(text) : "instants" in readDates([text], dateFormat)) &&
        (Number.isNaN(readNumber(text)) ||
          dateNames.test(column) ||
          (stepNames.test(column) && unixTime.test(text.trim()))),
    );
    return good.length > 0 && good.length >= some.length * 0.9;
  });
  const lower = table.columns.map((column) => column.toLowerCase());
  if (lower.includes("year") && lower.includes("month")) {
    const parts = partNames.filter((name) => lower.includes(name));
    if (found === undefined || lower[table.columns.indexOf(found)] === "year") {
      return partColumns(
        table,
        parts.map((name) => table.columns[lower.indexOf(name)] as string),
      );
    }
  }
  if (found !== undefined) return oneColumn(table, found, dateFormat, notes);
  // What its name says is a date, and is none, is not passed over in silence.
  const named = table.columns.find(
    (column, index) =>
      dateNames.test(column) && !table.rows.every((row) => !Number.isNaN(readNumber(row[index] as string))),
  );
  if (named !== undefined) return oneColumn(table, named, dateFormat, notes);
  notes.push("no column has dates: the rows are taken in their order");
  return undefined;
}

function oneColumn(table: Table, column: string, format: string | undefined, notes: string[]): Dates {
  const index = indexOf(table, column);
  const texts = table.rows.map((row) => row[index] as string);
  const read = readDates(texts, format);
  if ("problem" in read) throw new InputError(`${placeOf(table, read.row, column)}: ${read.problem}`);
  if (read.utc === true)
    notes.push(`column ${formatValue(column)} has several offsets: its times are read as those of UTC`);
  if (read.other !== undefined) {
    notes.push(
      `column ${formatValue(column)} is read as ${read.format}, whose steps are more even; ${read.other} fits too (dateFormat says which)`,
    );
  }
  return { columns: [column], ...read };
}

/** Dates whose year, month, day, hour and minute are columns of their own, in this order; or the day and the time are. */
function partColumns(table: Table, columns: readonly string[], format?: string): Dates {
  const indices = columns.map((column) => indexOf(table, column));
  const first = (table.rows[0] as readonly string[])[indices[0] as number] as string;
  if (!/^\s*\d{1,4}\s*$/.test(first)) {
    // A column of days and one of times.
    const texts = table.rows.map((row) => indices.map((index) => (row[index] as string).trim()).join(" "));
    const read = readDates(texts, format);
    if ("problem" in read) throw new InputError(`${placeOf(table, read.row, columns.join(", "))}: ${read.problem}`);
    return { columns, ...read };
  }
  if (columns.length > partNames.length) {
    throw new InputError(
      `${table.name}: dates have at most ${partNames.length} columns, ${partNames.join(", ")}, got ${columns.length}`,
    );
  }
  const separators = ["", "-", "-", " ", ":"];
  const texts = table.rows.map((row, r) =>
    indices
      .map((index, k) => {
        const text = (row[index] as string).trim();
        if (!/^\d{1,4}$/.test(text)) {
          throw new InputError(
            `${placeOf(table, r, columns[k])}: needs a whole number, the ${partNames[k]} of a date, got ${formatValue(text)}`,
          );
        }
        return separators[k] + text.padStart(k === 0 ? 4 : 2, "0");
      })
      .join("")
      .concat(indices.length === 4 ? ":00" : ""),
  );
  const read = readDates(texts, ["YYYY", "YYYY-MM", "YYYY-MM-DD", "YYYY-MM-DD HH:mm"][Math.min(columns.length, 4) - 1]);
  if ("problem" in read) throw new InputError(`${placeOf(table, read.row, columns.join(", "))}: ${read.problem}`);
  return { columns, ...read };
}

/** The column of ids: the one that is named, or the only one of texts that tells repeated dates apart. */
function idColumnOf(
  table: Table,
  { id, duplicates, columns: wanted = [] }: SeriesOptions,
  dates: Dates | undefined,
  notes: string[],
): string | undefined {
  if (id !== undefined) {
    indexOf(table, id);
    return id;
  }
  if (dates === undefined || duplicates !== undefined) return undefined;
  const { instants } = dates;
  if (new Set(instants).size === instants.length) return undefined;
  const others = table.columns.filter((column) => !dates.columns.includes(column) && !wanted.includes(column));
  const telling = others.filter((column) => {
    const index = indexOf(table, column);
    if (table.rows.every((row) => !Number.isNaN(readNumber(row[index] as string)))) return false;
    const keys = new Set(table.rows.map((row, r) => `${instants[r]} ${row[index]}`));
    return keys.size === instants.length && new Set(table.rows.map((row) => row[index])).size <= instants.length / 2;
  });
  if (telling.length !== 1) return undefined;
  notes.push(`column ${formatValue(telling[0])} names the series, as dates repeat`);
  return telling[0];
}

/** Which columns have numbers: those that are named, or those in which most texts are numbers. */
function columnsOf(
  table: Table,
  { columns, decimal }: SeriesOptions,
  taken: readonly (string | undefined)[],
): { readonly columns: readonly string[]; readonly textColumns: readonly string[] } {
  for (const column of columns ?? []) {
    indexOf(table, column);
    if (taken.includes(column)) {
      throw new InputError(
        `${placeOf(table, undefined, column)}: has the dates or names of series. Give a column of numbers.`,
      );
    }
  }
  const others = table.columns.filter((column) => !taken.includes(column));
  const numeric = others.filter((column) => {
    if (columns !== undefined) return columns.includes(column);
    const index = table.columns.indexOf(column);
    let [numbers, others] = [0, 0];
    for (const row of table.rows) {
      const text = row[index] as string;
      if (looksNumeric(text, decimal)) numbers++;
      else if (!isMissing(text)) others++;
    }
    return numbers > 0 && numbers >= others;
  });
  if (numeric.length === 0) {
    const found = others.length === 0 ? "dates alone" : others.map((column) => formatValue(column)).join(", ");
    const almost = almostNumber(table, others);
    if (almost !== undefined) throw noNumber(table, almost.row, almost.column, almost.text, decimal);
    throw new InputError(`${table.name}: has no column of numbers (${found}). Give one.`);
  }
  return { columns: numeric, textColumns: others.filter((column) => !numeric.includes(column)) };
}

/** Thousands with a blank or an apostrophe between them. */
const spacedNumber = /^[+-]?\d{1,3}([ \u00a0\u2009\u202f'\u2019]\d{3})+([.,]\d*)?$/;
/** The first text that would be a number if it were written otherwise. */
function almostNumber(
  { rows, columns }: Table,
  names: readonly string[],
): { readonly row: number; readonly column: string; readonly text: string } | undefined {
  for (const column of names) {
    const index = columns.indexOf(column);
    const row = rows.findIndex((one) => /^[^\p{L}]*\d[^\p{L}]*$/u.test(one[index] as string));
    if (row >= 0) return { row, column, text: (rows[row] as readonly string[])[index] as string };
  }
  return undefined;
}

/** What may be meant otherwise: numbers between semicolons that all have three digits after a point, as thousands have. */
function notedThousands(table: Table, columns: readonly string[], decimal: "." | "," | undefined): string[] {
  if (decimal !== undefined || table.delimiter !== ";") return [];
  return columns.flatMap((column) => {
    const index = table.columns.indexOf(column);
    const texts = table.rows.map((row) => (row[index] as string).trim()).filter((text) => !isMissing(text));
    if (texts.length === 0 || !texts.every((text) => /^[+-]?[1-9]\d{0,2}\.\d{3}$/.test(text))) return [];
    const [text] = texts as [string];
    return [
      `column ${formatValue(column)}: ${text} is read as ${readNumber(text)}; decimal "," reads it as ${readNumber(text, ",")}`,
    ];
  });
}

const looksNumeric = (text: string, decimal: "." | "," | undefined): boolean =>
  !Number.isNaN(readNumber(text, decimal)) || commaNumber.test(text.trim()) || thousandsNumber.test(text.trim());

/** The rows of each series, in the order in which the ids first come. */
function groupsOf(table: Table, idColumn: string | undefined): { readonly name: string; readonly rows: number[] }[] {
  const rows = table.rows.map((_, row) => row);
  if (idColumn === undefined) return [{ name: "", rows }];
  const index = indexOf(table, idColumn);
  const groups = new Map<string, number[]>();
  for (const row of rows) {
    const id = cellOf(table, row, index).trim();
    if (id === "")
      throw new InputError(
        `${placeOf(table, row, idColumn)}: has no name of a series. Fill it in, or leave the row out.`,
      );
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [row]);
    else group.push(row);
  }
  return [...groups].map(([name, own]) => ({ name, rows: own }));
}

function sortedRows(table: Table, rows: readonly number[], { instants }: Dates, notes: string[]): readonly number[] {
  const at = (row: number) => instants[row] as number;
  const late = rows.findIndex((row, k) => k > 0 && at(row) < at(rows[k - 1] as number));
  if (late < 0) return rows;
  notes.push(`rows were sorted by date: line ${table.lineOf(rows[late] as number)} is the first out of order`);
  return [...rows].sort((a, b) => at(a) - at(b) || a - b);
}

/** The rows of each date. */
function uniqueRows(
  table: Table,
  rows: readonly number[],
  dates: Dates,
  duplicates: "refuse" | "mean" | "first",
): number[][] {
  const unique: number[][] = [];
  const repeated: number[][] = [];
  for (const row of rows) {
    const before = unique.at(-1);
    if (before === undefined || dates.instants[before[0] as number] !== dates.instants[row]) unique.push([row]);
    else {
      before.push(row);
      if (before.length === 2) repeated.push(before);
    }
  }
  if (repeated.length > 0 && duplicates === "refuse") throw twice(table, unique, repeated, dates);
  return duplicates === "first" ? unique.map((same) => same.slice(0, 1)) : unique;
}

function twice(table: Table, unique: readonly number[][], repeated: readonly number[][], dates: Dates): InputError {
  const [first, second] = repeated[0] as [number, number];
  const date = (row: number): string => formatDate(dates.instants[row] as number, dates.format);
  const where = placeOf(table, second, dates.columns.join(", "));
  const clocks = repeated.every(([row]) => clocksGoBack(dates.instants[row as number] as number));
  if (clocks) {
    const gap = unique.findIndex(
      ([row], k) => k > 0 && springForward(dates.instants[unique[k - 1]?.[0] as number], dates.instants[row as number]),
    );
    const spring =
      gap < 0
        ? ""
        : ` and no hour comes between ${date(unique[gap - 1]?.[0] as number)} and ${date(unique[gap]?.[0] as number)},`;
    return new InputError(
      `${where}: ${date(second)} comes twice (line ${table.lineOf(first)}),${spring} as where clocks change for daylight saving. Give times in UTC, or choose duplicates "mean" or "first"${gap < 0 ? "" : ", and fill"}.`,
    );
  }
  const more = repeated.length === 1 ? "" : `; so do ${count(repeated.length - 1, "other date")}`;
  return new InputError(
    `${where}: ${date(second)} is there already, in line ${table.lineOf(first)}${more}. Name the column of series with id, or choose duplicates "mean" or "first".`,
  );
}

const hourMs = 3_600_000;
/** Whether clocks may show a time twice: in the first hours of a Sunday in autumn, of either half of the earth. */
function clocksGoBack(instant: number): boolean {
  const date = new Date(instant);
  return date.getUTCDay() === 0 && date.getUTCHours() < 4 && [2, 3, 8, 9, 10].includes(date.getUTCMonth());
}
/** Whether an hour is left out between two times, at night on a Sunday in spring. */
function springForward(before: number | undefined, after: number | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  const ms = after - before;
  return ms > hourMs && ms <= 2 * hourMs && clocksGoBack(before + hourMs);
}

type Group = { readonly name: string; readonly rows: readonly (readonly number[])[] };

/** The frequency of the longest series, which all must have. */
function frequencyOf(table: Table, groups: readonly Group[], dates: Dates, given: string | undefined): Frequency {
  const instantsOf = ({ rows }: Group) => rows.map(([row]) => dates.instants[row as number] as number);
  const column = dates.columns.join(", ");
  const longest = groups.reduce((best, one) => (one.rows.length > best.rows.length ? one : best));
  const found = inferFrequency(instantsOf(longest));
  if (found === undefined && given === undefined) {
    throw new InputError(
      `${placeOf(table, undefined, column)}: one date gives no frequency. Give more rows, or frequency.`,
    );
  }
  const start = instantsOf(longest)[0] as number;
  const day = found?.frequency.unit === "month" ? found.frequency.day : new Date(start).getUTCDate();
  const frequency = given === undefined ? (found?.frequency as Frequency) : parseFrequency(given, day);
  const words = describeFrequency(frequency);
  const irregular = given === undefined && (found?.share as number) < 0.5;
  for (const group of groups) {
    const { name, rows } = group;
    const instants = instantsOf(group);
    const off = instants.findIndex((instant) => stepsBetween(instants[0] as number, instant, frequency) === undefined);
    if (off >= 0 || (irregular && group === longest)) {
      const at = off < 0 ? 1 : off;
      const text = (k: number) => formatDate(instants[k] as number, dates.format);
      const after = at === 0 ? "" : ` after ${text(at - 1)}`;
      const share = given === undefined ? `${Math.round((found?.share as number) * 100)} % of the steps are` : "given:";
      throw new InputError(
        `${placeOf(table, rows[at]?.[0], column, name)}: ${text(at)}${after} is no even step (${share} one ${words}). Give frequency, or a file with one row a step.`,
      );
    }
    const steps = (stepsBetween(instants[0] as number, instants.at(-1) as number, frequency) as number) + 1;
    if (steps > 100 * rows.length + 1000) {
      throw new InputError(
        `${placeOf(table, undefined, column, name)}: ${count(rows.length, "row")} at a step of one ${words} are ${count(steps, "step")}. Give a longer frequency.`,
      );
    }
  }
  return frequency;
}

/** The rows of every date from the first to the last; none for a date that is missing. */
function gridOf(rows: readonly (readonly number[])[], dates: Dates, frequency: Frequency): (readonly number[])[] {
  const instant = (k: number) => dates.instants[rows[k]?.[0] as number] as number;
  const places = rows.map((_, k) => stepsBetween(instant(0), instant(k), frequency) as number);
  const length = (places.at(-1) as number) + 1;
  const grid: (readonly number[])[] = Array.from({ length }, () => []);
  places.forEach((place, k) => {
    grid[place] = rows[k] as readonly number[];
  });
  return grid;
}

function missingDates(
  table: Table,
  grid: readonly (readonly number[])[],
  missing: number,
  dates: Dates,
  frequency: Frequency,
  name: string,
): InputError {
  const gap = grid.findIndex((rows) => rows.length === 0);
  const before = dates.instants[grid[gap - 1]?.[0] as number] as number;
  const next = grid.slice(gap).find((rows) => rows.length > 0)?.[0] as number;
  const expected = formatDate(step(before, frequency, 1), dates.format);
  const found = formatDate(dates.instants[next] as number, dates.format);
  const where = placeOf(table, next, dates.columns.join(", "), name);
  const clocks = springForward(before, dates.instants[next])
    ? ", perhaps where clocks change: then give times in UTC"
    : "";
  const others = missing === 1 ? "1 date is missing" : `${count(missing, "date")} are missing`;
  return new InputError(
    `${where}: ${expected} is missing before ${found} (${others}${clocks}). Choose fill "zero", "last" or "linear".`,
  );
}

function missingValues(
  table: Table,
  { name, values, rows, instants }: Series,
  column: string,
  gaps: number,
  dateFormat: string | undefined,
): InputError {
  const at = (values[column] as Float64Array).findIndex((value, t) => Number.isNaN(value) && rows[t] !== -1);
  const row = rows[at] as number;
  const date =
    instants === undefined || dateFormat === undefined ? "" : ` for ${formatDate(instants[at] as number, dateFormat)}`;
  const all = gaps === 1 ? "" : `, the first of ${count(gaps, "such row")}`;
  const text = formatValue(table.rows[row]?.[indexOf(table, column)]);
  return new InputError(
    `${placeOf(table, row, column, name)}: no value${date} (${text})${all}. Choose fill "zero", "last" or "linear".`,
  );
}

/** The numbers of a column by steps; NaN where there is none. Of several rows of a date the mean, without those missing. */
function valuesOf(
  table: Table,
  grid: readonly (readonly number[])[],
  column: string,
  decimal: "." | "," | undefined,
): Float64Array<ArrayBuffer> {
  const index = indexOf(table, column);
  return Float64Array.from(grid, (rows) => {
    let [sum, found] = [0, 0];
    for (const row of rows) {
      const text = cellOf(table, row, index);
      if (isMissing(text)) continue;
      const value = readNumber(text, decimal);
      if (Number.isNaN(value)) throw noNumber(table, row, column, text, decimal);
      sum += value;
      found++;
    }
    return found === 0 ? Number.NaN : sum / found;
  });
}

function noNumber(table: Table, row: number, column: string, text: string, decimal: "." | "," | undefined): InputError {
  const trimmed = text.trim();
  const comma = decimal !== "," && commaNumber.test(trimmed);
  const thousands = decimal !== "." && thousandsNumber.test(trimmed);
  const advice = spacedNumber.test(trimmed)
    ? `Write it without signs between thousands, as ${trimmed.replaceAll(/[^\d.,+-]/g, "").replace(",", ".")}.`
    : plainNumber.test(trimmed) && !Number.isFinite(Number(trimmed))
      ? "It is too large for a number: the largest is 1.8e308. Correct it."
      : comma && thousands
        ? `Choose decimal "," for ${readNumber(trimmed, ",")}, or decimal "." for ${readNumber(trimmed, ".")}.`
        : comma
          ? `Choose decimal "," if this is ${readNumber(trimmed, ",")}.`
          : thousands
            ? `Choose decimal "." if this is ${readNumber(trimmed, ".")}.`
            : decimal !== undefined && !Number.isNaN(readNumber(trimmed))
              ? `Is decimal ${formatValue(decimal)} right?`
              : "Correct it, leave it empty and choose fill, or name the columns of numbers with columns.";
  return new InputError(`${placeOf(table, row, column)}: needs a number, got ${formatValue(trimmed)}. ${advice}`);
}

function textsOf(table: Table, grid: readonly (readonly number[])[], column: string): string[] {
  const index = indexOf(table, column);
  let last = "";
  return grid.map(([row]) => {
    if (row !== undefined) last = cellOf(table, row, index).trim();
    return last;
  });
}

/** Put something in the place of each NaN. */
export function fillIn(values: Float64Array, fill: "zero" | "last" | "linear"): void {
  let known = -1;
  for (let t = 0; t <= values.length; t++) {
    if (t < values.length && Number.isNaN(values[t])) continue;
    const [before, after] = [values[known], values[t]];
    for (let k = known + 1; k < t; k++) {
      const [a, b] = [before ?? (after as number), after ?? (before as number)];
      values[k] = fill === "zero" ? 0 : fill === "last" ? a : a + ((b - a) * (k - known)) / (t - known);
    }
    known = t;
  }
}
