/** Arrays of numbers after each other, as one array of a kind. */
export function joined<Numbers extends Float32Array | Uint8Array>(
  kind: new (length: number) => Numbers,
  parts: readonly ArrayLike<number>[],
): Numbers {
  const all = new kind(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
