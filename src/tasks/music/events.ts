/**
 * Music as a text of events, a character each, so that a language model reads and writes it: how long the next notes are, how hard they are
 * struck, a note, a shift of time. Length and velocity hold until others are said. Any text of events is music: nothing can hang.
 * After S. Oore et al., "This time with feeling", 2018 (arXiv 1808.03715), with lengths in place of note-off.
 */
import type { VocabularyTokenizer } from "../../text/tokenizer.ts";
import type { GridNote } from "./settings.ts";

/** The longest note, and the longest shift of one event, in steps. Longer shifts are several events; longer notes end there. */
const longest = 96;
/** Velocities are 16 apart. */
const velocities = 8;
const pitches = 128;

/** The first character of each kind of event, in a range of Unicode that no text uses. */
const first = 0xe000;
const kinds = {
  length: first,
  velocity: first + longest,
  note: first + longest + velocities,
  shift: first + longest + velocities + pitches,
};
const end = kinds.shift + longest;

/** One token an event. The last one ends a piece. */
export const eventTokenizer: VocabularyTokenizer = {
  kind: "char",
  vocabulary: ["\uFFFD", ...Array.from({ length: end - first }, (_, k) => String.fromCharCode(first + k))],
  endOfText: true,
};

/** The events of notes in order; with `until`, time goes on to that step behind them. */
export function eventsOf(notes: readonly GridNote[], until = 0): string {
  const codes: number[] = [];
  let [now, length, velocity] = [0, 0, -1];
  const shiftTo = (step: number): void => {
    for (let left = step - now; left > 0; left -= longest) codes.push(kinds.shift + Math.min(left, longest) - 1);
    now = Math.max(now, step);
  };
  for (const note of notes) {
    shiftTo(note.start);
    const [own, struck] = [Math.min(note.duration, longest), Math.min(velocities - 1, note.velocity >> 4)];
    if (own !== length) codes.push(kinds.length + own - 1);
    if (struck !== velocity) codes.push(kinds.velocity + struck);
    [length, velocity] = [own, struck];
    codes.push(kinds.note + note.pitch);
  }
  shiftTo(until);
  // Not all at once: a call has room for some thousand arguments.
  return codes.map((code) => String.fromCharCode(code)).join("");
}

/** Reads events one by one. */
export class EventReader {
  readonly notes: GridNote[] = [];
  /** The step that has been reached. */
  now = 0;
  #length = 1;
  #velocity = 80;

  read(events: string): void {
    for (let k = 0; k < events.length; k++) this.#one(events.charCodeAt(k));
  }
  #one(code: number): void {
    if (code >= kinds.shift && code < end) this.now += code - kinds.shift + 1;
    else if (code >= kinds.note && code < kinds.shift) {
      const pitch = code - kinds.note;
      this.notes.push({ pitch, start: this.now, duration: this.#length, velocity: this.#velocity });
    } else if (code >= kinds.velocity && code < kinds.note) this.#velocity = 16 * (code - kinds.velocity) + 8;
    else if (code >= kinds.length && code < kinds.velocity) this.#length = code - kinds.length + 1;
  }
}
