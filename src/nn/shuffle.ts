/** Put a list into a random order. Knows nothing about what is in it. */
import type { Random } from "./random.ts";

/** Every order is as likely (Fisher and Yates). The list itself is changed, and given back. */
export function shuffle<List extends { [index: number]: unknown; readonly length: number }>(
  list: List,
  random: Random,
): List {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

/** The seed asked for, or one that nobody can foresee, as Keras has it where none is given. */
export const seedOr = (seed: number | null | undefined): number => seed ?? Math.floor(Math.random() * 2 ** 32);
