/**
 * Tunes in ABC notation (the standard 2.1, https://abcnotation.com/wiki/abc:standard:v2.1): tunebooks split into tunes, whether the bars
 * of a tune add up to its meter, where it breaks off, and its notes as a piece. Of one voice. Ornaments, grace notes, chord symbols
 * and words are read over. Knows nothing about models.
 */
import { inOrder, type Note, type Piece, type Tempo } from "../data/piece.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  inRange,
  options as optionsOf,
  someText,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import { parseTune, type Segment, type TuneLines } from "./abc/parse.ts";
import { playedOrder } from "./abc/repeats.ts";
import { transposed } from "./abc/transpose.ts";

/** A tune of a tunebook. */
export type AbcTune = {
  /** Its text, from `X:` to its last line. */
  readonly text: string;
  /** The line of the tunebook that it begins in, from 1. */
  readonly line: number;
  /** What `X:` and the first `T:` say. */
  readonly reference: string;
  readonly title: string;
};

/** A bar that does not add up. */
export type AbcBar = {
  /** Its number among the bars as they are written, from 1, and the line of the tunebook that it begins in. */
  readonly bar: number;
  readonly line: number;
  /** How long it is, and should be, in whole notes. */
  readonly length: number;
  readonly expected: number;
};

/** What is found of the bars of a tune. */
export type AbcCheck = {
  /** Whether the tune has a meter and at least one bar, nothing in it is unread, and all bars add up. */
  readonly addsUp: boolean;
  /** Bars with notes or rests. */
  readonly bars: number;
  readonly wrong: readonly AbcBar[];
  /** What cannot be read, in one line that begins with the line of the tunebook: where a tune breaks off, and what is no ABC. */
  readonly problem?: string;
};

/** @internal */
export const abcTunesArguments: Arguments = { text: string };
/** @internal */
export const abcTuneArguments: Arguments = {
  tune: {
    expected: "a tune, as abcTunes returns them, or its text",
    accepts: (value) =>
      typeof value === "string" ||
      (typeof value === "object" && value !== null && typeof (value as AbcTune).text === "string"),
  },
};

/**
 * Split a tunebook into its tunes: each begins with a line `X:` and ends before an empty line, or before the next `X:`.
 * @param text the tunebook. What stands outside of tunes, such as lines `%%` at its beginning, is left out
 * @returns the tunes in their order; none for a text without `X:`
 * @example const tunes = abcTunes(readFileSync("irish.abc", "utf8"));
 */
export function abcTunes(text: string): AbcTune[] {
  checkArguments("abcTunes", { text }, abcTunesArguments);
  const tunes: { lines: string[]; line: number }[] = [];
  let open = false;
  text.split(/\r\n|\r|\n/).forEach((written, k) => {
    const begins = /^X:/.test(written);
    if (begins) tunes.push({ lines: [], line: k + 1 });
    open = begins || (open && written.trim() !== "");
    if (open) tunes.at(-1)?.lines.push(written.trimEnd());
  });
  const field = (lines: readonly string[], name: string): string =>
    (lines.find((one) => one.startsWith(name)) ?? "").slice(2).trim();
  return tunes.map(({ lines, line }) => ({
    ...{ text: `${lines.join("\n")}\n`, line },
    ...{ reference: field(lines, "X:"), title: field(lines, "T:") },
  }));
}

const linesOf = (tune: AbcTune | string): TuneLines =>
  typeof tune === "string" ? { text: tune, line: 1 } : { text: tune.text, line: tune.line ?? 1 };

/**
 * Whether all bars of a tune add up to its meter, as it is played, repeats and endings included. A bar may be shorter where a part
 * begins or ends (at the beginning, the end, a repeat, an ending or a double bar) if it and what is played before or after it
 * make a whole one: an upbeat and the last bar of its part. An upbeat at the very beginning needs nothing before it.
 * @param tune the tune, or its text
 * @returns how many bars there are, those that do not add up, and where the tune breaks off
 * @example const share = tunes.filter((tune) => checkAbc(tune).addsUp).length / tunes.length;
 */
export function checkAbc(tune: AbcTune | string): AbcCheck {
  checkArguments("checkAbc", { tune }, abcTuneArguments);
  const { segments, problem } = parseTune(linesOf(tune));
  const wrong = wrongBars(segments);
  const last = segments.at(-1);
  const cut = problem === undefined && last?.closed === false && wrong.at(-1)?.bar === segments.length;
  const said = cut ? { line: last.line, what: "the tune breaks off in its last bar, which is too short" } : problem;
  return {
    addsUp: said === undefined && segments.every(({ meter }) => meter !== undefined) && wrong.length === 0,
    bars: segments.length,
    wrong,
    ...(said !== undefined && { problem: `line ${said.line}: ${said.what}` }),
  };
}

const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;

/** The bars that neither are whole nor make a whole one with what is played before or after them, beyond a seam of the tune. */
function wrongBars(segments: readonly Segment[]): AbcBar[] {
  const numbers = new Map(segments.map((segment, k) => [segment, k]));
  const order = playedOrder(segments);
  const upbeats = segments.filter(({ part }, k) => segments[k - 1]?.part !== part);
  const place = (segment: Segment): number => numbers.get(segment) as number;
  /** Whether two bars that are played one after the other are parts of one. */
  const joined = (one: Segment | undefined, other: Segment | undefined, meter: number): boolean =>
    one !== undefined &&
    other !== undefined &&
    (one.part !== other.part || place(other) !== place(one) + 1) &&
    close(one.length + other.length, meter);
  const wrong = new Set<Segment>();
  order.forEach((segment, k) => {
    const { length, meter } = segment;
    if (meter === undefined || close(length, meter)) return;
    const isUpbeat = k === 0 && length < meter;
    const isLast = k === order.length - 1 && upbeats.some((one) => close(length + one.length, meter));
    const fits = joined(order[k - 1], segment, meter) || joined(segment, order[k + 1], meter);
    if (!isUpbeat && !isLast && !fits) wrong.add(segment);
  });
  return [...wrong]
    .sort((a, b) => place(a) - place(b))
    .map((segment) => ({
      ...{ bar: place(segment) + 1, line: segment.line },
      ...{ length: segment.length, expected: segment.meter as number },
    }));
}

