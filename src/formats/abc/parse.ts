/**
 * The bars of an ABC tune of one voice: what sounds in them, how long, and how they are repeated. Reads line by line and stops at what
 * it cannot read. Knows nothing about the order in which bars are played.
 */
import { type Key, keyOf } from "./key.ts";
import type { Playable } from "./repeats.ts";

/** A note, a chord or a rest (no pitches). */
export type AbcEvent = {
  readonly pitches: readonly number[];
  /** In whole notes. */
  duration: number;
  /** Those of the pitches that a tie holds. */
  tied: readonly number[];
};

/** What is between two bar lines. */
export type Segment = Playable & {
  readonly events: readonly AbcEvent[];
  /** How long they last, in whole notes. */
  readonly length: number;
  /** The line of the tunebook that it begins in. */
  readonly line: number;
  /** Whole notes that a bar should have, where that is said. */
  readonly meter: number | undefined;
  readonly quartersPerMinute: number | undefined;
  /** Whether a bar line is behind it. */
  readonly closed: boolean;
};

/** The text of a tune, and the line of the tunebook that it begins in. */
export type TuneLines = { readonly text: string; readonly line: number };
export type ParsedTune = {
  readonly segments: readonly Segment[];
  /** What cannot be read. */
  readonly problem?: { readonly line: number; readonly what: string };
};

/** Thrown within this file: what is wrong with a line. */
class Unreadable extends Error {}
const stop = (what: string): never => {
  throw new Unreadable(what);
};

/** A segment that is being read. */
type Open = { -readonly [K in keyof Segment]: Segment[K] } & { events: AbcEvent[] };
type Reader = {
  meter: number | undefined;
  compound: boolean;
  unit: number | undefined;
  key: Key;
  quartersPerMinute: number | undefined;
  voice: string | undefined;
  line: number;
  part: number;
  open: Open;
  readonly done: Open[];
  /** Accidentals of this bar by letter. */
  accidentals: Map<string, number>;
  /** Pitches that a tie holds, by letter and octave. */
  held: Map<string, number>;
  last: AbcEvent | undefined;
  /** What a broken rhythm does to the next note. */
  factor: number;
  broken: boolean;
  tuplet: { factor: number; left: number };
  inEnding: boolean;
};

/** The bars of a tune, up to what cannot be read. */
export function parseTune({ text, line }: TuneLines): ParsedTune {
  const lines = text.split(/\r\n|\r|\n/);
  const r: Reader = {
    ...{ meter: undefined, compound: false, unit: undefined, key: keyOf("C") as Key, quartersPerMinute: undefined },
    ...{ voice: undefined, line, part: 0, done: [], accidentals: new Map(), held: new Map(), last: undefined },
    ...{ factor: 1, broken: false, tuplet: { factor: 1, left: 0 }, inEnding: false },
    open: undefined as unknown as Open,
  };
  r.open = segment(r);
  let inHeader = true;
  try {
    for (const [k, written] of lines.entries()) {
      r.line = line + k;
      const plain = written.replace(/(^|[^\\])%.*$/, "$1");
      const [, name, value = ""] = /^([A-Za-z+]):(?![|:])(.*)$/.exec(plain) ?? [];
      if (name !== undefined) {
        if (inHeader || !"wWsrNHTX+".includes(name)) field(r, name, value.trim());
        if (name === "K") inHeader = false;
      } else if (plain.trim() !== "") {
        if (inHeader) stop(`notes before the end of the header, which is a line K:`);
        music(r, plain);
      }
    }
    r.line = line + lines.length - (lines.at(-1) === "" ? 2 : 1);
    if (inHeader) stop("the tune breaks off in its header: there is no line K:");
    if (r.done.length === 0 && r.open.events.length === 0)
      stop("the tune breaks off behind its header: it has no notes");
    if (r.tuplet.left > 0) stop(`the tune breaks off in a tuplet: ${r.tuplet.left} of its notes are missing`);
    if (r.broken) stop("the tune breaks off behind a broken rhythm, > or <");
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    finish(r);
    return { segments: r.done, problem: { line: r.line, what: error.message } };
  }
  finish(r);
  return { segments: r.done };
}

const segment = ({ line, part, meter, quartersPerMinute }: Reader, more: Partial<Open> = {}): Open => ({
  ...{ events: [], line, length: 0, meter, quartersPerMinute, opens: false, repeats: 0, closes: false, closed: false },
  ...{ part, ...more },
});

/** Put the present segment, if it has something, behind the others. */
function finish(r: Reader): void {
  if (r.open.events.length === 0) return;
  r.open.length = r.open.events.reduce((sum, { duration }) => sum + duration, 0);
  r.done.push(r.open);
  r.open = segment(r);
}

