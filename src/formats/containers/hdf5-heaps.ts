/**
 * Look at an HDF5 file's global heaps, in which texts of variable length lie, before the library does: it goes through a heap without end
 * where one of its objects has no size. Knows nothing about what the texts are for.
 * Format: HDF5 File Format Specification 3.0, III.E.
 */

/** "GCOL", version 1. The library does not look at the three bytes behind it. */
const signature = [0x47, 0x43, 0x4f, 0x4c, 1];

/** Whether the library comes to the end of every global heap of a file. */
export function globalHeapsEnd(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = bytes.indexOf(0x47); at >= 0; at = bytes.indexOf(0x47, at + 1)) {
    if (at + 16 <= bytes.length && signature.every((byte, k) => bytes[at + k] === byte) && !ends(view, at))
      return false;
  }
  return true;
}

/** Walk over a heap's objects: an index of 2 bytes, 6 bytes of others, a size, and so many bytes, filled up to a multiple of 8. */
function ends(view: DataView, start: number): boolean {
  // The library takes sizes modulo 2^32; here they are as they are, and what reaches beyond its heap has no end.
  const end = start + Number(view.getBigUint64(start + 8, true));
  if (end > view.byteLength) return false;
  let at = start + 16;
  while (at + 16 <= end) {
    const [index, size] = [view.getUint16(at, true), Number(view.getBigUint64(at + 8, true))];
    // Object 0 is what is free, its size with that of its header.
    if (index === 0 && size === 0) return false;
    at += index === 0 ? size : 16 + 8 * Math.ceil(size / 8);
  }
  return at <= end;
}
