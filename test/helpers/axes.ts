/** Arrays whose first two axes are the other way round. */

/** (B,T,...) to (T,B,...), or back. */
export function turned(values: readonly number[], [outer, inner, ...rest]: readonly number[]): number[] {
  const [a, b] = [outer as number, inner as number];
  const width = rest.reduce((x, y) => x * y, 1);
  return Array.from({ length: values.length }, (_, k) => {
    const [j, row] = [k % width, Math.floor(k / width)];
    return values[((row % a) * b + Math.floor(row / a)) * width + j] as number;
  });
}
