/** Files of a recipe: read with errors of one line, and written. Knows nothing about what is in them. */
import { accessSync, constants, readFileSync } from "node:fs";
import { InputError } from "unrolled";
import { textFile } from "unrolled/formats/text-file";

/**
 * A file of text in UTF-8, whose lines end with "\n" whoever wrote it.
 * @throws InputError for a file that cannot be read or is no text
 */
export const readText = (file: string): string => [...textFile(file).parts].join("").replace(/\r\n?/g, "\n");

/** @throws InputError for a file that cannot be read */
export function readBytes(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    throw problem(file, "read", error);
  }
}

/** @throws InputError for a folder in which nothing can be written */
export function checkWritable(folder: string): void {
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw problem(folder, "written", error);
  }
}

const problem = (path: string, done: string, error: unknown): InputError =>
  new InputError(`${path}: cannot be ${done} (${(error as NodeJS.ErrnoException).code}). Check the name.`);
