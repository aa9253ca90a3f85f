/** Pairs of texts from files: a table of two columns, or two files whose lines belong together. Knows nothing of what becomes of them. */
import { InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, listOf, someText } from "../graph/schema.ts";
import { decodeText } from "./decode-text.ts";
import { readInput } from "./files.ts";

/** A source and a target, as `translator` takes them. */
export type FilePair = { readonly source: string; readonly target: string };

/** @internal */
export const textPairsArguments: Arguments = { paths: listOf(someText, 1) };

/** The lines of a file, without what ends the last one. @internal */
export function linesOf(path: string): string[] {
  const lines = decodeText(readInput(path), path).split(/\r\n|\r|\n/);
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw new InputError(`${path}: the file is empty. Give one text a line.`);
  return lines;
}

/**
 * Pairs of texts: of one file, whose lines have a source, a tab and a target; or of two files, whose lines of the same number belong
 * together.
 * @param paths one file of pairs, or a file of sources and one of targets
 * @throws InputError, one line, with the file and the line: without a tab, with two of them, or with an empty source; for files of
 *   different numbers of lines, or more than two of them
 * @example const pairs = readTextPairs(["en.txt", "de.txt"]);
 */
export function readTextPairs(paths: readonly string[]): FilePair[] {
  checkArguments("readTextPairs", { paths }, textPairsArguments);
  const [first, second, third] = paths as readonly [string, string?, string?];
  if (third !== undefined)
    throw new InputError(`${third}: is a third file. Give one of pairs, or two whose lines belong together.`);
  const sources = linesOf(first);
  if (second === undefined) {
    return sources.map((line, k) => {
      const parts = line.split("\t");
      if (parts.length !== 2) {
        const found = parts.length === 1 ? "no tab" : `${parts.length - 1} tabs`;
        throw new InputError(
          `${first}: line ${k + 1} has ${found}, expected a source, one tab and a target. Correct the line.`,
        );
      }
      return pairAt(first, k, parts[0] as string, parts[1] as string);
    });
  }
  const targets = linesOf(second);
  if (targets.length !== sources.length) {
    const [longer, shorter] = sources.length > targets.length ? [first, second] : [second, first];
    const short = Math.min(sources.length, targets.length);
    throw new InputError(
      `${longer}: line ${short + 1} belongs to no line of ${shorter}, which has ${short}. Give files whose lines belong together.`,
    );
  }
  return sources.map((source, k) => pairAt(first, k, source, targets[k] as string));
}

function pairAt(path: string, k: number, source: string, target: string): FilePair {
  if (source !== "") return { source, target };
  throw new InputError(
    `${path}: line ${k + 1} has an empty source: there is nothing to translate. Leave the pair out.`,
  );
}
