/**
 * Read the texts of a command: one text in a file, or a list of texts in lines of JSON or in the files of a folder. All
 * line ends become LF.
 */
import { join, relative, sep } from "node:path";
import { decodeText } from "../formats/decode-text.ts";
import { entriesIn, readInput, readStart, statOf } from "../formats/files.ts";
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import { unixLineEnds } from "../text/line-ends.ts";
import type { Texts } from "../text/tokenizer.ts";

/** The option `--field` of commands that read texts. */
export const field = { value: "NAME", help: "field of the text in a .jsonl file [text]" } as const;

/** Which columns of a table of labelled texts are which. */
export const textColumns = {
  text: { value: "COLUMN", help: "of a table, its texts [text]" },
  label: { value: "COLUMN", help: "of a table, its labels [label]" },
} as const;

export const isLines = (path: string): boolean => /\.(?:jsonl|ndjson)$/i.test(path);

/**
 * Read the text or texts at a path. A file is one text. A file of JSON lines (.jsonl, .ndjson) has one text a line: the
 * line itself if it is a string, otherwise its field `field` ("text"). A folder has the texts of its files and
 * subfolders, in the order of their names; names that begin with a dot, models and empty texts are left out. `purpose`
 * names the use of the text in an error message.
 * @throws InputError if something cannot be read, a line has no text, or there is no text at all
 */
export function readTexts(path: string, purpose: string, field?: string): Texts {
  const isFolder = statOf(path)?.isDirectory() === true;
  if (!isFolder && !isLines(path)) {
    if (field !== undefined) {
      throw new InputError(
        `--field: ${path} is one text, not lines of JSON (.jsonl). Leave it out, or give a .jsonl file.`,
      );
    }
    const text = readText(path);
    if (text === "") throw new InputError(`${path}: the file is empty. Give a text ${purpose}.`);
    return text;
  }
  const files = isFolder ? filesIn(path).filter((file) => !isModel(file)) : [path];
  const texts = files.flatMap((file) => (isLines(file) ? linesOf(file, field ?? "text") : [readText(file)]));
  const found = texts.filter((text) => text !== "");
  if (found.length > 0) return found;
  throw new InputError(`${path}: it contains no text. Give a ${isFolder ? "folder" : "file"} with text.`);
}

/** Join a list of texts to one, for messages about their characters. */
export const joined = (text: Texts): string => (typeof text === "string" ? text : text.join(""));

const readText = (path: string): string => unixLineEnds(decodeText(readInput(path), path));

/**
 * Whether a file begins like a safetensors file, which no text does: with the header's length, below 100 MB, in 8
 * bytes, then a JSON object.
 */
export function isModel(path: string): boolean {
  const start = readStart(path, 9);
  return start[8] === 0x7b && start.subarray(4, 8).every((byte) => byte === 0);
}

function filesIn(folder: string): string[] {
  const all = entriesIn(folder).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const names = relative(folder, path).split(sep);
    const isFile = entry.isFile() || (entry.isSymbolicLink() && statOf(path)?.isFile());
    return isFile && !names.some((name) => name.startsWith(".")) ? [{ path, order: names.join("/") }] : [];
  });
  // The order is the same on every system.
  return all.sort((a, b) => (a.order < b.order ? -1 : 1)).map(({ path }) => path);
}

function linesOf(path: string, field: string): string[] {
  return readText(path)
    .split("\n")
    .flatMap((line, k) => {
      if (line.trim() === "") return [];
      const where = `${path}: line ${(k + 1).toLocaleString("en-US")}`;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch (error) {
        throw new InputError(`${where} is not valid JSON: ${(error as Error).message}`);
      }
      if (typeof value === "string") return [unixLineEnds(value)];
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new InputError(`${where} needs an object or a string, got ${excerpt(line)}`);
      }
      const text = Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined;
      if (typeof text === "string") return [unixLineEnds(text)];
      const names = Object.entries(value).flatMap(([name, one]) => (typeof one === "string" ? [name] : []));
      const others = names.length === 0 ? "no field that has one" : `one in ${names.join(", ")}`;
      throw new InputError(`${where} has no text in "${field}", but ${others}. Name the field: --field NAME.`);
    });
}
