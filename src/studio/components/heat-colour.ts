/** Numbers from -1 to 1 as colours of the page's theme: below zero, zero, above zero. */

/** A colour for CSS and SVG. `most`: how much of the full colour the largest number has; text over it needs less. */
export function heat(value: number, most = 1): string {
  const share = Math.min(Math.abs(value), 1) * most;
  return `color-mix(in srgb, var(${value < 0 ? "--low" : "--high"}) ${(100 * share).toFixed(1)}%, var(--zero))`;
}
