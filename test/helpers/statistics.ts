/** Figures of samples, slow and obvious. */

/** The correlation of two lists of as many numbers (Pearson). */
export function pearson(a: readonly number[], b: readonly number[]): number {
  const mean = (numbers: readonly number[]) => numbers.reduce((x, y) => x + y) / numbers.length;
  const [ma, mb] = [mean(a), mean(b)];
  const sum = (f: (t: number) => number) => a.reduce((total, _, t) => total + f(t), 0);
  const [da, db] = [(t: number) => (a[t] as number) - ma, (t: number) => (b[t] as number) - mb];
  return sum((t) => da(t) * db(t)) / Math.sqrt(sum((t) => da(t) ** 2) * sum((t) => db(t) ** 2));
}
