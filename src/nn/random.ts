/**
 * Seeded random numbers: xoshiro128** (Blackman and Vigna 2018), seeded through the finaliser of splitmix32. The state
 * is four numbers, so that a checkpoint can hold it. Not for secrets.
 */
import { InputError } from "../graph/input-error.ts";
import { alias, checkValue, formatValue, wholeNumber } from "../graph/schema.ts";

/** A seed. */
export const aSeed = alias(wholeNumber(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), "randomState");

/** Four unsigned 32-bit words, not all of them 0. Plain data: it survives JSON. */
export type RandomState = readonly [number, number, number, number];

/** A generator of random numbers, whose state can be saved and restored. */
export type Random = {
  /** A number in [0, 1), a multiple of 2^-53. */
  uniform(): number;
  /** A draw from the normal distribution of mean 0 and variance 1. */
  normal(): number;
  /** A whole number in [0, n), all equally likely. Throws an InputError unless n is a whole number from 1 to 2^53. */
  integer(n: number): number;
  /** The generator's state: `fromState(state)` continues with the same numbers. */
  state(): RandomState;
};

/**
 * Create a generator of random numbers. The same seed gives the same numbers everywhere; different seeds have different
 * states.
 * @param seed a whole number, between plus and minus 2^53 - 1
 * @throws InputError unless the seed is a safe integer
 * @example createRandom(1).integer(6) // from 0 to 5, the same each time
 */
export function createRandom(seed: number): Random {
  checkValue("seed", seed, aSeed);
  // `mix` is one to one, so `a` and `b` together tell every seed from every other; and mix(0) is not 0, so the four
  // words are never all 0.
  const a = mix(seed >>> 0);
  const b = mix(a ^ mix(Math.floor(seed / 2 ** 32)));
  const c = mix(b);
  return generator([a, b, c, mix(c)]);
}

/**
 * Create a generator that continues from a saved state.
 * @param state a generator's `state()`
 * @throws InputError for what is not a state, as it may come from a file
 */
export function fromState(state: RandomState): Random {
  const isWord = (word: unknown) => typeof word === "number" && word >>> 0 === word;
  if (
    !Array.isArray(state) ||
    state.length !== 4 ||
    !Array.from(state).every(isWord) ||
    state.every((word) => word === 0)
  ) {
    throw new InputError("random state: needs four whole numbers below 2^32, not all of them 0");
  }
  return generator(state);
}

function generator(start: RandomState): Random {
  let [a, b, c, d] = start;

  /** The next 32 bits, as a number in [0, 2^32). */
  function next(): number {
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return scrambled;
  }
  /** The next 53 bits, as a number in [0, 2^53). */
  const next53 = () => (next() >>> 5) * 2 ** 26 + (next() >>> 6);
  const uniform = () => next53() * 2 ** -53;

  return {
    uniform,
    // Box and Muller's second number is thrown away: keeping it would make it part of the state.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    integer(n) {
      if (!Number.isInteger(n) || n < 1 || n > 2 ** 53) {
        throw new InputError(`integer: needs a whole number from 1 to 2^53, got ${formatValue(n)}`);
      }
      const [draw, range] = n <= 2 ** 32 ? [next, 2 ** 32] : [next53, 2 ** 53];
      // Numbers in the last, incomplete run of n would make the small results likelier: draw again.
      const limit = range - (range % n);
      let number = draw();
      while (number >= limit) number = draw();
      return number % n;
    },
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  };
}

const rotate = (word: number, bits: number) => (word << bits) | (word >>> (32 - bits));

/** One step of splitmix32: add the golden ratio, then MurmurHash3's finaliser. One to one on 32-bit words. */
function mix(word: number): number {
  let z = (word + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}
