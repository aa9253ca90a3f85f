/** What the first letters of words cost a model, and the last ones. */
import type { LessonToken } from "../../engine/text-lesson.ts";

const isLetter = (token: Pick<LessonToken, "text"> | undefined): boolean => /^\p{L}$/u.test(token?.text ?? "");

/**
 * Mean bits of the letters that words of two letters or more begin and end with; NaN where there is no such word. A word that
 * the text breaks off has no last letter, and what stands first in the text was not guessed.
 */
export function costInWords(tokens: readonly Pick<LessonToken, "text" | "bits">[]): { first: number; last: number } {
  const [first, last]: [number[], number[]] = [[], []];
  tokens.forEach((token, k) => {
    if (!isLetter(token) || token.bits === undefined) return;
    const [before, after] = [isLetter(tokens[k - 1]), isLetter(tokens[k + 1])];
    if (!before && after) first.push(token.bits);
    if (before && !after && k + 1 < tokens.length) last.push(token.bits);
  });
  return { first: mean(first), last: mean(last) };
}

const mean = (bits: readonly number[]): number => bits.reduce((sum, one) => sum + one, 0) / bits.length;
