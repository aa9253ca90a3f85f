/**
 * Read tar archives, as PyTorch wrote them until 2017. Knows nothing about what lies in them. Files alone count: folders and links
 * are passed over, and nothing is written anywhere.
 * Format: POSIX.1-1988 (ustar), with GNU's long names and the paths of pax headers.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { FormatError } from "../safetensors.ts";

const block = 512;

/** Whether bytes begin with a header of a tar archive whose checksum is right. */
export const isTar = (bytes: Uint8Array): boolean => bytes.length >= block && hasChecksum(bytes.subarray(0, block));

/**
 * The files of an archive by their names, as parts of the archive's bytes.
 * @param name the file's name, for messages
 * @throws FormatError of one line for what is damaged or cut off, and for two files of one name
 */
export function readTar(bytes: Uint8Array, name: string): ReadonlyMap<string, Uint8Array> {
  const damaged: (problem: string) => never = (problem) => {
    throw new FormatError(`${name}: the tar archive is damaged: ${problem}.`);
  };
  const files = new Map<string, Uint8Array>();
  let long: string | undefined;
  for (let at = 0; at < bytes.length; ) {
    const header = bytes.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) break;
    if (header.length < block) damaged("it is cut off");
    if (!hasChecksum(header)) damaged(`the checksum of the header at byte ${at} is wrong`);
    const size = octal(header.subarray(124, 136));
    if (size === undefined || !(at + block + size <= bytes.length))
      return damaged("a file in it is longer than the archive");
    const content = bytes.subarray(at + block, at + block + size);
    at += block + Math.ceil(size / block) * block;
    const type = String.fromCharCode(header[156] as number);
    // The name of the next file.
    if (type === "L") long = textUpToZero(content);
    else if (type === "x") long = /(?:^|\n)\d+ path=([^\n]*)/.exec(textUpToZero(content))?.[1];
    else {
      const prefix = textUpToZero(header.subarray(257, 262)) === "ustar" ? textUpToZero(header.subarray(345, 500)) : "";
      const own = textUpToZero(header.subarray(0, 100));
      const called = long ?? (prefix === "" ? own : `${prefix}/${own}`);
      long = undefined;
      if (type !== "0" && type !== "\0" && type !== "7") continue;
      if (files.has(called)) {
        throw new FormatError(`${name}: it has two files named ${excerpt(called)}, so it is not clear which counts.`);
      }
      files.set(called, content);
    }
  }
  return files;
}

/** Whether a header's bytes, its own checksum counted as spaces, add up to it. */
function hasChecksum(header: Uint8Array): boolean {
  const sum = header.reduce((total, byte, k) => total + (k >= 148 && k < 156 ? 32 : byte), 0);
  return sum === octal(header.subarray(148, 156));
}

/** A number in octal digits, with spaces and zeros around it. */
function octal(field: Uint8Array): number | undefined {
  const [, digits] = /^ *([0-7]+)[ \0]*$/.exec(String.fromCharCode(...field)) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

/** The text before the first zero. */
function textUpToZero(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.slice(0, end < 0 ? bytes.length : end));
}
