/**
 * What a product of 8 bits computes, number by number: its definition, which engines share. Each row of a matrix of weights has one
 * scale, the largest of it / 127, and so has each vector that is multiplied; sums of 8-bit products are exact. Every operation
 * is one of f32, rounded once, so any engine gets the same bits.
 *
 * A row with a number that is not finite has the scale NaN, and so have its products. A row whose largest number is at most
 * `smallest` is one of zeros.
 */

export const smallest = 2 ** -100;
/** Added to a number of f32, it leaves the nearest whole number (ties to even) in the lowest bits. */
export const rounder = 1.5 * 2 ** 23;
/** The bits of a scale of weights that stay: 17 of its 24 digits, so that a whole number of up to 127 times it is exact. */
export const scaleBits = ~0x7f;
/** The largest such scale whose 127-fold is a number. */
export const largestScale = Math.floor(2 ** 23 / 127) * 2 ** 105;

const { fround } = Math;
const word = new Int32Array(1);
const float = new Float32Array(word.buffer);

/** The largest absolute value; NaN where a number is not finite. */
function largestOf(values: ArrayLike<number>, from: number, count: number): number {
  let largest = 0;
  for (let k = from; k < from + count; k++) {
    const value = Math.abs(fround(values[k] as number));
    if (!(value <= 3.5e38)) return Number.NaN;
    if (value > largest) largest = value;
  }
  return largest;
}
const rounded = (value: number, inverse: number): number => fround(fround(fround(value) * inverse) + rounder) - rounder;

/**
 * The scale of a row of weights, `count` numbers from `from` on, with 17 digits: rounded up. Into `into`, if given, go the whole
 * numbers from -127 to 127 that times the scale are nearest.
 */
export function quantizeWeights(values: ArrayLike<number>, from: number, count: number, into?: Int8Array): number {
  const largest = largestOf(values, from, count);
  float[0] = fround(largest / 127);
  word[0] = ((word[0] as number) + 0x7f) & scaleBits;
  const scale = largest > smallest ? Math.min(float[0], largestScale) : largest * 0;
  const inverse = scale > 0 ? fround(1 / scale) : 0;
  if (into !== undefined) for (let k = 0; k < count; k++) into[k] = rounded(values[from + k] as number, inverse);
  return scale;
}

/** The weights that products of 8 bits have: each row of a matrix rounded. A vector stays. */
export function roundWeights(values: ArrayLike<number>, [rows = 0, columns]: readonly number[]): ArrayLike<number> {
  if (columns === undefined) return values;
  const all = new Float32Array(rows * columns);
  const row = new Int8Array(columns);
  for (let from = 0; from < all.length; from += columns) {
    const scale = quantizeWeights(values, from, columns, row);
    for (let k = 0; k < columns; k++) all[from + k] = (row[k] as number) * scale;
  }
  return all;
}

/** The same of a vector that is multiplied, whose scale has all digits. */
export function quantizeVector(values: ArrayLike<number>, from: number, count: number, into: Int8Array): number {
  const largest = largestOf(values, from, count);
  const inverse = largest > smallest ? fround(127 / largest) : 0;
  for (let k = 0; k < count; k++) into[k] = rounded(values[from + k] as number, inverse);
  return fround(largest / 127);
}
