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
  if (count === 0) return out;
  // In the widest words that the bytes have a place for.
  const Word = [Uint32Array, Uint16Array, Uint8Array].find(({ BYTES_PER_ELEMENT: width }) => {
    return size % width === 0 && bytes.byteOffset % width === 0;
  }) as Uint32ArrayConstructor;
  const words = size / Word.BYTES_PER_ELEMENT;
  const length = Math.floor(bytes.length / Word.BYTES_PER_ELEMENT);
  const from = new Word(bytes.buffer as ArrayBuffer, bytes.byteOffset, length);
  const to = new Word(out.buffer);
  const [columns, step] = [shape.at(-1) ?? 1, strides.at(-1) ?? 0];
  const index = shape.map(() => 0);
  let start = offset;
  for (let at = 0; at < to.length; ) {
    for (let column = 0; column < columns; column++) {
      for (let word = 0; word < words; word++) to[at++] = from[(start + column * step) * words + word] as number;
    }
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      start += strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      start -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return out;
}
