/** Whether bytes are a `.keras`, by its first member. Loads nothing that unpacks it. */

/** The members of such an archive, one of which is the first. */
const members = ["metadata.json", "config.json", "model.weights.h5"];

/** Whether bytes are an archive that begins with a member of Keras's, or one whose name says so. */
export function isKerasArchive(bytes: Uint8Array, name: string): boolean {
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
  if (!zip || bytes.length < 30) return false;
  if (/\.keras$/i.test(name)) return true;
  const length = (bytes[26] as number) + 256 * (bytes[27] as number);
  return members.includes(new TextDecoder().decode(bytes.subarray(30, 30 + length)));
}
