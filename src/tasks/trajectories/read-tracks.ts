/** Tracks from the text of a table. Reading CSV takes a library, which is loaded where it is asked for. */
import { parseCsv } from "../../formats/csv-text.ts";
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
  const first = text.split(/\r?\n/).find((line) => line.trim() !== "") ?? "";
  // Between blanks alone, as some write them.
  const cells = /[\t;,]/.test(first) ? text : text.replace(/^[^\S\n]+|[^\S\n]+$/gm, "").replace(/[^\S\n]+/g, "\t");
  const header = !first.split(/[\s;,]+/).some((cell) => decimal.test(cell));
  return tracksOf(parseCsv(cells, { name, header }), options);
}
