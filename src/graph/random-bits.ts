/**
 * Counter-based random bits: the same counter and key give the same bits in any order, on any thread and in any engine.
 * `hash` in src/engines/vector/mathematics.ts is the same function on vectors.
 */

/**
 * 32 random bits for a counter (u32) under a key of two u32 words (a seed and a stream, say).
 *
 * Two rounds of the 32-bit mixer "lowbias32" (Chris Wellons, https://nullprogram.com/blog/2018/07/31/), a key added
 * before each. The second key depends on both words, so that neighbouring first words do not give the same sequence
 * shifted by one. For one key this permutes the counters: no value comes twice before the counter wraps. Good for
 * dropout and initial weights, not for secrets.
 *
 * @returns an integer from 0 to 2^32 - 1
 */
export function randomBits(counter: number, key0: number, key1: number): number {
  const secondKey = (key1 + Math.imul(key0, KEY_STEP)) | 0;
  return mix((mix((counter + key0) | 0) + secondKey) | 0) >>> 0;
}

/** 2^32 divided by the golden ratio, made odd. */
export const KEY_STEP = 0x9e3779b9;
/** The multipliers of lowbias32. */
export const MIX_FIRST = 0x7feb352d;
export const MIX_SECOND = 0x846ca68b;

function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), MIX_FIRST);
  bits = Math.imul(bits ^ (bits >>> 15), MIX_SECOND);
  return bits ^ (bits >>> 16);
}

/** A dropout mask keeps a value if its 32 random bits are at least this. */
export function maskThreshold(rate: number): number {
  return Math.min(0xffffffff, Math.round(rate * 2 ** 32));
}
/** Each mask of a graph draws from its own stream. */
export function maskKey(key: number, stream: number): number {
  return (key + Math.imul(stream, KEY_STEP)) >>> 0;
}
