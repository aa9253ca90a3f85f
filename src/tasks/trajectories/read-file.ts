/** Tracks from the bytes of a file, in Node and in a page: between commas, semicolons or tabs it is CSV, quotes and all. */
import { decodeText } from "../../formats/decode-text.ts";
import { delimiterOf, readTracks } from "./read-tracks.ts";
import type { ReadTracksOptions, Tracks } from "./tracks.ts";

/** @throws InputError as `readTracks`, and for bytes that are no UTF-8 */
export async function readTrackFile(
  content: string | Uint8Array,
  options: ReadTracksOptions & { readonly name: string },
): Promise<Tracks> {
  const { name } = options;
  const text = typeof content === "string" ? content : decodeText(content, name);
  if (delimiterOf(text) === undefined) return readTracks(text, options);
  // The library for CSV is loaded where a table is read.
  const { tableOf } = await import("../../formats/csv-text.ts");
  const table = tableOf(text, { name, header: false }, { canSayDelimiter: false });
  return readTracks(table, options);
}
