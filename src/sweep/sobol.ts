/**
 * Sobol's sequence, scrambled: points that fill the unit cube more evenly than random ones, also the first few of them.
 *
 * Direction numbers: S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections", SIAM J. Sci. Comput.
 * 30 (2008), the file new-joe-kuo-6.21201, its first 32 dimensions. Scrambling: A. B. Owen, "Randomly permuted (t,m,s)-nets and
 * (t,s)-sequences" (1995), by the hash of B. Burley, "Practical Hash-based Owen Scrambling", JCGT 9 (2020).
 */
import { createRandom } from "../nn/random.ts";

/** Of dimensions 2, 3, ...: the coefficients of the primitive polynomial without its first and last, as bits, and m_1, m_2, ... */
const directions: readonly (readonly [coefficients: number, ...m: readonly number[]])[] = [
  [0, 1],
  [1, 1, 3],
  [1, 1, 3, 1],
  [2, 1, 1, 1],
  [1, 1, 1, 3, 3],
  [4, 1, 3, 5, 13],
  [2, 1, 1, 5, 5, 17],
  [4, 1, 1, 5, 5, 5],
  [7, 1, 1, 7, 11, 19],
  [11, 1, 1, 5, 1, 1],
  [13, 1, 1, 1, 3, 11],
  [14, 1, 3, 5, 5, 31],
  [1, 1, 3, 3, 9, 7, 49],
  [13, 1, 1, 1, 15, 21, 21],
  [16, 1, 3, 1, 13, 27, 49],
  [19, 1, 1, 1, 15, 7, 5],
  [22, 1, 3, 1, 15, 13, 25],
  [25, 1, 1, 5, 5, 19, 61],
  [1, 1, 3, 7, 11, 23, 15, 103],
  [4, 1, 3, 7, 13, 13, 15, 69],
  [7, 1, 1, 3, 13, 7, 35, 63],
  [8, 1, 3, 5, 9, 1, 25, 53],
  [14, 1, 3, 1, 13, 9, 35, 107],
  [19, 1, 3, 1, 5, 27, 61, 31],
  [21, 1, 1, 5, 11, 19, 41, 61],
  [28, 1, 3, 5, 3, 3, 13, 69],
  [31, 1, 1, 7, 13, 1, 19, 1],
  [32, 1, 3, 7, 5, 13, 19, 59],
  [37, 1, 1, 3, 9, 25, 29, 41],
  [41, 1, 3, 5, 13, 23, 1, 55],
  [42, 1, 3, 7, 3, 13, 59, 17],
];
const bits = 32;

/** The most dimensions. */
export const maxDimensions = directions.length + 1;

/** The direction numbers of a dimension, from 0, as words whose highest bit is a half. */
function wordsOf(dimension: number): Uint32Array {
  const words = new Uint32Array(bits);
  const entry = directions[dimension - 1];
  if (entry === undefined) return words.map((_, k) => 2 ** (bits - 1 - k));
  const [coefficients, ...m] = entry;
  const degree = m.length;
  for (let k = 0; k < bits; k++) {
    if (k < degree) {
      words[k] = (m[k] as number) * 2 ** (bits - 1 - k);
      continue;
    }
    let word = (words[k - degree] as number) ^ ((words[k - degree] as number) >>> degree);
    for (let j = 1; j < degree; j++) {
      if ((coefficients >> (degree - 1 - j)) & 1) word ^= words[k - j] as number;
    }
    words[k] = word;
  }
  return words;
}

/** Point `index` of Sobol's sequence, in the order of its Gray code, as words of 32 bits. */
export function sobolWords(index: number, dimensions: number): Uint32Array {
  const gray = index ^ (index >>> 1);
  return Uint32Array.from({ length: dimensions }, (_, d) =>
    wordsOf(d).reduce((word, direction, k) => ((gray >>> k) & 1 ? word ^ direction : word), 0),
  );
}

/** Each bit is flipped or not by a hash of the seed and the bits above it, so halves of halves keep their numbers of points. */
function scramble(word: number, seed: number): number {
  let x = reversed(word);
  x ^= Math.imul(x, 0x3d20adea);
  x = (x + seed) | 0;
  x = Math.imul(x, (seed >>> 16) | 1);
  x ^= Math.imul(x, 0x05526c56);
  x ^= Math.imul(x, 0x53a22864);
  return reversed(x);
}

function reversed(word: number): number {
  let x = word;
  x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1);
  x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2);
  x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
  x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8);
  return ((x >>> 16) | (x << 16)) >>> 0;
}

/** Point `index` of the scrambled sequence of a seed: numbers in [0, 1), multiples of 2^-32. */
export function sobolPoint(index: number, dimensions: number, seed: number): number[] {
  const random = createRandom(seed);
  return Array.from(sobolWords(index, dimensions), (word) => scramble(word, random.integer(2 ** bits)) / 2 ** bits);
}
