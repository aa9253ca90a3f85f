/**
 * Read a text file in parts, because a large file does not fit into one string: a JavaScript string has at most 2^29 -
 * 24 characters. For Node.
 */
import * as fs from "node:fs";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  options as optionsOf,
  type Schema,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import { decodeText, findNoText, noText } from "./decode-text.ts";
import { readInput, readProblem, statOf } from "./files.ts";

/** A text on the disk that can be read in parts. */
export type TextFile = {
  readonly path: string;
  readonly bytes: number;
  /** The parts of the text, never cut within a character or a CR LF; each iteration reads the file again. */
  readonly parts: Iterable<string>;
};

/**
 * Options of `textFile`. By default, a file of up to 64 MiB is one part and stays in memory; a larger file is read in
 * parts of 8 MiB.
 */
export type TextFileOptions = { readonly wholeBytes?: number; readonly partBytes?: number };
const schema: Schema<TextFileOptions> = { wholeBytes: wholeNumber(0), partBytes: wholeNumber(16, 2 ** 28) };

/** @internal */
export const textFileArguments: Arguments = { path: string, options: optionsOf<TextFileOptions>(schema) };

/**
 * Open a UTF-8 file as a text in parts, without the byte order mark that some editors write first. A pipe, which can be
 * read only once, is one part.
 * @throws InputError if the file cannot be read; and while iterating, for the first byte that is not text, and if the
 * file changes meanwhile
 * @example for (const part of textFile("wikipedia.txt").parts) characters += part.length;
 */
export function textFile(path: string, options: TextFileOptions = {}): TextFile {
  checkArguments("textFile", { path, options }, textFileArguments);
  const { wholeBytes = 2 ** 26, partBytes = 2 ** 23 } = options;
  const stat = statOf(path);
  if (stat === undefined || !stat.isFile() || stat.size <= wholeBytes) {
    const bytes = readInput(path);
    return { path, bytes: bytes.length, parts: [decodeText(bytes, path)] };
  }
  return { path, bytes: stat.size, parts: { [Symbol.iterator]: () => readParts(path, stat, partBytes) } };
}

function* readParts(path: string, { size, mtimeMs }: fs.Stats, partBytes: number): Generator<string> {
  let file: number | undefined;
  try {
    file = fs.openSync(path, "r");
    const now = fs.fstatSync(file);
    if (now.size !== size || now.mtimeMs !== mtimeMs) throw changed(path);
    const buffer = new Uint8Array(partBytes);
    let kept = 0; // The number of bytes at the start of the buffer that wait for more.
    let done = 0; // The number of the file's bytes before the buffer.
    while (done + kept < size) {
      const length = fs.readSync(file, buffer, kept, Math.min(buffer.length - kept, size - done - kept), null);
      if (length === 0) throw changed(path);
      const bytes = buffer.subarray(0, kept + length);
      const end = done + bytes.length >= size ? bytes.length : wholeEnd(bytes);
      const text = decodePart(bytes.subarray(0, end), done, path);
      buffer.copyWithin(0, end, bytes.length);
      [kept, done] = [bytes.length - end, done + end];
      if (text !== "") yield text;
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: ${readProblem(error)}`, { cause: error });
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

const changed = (path: string) =>
  new InputError(`${path}: changed while it was read. Wait until it is completely written, and try again.`);

/**
 * The position where the bytes can be cut: before an unfinished character, and before a CR, because LF can follow it.
 */
function wholeEnd(bytes: Uint8Array): number {
  let end = bytes.length;
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back] as number;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    if (back < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4)) end -= back;
    break;
  }
  return bytes[end - 1] === 0x0d ? end - 1 : end;
}

function decodePart(bytes: Uint8Array, before: number, path: string): string {
  if (bytes.indexOf(0) < 0) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: before > 0 }).decode(bytes);
    } catch {
      // The decoder does not report the position.
    }
  }
  throw noText(bytes, findNoText(bytes), path, before);
}
