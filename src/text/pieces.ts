/**
 * Split a text into pieces: characters, words, or the pieces that byte pairs are merged within. Each different piece
 * gets a number in the order of first appearance, so later stages handle each different piece once and then work with
 * numbers.
 */
import { partsOf, type TextParts } from "./parts.ts";

export type PieceKind = "char" | "word" | "bpe";

// The pieces of a word model: a word of letters, marks and digits with apostrophes inside, or one punctuation character
// (anything that is not a letter, a digit or white space), each with one space before it if there is one; or else one
// white space. Every character belongs to a piece. The length is bounded because V8 keeps a stack for what a pattern
// repeats, and a text of ten million letters would overflow it.
const letters = "[\\p{L}\\p{M}\\p{N}]{1,256}";
/** @internal */
export const wordPattern = new RegExp(` ?${letters}(?:['’]${letters}){0,4}| ?[^\\p{L}\\p{M}\\p{N}\\s]|\\s`, "gu");
// The pieces that GPT-2 cuts: the endings 's 't 're 've 'm 'll 'd; letters, digits or other characters with at most one
// space before them; white space, whose last character stays with what follows. No merge crosses the end of a piece.
// The bounds on the length, which GPT-2 does not have, keep V8's stack and the work on one piece small.
/** @internal */
export const bytePairPattern =
  /'(?:[sdmt]|ll|ve|re)| ?\p{L}{1,64}| ?\p{N}{1,64}| ?[^\s\p{L}\p{N}]{1,64}|\s{1,64}(?!\S)|\s{1,64}/gu;

/** The number that marks the end of a text in a list of texts; the numbers of pieces come after it. */
export const endOfPieces = 0;
export const firstPiece = 1;

/** Receives the pieces of texts. */
export type PieceReader = {
  /** Receives the numbers of the next pieces; the array is overwritten after the call. */
  readonly take: (run: Int32Array) => void;
  /** Receives a piece that has no number, because there are too many different ones. */
  readonly takeOther: (piece: string) => void;
};

export type Pieces = {
  /** Read the next part of a text. */
  readonly add: (part: string) => void;
  /** End the text; with `mark`, `take` receives the end as a number of its own. */
  readonly end: (mark?: boolean) => void;
  /** The number that the next new piece gets. */
  readonly next: () => number;
  readonly textOf: (number: number) => string;
};

/** The largest number of different pieces that get numbers, and of UTF-16 units in all of them together. */
export const maxPieces = 2 ** 20;
const maxUnits = 2 ** 25;
/**
 * The number of units that are examined at once. Every piece, with the characters that decide where it ends, is shorter
 * than the margin.
 */
const windowUnits = 2 ** 16;
const margin = 2 ** 12;
/** The number of piece numbers that are passed on at once. It is small because many texts are short. */
const runLength = 2 ** 10;

export function createPieces(kind: PieceKind, reader: PieceReader, max = maxPieces): Pieces {
  return kind === "char" ? characterPieces(reader) : cutPieces(kind === "word" ? wordEnd : bytePairEnd, reader, max);
}

/** Read all pieces of a text, or of the texts of a list, each followed by the mark of its end. */
export function readPieces(pieces: Pieces, text: string | readonly string[] | TextParts): void {
  const separate = Array.isArray(text);
  for (const part of partsOf(text)) {
    pieces.add(part);
    if (separate) pieces.end(true);
  }
  if (!separate) pieces.end();
}

type Numbers = { readonly put: (number: number) => void; readonly flush: () => void };

function createNumbers(take: PieceReader["take"]): Numbers {
  const run = new Int32Array(runLength);
  let length = 0;
  const flush = (): void => {
    const some = run.subarray(0, length);
    length = 0;
    if (some.length > 0) take(some);
  };
  return {
    put(number) {
      run[length++] = number;
      if (length === runLength) flush();
    },
    flush,
  };
}