/** Options of `pieceOfAbc`. */
export type PieceOfAbcOptions = {
  /** Quarters a minute where the tune has no `Q:`. Default 120. */
  readonly tempo?: number;
};
/** @internal */
export const pieceOfAbcArguments: Arguments = {
  ...abcTuneArguments,
  options: optionsOf<PieceOfAbcOptions>({ tempo: inRange(4, 6e7) }),
  file: someText,
};

/** Ticks of a quarter: triplets, quintuplets and 64ths are whole numbers of them. */
const ticksPerQuarter = 960;

/**
 * The notes of a tune, as they are played: repeats and endings written out, ties joined, accidentals for the rest of their bar and in all
 * octaves. Durations are those that are written, whatever the meter; the tempo is that of `Q:`. Grace notes are left out.
 * @param tune the tune, or its text
 * @param options `tempo` (120 quarters a minute) where there is no `Q:`
 * @param file the name of the tunebook, for messages. Default "tune.abc"
 * @returns a piece on one track, with its first tempo at tick 0
 * @throws InputError, with the line, for what breaks off or is no ABC, and for a tune without notes
 * @example writeFileSync("tune.mid", writeMidi(pieceOfAbc(tune)));
 */
export function pieceOfAbc(tune: AbcTune | string, options: PieceOfAbcOptions = {}, file = "tune.abc"): Piece {
  checkArguments("pieceOfAbc", { tune, options, file }, pieceOfAbcArguments);
  const lines = linesOf(tune);
  const { segments, problem } = parseTune(lines);
  if (problem !== undefined) throw new InputError(`${file}: line ${problem.line}: ${problem.what}`);
  const ticks = (time: number): number => Math.round(time * 4 * ticksPerQuarter);
  const notes: Note[] = [];
  const tempos: Tempo[] = [];
  let at = 0;
  /** The notes that a tie holds, by pitch: their places among `notes`. */
  let held = new Map<number, number>();
  for (const { events, quartersPerMinute = options.tempo ?? 120 } of playedOrder(segments)) {
    const microsecondsPerQuarter = Math.max(1, Math.round(6e7 / quartersPerMinute));
    if (tempos.at(-1)?.microsecondsPerQuarter !== microsecondsPerQuarter)
      tempos.push({ tick: ticks(at), microsecondsPerQuarter });
    for (const { pitches, duration, tied } of events) {
      const end = ticks(at + duration);
      const next = new Map<number, number>();
      for (const pitch of new Set(pitches)) {
        const place = held.get(pitch) ?? notes.length;
        const start = notes[place]?.start ?? ticks(at);
        if (end <= start) continue;
        notes[place] = { pitch, start, duration: end - start, velocity: 80, track: 0, channel: 0 };
        if (tied.includes(pitch)) next.set(pitch, place);
      }
      at += duration;
      held = next;
    }
  }
  if (notes.length === 0) throw new InputError(`${file}: line ${lines.line}: the tune has no notes. Leave it out.`);
  return { ticksPerQuarter, tempos, notes: inOrder(notes) };
}

/**
 * A tune as text that models learn well: numbered anew, only the fields that notes depend on and its title, no comments, no line ends
 * of old (`!` at the end of a line), no blanks at the ends of lines.
 * @param tune the tune, or its text
 * @returns its text, ending with a line end
 * @example const texts = abcTunes(book).map(cleanAbc);
 */
export function cleanAbc(tune: AbcTune | string): string {
  checkArguments("cleanAbc", { tune }, abcTuneArguments);
  const kept: string[] = [];
  for (const line of linesOf(tune).text.split(/\r\n|\r|\n/)) {
    const plain = line
      .replace(/(^|[^\\])%.*$/, "$1")
      .replace(/!\s*$/, (end) => (/![^!\s|:[\]]+!\s*$/.test(line) ? end : ""))
      .trimEnd();
    if (plain === "") continue;
    const [, name] = /^([A-Za-z+]):(?![|:])/.exec(plain) ?? [];
    if (name === undefined || "TMLQKPV".includes(name)) kept.push(plain);
  }
  return `X:1\n${kept.join("\n")}\n`;
}

/** @internal */
export const transposeAbcArguments: Arguments = { ...abcTuneArguments, semitones: wholeNumber(-24, 24) };

/**
 * A tune in another key: its notes, its keys and the names of its chords, each by so many semitones, lengths and all else as they are. What
 * a model learns of bars, so, does not hang on a key.
 * @param tune the tune, or its text
 * @param semitones -24 to 24, up where above 0
 * @returns its text; undefined for a key that is no tonic with a mode (such as `K:none`), or where notes would need triple signs
 * @example const up = transposeAbc("X:1\nM:4/4\nL:1/8\nK:D\nDEFG ABcd|\n", 2); // K:E, EFGA Bcde|
 */
export function transposeAbc(tune: AbcTune | string, semitones: number): string | undefined {
  checkArguments("transposeAbc", { tune, semitones }, transposeAbcArguments);
  return transposed(linesOf(tune).text, semitones);
}
