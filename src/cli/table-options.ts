/** The options of commands that read series from a table, the series that they read, and what is said of them. */
import {
  evenSeries,
  filledSeries,
  type SeriesOfTable,
  type SeriesOptions,
  type Table,
  timeColumn,
} from "../data/series.ts";
import { InputError } from "../graph/input-error.ts";
import { formatValue } from "../graph/schema.ts";
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
  [/; decimal "," reads/g, "; --decimal , reads"],
  [/\bvalidation: 0\b/g, "--validation 0"],
  [
    /\b([Gg]ive|[Cc]hoose|or|with) (decimal|frequency|duplicates|delimiter|id|columns|fill|horizon|lookback|test|season|targets)(?=[ ,.:]|$)/g,
    "$1 --$2",
  ],
  [/\b(smaller) (horizon|lookback|test|validation)\b/g, "$1 --$2"],
  [/(--horizon or) lookback\b/g, "$1 --lookback"],
  [/\b(A column of) (past|future)\b/g, "$1 --$2"],
  [/--(columns|targets)\b/g, "--column"],
  [/^(frequency|segment|levels)\b/g, "--$1"],
  [/(?<!: )\b(form|head|relative) (?=")/g, "--$1 "],
  [/\bUse (?="(?:standard|log1p)")/g, "Use --scaling "],
  [/\bLeave (scaling|relative|cell|layers)(?= out)/g, "Leave --$1"],
  [/\bLeave past, future and calendar out/g, "Leave --past and --future out"],
];
/** A message of the library in the words of the command line: `--fill zero, last or linear`. */
export const inOptions = (message: string): string =>
  optionNames
    .reduce((text, [name, option]) => text.replace(name, option), message)
    .replace(
      /(--\w+) ((?:"[^"]*"(?:, | or )?)+)/g,
      (_, name: string, values: string) => `${name} ${values.replaceAll('"', "")}`,
    );

/** The series of a file, and where in it a step is. */
export type SeriesOfFile = SeriesOfTable & {
  /** The line of a step of a series; undefined for a date that is missing, and past the end. */
  readonly lineOf: (series: SeriesOfTable["series"][number], step: number) => number | undefined;
};

/**
 * The series of a CSV file. Gaps of the columns that are used are filled or refused; what is missing at the end of one is its future.
 * @throws InputError, with the file, the line and the column
 */
export async function readSeries(path: string, given: Given, columns: Columns): Promise<SeriesOfFile> {
  // The library for CSV is loaded where a table is read.
  const { readCsv } = await import("../formats/csv.ts");
  const delimiter = given.text("delimiter");
  const how = delimiter === undefined ? {} : { delimiter: delimiter === "tab" ? ("\t" as const) : (delimiter as ",") };
  try {
    return seriesIn(readCsv(path, how), given, columns);
  } catch (error) {
    throw error instanceof InputError ? new InputError(inOptions(error.message)) : error;
  }
}
/** The columns that are used: no targets stand for all others of numbers. */
type Columns = { readonly [Role in "targets" | "past" | "future"]: readonly string[] };

/** What the library's functions begin their messages with. */
const owner = /^(?:forecaster|trainForecaster|evaluateForecaster|forecast): /;

/** What `work` gives; what the library says of series is said of the file, and of an option by its name. */
export async function ofFile<Value>(path: string, data: SeriesOfFile, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof InputError && owner.test(error.message)) {
      const said = inOptions(withLine(error.message.replace(owner, ""), data));
      error.message = said.startsWith("--") ? said : `${path}: ${said}`;
    }
    throw error;
  }
}

const quoted = '"(?:[^"\\\\]|\\\\.)*"';
const atStep = new RegExp(
  `^(?:series (${quoted}): )?column (${quoted})(, step| has no (?:value|text) at step) (\\d+)(.*)$`,
);
/** The place in the file instead of a step of a series. */
function withLine(said: string, { series, lineOf }: SeriesOfFile): string {
  const [, name, column, what = "", step, rest = ""] = atStep.exec(said) ?? [];
  const own = series.find((one) => name === undefined || formatValue(one.name) === name);
  const line = own === undefined || step === undefined ? undefined : lineOf(own, Number(step));
  const last = own?.rows.length ?? 0;
  if (own !== undefined && /has no/.test(what) && Number(step) >= last) {
    const [, future = `, step ${step}`, advice = ""] = /^(, step \d+ of the future)?(.*)$/.exec(rest) ?? [];
    const end = lineOf(own, last - 1);
    return `column ${column}${name === undefined ? "" : `, series ${name}`}: the file has no row for ${future.slice(2)}${end === undefined ? "" : `, after line ${end}`}${advice}`;
  }
  if (line === undefined) return said;
  const place = `line ${line}, column ${column}${name === undefined ? "" : `, series ${name}`}`;
  const problem =
    what === ", step"
      ? rest.replace(/^: /, "").replace(/^ is /, "the value is ")
      : what.replace(/^ (.*) at step$/, "$1") + rest;
  return `${place}: ${problem}`;
}

function seriesIn(table: Table, given: Given, { targets, past, future }: Columns): SeriesOfFile {
  const [date, dateFormat, frequency, id] = (["date", "date-format", "frequency", "id"] as const).map(given.text);
  const fill = (given.text("fill") as SeriesOptions["fill"]) ?? "refuse";
  const options: SeriesOptions = {
    ...(date !== undefined && { date: date === "none" ? false : date }),
    ...(dateFormat !== undefined && { dateFormat }),
    ...(frequency !== undefined && { frequency }),
    ...(id !== undefined && { id }),
    ...(given.text("duplicates") !== undefined && { duplicates: given.text("duplicates") as "mean" }),
    ...(given.text("decimal") !== undefined && { decimal: given.text("decimal") as "." }),
  };
  const lineOf: SeriesOfFile["lineOf"] = ({ rows }, step) => {
    const row = rows[step] ?? -1;
    return row < 0 ? undefined : table.lineOf(row);
  };
  const read = evenSeries(table, { ...options, fill });
  const time = timeColumn(read.series);
  const used = targets.length > 0 ? [...targets, ...past, ...future] : read.columns.filter((name) => name !== time);
  // The end of a covariate is a gap like any other.
  return { ...filledSeries(table, read, fill, { columns: used, past: [...past, ...future] }), lineOf };
}
