/** Tunes to begin with, made here by a few rules, the same at each visit: ABC, as people share tunes. */
import { createRandom, type Random } from "../../../nn/random.ts";
import { texts } from "../../texts/texts.ts";

const own = texts.music.training.examples;

const from = <Value>(random: Random, values: readonly Value[]): Value => values[random.integer(values.length)] as Value;

const letters = [..."DEFGABcdefg"];
/** One to three parts of 6/8 in G, of four or eight bars: steps up and down, and a long G at the end of each. */
function jig(random: Random): string {
  let at = 3;
  const next = (): string => {
    at = Math.max(0, Math.min(letters.length - 1, at + random.integer(3) - 1));
    return letters[at] as string;
  };
  const part = (): string => {
    const bars = Array.from({ length: from(random, [3, 7]) }, () => Array.from({ length: 6 }, next).join(""));
    at = 3;
    return `|:${[...bars, "G3 G3"].join("|")}:|`;
  };
  return `M:6/8\nL:1/8\nQ:3/8=110\nK:G\n${Array.from({ length: 1 + random.integer(3) }, part).join("\n")}\n`;
}

/** Chords in C, what may follow each, and a bass and three voices of it. */
const chords = {
  I: { notes: "C,EGc", next: ["IV", "V", "vi"] },
  ii: { notes: "D,FAd", next: ["V"] },
  IV: { notes: "F,FAc", next: ["I", "ii", "V"] },
  V: { notes: "G,DGB", next: ["I", "vi"] },
  vi: { notes: "A,EAc", next: ["ii", "IV"] },
} as const;
type Chord = keyof typeof chords;
/** Eight bars of 4/4 in C, two chords a bar, the second struck in four parts; from C and to C. */
function hymn(random: Random): string {
  let chord: Chord = "I";
  const bars = Array.from({ length: 7 }, () => {
    const first = chords[chord].notes;
    chord = from<Chord>(random, chords[chord].next);
    const second = chords[chord].notes;
    chord = from<Chord>(random, chords[chord].next);
    return `[${first}]4[${second}]2[${second}]2`;
  });
  return `M:4/4\nL:1/8\nQ:1/4=90\nK:C\n${bars.join("|")}|[${chords.I.notes}]8|]\n`;
}

const book = (count: number, seed: number, tune: (random: Random) => string): string => {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, k) => `X:${k + 1}\nT:${k + 1}\n${tune(random)}`).join("\n");
};

export const examples = {
  jigs: { title: own.jigs, stepsPerQuarter: 2, make: () => book(60, 1, jig) },
  chords: { title: own.chords, stepsPerQuarter: 2, make: () => book(60, 2, hymn) },
} as const;
export type ExampleName = keyof typeof examples;