function characterPieces({ take }: PieceReader): Pieces {
  const numbers = new Int32Array(0x10000);
  const rare = new Map<number, number>();
  const codes: number[] = [0];
  const { put, flush } = createNumbers(take);
  const run = new Int32Array(runLength);
  const add = (part: string): void => {
    const [table, out] = [numbers, run];
    let length = 0;
    for (let at = 0; at < part.length; ) {
      // This loop calls no function, which makes it fast. Halves of surrogate pairs and new characters have no number
      // here.
      const stop = Math.min(part.length, at + runLength - length);
      let number = 1;
      for (; at < stop; at++) {
        number = table[part.charCodeAt(at)] as number;
        if (number === 0) break;
        out[length++] = number;
      }
      if (number === 0) {
        const code = part.codePointAt(at) as number;
        number = rare.get(code) ?? codes.push(code) - 1;
        if ((code & 0x1ff800) === 0xd800 || code > 0xffff) rare.set(code, number);
        else table[code] = number;
        out[length++] = number;
        at += code > 0xffff ? 2 : 1;
      }
      if (length === runLength) {
        take(out);
        length = 0;
      }
    }
    if (length > 0) take(out.subarray(0, length));
  };
  return {
    add,
    end(mark) {
      if (mark) put(endOfPieces);
      flush();
    },
    next: () => codes.length,
    textOf: (number) => String.fromCodePoint(codes[number] as number),
  };
}

/** The end of the piece that begins at `start`, in `length` units. */
type EndOf = (units: Uint16Array, start: number, length: number) => number;

function cutPieces(endOf: EndOf, { take, takeOther }: PieceReader, max: number): Pieces {
  const { put, flush } = createNumbers(take);
  // The units of all pieces, one after the other, and where each piece begins; and a hash table of pairs of hash and
  // number.
  let held = new Uint16Array(1024);
  let starts = new Int32Array(256);
  let next = firstPiece;
  let table = new Int32Array(1024);
  let units = new Uint16Array(0);
  let filled = 0;

  const enter = (hash: number, number: number): void => {
    const mask = table.length - 2;
    let slot = (hash << 1) & mask;
    while (table[slot + 1] !== 0) slot = (slot + 2) & mask;
    table[slot] = hash;
    table[slot + 1] = number;
  };
  /** The number of the piece between two positions, or 0 if it has none. */
  const numberOf = (from: number, to: number): number => {
    const [own, all, places, pairs] = [units, held, starts, table];
    let hash = 0x811c9dc5;
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ (own[at] as number), 0x01000193);
    hash ^= hash >>> 15;
    const length = to - from;
    const mask = pairs.length - 2;
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const number = pairs[slot + 1] as number;
      if (number === 0) break;
      if (pairs[slot] !== hash) continue;
      const start = places[number] as number;
      if ((places[number + 1] as number) - start !== length) continue;
      let same = 0;
      while (same < length && all[start + same] === own[from + same]) same++;
      if (same === length) return number;
    }
    const start = starts[next] as number;
    if (next - firstPiece >= max || start + length > maxUnits) return 0;
    if (start + length > held.length) held = grown(held, new Uint16Array(2 * (start + length)));
    if (next + 2 > starts.length) starts = grown(starts, new Int32Array(2 * starts.length));
    if (4 * next > table.length) {
      const old = table;
      table = new Int32Array(2 * old.length);
      for (let slot = 0; slot < old.length; slot += 2) {
        if (old[slot + 1] !== 0) enter(old[slot] as number, old[slot + 1] as number);
      }
    }
    held.set(units.subarray(from, to), start);
    starts[next + 1] = start + length;
    enter(hash, next);
    return next++;
  };
  /** Read the pieces that begin before `limit`; the rest moves to the front of the buffer. */
  const scan = (limit: number): void => {
    let start = 0;
    while (start < limit) {
      const end = endOf(units, start, filled);
      const number = numberOf(start, end);
      if (number > 0) put(number);
      else {
        flush();
        takeOther(String.fromCharCode(...units.subarray(start, end)));
      }
      start = end;
    }
    units.copyWithin(0, start, filled);
    filled -= start;
  };
  return {
    add(part) {
      const wanted = Math.min(filled + part.length, windowUnits);
      if (units.length < wanted) units = grown(units, new Uint16Array(wanted));
      for (let from = 0; from < part.length; ) {
        const count = Math.min(units.length - filled, part.length - from);
        const [into, first] = [units, filled];
        for (let k = 0; k < count; k++) into[first + k] = part.charCodeAt(from + k);
        filled += count;
        from += count;
        if (filled > margin) scan(filled - margin);
      }
    },
    end(mark) {
      scan(filled);
      if (mark) put(endOfPieces);
      flush();
    },
    next: () => next,
    textOf: (number) => String.fromCharCode(...held.subarray(starts[number], starts[number + 1])),
  };
}

