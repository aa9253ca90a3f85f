/** Reviews made by rule: one word among others says what they are. */
import { createRandom } from "../../../src/nn/random.ts";

export const words = {
  good: ["lovely", "funny", "warm", "moving", "clever"],
  bad: ["awful", "dull", "cold", "flat", "silly"],
} as const;
const others = ["the", "film", "plot", "was", "a", "simply", "old", "story", "with", "and", "of", "cast"];

export function reviews(count: number, seed: number): { text: string; label: "good" | "bad" }[] {
  const random = createRandom(seed);
  const pick = (from: readonly string[]): string => from[random.integer(from.length)] as string;
  return Array.from({ length: count }, (_, k) => {
    const label = k % 2 === 0 ? "good" : "bad";
    const text = Array.from({ length: 3 + random.integer(6) }, () => pick(others));
    text.splice(random.integer(text.length + 1), 0, pick(words[label]));
    return { text: text.join(" "), label };
  });
}
