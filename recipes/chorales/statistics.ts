/** A few numbers about a few numbers. Knows nothing about what they measure. */

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of an even count, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return mean([sorted[Math.floor(middle)] as number, sorted[Math.ceil(middle)] as number]);
}

/** The square of the standard deviation, estimated from a sample of at least two. */
function variance(values: readonly number[]): number {
  const center = mean(values);
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1);
}
export const deviation = (values: readonly number[]): number => Math.sqrt(variance(values));

/** Welch's t: how many of its standard errors the mean of `values` is above that of `others`. */
export function welch(values: readonly number[], others: readonly number[]): number {
  const error = Math.sqrt(variance(values) / values.length + variance(others) / others.length);
  return (mean(values) - mean(others)) / error;
}
