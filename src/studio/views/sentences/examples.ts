/** Small examples, made by a seed, that a model of each task learns within half a minute. */
import type { TaggedSentence } from "../../../formats/conll.ts";
import { createRandom } from "../../../nn/random.ts";
import type { TextPair } from "../../../tasks/translate/settings.ts";

const months = "January February March April May June July August September October November December".split(" ");
const padded = (n: number): string => String(n).padStart(2, "0");

/** "March 7, 1985" or "7 Mar 1985", and 1985-03-07. */
export function dates(count: number, seed: number): TextPair[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const [year, month, day] = [1950 + random.integer(70), random.integer(12), 1 + random.integer(28)];
    const name = months[month] as string;
    const forms = [
      `${name} ${day}, ${year}`,
      `${day} ${name} ${year}`,
      `${day} ${name.slice(0, 3)} ${year}`,
      `${name.slice(0, 3)} ${day}, ${year}`,
      `${day}.${month + 1}.${year}`,
    ];
    return {
      source: forms[random.integer(forms.length)] as string,
      target: `${year}-${padded(month + 1)}-${padded(day)}`,
    };
  });
}

const words: Readonly<Record<string, readonly string[]>> = {
  DET: ["the", "her"],
  ADJ: ["old", "young", "light"],
  NOUN: ["old", "young", "light", "man", "fish", "boat", "watch"],
  VERB: ["man", "fish", "light", "watch", "see"],
  PRON: ["her", "them"],
};
const phrases = ["DET NOUN", "DET ADJ NOUN", "DET ADJ ADJ NOUN"];

/** Parts of speech in a grammar where "old", "man" and "her" change theirs with what stands to their left and right. */
export function partsOfSpeech(count: number, seed: number): TaggedSentence[] {
  const random = createRandom(seed);
  const pick = (from: readonly string[]): string => from[random.integer(from.length)] as string;
  return Array.from({ length: count }, (_, n) => {
    const labels = `${pick(phrases)} VERB ${pick(["", "PRON", ...phrases])}`.trim().split(" ");
    const tokens = labels.map((label) => pick(words[label] as readonly string[]));
    return { tokens, labels, name: `sentence ${n + 1}`, lines: tokens.map((_, t) => t + 1) };
  });
}

const judgements = {
  good: ["lovely", "funny", "warm", "moving", "clever"],
  bad: ["awful", "dull", "cold", "flat", "silly"],
} as const;
const things = ["the plot", "the cast", "this film", "the story", "her acting", "the music"];

/** Reviews of two clauses, the second of which counts; "not" turns a word into its opposite. */
export function reviews(count: number, seed: number): { readonly text: string; readonly label: string }[] {
  const random = createRandom(seed);
  const pick = <One>(from: readonly One[]): One => from[random.integer(from.length)] as One;
  const clause = (label: "good" | "bad"): string => {
    const turned = random.integer(3) === 0;
    const said = turned ? (label === "good" ? "bad" : "good") : label;
    return `${pick(things)} is ${turned ? "not " : pick(["", "", "so ", "really "])}${pick(judgements[said])}`;
  };
  return Array.from({ length: count }, () => {
    const label = pick(["good", "bad"] as const);
    const first = clause(pick(["good", "bad"]));
    return { text: pick([clause(label), `${first} but ${clause(label)}`]), label };
  });
}
