/** The options of commands that read series from a table, and the series that they read. */
import { fillIn, type SeriesOfTable, type SeriesOptions, seriesOfTable } from "../data/series.ts";
import { readCsv } from "../formats/csv.ts";
import { InputError } from "../graph/input-error.ts";
import type { Given, Options } from "./options.ts";

export const tableOptions: Options = {
  date: { value: "COLUMN", help: "the column of dates, or none [found]" },
  "date-format": { value: "FORMAT", help: "how dates are written, as DD/MM/YYYY [found]" },
  frequency: { value: "STEP", help: 'from one date to the next, as "15 minutes" [found]' },
  id: { value: "COLUMN", help: "names of series below each other [found]" },
  fill: { value: "HOW", help: "missing values become [refuse]", choices: ["refuse", "zero", "last", "linear"] },
  duplicates: { value: "HOW", help: "of dates that come twice [refuse]", choices: ["refuse", "mean", "first"] },
  decimal: { value: "SIGN", help: "what stands before decimals", choices: [".", ","] },
  delimiter: { value: "SIGN", help: "what stands between fields [found]", choices: [",", ";", "tab"] },
};

/** The words of the library for its options, where a message tells what to give, and those of the command line. */
const optionNames: readonly (readonly [RegExp, string])[] = [
  [/\bdateFormat\b/g, "--date-format"],
  [/\bdate false\b/g, "--date none"],
  [/\bvalidation: 0\b/g, "--validation 0"],
  [
    /\b([Gg]ive|[Cc]hoose|or|with) (decimal|frequency|duplicates|delimiter|id|columns|fill|horizon|lookback|test|season|targets)(?=[ ,.:]|$)/g,
    "$1 --$2",
  ],
  [/--(columns|targets)\b/g, "--column"],
];
/** A message of the library in the words of the command line: `--fill zero, last or linear`. */
export const inOptions = (message: string): string =>
  optionNames
    .reduce((text, [name, option]) => text.replace(name, option), message)
    .replace(
      /(--\w+) ((?:"[^"]*"(?:, | or )?)+)/g,
      (_, name: string, values: string) => `${name} ${values.replaceAll('"', "")}`,
    );

/**
 * The series of a CSV file. With columns that are known for the future, its last rows may have no targets.
 * @throws InputError, with the file, the line and the column
 */
export function readSeries(path: string, given: Given, columns: Columns): SeriesOfTable {
  try {
    return readTable(path, given, columns);
  } catch (error) {
    throw error instanceof InputError ? new InputError(inOptions(error.message)) : error;
  }
}
type Columns = { readonly targets: readonly string[]; readonly future: readonly string[] };

function readTable(path: string, given: Given, { targets, future }: Columns): SeriesOfTable {
  const delimiter = given.text("delimiter");
  const table = readCsv(
    path,
    delimiter === undefined ? {} : { delimiter: delimiter === "tab" ? "\t" : (delimiter as ",") },
  );
  const [date, dateFormat, frequency, id] = (["date", "date-format", "frequency", "id"] as const).map(given.text);
  const fill = given.text("fill") as SeriesOptions["fill"];
  const options: SeriesOptions = {
    ...(date !== undefined && { date: date === "none" ? false : date }),
    ...(dateFormat !== undefined && { dateFormat }),
    ...(frequency !== undefined && { frequency }),
    ...(id !== undefined && { id }),
    ...(given.text("duplicates") !== undefined && { duplicates: given.text("duplicates") as "mean" }),
    ...(given.text("decimal") !== undefined && { decimal: given.text("decimal") as "." }),
  };
  if (future.length === 0) return seriesOfTable(table, { ...options, ...(fill !== undefined && { fill }) });
  const read = seriesOfTable(table, { ...options, keepMissing: true });
  if (fill === undefined || fill === "refuse") return read;
  for (const { values } of read.series) {
    for (const [column, all] of Object.entries(values)) {
      const isTarget = targets.length === 0 ? !future.includes(column) : targets.includes(column);
      // What is missing at the end of a target is the future.
      const end = isTarget ? all.findLastIndex((value) => !Number.isNaN(value)) + 1 : all.length;
      fillIn(all.subarray(0, end), fill);
    }
  }
  return read;
}
