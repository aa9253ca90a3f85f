/** Pieces on a grid of steps, and back: what both forms of music models read and write. Knows nothing about models. */
import { inOrder, type Piece } from "../../data/piece.ts";
import type { GridNote, MusicSettings } from "./settings.ts";

/** Channel 10 of General MIDI, whose notes are drums. */
const drums = 9;
/** Ticks of a step in pieces that are written. */
const ticksPerStep = 120;

/**
 * The notes of a piece in steps, in order, each at least one step long; of one pitch that sounds at once on several tracks, one. Drums are
 * left out.
 */
export function gridOf({ notes, ticksPerQuarter }: Piece, stepsPerQuarter: number): GridNote[] {
  const stepOf = (tick: number): number => Math.round((tick * stepsPerQuarter) / ticksPerQuarter);
  return withoutOverlaps(
    notes
      .filter(({ channel }) => channel !== drums)
      .map(({ pitch, start, duration, velocity }) => {
        const from = stepOf(start);
        return { pitch, start: from, duration: Math.max(1, stepOf(start + duration) - from), velocity };
      }),
  );
}

/** Notes in order; one that begins while its pitch sounds ends that, and of two that begin at once the longer one stays. */
export function withoutOverlaps(notes: readonly GridNote[]): GridNote[] {
  const sorted = [...notes].sort((a, b) => a.start - b.start || a.pitch - b.pitch || b.duration - a.duration);
  const last = new Map<number, number>();
  const kept: GridNote[] = [];
  for (const note of sorted) {
    const place = last.get(note.pitch);
    const before = place === undefined ? undefined : kept[place];
    if (before?.start === note.start) continue;
    if (before !== undefined && before.start + before.duration > note.start)
      kept[place as number] = { ...before, duration: note.start - before.start };
    last.set(note.pitch, kept.length);
    kept.push(note);
  }
  return kept;
}

/** A piece of notes on the grid, on one track. */
export function pieceOfGrid(
  notes: readonly GridNote[],
  { stepsPerQuarter, microsecondsPerQuarter }: MusicSettings,
): Piece {
  return {
    ticksPerQuarter: ticksPerStep * stepsPerQuarter,
    tempos: [{ tick: 0, microsecondsPerQuarter }],
    notes: inOrder(
      withoutOverlaps(notes).map(({ pitch, start, duration, velocity }) => ({
        ...{ pitch, start: start * ticksPerStep, duration: duration * ticksPerStep, velocity },
        ...{ track: 0, channel: 0 },
      })),
    ),
  };
}

/** The notes higher by so many semitones, or lower; those that leave the range are left out. */
export const transposedNotes = (
  notes: readonly GridNote[],
  by: number,
  [lowest, highest]: readonly [number, number],
): GridNote[] =>
  notes.flatMap((note) => {
    const pitch = note.pitch + by;
    return pitch < lowest || pitch > highest ? [] : [{ ...note, pitch }];
  });
