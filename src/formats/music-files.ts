/** Files of music on disk: MIDI files and ABC tunebooks, alone or in folders, as pieces. Knows nothing about models. */
import { join, relative, sep } from "node:path";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, flag, listOf, options as optionsOf, someText } from "../graph/schema.ts";
import { entriesIn, readInput, statOf } from "./files.ts";
import { isAbc, isMidi, type MusicFiles, type ReadMusicFilesOptions, readMusicBytes } from "./music-bytes.ts";

export type { MusicFiles, NamedPiece, ReadMusicFilesOptions } from "./music-bytes.ts";

/** @internal */
export const musicFilesArguments: Arguments = {
  paths: listOf(someText, 1),
  options: optionsOf<ReadMusicFilesOptions>({ repair: flag }),
};

/**
 * The pieces of files and folders: each MIDI file is a piece, and each tune of an ABC tunebook.
 * @param paths files that end with .mid, .midi or .abc, or folders, of which all such files are read
 * @param options `repair` (false)
 * @throws InputError, one line with the file and track and tick, or line, for what cannot be read, and where there is no music
 * @example const pieces = readMusicFiles(["tunes"]).pieces.map(({ piece }) => piece);
 */
export function readMusicFiles(paths: readonly string[], options: ReadMusicFilesOptions = {}): MusicFiles {
  checkArguments("readMusicFiles", { paths, options }, musicFilesArguments);
  const files = paths.flatMap(filesAt);
  return readMusicBytes(
    files.map((name) => ({ name, bytes: () => readInput(name) })),
    options,
    paths.join(", "),
  );
}

function filesAt(path: string): string[] {
  if (!statOf(path)?.isDirectory()) {
    if (isMidi(path) || isAbc(path)) return [path];
    throw new InputError(`${path}: is no file of music. Give files that end with .mid, .midi or .abc, or a folder.`);
  }
  const found = entriesIn(path)
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)))
    .filter((name) => !name.split(sep).some((part) => part.startsWith(".")) && (isMidi(name) || isAbc(name)))
    .sort();
  if (found.length === 0) throw new InputError(`${path}: has no file that ends with .mid, .midi or .abc.`);
  return found.map((name) => join(path, name));
}
