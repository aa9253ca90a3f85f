/** Which files are Keras's, by their beginnings: a `.keras` by its first member, a config by its first words. Reads none of them. */
import { isZip } from "../containers/zip.ts";

/** The members of such an archive, one of which is the first. */
const members = ["metadata.json", "config.json", "model.weights.h5"];

/** Whether an archive is named as Keras's. */
export const isNamedKeras = (bytes: Uint8Array, name: string): boolean => /\.keras$/i.test(name) && isZip(bytes);
/** Whether bytes are an archive that begins with a member of Keras's. */
export function isKerasArchive(bytes: Uint8Array): boolean {
  if (!isZip(bytes) || bytes.length < 30) return false;
  const length = (bytes[26] as number) + 256 * (bytes[27] as number);
  return members.includes(new TextDecoder().decode(bytes.slice(30, 30 + length)));
}

/** Whether bytes are a config as JSON, without weights. */
export function isKerasConfig(bytes: Uint8Array): boolean {
  if (bytes[bytes.findIndex((byte) => byte > 0x20)] !== 0x7b) return false;
  return /"class_name"\s*:\s*"(Sequential|Functional|Model)"/.test(new TextDecoder("latin1").decode(bytes.slice()));
}
