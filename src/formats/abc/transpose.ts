/**
 * ABC in another key, sign by sign: notes, keys and the names of chords are moved on the line of fifths, everything else stays. Knows
 * nothing about bars and lengths.
 */
import { keyOf } from "./key.ts";

/** Letters from F on, each a fifth above the one before. */
const line = [..."FCGDAEB"];
const letters = [..."CDEFGAB"];
const marks: Readonly<Record<string, number>> = { __: -2, _: -1, "=": 0, "^": 1, "^^": 2 };

type Move = {
  readonly fifths: number;
  /** Letters upwards. */
  readonly steps: number;
};
/** A number from 0 to n - 1. */
const modulo = (k: number, n: number): number => ((k % n) + n) % n;

/** Where so many semitones lead: by the fewest sharps or flats more, -5 to 6 fifths, or as many as are given less or more 12. */
function moveOf(semitones: number, more: number): Move {
  const fifths = modulo(7 * semitones + 5, 12) - 5 + 12 * more;
  // A fifth is 4 letters and 7 semitones up, an octave 7 letters and 12 semitones.
  return { fifths, steps: 4 * fifths + (7 * (semitones - 7 * fifths)) / 12 };
}

/** The letter a name has on the line of fifths, and by how much it is raised, after a move. */
function named(letter: string, raised: number, { fifths }: Move): { readonly letter: string; readonly raised: number } {
  const place = line.indexOf(letter) + 7 * raised + fifths;
  return { letter: line[modulo(place, 7)] as string, raised: Math.floor(place / 7) };
}
/** The name of a key or a chord, moved; undefined where it would need a double sign. */
function root(name: string, move: Move): string | undefined {
  const [letter = "", sign] = name;
  const to = named(letter, sign === "#" ? 1 : sign === "b" ? -1 : 0, move);
  if (Math.abs(to.raised) > 1) return undefined;
  return to.letter + ({ "-1": "b", 0: "", 1: "#" }[to.raised] as string);
}

/** A text in another key; undefined where its key is not a tonic and a mode, or where double signs do not do. */
export function transposed(text: string, semitones: number): string | undefined {
  // The same sound by other names, which has fewer signs, is tried where the first has too many.
  for (const more of [0, -1, 1]) {
    const moved = movedBy(text, moveOf(semitones, more));
    if (moved !== undefined) return moved;
  }
  return undefined;
}

function movedBy(text: string, move: Move): string | undefined {
  let possible = true;
  const or = (moved: string | undefined): string => {
    if (moved === undefined) possible = false;
    return moved ?? "";
  };
  const lines = text.split("\n").map((one) => {
    const [, name, value = ""] = /^([A-Za-z+]):(?![|:])(.*)$/.exec(one) ?? [];
    if (name === "K") return `K:${or(key(value, move))}`;
    return name === undefined ? one.replace(signs, (sign) => or(music(sign, move))) : one;
  });
  return possible ? lines.join("\n") : undefined;
}

/** A comment, a word, an ornament by its name, a field within the music, or a note. */
const signs =
  /(?<!\\)%.*$|"[^"]*"|![^!\s|:[\]]+!|\+[^+\s|:[\]]+\+|\[[A-Za-z]:[^\]]*\]|(?:\^\^|\^|__|_|=)?[A-Ga-g][,']*/g;

function music(sign: string, move: Move): string | undefined {
  if (sign.startsWith('"')) return chord(sign, move);
  if (sign.startsWith("[K:")) {
    const moved = key(sign.slice(3, -1), move);
    return moved && `[K:${moved}]`;
  }
  const [, mark, letter = "", octaves = ""] = /^(\^\^|\^|__|_|=)?([A-Ga-g])([,']*)$/.exec(sign) ?? [];
  return letter === "" ? sign : note({ mark, letter, octaves }, move);
}

type Written = { readonly mark: string | undefined; readonly letter: string; readonly octaves: string };
function note({ mark, letter, octaves }: Written, move: Move): string | undefined {
  const upper = letter.toUpperCase();
  const octave = (letter === upper ? 0 : 1) + octaves.split("'").length - octaves.split(",").length;
  const place = letters.indexOf(upper) + 7 * octave + move.steps;
  const [high, name] = [Math.floor(place / 7), letters[modulo(place, 7)] as string];
  const raised = mark === undefined ? 0 : named(upper, marks[mark] as number, move).raised;
  const sign = mark === undefined ? "" : Object.keys(marks).find((one) => marks[one] === raised);
  if (sign === undefined) return undefined;
  return sign + (high < 1 ? name + ",".repeat(-high) : name.toLowerCase() + "'".repeat(high - 1));
}

/** The value of `K:`, whose signs of its own move with it. */
function key(value: string, move: Move): string | undefined {
  const [, before = "", name, mode = ""] = /^(\s*)([A-G][#b]?)(.*)$/.exec(value) ?? [];
  if (name === undefined || /[\^_=]/.test(mode.replace(/[a-z]+=\S*/g, ""))) return undefined;
  const moved = root(name, move);
  if (moved === undefined) return undefined;
  // As many letters more are raised as it goes fifths up: else its signature would need double signs.
  const [from, to] = [name, moved].map((tonic) =>
    [...(keyOf(tonic + mode)?.values() ?? [])].reduce((a, b) => a + b, 0),
  );
  return (to as number) - (from as number) === move.fifths ? before + moved + mode : undefined;
}
/** A chord's name, with its bass: "Am/E". Other words stay. */
function chord(sign: string, move: Move): string | undefined {
  if (!/^"[A-G][#b]?(?:m|M|maj|min|dim|aug|sus|add|\+|\d|\(|\)|°|o)*(?:\/[A-G][#b]?)?"$/.test(sign)) return sign;
  let possible = true;
  const moved = sign.replace(/(?<=["/])[A-G][#b]?/g, (name) => {
    const to = root(name, move);
    possible &&= to !== undefined;
    return to ?? "";
  });
  return possible ? moved : undefined;
}
