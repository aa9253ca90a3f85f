/**
 * Which notes begin when. The music's time is in steps of its grid, a clock's in seconds; notes are told a while before they begin, by the
 * clock alone, so that no timer has to be on time. Knows nothing about sound.
 */

/** A note in steps. */
export type TimedNote = {
  readonly pitch: number;
  readonly start: number;
  readonly duration: number;
  readonly velocity: number;
};

/** The place of the first note that does not begin before a step, of notes in the order of their starts. */
function firstFrom(notes: readonly TimedNote[], step: number): number {
  let [low, high] = [0, notes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((notes[middle] as TimedNote).start < step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The notes that begin from one step up to before another, of notes in the order of their starts. */
export const notesBeginning = (notes: readonly TimedNote[], from: number, to: number): readonly TimedNote[] =>
  notes.slice(firstFrom(notes, from), Math.max(firstFrom(notes, from), firstFrom(notes, to)));

/** The notes that have begun before a step and still sound in it, each from there on. */
export const notesGoingOn = (notes: readonly TimedNote[], step: number): readonly TimedNote[] =>
  notes.slice(0, firstFrom(notes, step)).flatMap((note) => {
    const left = note.start + note.duration - step;
    return left > 0 ? [{ ...note, start: step, duration: left }] : [];
  });

/** A note in the seconds of a clock. */
export type Sound = {
  readonly pitch: number;
  readonly velocity: number;
  readonly at: number;
  readonly seconds: number;
};

/** What sounds. */
export type Output = {
  /** Its clock, in seconds. */
  readonly now: () => number;
  readonly play: (sound: Sound) => void;
  /** End what begins from this second on, and what has begun since; `-Infinity` is everything. */
  readonly drop: (from: number) => void;
};

/** How long before they begin notes are told: longer than a browser lets a page in the background wait. */
const aheadSeconds = 1.5;
/** What begins now begins a little later, so that its beginning is heard. */
const leadSeconds = 0.05;

/** Plays notes, in the order of their starts, up to the step `end`. Whoever has it calls `pump` several times a second. */
export function createPlayer({ now, play, drop }: Output, notes: readonly TimedNote[], end: number) {
  let rate = 1;
  /** Where in the music which second is; undefined where it stands. */
  let anchor: { readonly step: number; readonly at: number } | undefined;
  let rest = 0;
  /** Notes before this step are told. */
  let told = 0;
  const position = (): number =>
    anchor === undefined ? rest : Math.min(end, anchor.step + Math.max(0, now() - anchor.at) * rate);
  const tell = ({ pitch, velocity, start, duration }: TimedNote): void => {
    const { step, at } = anchor as NonNullable<typeof anchor>;
    play({ pitch, velocity, at: at + (start - step) / rate, seconds: duration / rate });
  };
  /** @returns whether it goes on */
  const pump = (): boolean => {
    if (anchor === undefined) return false;
    const to = Math.min(end, position() + aheadSeconds * rate);
    for (const note of notesBeginning(notes, told, to)) tell(note);
    told = Math.max(told, to);
    if (position() < end) return true;
    rest = end;
    anchor = undefined;
    return false;
  };
  return {
    position,
    pump,
    /** @param stepsPerSecond how fast */
    start(step: number, stepsPerSecond: number): void {
      drop(Number.NEGATIVE_INFINITY);
      rate = stepsPerSecond;
      anchor = { step, at: now() + leadSeconds };
      for (const note of notesGoingOn(notes, step)) tell(note);
      told = step;
      pump();
    },
    /** What sounds goes on as it was told. */
    setRate(stepsPerSecond: number): void {
      if (anchor === undefined || stepsPerSecond === rate) return;
      const [step, at] = [position(), Math.max(now(), anchor.at)];
      drop(at);
      rate = stepsPerSecond;
      anchor = { step, at };
      told = step;
      pump();
    },
    /** @returns the step where it stopped */
    stop(): number {
      rest = position();
      anchor = undefined;
      drop(Number.NEGATIVE_INFINITY);
      return rest;
    },
  };
}
export type Player = ReturnType<typeof createPlayer>;
