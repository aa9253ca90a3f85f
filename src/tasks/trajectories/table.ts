/** A text of rows as a table of texts. Knows nothing of tracks. */
import { parse } from "csv-parse/sync";
import { InputError } from "../../graph/input-error.ts";

/** Rows of texts, with the names of the columns, and the line of each row in its file. */
export type Table = {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly lineOf: (row: number) => number;
};

const isNumber = (text: string): boolean => text.trim() !== "" && Number.isFinite(Number(text));

/**
 * Read a table: cells between tabs, semicolons, commas or spaces, the first of these that the first line has. Without a
 * header, which has no number, the columns are named "1", "2" and so on.
 * @param name the file's name, for messages
 * @throws InputError, with the line, for a text without rows, and for rows that differ in length
 */
export function readTable(text: string, name: string): Table {
  const first = text.split(/\r?\n/).find((line) => line.trim() !== "") ?? "";
  const delimiter = ["\t", ";", ","].find((one) => first.includes(one)) ?? " ";
  let records: { readonly record: string[]; readonly info: { readonly lines: number } }[];
  try {
    records = parse(text, {
      ...{ delimiter, bom: true, info: true, trim: true, skip_empty_lines: true, relax_column_count: true },
      ...(delimiter === " " && { ignore_last_delimiters: false }),
      record_delimiter: ["\r\n", "\n", "\r"],
    }) as unknown as typeof records;
  } catch (error) {
    throw new InputError(`${name}: ${(error as Error).message.split("\n")[0]}`);
  }
  const cells = records.map(({ record }) => (delimiter === " " ? record.filter((cell) => cell !== "") : record));
  const [top = []] = cells;
  if (top.length === 0) throw new InputError(`${name}: has no rows. Give a table with the columns frame, id, x, y.`);
  const headed = !top.some(isNumber);
  const columns = headed ? top : top.map((_, k) => String(k + 1));
  const start = headed ? 1 : 0;
  const lineOf = (row: number): number => records[row + start]?.info.lines ?? 0;
  const rows = cells.slice(start);
  rows.forEach((row, k) => {
    if (row.length === columns.length) return;
    throw new InputError(
      `${name}: line ${lineOf(k)} has ${row.length} cells, and line ${records[0]?.info.lines} has ${columns.length}. ` +
        "Give every row as many.",
    );
  });
  return { name, columns, rows, lineOf };
}