function grown<T extends Uint16Array | Int32Array>(before: T, larger: T): T {
  larger.set(before);
  return larger;
}

/** The class of each code point, looked up at its first appearance. */
const [seen, letter, mark, digit, blank] = [1, 2, 4, 8, 16];
const classes = new Uint8Array(0x110000);

const classOf = (code: number): number => (classes[code] as number) || classify(code);
function classify(code: number): number {
  const character = String.fromCodePoint(code);
  const found =
    seen +
    (/\p{L}/u.test(character) ? letter : 0) +
    (/\p{M}/u.test(character) ? mark : 0) +
    (/\p{N}/u.test(character) ? digit : 0) +
    (/\s/u.test(character) ? blank : 0);
  classes[code] = found;
  return found;
}

/** The code point at a position; a lone half of a surrogate pair counts as a code point. */
function codeAt(units: Uint16Array, at: number, length: number): number {
  const code = units[at] as number;
  if ((code & 0xfc00) !== 0xd800 || at + 1 >= length) return code;
  const low = units[at + 1] as number;
  return (low & 0xfc00) === 0xdc00 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : code;
}

/** The end of a run of at most `most` code points that all belong to one of the classes, or to none of them. */
function runEnd(units: Uint16Array, start: number, length: number, most: number, of: number, wanted: boolean): number {
  let at = start;
  for (let count = 0; count < most && at < length; count++) {
    const code = codeAt(units, at, length);
    if (((classOf(code) & of) !== 0) !== wanted) break;
    at += code > 0xffff ? 2 : 1;
  }
  return at;
}

const wordParts = letter + mark + digit;
const isApostrophe = (unit: number | undefined): boolean => unit === 0x27 || unit === 0x2019;

/** The end of the word that `wordPattern` would match. */
function wordEnd(units: Uint16Array, start: number, length: number): number {
  const first = codeAt(units, start, length);
  if (first !== 0x20 && classOf(first) & blank) return start + 1;
  let at = first === 0x20 ? start + 1 : start;
  if (at === length) return at;
  const code = codeAt(units, at, length);
  const own = classOf(code);
  if (own & blank) return at;
  if (!(own & wordParts)) return at + (code > 0xffff ? 2 : 1);
  at = runEnd(units, at, length, 256, wordParts, true);
  for (let more = 0; more < 4 && at < length && isApostrophe(units[at]); more++) {
    const end = runEnd(units, at + 1, length, 256, wordParts, true);
    if (end === at + 1) break;
    at = end;
  }
  return at;
}

/** The end of the piece that `bytePairPattern` would match. */
function bytePairEnd(units: Uint16Array, start: number, length: number): number {
  const first = codeAt(units, start, length);
  if (first === 0x27 && start + 1 < length) {
    const ending = units[start + 1] as number;
    // s d m t
    if (ending === 0x73 || ending === 0x64 || ending === 0x6d || ending === 0x74) return start + 2;
    const second = start + 2 < length ? (units[start + 2] as number) : 0;
    // ll ve re
    if (ending === 0x6c ? second === 0x6c : (ending === 0x76 || ending === 0x72) && second === 0x65) return start + 3;
  }
  const at = first === 0x20 && start + 1 < length ? start + 1 : start;
  const own = classOf(codeAt(units, at, length));
  if (own & letter) return runEnd(units, at, length, 64, letter, true);
  if (own & digit) return runEnd(units, at, length, 64, digit, true);
  if (!(own & blank)) return runEnd(units, at, length, 64, letter + digit + blank, false);
  const end = runEnd(units, start, length, 64, blank, true);
  const isFollowed = end < length && !(classOf(codeAt(units, end, length)) & blank);
  return isFollowed && end - start > 1 ? end - 1 : end;
}
