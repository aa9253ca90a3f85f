/**
 * Where in its bar a tune in ABC is, character by character, as a person counts who plays it: what is left of the bar, and the upbeat of
 * the part. Reads no more than it needs to count: notes, rests, tuplets, chords, bar lines. Knows nothing about models.
 */

/** Lengths are counted in sixteenths: so many and more are one number. */
const most = 20;
/** Numbers that say where a tune is: what is left of the bar, what is left of it but for the upbeat, the upbeat, and a few answers. */
export const countOf = 2 * (most + 2) + (most + 1) + 4;

export type Metronome = {
  /** Read the next character. */
  readonly read: (character: string) => void;
  /** Write `countOf` numbers, each 0 or 1, into an array from here on. */
  readonly tell: (into: Float32Array, from: number) => void;
};

/** A metronome at the beginning of a tune. */
export function createMetronome(): Metronome {
  let line = "";
  /** In whole notes. */
  let [meter, unit] = [1, 1 / 8];
  let inTune = false;
  /** What is written since the last bar line, and how long it is. */
  let [bar, length] = ["", 0];
  /** The upbeat of the part, or of the part before as long as this one's is not over. */
  let upbeat = 0;
  let isFirst = true;

  function endBar(sign: string): void {
    if (length > 0) {
      if (isFirst) upbeat = length < meter - 1e-6 ? length : 0;
      isFirst = false;
    }
    // A repeat or a double bar ends a part; a single line before a number begins an ending, which has no upbeat.
    if (/:|\|\||\]/.test(sign)) isFirst = true;
    [bar, length] = ["", 0];
  }
  function read(character: string): void {
    if (character === "\n") {
      const [, name, value = ""] = /^([A-Za-z]):(.*)$/.exec(line) ?? [];
      if (name === "M") meter = lengthOf(value.replace("C|", "1").replace("C", "1")) || meter;
      if (name === "L") unit = lengthOf(value) || unit;
      if (name === "K") inTune = true;
      line = "";
      return;
    }
    line += character;
    if (!inTune || /^[A-Za-z]:(?![|:])/.test(line)) return;
    // Within a chord, which a number behind the bracket is not, nothing ends.
    if (/[|:\]]/.test(character) && !/\[(?!\d)[^\]|]*$/.test(bar)) endBar(character);
    else {
      bar += character;
      length = lengthOfNotes(bar) * unit;
    }
  }
  const place = (from: number, value: number): number =>
    from + Math.max(-1, Math.min(most, Math.round(16 * value))) + 1;
  function tell(into: Float32Array, from: number): void {
    const left = meter - length;
    into[place(from, left)] = 1;
    into[place(from + most + 2, left - upbeat)] = 1;
    into[from + 2 * (most + 2) + Math.min(most, Math.round(16 * upbeat))] = 1;
    const answers = [inTune, isFirst, length === 0, Math.abs(16 * length - Math.round(16 * length)) < 1e-6];
    answers.forEach((answer, k) => (into[from + countOf - answers.length + k] = Number(answer)));
  }
  return { read, tell };
}

/** "6/8" as a number. */
function lengthOf(text: string): number {
  const [above = "", below = "1"] = text.trim().split("/");
  return Number(above) / Number(below);
}

const sounding = /"[^"]*"?|\{[^}]*\}?|\(([2-9])|\[[^\]]*\]([\d/]*)|[A-Ga-gxz][,']*([\d/]*)/g;
/** Notes to a tuplet of so many take the time of these. */
const time: Readonly<Record<string, number>> = { 2: 3, 3: 2, 4: 3, 5: 2, 6: 2, 7: 2, 8: 3, 9: 2 };

/** How long notes are together, in units. A broken rhythm changes no sum. */
function lengthOfNotes(text: string): number {
  let sum = 0;
  let tuplet = { factor: 1, left: 0 };
  for (const [found, count, ofChord, ofNote] of text.matchAll(sounding)) {
    if (count !== undefined) tuplet = { factor: (time[count] as number) / Number(count), left: Number(count) };
    const mark = ofChord ?? ofNote;
    if (mark === undefined || /^["{(]/.test(found)) continue;
    const [, above, slashes = "", below] = /^(\d*)(\/*)(\d*)$/.exec(mark) ?? [];
    const divisor = below ? Number(below) : 2 ** slashes.length;
    sum += (Number(above || 1) / divisor) * (tuplet.left > 0 ? tuplet.factor : 1);
    if (tuplet.left > 0) tuplet = { ...tuplet, left: tuplet.left - 1 };
  }
  return sum;
}
