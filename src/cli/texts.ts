/**
 * Texts that commands read: one in a file, or separate ones, as lines of JSON or files in a folder. Line ends become LF in all.
 */
import { readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { decodeText, readInput, readStart } from "../formats/files.ts";
import { excerpt } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import { unixLineEnds } from "../text/line-ends.ts";
import type { Texts } from "../text/tokenizer.ts";

/** The option of commands that read texts. */
export const field = { value: "NAME", help: "of lines of JSON (.jsonl): has the text [text]" } as const;

export const isLines = (path: string): boolean => /\.(?:jsonl|ndjson)$/i.test(path);

/**
 * What is at a path. A file is one text. A file of JSON lines (.jsonl, .ndjson) is a text a line: the line itself where it is
 * text, else its `field` ("text"). A folder is what its files are, those of its folders too, in the order of their names; names
 * that begin with a dot are left out, and models, and empty texts. `purpose`: what a text is for, in an error's line.
 * @throws InputError for what cannot be read, a line without a text, and where there is no text
 */
export function readTexts(path: string, purpose: string, field?: string): Texts {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isFolder && !isLines(path)) {
    if (field !== undefined) {
      throw new InputError(
        `--field: ${path} is one text, not lines of JSON (.jsonl). Leave it out, or give such a file.`,
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
  throw new InputError(`${path}: there is no text in it. Give a ${isFolder ? "folder" : "file"} with some.`);
}

/** Texts that are about separate ones as if they were one: their characters. */
export const joined = (text: Texts): string => (typeof text === "string" ? text : text.join(""));

const readText = (path: string): string => unixLineEnds(decodeText(readInput(path), path));

/**
 * Whether a file begins as a safetensors file does, which no text does: with its header's length, below 100 MB, in 8 bytes,
 * then the header, an object.
 */
export function isModel(path: string): boolean {
  const start = readStart(path, 9);
  return start[8] === 0x7b && start.subarray(4, 8).every((byte) => byte === 0);
}

function filesIn(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const names = relative(folder, path).split(sep);
    const isFile = entry.isFile() || (entry.isSymbolicLink() && statSync(path, { throwIfNoEntry: false })?.isFile());
    return isFile && !names.some((name) => name.startsWith(".")) ? [{ path, order: names.join("/") }] : [];
  });
  // The same on every system.
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
        throw new InputError(`${where} is no JSON: ${(error as Error).message}`);
      }
      if (typeof value === "string") return [unixLineEnds(value)];
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new InputError(`${where} needs an object or a text, got ${excerpt(line)}`);
      }
      const text = Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined;
      if (typeof text === "string") return [unixLineEnds(text)];
      const names = Object.entries(value).flatMap(([name, one]) => (typeof one === "string" ? [name] : []));
      const others = names.length === 0 ? "no field that has one" : `one in ${names.join(", ")}`;
      throw new InputError(`${where} has no text in "${field}", but ${others}. Say where it is: --field NAME.`);
    });
}
