/** Notes for tests of music. */
import type { Note } from "../../src/data/piece.ts";

/** A note on the first track and channel. */
export const note = (pitch: number, start: number, duration: number, more: Partial<Note> = {}): Note => ({
  ...{ pitch, start, duration, velocity: 80, track: 0, channel: 0 },
  ...more,
});
