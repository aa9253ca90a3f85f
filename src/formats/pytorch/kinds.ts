/** Which files `read.ts` reads, by their beginnings and the names in them. Reads none of them. */
import { isNpy } from "../containers/npy.ts";
import { isTar, readTar } from "../containers/tar.ts";
import { isZip, zipMembers } from "../containers/zip.ts";

/** The number that streams begin with, as a pickle of protocol 2 and above has it. */
const magic = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/** The same in protocol 0 and 1. */
const magicText = "L119547037146038801333356L";
/** Whether bytes begin as a stream does. */
export const isStream = (bytes: Uint8Array): boolean =>
  [0, 2, 11].some((start) => magic.every((byte, k) => bytes[start + k] === byte)) ||
  [...magicText].every((letter, k) => bytes[k] === letter.charCodeAt(0));

/** The name of the pickle in an archive: that of the top folder, whatever it is called. */
export const pickleIn = (names: Iterable<string>): string | undefined =>
  [...names].find((name) => /^(?:[^/]*\/)?data\.pkl$/.test(name));

/** Whether `torch.save` wrote it, as far as its beginning tells, or the names in it where it is an archive. */
export function isTorchArchive(bytes: Uint8Array): boolean {
  if (isStream(bytes)) return true;
  try {
    if (isTar(bytes)) return ["pickle", "storages", "tensors"].every((name) => readTar(bytes, "").has(name));
    return isZip(bytes) && pickleIn(zipMembers(bytes, "").keys()) !== undefined;
  } catch {
    return false;
  }
}

/** Whether an archive holds arrays of NumPy and nothing else. */
export function isNpz(bytes: Uint8Array): boolean {
  if (!isZip(bytes)) return false;
  try {
    const members = [...zipMembers(bytes, "")];
    return members.length > 0 && members.every(([name]) => name.endsWith(".npy"));
  } catch {
    return false;
  }
}

/** Whether it is a safetensors file of another program: ours have their layers in the header. */
export function isForeignSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10 || bytes[8] !== 0x7b) return false;
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (!(length <= bytes.length - 8)) return length <= 100_000_000; // Cut off, which reading it says.
  return !new TextDecoder().decode(bytes.slice(8, 8 + length)).includes('"unrolled":');
}

/** Whether it is a file of tensors: of `torch.save`, NumPy's (one array alone is none, which reading it says), or safetensors. */
export const isPytorch = (bytes: Uint8Array): boolean =>
  isTorchArchive(bytes) || isNpz(bytes) || isNpy(bytes) || isForeignSafetensors(bytes);
/** Whether an archive is named as one: so that who reads it says what is damaged. */
export const isNamedPytorch = (bytes: Uint8Array, name: string): boolean =>
  /\.(pt|pth|pkl|bin|ckpt|npz)$/i.test(name) && (isZip(bytes) || isTar(bytes));
