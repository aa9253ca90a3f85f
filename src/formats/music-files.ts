/** Files of music on disk: MIDI files and ABC tunebooks, alone or in folders, as pieces. Knows nothing about models. */
import { readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Piece } from "../data/piece.ts";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, flag, listOf, options as optionsOf, someText } from "../graph/schema.ts";
import { abcTunes, pieceOfAbc } from "./abc.ts";
import { decodeText } from "./decode-text.ts";
import { readInput } from "./files.ts";
import { readMidi } from "./midi.ts";

/** A piece, and where it is from: a file, of a tunebook with the tune's line. */
export type NamedPiece = { readonly name: string; readonly piece: Piece };
/** What files of music hold. */
export type MusicFiles = {
  readonly pieces: readonly NamedPiece[];
  /** What was left out with `repair`, a line each. */
  readonly left: readonly string[];
};

/** Options of `readMusicFiles`. */
export type ReadMusicFilesOptions = {
  /** Mend notes that hang or overlap, and leave out tunes that cannot be read. Default false. */
  readonly repair?: boolean;
};
/** @internal */
export const musicFilesArguments: Arguments = {
  paths: listOf(someText, 1),
  options: optionsOf<ReadMusicFilesOptions>({ repair: flag }),
};

const isMidi = (path: string): boolean => /\.midi?$/i.test(path);
const isAbc = (path: string): boolean => /\.abc$/i.test(path);

/**
 * The pieces of files and folders: each MIDI file is a piece, and each tune of an ABC tunebook.
 * @param paths files that end with .mid, .midi or .abc, or folders, of which all such files are read
 * @param options `repair` (false)
 * @throws InputError, one line with the file and track and tick, or line, for what cannot be read, and where there is no music
 * @example const pieces = readMusicFiles(["tunes"]).pieces.map(({ piece }) => piece);
 */
export function readMusicFiles(paths: readonly string[], options: ReadMusicFilesOptions = {}): MusicFiles {
  checkArguments("readMusicFiles", { paths, options }, musicFilesArguments);
  const { repair = false } = options;
  const left: string[] = [];
  const pieces = paths.flatMap(filesAt).flatMap((path): NamedPiece[] => {
    if (isMidi(path)) return [{ name: path, piece: readMidi(readInput(path), path, { repair }) }];
    const tunes = abcTunes(decodeText(readInput(path), path));
    if (tunes.length === 0) throw new InputError(`${path}: has no tune: no line begins with X:. Give a tunebook.`);
    return tunes.flatMap((tune): NamedPiece[] => {
      try {
        return [{ name: `${path}:${tune.line}`, piece: pieceOfAbc(tune, {}, path) }];
      } catch (error) {
        if (!(error instanceof InputError) || !repair) throw error;
        left.push(error.message);
        return [];
      }
    });
  });
  const sounding = pieces.filter(({ piece }) => piece.notes.length > 0);
  left.push(...pieces.filter(({ piece }) => piece.notes.length === 0).map(({ name }) => `${name}: has no notes`));
  if (sounding.length === 0) throw new InputError(`${paths.join(", ")}: has no notes. Give files with music.`);
  return { pieces: sounding, left };
}

function filesAt(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    if (isMidi(path) || isAbc(path)) return [path];
    throw new InputError(`${path}: is no file of music. Give files that end with .mid, .midi or .abc, or a folder.`);
  }
  const found = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)))
    .filter((name) => !name.split(sep).some((part) => part.startsWith(".")) && (isMidi(name) || isAbc(name)))
    .sort();
  if (found.length === 0) throw new InputError(`${path}: has no file that ends with .mid, .midi or .abc.`);
  return found.map((name) => join(path, name));
}