function field(r: Reader, name: string, value: string): void {
  if (name === "M") {
    const meter = meterOf(value);
    r.meter = meter?.length;
    r.compound = meter?.compound ?? false;
    if (r.open.events.length === 0) r.open.meter = r.meter;
  }
  if (name === "L") {
    const [, above, below] = /^(\d+)\s*\/\s*(\d+)/.exec(value) ?? /^(1)$/.exec(value) ?? [];
    if (above === undefined || Number(below ?? 1) === 0) stop(`L: ${value}: is no length of a note, such as 1/8`);
    r.unit = Number(above) / Number(below ?? 1);
  }
  if (name === "K") r.key = keyOf(value) ?? stop(`K: ${value}: is no key, such as D or A minor`);
  if (name === "Q") {
    const tempo = tempoOf(value, unitOf(r));
    if (tempo === undefined) return;
    r.quartersPerMinute = tempo;
    if (r.open.events.length === 0) r.open.quartersPerMinute = tempo;
  }
  if (name === "V") {
    const [voice = ""] = value.split(/\s/);
    if (r.voice !== undefined && r.voice !== voice) {
      stop(`V: ${voice}: is another voice, and tunes of one voice are read. Leave out all but one.`);
    }
    r.voice = voice;
  }
}

/** The length of notes where nothing is said. */
const unitOf = ({ unit, meter }: Reader): number => unit ?? (meter !== undefined && meter < 0.75 ? 1 / 16 : 1 / 8);

function meterOf(value: string): { length: number; compound: boolean } | undefined {
  if (/^none\b/i.test(value) || value === "") return undefined;
  if (/^C\|?/.test(value)) return { length: 1, compound: false };
  const [, sum, below] = /^\(?\s*(\d+(?:\s*\+\s*\d+)*)\s*\)?\s*\/\s*(\d+)/.exec(value) ?? [];
  const above = (sum ?? "").split("+").reduce((total, one) => total + Number(one), 0);
  if (sum === undefined || above === 0 || Number(below) === 0) stop(`M: ${value}: is no meter, such as 6/8`);
  return { length: above / Number(below), compound: above % 3 === 0 && above > 3 };
}

/** Quarters a minute; undefined where there are words alone. */
function tempoOf(value: string, unit: number): number | undefined {
  const plain = value.replace(/"[^"]*"/g, "").trim();
  if (plain === "") return undefined;
  const [, beats, each] = /^([\d/\s]+)=\s*(\d+(?:\.\d+)?)$/.exec(plain) ?? [];
  const [, count, legacy] = /^(?:C(\d*)\s*=\s*)?(\d+(?:\.\d+)?)$/.exec(plain) ?? [];
  const lengths = (beats ?? "").match(/\d+\/\d+/g) ?? [];
  const length = lengths.reduce((sum, one) => sum + Number(one.split("/")[0]) / Number(one.split("/")[1]), 0);
  const tempo =
    each === undefined || lengths.length === 0
      ? 4 * unit * Number(count || 1) * Number(legacy)
      : 4 * length * Number(each);
  return tempo >= 4 && tempo < 6e7 ? tempo : stop(`Q: ${value}: is no tempo, such as 1/4=120`);
}

