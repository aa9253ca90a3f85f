/** Texts from bytes, in Node and in a page. Knows nothing of files but their names, for messages. */
import { InputError } from "../graph/input-error.ts";

/**
 * Decode a UTF-8 file, without the byte order mark that some editors write first. Throws an InputError that names the
 * first byte that is not text: a NUL, or a byte that is not valid UTF-8.
 */
export function decodeText(bytes: Uint8Array, path: string): string {
  if (!(bytes instanceof Uint8Array)) throw new InputError(`${path}: its bytes must be a Uint8Array.`);
  if (bytes.indexOf(0) < 0) {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      // The decoder does not report the position.
    }
  }
  const at = findNoText(bytes);
  if (at < 0) {
    const size = bytes.length.toLocaleString("en-US");
    throw new InputError(`${path}: is too long for one text (${size} bytes). Give a part of it.`);
  }
  throw noText(bytes, at, path);
}

/** The error for the byte at `at`, which is not text; `before` is the number of the file's bytes before this buffer. */
export function noText(bytes: Uint8Array, at: number, path: string, before = 0): InputError {
  const mark = (bytes[0] as number) * 256 + (bytes[1] ?? 0);
  if (before === 0 && (mark === 0xfffe || mark === 0xfeff)) {
    return new InputError(`${path}: byte 0 starts a text in UTF-16, not UTF-8. Save it as UTF-8.`);
  }
  const byte = `0x${(bytes[at] as number).toString(16).padStart(2, "0")}`;
  const what = bytes[at] === 0 ? "is 0, so this is not a text file" : `(${byte}) is not UTF-8 text`;
  const place = (before + at).toLocaleString("en-US");
  return new InputError(`${path}: byte ${place} ${what}. Give a text file saved as UTF-8.`);
}

/** The position of the first byte that is 0 or begins invalid UTF-8; -1 if there is none. */
export function findNoText(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    if (first === 0) return at;
    // 0x80 to 0xc1, and 0xf5 and above, cannot begin a character.
    const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length === 0) return at;
    for (let i = 1; i < length; i++) {
      const byte = bytes[at + i] ?? 0;
      // The second byte shows overlong forms (0xe0, 0xf0), surrogates (0xed) and code points above U+10FFFF (0xf4).
      const low = i > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
      const high = i > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
      if (byte < low || byte > high) return at;
    }
    at += length;
  }
  return -1;
}
