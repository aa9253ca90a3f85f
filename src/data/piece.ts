/**
 * Pieces of music as plain data: notes in ticks, how many ticks a quarter has, and how long a quarter lasts from which tick on. Seconds
 * are computed of ticks. Knows nothing about files and models.
 */
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  anArray,
  checkArguments,
  checkOptions,
  formatValue,
  inRange,
  type Rule,
  required,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";

/** A note. */
export type Note = {
  /** MIDI number, 0 to 127; 60 is middle C. */
  readonly pitch: number;
  /** When it begins, and how long it sounds, in ticks. */
  readonly start: number;
  readonly duration: number;
  /** How hard it is struck, 1 to 127. */
  readonly velocity: number;
  /** The track and the channel (0 to 15) that it is on. */
  readonly track: number;
  readonly channel: number;
};

/** How long a quarter lasts from a tick on. */
export type Tempo = { readonly tick: number; readonly microsecondsPerQuarter: number };

/** A piece of music. */
export type Piece = {
  readonly ticksPerQuarter: number;
  /** In the order of their ticks. Before the first, or without any, a quarter lasts half a second (tempo 120). */
  readonly tempos: readonly Tempo[];
  /** In the order of their starts. */
  readonly notes: readonly Note[];
};

/** Microseconds of a quarter where nothing is said: 120 a minute. */
export const usualTempo = 500_000;
/** The longest time that a MIDI file can say at once, in ticks. */
const mostTicks = 2 ** 28 - 1;
/** The largest number of tracks that is written. */
const mostTracks = 1000;

const tick = required(wholeNumber(0, mostTicks));
const noteRules: Schema<Note> = {
  pitch: required(wholeNumber(0, 127)),
  start: tick,
  duration: required(wholeNumber(1, mostTicks)),
  velocity: required(wholeNumber(1, 127)),
  track: required(wholeNumber(0, mostTracks - 1)),
  channel: required(wholeNumber(0, 15)),
};
const tempoRules: Schema<Tempo> = { tick, microsecondsPerQuarter: required(wholeNumber(1, 2 ** 24 - 1)) };

/** Each of a list of objects by its rules, and in the order of `place`. */
const listInOrder = <One>(what: string, rules: Schema<One>, place: (one: One) => number): Rule => ({
  expected: `a list of ${what}`,
  accepts: Array.isArray,
  look(where, value) {
    const list = value as readonly One[];
    for (let k = 0; k < list.length; k++) {
      checkOptions(`${where}[${k}]`, list[k], rules);
      const [before, own] = [k === 0 ? 0 : place(list[k - 1] as One), place(list[k] as One)];
      if (own >= before) continue;
      throw new InputError(
        `${where}[${k}] must not begin before the one in front of it (tick ${before}), got tick ${own}. Sort the ${what}.`,
      );
    }
  },
});
const pieceRules: Schema<Piece> = {
  ticksPerQuarter: required(wholeNumber(1, 2 ** 15 - 1)),
  tempos: required(listInOrder("tempos", tempoRules, (one) => one.tick)),
  notes: required(listInOrder("notes", noteRules, (one) => one.start)),
};
/** A piece, checked note by note. */
export const aPiece: Rule = {
  expected: "a piece of music, { ticksPerQuarter, tempos, notes }",
  accepts: (value) => typeof value === "object" && value !== null && "notes" in value,
  look: (where, value) => checkOptions(where, value, pieceRules),
};
/** At least one piece. */
export const somePieces: Rule = {
  expected: "a list of pieces of music, { ticksPerQuarter, tempos, notes }",
  accepts: (value) => anArray.accepts(value) && (value as ArrayLike<unknown>).length > 0,
  look(where, value) {
    Array.from(value as ArrayLike<unknown>).forEach((one, k) => {
      if (!aPiece.accepts(one))
        throw new InputError(`${where}[${k}]: must be ${aPiece.expected}, got ${formatValue(one)}`);
      aPiece.look?.(`${where}[${k}]`, one);
    });
  },
};

/** Notes in the order of their starts, then tracks, channels and pitches. */
export const inOrder = (notes: readonly Note[]): Note[] =>
  [...notes].sort((a, b) => a.start - b.start || a.track - b.track || a.channel - b.channel || a.pitch - b.pitch);

/** The tick after the last note. */
export const lengthOf = ({ notes }: Piece): number =>
  notes.reduce((last, { start, duration }) => Math.max(last, start + duration), 0);

export const secondsAtArguments: Arguments = { piece: aPiece, tick: inRange(0) };

/**
 * When a tick of a piece is, in seconds from its beginning: each tempo counts from its own tick on, and before the first a quarter
 * lasts half a second.
 * @param piece the piece
 * @param tick ticks from its beginning
 * @throws InputError for a piece that is none
 * @example const [begin, end] = [secondsAt(piece, note.start), secondsAt(piece, note.start + note.duration)];
 */
export function secondsAt(piece: Piece, tick: number): number {
  checkArguments("secondsAt", { piece, tick }, secondsAtArguments);
  return createClock(piece)(tick);
}

/** `secondsAt` of a piece that is known to be one. */
export function createClock({ tempos, ticksPerQuarter }: Piece): (tick: number) => number {
  return (tick) => {
    let [microseconds, from, tempo] = [0, 0, usualTempo];
    for (const next of tempos) {
      if (next.tick >= tick) break;
      microseconds += (next.tick - from) * tempo;
      [from, tempo] = [next.tick, next.microsecondsPerQuarter];
    }
    return (microseconds + (tick - from) * tempo) / ticksPerQuarter / 1e6;
  };
}
