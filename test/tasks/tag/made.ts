/** Sentences with entities, made by rule: people of two words, towns, and what is done. */
import type { TaggedSentence } from "../../../src/formats/conll.ts";
import { createRandom } from "../../../src/nn/random.ts";

const first = ["Anna", "Ben", "Carla", "Dora", "Emil", "Fred", "Gina", "Hugo"];
const last = ["Berg", "Stein", "Feld", "Wald", "Thal", "Bach"];
const towns = ["Rome", "Oslo", "Berg", "Stein", "Lyon", "Bath"];
const verbs = ["visits", "leaves", "likes", "knows"];

/** "Anna Berg visits Stein .": a town has the names of people too, so that labels depend on those beside them. */
export function made(count: number, seed: number): TaggedSentence[] {
  const random = createRandom(seed);
  const pick = (from: readonly string[]): string => from[random.integer(from.length)] as string;
  return Array.from({ length: count }, (_, n) => {
    const words: [string, string][] = [
      [pick(first), "B-PER"],
      [pick(last), "I-PER"],
      [pick(verbs), "O"],
    ];
    if (random.uniform() < 0.5) words.push([pick(first), "B-PER"], [pick(last), "I-PER"], ["in", "O"]);
    words.push([pick(towns), "B-LOC"]);
    if (random.uniform() < 0.5) words.push([".", "O"]);
    const [tokens, labels] = [words.map(([word]) => word), words.map(([, label]) => label)];
    return { tokens, labels, name: `made.conll: line ${n}`, lines: tokens.map((_, t) => n + t) };
  });
}
