/** What a TensorFlow.js model looks like from outside. */

/** Whether bytes are a `model.json`: an object of JSON that names what such a file has. */
export function isTfjs(bytes: Uint8Array): boolean {
  const start = bytes.findIndex((byte) => byte > 0x20);
  if (bytes[start] !== 0x7b) return false;
  const text = new TextDecoder("latin1").decode(bytes);
  return text.includes('"modelTopology"') && text.includes('"weightsManifest"');
}
