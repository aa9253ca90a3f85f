/** Copy the elements of an array that lie at any distance from each other. Knows nothing about what they are. */

/** An array of elements: that of index [i, j, ...] is number `offset` + i * strides[0] + j * strides[1] + ... of those that lie in the bytes. */
export type Strided = {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
};

/** The bytes of the elements, of `size` bytes each, one after the other, the last index running fastest. */
export function inRowMajorOrder({ shape, strides, offset }: Strided, bytes: Uint8Array, size: number): Uint8Array {
  const count = shape.reduce((a, b) => a * b, 1);
  const out = new Uint8Array(count * size);
  const index = shape.map(() => 0);
  let from = offset;
  for (let at = 0; at < out.length; at += size) {
    for (let k = 0; k < size; k++) out[at + k] = bytes[from * size + k] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return out;
}
