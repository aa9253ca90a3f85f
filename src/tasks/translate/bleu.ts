/** BLEU: K. Papineni, S. Roukos, T. Ward and W.-J. Zhu, "BLEU: a method for automatic evaluation of machine translation", 2002. */

/** Words and marks of punctuation, each a token; white space divides them. */
const tokensOf = (text: string): string[] => text.match(/[\p{L}\p{M}\p{N}_]+|[^\s\p{L}\p{M}\p{N}_]/gu) ?? [];

/** The largest number of tokens in a row that are compared. */
const longest = 4;

/**
 * Corpus BLEU against one reference each: the geometric mean of the shares of runs of 1 to 4 tokens that the references have, each as
 * often as there at most, times exp(1 - r / c) where all translations together are shorter (c) than the references (r). Without
 * smoothing: 0 where no run of some length fits.
 * @returns 0 to 1
 */
export function bleu(translations: readonly string[], references: readonly string[]): number {
  const [fits, all] = [new Array<number>(longest).fill(0), new Array<number>(longest).fill(0)];
  let [said, wanted] = [0, 0];
  translations.forEach((text, k) => {
    const [own, right] = [tokensOf(text), tokensOf(references[k] as string)];
    said += own.length;
    wanted += right.length;
    for (let n = 1; n <= longest; n++) {
      const there = countRuns(right, n);
      for (const [run, count] of countRuns(own, n)) {
        fits[n - 1] = (fits[n - 1] as number) + Math.min(count, there.get(run) ?? 0);
        all[n - 1] = (all[n - 1] as number) + count;
      }
    }
  });
  // Where no text has so many tokens, runs of that length say nothing.
  const shares = fits.flatMap((count, n) => (all[n] === 0 ? [] : [count / (all[n] as number)]));
  if (shares.length === 0 || shares.includes(0)) return 0;
  const mean = Math.exp(shares.reduce((sum, one) => sum + Math.log(one), 0) / shares.length);
  return mean * (said < wanted ? Math.exp(1 - wanted / said) : 1);
}

function countRuns(tokens: readonly string[], n: number): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (let k = 0; k + n <= tokens.length; k++) {
    const run = JSON.stringify(tokens.slice(k, k + n));
    found.set(run, (found.get(run) ?? 0) + 1);
  }
  return found;
}
