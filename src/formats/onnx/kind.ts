/** What an ONNX file looks like from outside. */

/** Whether bytes begin as ONNX models do, which have no mark of their own: with a small version, and a field of the model's after it. */
export function isOnnx(bytes: Uint8Array): boolean {
  const [version, value = 0, next = 0] = bytes;
  // Fields 2 to 8, all but the fifth with a length.
  return version === 0x08 && value > 0 && value < 32 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(next);
}
