/**
 * Tracks from a table, or from the text of one without quotes: names and numbers need none, so that a page needs no library for it.
 * Knows nothing of files; `read-file.ts` reads those, with quotes.
 */
import type { Table } from "../../data/series.ts";
import { InputError } from "../../graph/input-error.ts";
import { checkArguments, formatValue } from "../../graph/schema.ts";
import { decimal, type ReadTracksOptions, readTracksArguments, type Tracks, tracksOf } from "./tracks.ts";

/**
 * Read tracks from a table: a row for each thing and frame, with the columns frame, id, x and y. Cells of a text are between
 * commas, semicolons, tabs or spaces, without quotes around such; `parseCsv` of `unrolled/formats/csv` reads those. Without a
 * header the columns are frame, id, x, y, as in the files of ETH and UCY. Times such as 2024-01-31 12:00:00 become seconds after
 * the first. A track that is not there for some frames is split in two, and `gaps` has each place.
 * @param table the content of the file, or a table as `parseCsv` makes it
 * @param options `name` of the file; the columns `frame`, `id`, `x`, `y`; `step`
 * @throws InputError, one line with the place in the file, for a column that is missing or named twice, for what is no number, and
 *   for a track that is twice in a frame
 * @example const tracks = readTracks(readFileSync("tracks.csv", "utf8"), { name: "tracks.csv" });
 */
export function readTracks(table: string | Table, options: ReadTracksOptions = {}): Tracks {
  checkArguments("readTracks", { table, options }, readTracksArguments);
  if (typeof table === "string") return tracksOf(headed(cellsIn(table, options.name ?? "tracks.csv")), options);
  const isNamed = table.columns.some((column, k) => column !== String(k + 1));
  const named = { ...table, name: options.name ?? table.name };
  return tracksOf(isNamed ? named : headed(named), options);
}

/** What stands between the cells of a text: what its first line has; undefined for blanks. */
export const delimiterOf = (text: string): string | undefined => {
  const first = /\S.*/.exec(text.replace(/^\uFEFF/, ""))?.[0] ?? "";
  return ["\t", ";", ","].find((one) => first.includes(one));
};

/** Rows of cells, all of them, the names of columns too. */
function cellsIn(text: string, name: string): Table {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n?|\n/);
  const used = lines.flatMap((line, k) => (line.trim() === "" ? [] : [{ line, number: k + 1 }]));
  const [first] = used;
  if (first === undefined) throw new InputError(`${name}: is empty. Give a table with one row a step.`);
  const delimiter = delimiterOf(text);
  const cellsOf = (line: string): string[] =>
    (delimiter === undefined ? line.trim().split(/\s+/) : line.split(delimiter)).map((cell) =>
      cell.trim().replace(/^"(.*)"$/, "$1"),
    );
  const rows = used.map(({ line, number }) => ({ cells: cellsOf(line), number }));
  const columns = (rows[0]?.cells ?? []).map((_, k) => String(k + 1));
  const odd = rows.find(({ cells }) => cells.length !== columns.length);
  if (odd !== undefined) {
    const shown = delimiter === "\t" ? "tab" : `"${delimiter ?? " "}"`;
    const quoted = used.some(({ line }) => line.includes('"'))
      ? ', or read what is in quotes by parseCsv of "unrolled/formats/csv"'
      : "";
    throw new InputError(
      `${name}: line ${odd.number} has ${odd.cells.length} field${odd.cells.length === 1 ? "" : "s"}, line ${first.number} has ${columns.length} (between them: ${shown}). Correct the line${quoted}.`,
    );
  }
  return { name, columns, rows: rows.map(({ cells }) => cells), lineOf: (row) => rows[row]?.number as number };
}

/** The same rows below the names of their columns, where the first has names: no number is among them. */
function headed({ name, rows, lineOf }: Table): Table {
  const trimmed = rows.map((cells) => cells.map((cell) => cell.trim()));
  const [top = [], ...below] = trimmed;
  const isHeader = !top.some((cell) => decimal.test(cell));
  const columns = top.map((cell, k) => (isHeader && cell !== "" ? cell : String(k + 1)));
  if (!isHeader) return { name, columns, rows: trimmed, lineOf };
  if (below.length === 0) {
    throw new InputError(`${name}: has the names of columns and no rows. Give a table with one row a step.`);
  }
  const twice = columns.findIndex((column, k) => columns.indexOf(column) !== k);
  if (twice >= 0) {
    throw new InputError(
      `${name}: line ${lineOf(0)}: columns ${columns.indexOf(columns[twice] as string) + 1} and ${twice + 1} are both called ${formatValue(columns[twice])}. Rename one.`,
    );
  }
  return { name, columns, rows: below, lineOf: (row) => lineOf(row + 1) };
}
