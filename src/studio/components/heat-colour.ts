/** Convert numbers from -1 to 1 to colours of the page's theme: below zero, zero, above zero. */

/**
 * A colour for CSS and SVG. `most` is the share of the full colour for the largest number; under text, it is smaller.
 */
export function heat(value: number, most = 1): string {
  const share = Math.min(Math.abs(value), 1) * most;
  return `color-mix(in srgb, var(${value < 0 ? "--low" : "--high"}) ${(100 * share).toFixed(1)}%, var(--zero))`;
}
