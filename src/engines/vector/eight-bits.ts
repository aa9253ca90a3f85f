/**
 * Rows of numbers as whole numbers of 8 bits, over the operations of vectors: what `schedule/eight-bits.ts` defines. Knows nothing about
 * how they are multiplied.
 *
 * A block of four vectors becomes one of words: word i has the numbers i, width + i, 2 width + i and 3 width + i of the
 * block, the first in its lowest byte. Vectors and weights have the same order, so their products meet.
 */
import { largestScale, rounder, scaleBits, smallest } from "../../schedule/eight-bits.ts";
import type { Nested, VectorOps } from "./vector-ops.ts";

/** Words of a row of k numbers. */
export const wordsOf = (width: number, k: number): number => Math.ceil(k / (4 * width)) * width;

/** Vectors of a row, the last of which may be cut: run `act` for each `step` of them, of so many numbers. */
function each<Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  { row, count, step }: { readonly row: Whole; readonly count: number; readonly step: number },
  act: (load: (vector: number) => Vector, first: Whole) => Nested<Code>,
): Nested<Code> {
  const numbers = step * o.width;
  const whole = Math.floor(count / numbers) * numbers;
  const [at, from] = [o.newWhole(), o.newWhole()];
  const rest = count - whole;
  const last = (vector: number): Vector => {
    const left = rest - vector * o.width;
    const load = o.load(from.get, 4 * vector * o.width);
    return left <= 0 ? o.const(0) : left < o.width ? o.cut(load, left) : load;
  };
  return [
    from.set(row),
    o.loop(at, 0, 4 * whole, 4 * numbers, [
      act((vector) => o.load(from.get, 4 * vector * o.width), at.get),
      from.set(o.whole.add(from.get, o.whole.const(4 * numbers))),
    ]),
    rest > 0 ? act(last, at.get) : [],
  ];
}

/** The largest absolute value of a row, in every lane: NaN beside NaN. */
function largestOf<Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  row: Whole,
  count: number,
): { readonly code: Nested<Code>; readonly largest: Vector } {
  const largest = o.newVector();
  const code = [
    largest.set(o.const(0)),
    each(o, { row, count, step: 1 }, (load) => largest.set(o.max(largest.get, o.abs(load(0))))),
    largest.set(o.maxOfLanes(largest.get)),
  ];
  return { code, largest: largest.get };
}

/** Bytes from the lowest byte of each of four vectors, in words. */
function together<Vector, Mask, Whole, Code>(
  { int }: VectorOps<Vector, Mask, Whole, Code>,
  byte: (vector: number) => Vector,
): Vector {
  const part = (vector: number): Vector => int.shr_u(int.shl(byte(vector), 24), 24 - 8 * vector);
  return int.xor(int.xor(int.xor(part(0), part(1)), part(2)), int.shl(byte(3), 24));
}

/**
 * A vector of k numbers at `row` to bytes without a sign, 128 more than its whole numbers; behind its words, at
 * `into + 4 * wordsOf(width, k)`, goes its scale.
 */
export function vectorToBytes<Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  k: number,
  row: Whole,
  into: Whole,
): Nested<Code> {
  const { code, largest } = largestOf(o, row, k);
  const inverse = o.newVector();
  return [
    code,
    // NaN where the largest is not finite.
    o.storeFirst(into, o.add(o.div(largest, o.const(127)), o.sub(largest, largest)), 1, 4 * wordsOf(o.width, k)),
    inverse.set(o.keep(o.gt(largest, o.const(smallest)), o.div(o.const(127), largest))),
    each(o, { row, count: k, step: 4 }, (load, first) =>
      o.store(
        o.whole.add(into, o.whole.shr_u(first, o.whole.const(2))),
        together(o, (vector) => o.add(o.mul(load(vector), inverse.get), o.const(rounder + 128))),
        0,
      ),
    ),
  ];
}

export type WeightsToBytes = {
  /** Numbers of the row that are used, and of the whole row of the matrix, whose largest decides. */
  readonly k: number;
  readonly count: number;
  /** From one word of the row to the next. */
  readonly stride: number;
};

/**
 * A row of weights to bytes with a sign, each word `stride` bytes behind the one before. Behind them, as two more words, go -128
 * times their sum, which the bytes of vectors bring too many, and their scale. `spare`: where a vector may be written.
 */
export function weightsToBytes<Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  { k, count, stride }: WeightsToBytes,
  at: { readonly row: Whole; readonly all: Whole; readonly into: Whole; readonly spare: Whole },
): Nested<Code> {
  const { whole, int } = o;
  const { code, largest } = largestOf(o, at.all, count);
  const [scale, inverse, sum] = [o.newVector(), o.newVector(), o.newVector()];
  const [to, total] = [o.newWhole(), o.newWhole()];
  const behind = wordsOf(o.width, k) * stride;
  const isLarge = o.newMask();
  const lanes = Array.from({ length: o.width }, (_, lane) => lane);
  return [
    code,
    isLarge.set(o.gt(largest, o.const(smallest))),
    scale.set(int.and(int.add(o.div(largest, o.const(127)), int.const(0x7f)), int.const(scaleBits))),
    scale.set(o.keep(isLarge.get, o.pmin(scale.get, o.const(largestScale)))),
    inverse.set(o.keep(isLarge.get, o.div(o.const(1), scale.get))),
    sum.set(o.const(0)),
    to.set(at.into),
    each(o, { row: at.row, count: k, step: 4 }, (load) => [
      o.store(
        at.spare,
        together(o, (vector) => o.add(o.mul(load(vector), inverse.get), o.const(rounder))),
        0,
      ),
      lanes.map((lane) => o.storeFirst(to.get, o.loadSplat(at.spare, 4 * lane), 1, lane * stride)),
      [0, 1, 2, 3].map((vector) =>
        sum.set(int.add(sum.get, int.sub(o.add(o.mul(load(vector), inverse.get), o.const(rounder)), o.const(rounder)))),
      ),
      to.set(whole.add(to.get, whole.const(o.width * stride))),
    ]),
    o.store(at.spare, sum.get, 0),
    total.set(whole.const(0)),
    lanes.map((lane) => total.set(whole.add(total.get, whole.load(at.spare, 4 * lane)))),
    o.storeFirst(at.into, int.splat(whole.mul(total.get, whole.const(-128))), 1, behind),
    o.storeFirst(at.into, o.add(scale.get, o.sub(largest, largest)), 1, behind + stride),
  ];
}
