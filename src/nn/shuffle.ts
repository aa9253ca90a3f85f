/** Shuffle a list. */
import type { Random } from "./random.ts";

/** Shuffle a list in place (Fisher and Yates: all orders are equally likely), and return it. */
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

/** The given seed, or a random one, as in Keras if none is given. */
export const seedOr = (seed: number | null | undefined): number => seed ?? Math.floor(Math.random() * 2 ** 32);