const barLine = /^\.?(\[\|+:*|:*\|[|\]:]*|:{2,})/;
const endings = /^\[?(\d+(?:[,.-]\d+)*)/;
const noteHead = /^(\^\^|\^|__|_|=)?([A-Ga-g])([,']*)/;
const lengthMark = /^(\d*)(\/*)(\d*)/;

/** Read a line of music. */
function music(r: Reader, line: string): void {
  for (let at = 0; at < line.length; ) {
    const rest = line.slice(at);
    const [char] = rest as unknown as [string];
    at += passedOver(rest) || inlineField(r, rest) || bar(r, rest) || sounds(r, rest) || unknown(char, at);
  }
}
const unknown = (char: string, at: number): never => stop(`column ${at + 1}: ${JSON.stringify(char)} is no ABC here`);

/** How many characters of what says nothing about notes begin the text. */
function passedOver(rest: string): number {
  const [char] = rest as unknown as [string];
  if (char === '"' || char === "{") {
    const end = rest.indexOf(char === "{" ? "}" : '"', 1);
    return end > 0 ? end + 1 : stop(`the tune breaks off within ${char === "{" ? "grace notes, {" : 'words, "'}`);
  }
  const [words] = /^(?:![^!\s|:[\]]+!|\+[^+\s|:[\]]+\+|y[\d/]*)/.exec(rest) ?? [];
  if (words !== undefined) return words.length;
  if (char === "&") stop("& begins another voice, and tunes of one voice are read. Leave it out.");
  if (char === "." && /^\.+\|/.test(rest)) return 0;
  // Slurs, blanks, ornaments, line ends of old and new.
  return /^(?:\((?!\d)|[)\s\\`$*!~.]|[H-WYh-w])/.test(rest) ? 1 : 0;
}

function inlineField(r: Reader, rest: string): number {
  const [whole, name, value = ""] = /^\[([A-Za-z]):([^\]]*)\]/.exec(rest) ?? [];
  if (whole === undefined || name === undefined) return 0;
  field(r, name, value.trim());
  return whole.length;
}

/** A bar line, the beginning of an ending, or both. */
function bar(r: Reader, rest: string): number {
  const [line = "", marks = ""] = barLine.exec(rest) ?? [];
  const [ending = "", numbers] = (line === "" ? /^\[(\d+(?:[,.-]\d+)*)/ : endings).exec(rest.slice(line.length)) ?? [];
  if (line === "" && ending === "") return 0;
  const isTwofold = /^:+$/.test(marks);
  const ends = isTwofold ? Math.floor(marks.length / 2) : (/^:*/.exec(marks) as RegExpExecArray)[0].length;
  const opens = isTwofold || /\|:+$/.test(marks);
  const double = ends > 0 || opens || /\|\||\|\]|\[\|/.test(marks);
  if (line !== "") {
    r.accidentals.clear();
    r.open.closed = r.open.events.length > 0;
  }
  finish(r);
  const before = r.done.at(-1);
  if (before !== undefined) {
    before.repeats = Math.max(before.repeats, ends);
    if (r.inEnding && (double || ending !== "")) before.closes = true;
  }
  if (double) r.inEnding = false;
  if (double || ending !== "") r.part++;
  r.open = segment(r, { opens: opens || r.open.opens, ...(r.open.ending !== undefined && { ending: r.open.ending }) });
  if (numbers !== undefined) {
    r.open.ending = numbersOf(numbers);
    r.inEnding = true;
  }
  return line.length + ending.length;
}
/** "1,3" and "1-3" as numbers. */
const numbersOf = (text: string): number[] =>
  text.split(/[,.]/).flatMap((one) => {
    const [from = 1, to = from] = one.split("-").map(Number);
    return Array.from({ length: Math.max(1, Math.min(to, from + 20) - from + 1) }, (_, k) => from + k);
  });

/** Notes, chords, rests, tuplets, ties and broken rhythms. */
function sounds(r: Reader, rest: string): number {
  const [tuplet, p, q, count] = /^\((\d)(?::(\d*)(?::(\d*))?)?/.exec(rest) ?? [];
  if (tuplet !== undefined) {
    const of = Number(p);
    if (of < 2) stop(`(${of} is no tuplet; they have 2 to 9 notes`);
    const usual = [2, 4, 8].includes(of) ? 3 : of === 3 || of === 6 ? 2 : r.compound ? 3 : 2;
    r.tuplet = { factor: Number(q || usual) / of, left: Number(count || of) };
    return tuplet.length;
  }
  const [mark] = /^[<>]+/.exec(rest) ?? [];
  if (mark !== undefined) {
    const { last } = r;
    if (last === undefined || r.broken || mark.length > 3 || /<>|></.test(mark)) {
      return stop(`${mark} stands between no two notes`);
    }
    const short = 2 ** -mark.length;
    last.duration *= mark.startsWith(">") ? 2 - short : short;
    r.factor = mark.startsWith(">") ? short : 2 - short;
    r.broken = true;
    return mark.length;
  }
  if (rest.startsWith("-")) {
    if (r.last === undefined) stop("- ties no note");
    tie(r, r.last as AbcEvent, r.last?.pitches ?? []);
    return 1;
  }
  return restAt(r, rest) || noteAt(r, rest) || chordAt(r, rest);
}

/** What is held is known by letter and octave too, for the accidental that goes with it into the next bar. */
const spelt = new WeakMap<AbcEvent, ReadonlyMap<string, number>>();
function tie(r: Reader, event: AbcEvent, pitches: readonly number[]): void {
  event.tied = pitches;
  r.held = new Map([...(spelt.get(event) ?? [])].filter(([, pitch]) => pitches.includes(pitch)));
}

function restAt(r: Reader, rest: string): number {
  const [, kind] = /^([zxZX])/.exec(rest) ?? [];
  if (kind === undefined) return 0;
  const length = lengthAt(rest.slice(1));
  if (kind === "z" || kind === "x") {
    add(r, [], unitOf(r) * length.factor, new Map());
    return 1 + length.size;
  }
  // Whole bars, each of its own.
  const bars = Math.round(length.factor);
  if (bars < 1 || bars > 1000) stop(`${kind}${bars} is no number of bars`);
  for (let k = 0; k < bars; k++) {
    if (k > 0) {
      r.open.closed = true;
      finish(r);
    }
    add(r, [], r.meter ?? 1, new Map());
  }
  return 1 + length.size;
}

/** A length behind a note, as a factor of the unit. */
function lengthAt(text: string): { readonly factor: number; readonly size: number } {
  const [whole, above, slashes, below] = lengthMark.exec(text) as unknown as [string, string, string, string];
  if (slashes === "") return { factor: positive(above === "" ? 1 : Number(above)), size: above.length };
  const divisor = below === "" ? 2 ** slashes.length : Number(below) * 2 ** (slashes.length - 1);
  return { factor: positive((above === "" ? 1 : Number(above)) / divisor), size: whole.length };
}
const positive = (factor: number): number =>
  factor > 0 && factor < 1000 ? factor : stop(`a note of ${factor} times its unit`);

type Head = { readonly pitch: number; readonly name: string; readonly size: number };
function headAt(r: Reader, text: string): Head | undefined {
  const [whole, accidental, letter = "", octaves = ""] = noteHead.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const upper = letter.toUpperCase();
  const octave = (letter === upper ? 0 : 1) + (octaves.match(/'/g) ?? []).length - (octaves.match(/,/g) ?? []).length;
  const name = `${upper}${octave}`;
  const natural = 60 + 12 * octave + ({ C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 }[upper] as number);
  if (accidental !== undefined) {
    r.accidentals.set(upper, { "^^": 2, "^": 1, "=": 0, _: -1, __: -2 }[accidental] as number);
  }
  const own = natural + (r.accidentals.get(upper) ?? r.key.get(upper) ?? 0);
  const pitch = accidental === undefined && !r.accidentals.has(upper) ? (r.held.get(name) ?? own) : own;
  if (pitch < 0 || pitch > 127) stop(`${whole} is beyond the notes of MIDI, which are 0 to 127`);
  return { pitch, name, size: whole.length };
}

function noteAt(r: Reader, rest: string): number {
  const head = headAt(r, rest);
  if (head === undefined) return /^[_^=]/.test(rest) ? stop(`the accidental ${rest[0]} has no note`) : 0;
  const length = lengthAt(rest.slice(head.size));
  add(r, [head.pitch], unitOf(r) * length.factor, new Map([[head.name, head.pitch]]));
  return head.size + length.size;
}

/** `[CEG]2`: as long as its first note. */
function chordAt(r: Reader, rest: string): number {
  if (!rest.startsWith("[")) return 0;
  const end = rest.indexOf("]");
  if (end < 0) stop("the tune breaks off within a chord, [");
  const names = new Map<string, number>();
  const tied: number[] = [];
  let first: number | undefined;
  for (let at = 1; at < end; ) {
    const inner = rest.slice(at, end);
    const passed = passedOver(inner);
    const head = passed > 0 ? undefined : headAt(r, inner);
    if (passed === 0 && head === undefined) unknown(inner[0] as string, at);
    if (head === undefined) {
      at += passed;
      continue;
    }
    const length = lengthAt(inner.slice(head.size));
    const hasTie = inner[head.size + length.size] === "-";
    if (hasTie) tied.push(head.pitch);
    first ??= length.factor;
    names.set(head.name, head.pitch);
    at += head.size + length.size + (hasTie ? 1 : 0);
  }
  if (first === undefined) stop("a chord without notes, []");
  const length = lengthAt(rest.slice(end + 1));
  const event = add(r, [...names.values()], unitOf(r) * (first as number) * length.factor, names);
  if (tied.length > 0) tie(r, event, tied);
  return end + 1 + length.size;
}

function add(r: Reader, pitches: readonly number[], length: number, names: ReadonlyMap<string, number>): AbcEvent {
  const inTuplet = r.tuplet.left > 0 ? r.tuplet.factor : 1;
  const event: AbcEvent = { pitches, duration: length * r.factor * inTuplet, tied: [] };
  r.tuplet.left = Math.max(0, r.tuplet.left - 1);
  [r.factor, r.broken, r.last] = [1, false, event];
  r.held = new Map();
  spelt.set(event, names);
  if (r.open.events.length === 0) r.open.line = r.line;
  r.open.events.push(event);
  return event;
}
