/** Tables of texts from CSV files, and the reading and writing of such texts: see `csv-text.ts`. */
import type { Table } from "../data/series.ts";
import { type Arguments, checkArguments, options as optionsOf, string } from "../graph/schema.ts";
import { type CsvOptions, csvSchema, parseCsv } from "./csv-text.ts";
import { readInput } from "./files.ts";

export {
  type CsvOptions,
  parseCsv,
  parseCsvArguments,
  type WriteCsvOptions,
  writeCsv,
  writeCsvArguments,
} from "./csv-text.ts";

/** @internal */
export const readCsvArguments: Arguments = { path: string, options: optionsOf<CsvOptions>(csvSchema) };

/**
 * Read a CSV file (RFC 4180): fields in quotes where they need it, UTF-8 with or without a byte order mark, any line ends,
 * also mixed. Empty lines are passed over, and blanks around fields, unless within quotes or beside tabs.
 * @throws InputError if the file cannot be read, and as `parseCsv`
 * @example
 * const { columns, rows } = readCsv("sales.csv"); // columns ["month", "sales"], rows [["2024-01", "112"], ...]
 */
export function readCsv(path: string, options: CsvOptions = {}): Table {
  checkArguments("readCsv", { path, options }, readCsvArguments);
  return parseCsv(readInput(path), { name: path, ...options });
}
