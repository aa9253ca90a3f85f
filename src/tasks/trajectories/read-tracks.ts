/** Tracks from the text of a table: names and numbers, without line ends within quotes, so that a page needs no library for it. */
import type { Table } from "../../data/series.ts";
import { InputError } from "../../graph/input-error.ts";
import { checkArguments } from "../../graph/schema.ts";
import { decimal, type ReadTracksOptions, readTracksArguments, type Tracks, tracksOf } from "./tracks.ts";

/**
 * Read tracks from a table: a row for each thing and frame, with the columns frame, id, x and y. Cells are between commas,
 * semicolons, tabs or spaces. Without a header the columns are frame, id, x, y, as in the files of ETH and UCY. A track that
 * is not there for some frames is split in two, and `gaps` has each place.
 * @param text the content of the file
 * @param options `name` of the file; the columns `frame`, `id`, `x`, `y`; `step`
 * @throws InputError, one line with the place in the file, for a column that is missing, for what is no number, and for a
 *   track that is twice in a frame
 * @example const tracks = readTracks(readFileSync("tracks.csv", "utf8"), { name: "tracks.csv" });
 */
export function readTracks(text: string, options: ReadTracksOptions = {}): Tracks {
  checkArguments("readTracks", { text, options }, readTracksArguments);
  const { name = "tracks.csv" } = options;
  return tracksOf(tableOf(text, name), options);
}

/** Rows of cells between tabs, semicolons, commas or blanks, whichever of these the first line has. */
function tableOf(text: string, name: string): Table {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n?|\n/);
  const used = lines.flatMap((line, k) => (line.trim() === "" ? [] : [{ line, number: k + 1 }]));
  const first = used[0]?.line;
  if (first === undefined) throw new InputError(`${name}: is empty. Give a table with one row a step.`);
  const delimiter = ["\t", ";", ","].find((one) => first.includes(one)) ?? " ";
  const cellsOf = (line: string): string[] =>
    (delimiter === " " ? line.trim().split(/\s+/) : line.split(delimiter)).map((cell) =>
      cell.trim().replace(/^"(.*)"$/, "$1"),
    );
  const top = cellsOf(first);
  const headed = !top.some((cell) => decimal.test(cell));
  const columns = headed ? top : top.map((_, k) => String(k + 1));
  const rows = used.slice(headed ? 1 : 0).map(({ line, number }) => ({ cells: cellsOf(line), number }));
  if (rows.length === 0) {
    throw new InputError(`${name}: has the names of columns and no rows. Give a table with one row a step.`);
  }
  const odd = rows.find(({ cells }) => cells.length !== columns.length);
  if (odd !== undefined) {
    const { cells, number } = odd;
    const shown = delimiter === "\t" ? "tab" : `"${delimiter}"`;
    throw new InputError(
      `${name}: line ${number} has ${cells.length} field${cells.length === 1 ? "" : "s"}, line ${used[0]?.number} has ${columns.length} (between them: ${shown}). Correct the line.`,
    );
  }
  return { name, columns, rows: rows.map(({ cells }) => cells), lineOf: (row) => rows[row]?.number as number };
}
