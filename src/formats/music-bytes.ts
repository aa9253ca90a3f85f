/** Files of music as their bytes, wherever they come from: MIDI files and ABC tunebooks as pieces. Knows nothing about disks and models. */
import type { Piece } from "../data/piece.ts";
import { InputError } from "../graph/input-error.ts";
import { abcTunes, pieceOfAbc } from "./abc.ts";
import { decodeText } from "./decode-text.ts";
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

/** A file that is read when its turn comes. */
export type MusicBytes = { readonly name: string; readonly bytes: () => Uint8Array };

export const isMidi = (name: string): boolean => /\.midi?$/i.test(name);
export const isAbc = (name: string): boolean => /\.abc$/i.test(name);

/**
 * The pieces of files: each MIDI file is one, and each tune of an ABC tunebook.
 * @param files whose names end with .mid, .midi or .abc
 * @param where names all of them, in messages
 * @throws InputError, one line with the file and track and tick, or line, for what cannot be read, and where there is no music
 */
export function readMusicBytes(
  files: readonly MusicBytes[],
  { repair = false }: ReadMusicFilesOptions,
  where: string,
): MusicFiles {
  const left: string[] = [];
  const pieces = files.flatMap(({ name, bytes }): NamedPiece[] => {
    if (isMidi(name)) return [{ name, piece: readMidi(bytes(), name, { repair }) }];
    const tunes = abcTunes(decodeText(bytes(), name));
    if (tunes.length === 0) throw new InputError(`${name}: has no tune: no line begins with X:. Give a tunebook.`);
    return tunes.flatMap((tune): NamedPiece[] => {
      try {
        return [{ name: `${name}:${tune.line}`, piece: pieceOfAbc(tune, {}, name) }];
      } catch (error) {
        if (!(error instanceof InputError) || !repair) throw error;
        left.push(error.message);
        return [];
      }
    });
  });
  const sounding = pieces.filter(({ piece }) => piece.notes.length > 0);
  left.push(...pieces.filter(({ piece }) => piece.notes.length === 0).map(({ name }) => `${name}: has no notes`));
  if (sounding.length === 0) throw new InputError(`${where}: has no notes. Give files with music.`);
  return { pieces: sounding, left };
}
