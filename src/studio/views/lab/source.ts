/** The training text: its source, and its errors. */
import { isPlain } from "../../../graph/schema.ts";
import { unixLineEnds } from "../../../text/line-ends.ts";
import { mobyDick } from "../../models/book.ts";
import { type SmallTaskName, smallTasks, smallTaskText } from "../../models/small-tasks.ts";
import type { TextOrigin } from "../../models/text-origin.ts";
import { fill, language, texts } from "../../texts/texts.ts";

const own = texts.lab.training.source;

/** A pasted text, or one from a file, is stored here; others are made when they are needed. */
export type Source =
  | { readonly kind: "book" }
  | { readonly kind: "task"; readonly task: SmallTaskName }
  | { readonly kind: "pasted"; readonly text: string }
  | { readonly kind: "file"; readonly name: string; readonly text: string };

/** The source in a run's facts. */
export function originOf(source: Source): TextOrigin {
  if (source.kind === "pasted") return { kind: "pasted" };
  return source.kind === "file" ? { kind: "file", name: source.name } : source;
}

/** The source from a run's facts, if it is still available. */
export const sourceFrom = (origin: TextOrigin | undefined): Source | undefined =>
  origin?.kind === "book" || origin?.kind === "task" ? (origin as Source) : undefined;

/** Get the text. @throws Error for an empty text, and if the book cannot be loaded */
export async function readSource(source: Source, seed: number): Promise<string> {
  if (source.kind === "book") return mobyDick();
  if (source.kind === "task") return smallTaskText(source.task, seed);
  if (source.text === "") {
    throw new Error(source.kind === "file" ? fill(own.empty, { name: source.name }) : own.none);
  }
  return unixLineEnds(source.text);
}

const largestFileBytes = 32e6;
/** The largest number of characters of a text that can be edited. */
export const maxToEdit = 100_000;

/**
 * A pasted text that is too long to edit. @throws Error, with a message for the reader, if it is too long to train on
 * here
 */
export function pastedText(text: string): Source {
  if (text.length <= largestFileBytes) return { kind: "file", name: own.pastedName, text: unixLineEnds(text) };
  throw new Error(fill(own.tooLong, { count: text.length, most: largestFileBytes }));
}

/** Read a stored source, which is not trusted: undefined if it is not valid. */
export function sourceOf(told: unknown): Source | undefined {
  if (!isPlain(told)) return undefined;
  const { kind, task, text, name } = told;
  if (kind === "book") return { kind };
  if (kind === "task" && typeof task === "string" && Object.hasOwn(smallTasks, task)) {
    return { kind, task: task as SmallTaskName };
  }
  if (typeof text !== "string" || text.length > largestFileBytes) return undefined;
  if (kind === "pasted") return text.length > maxToEdit ? pastedText(text) : { kind, text };
  return kind === "file" && typeof name === "string" && name.length <= 1000 ? { kind, name, text } : undefined;
}

/** @throws Error, with a message for the reader, for a file that is too large, empty or not text */
export async function readTextFile(file: File): Promise<Source> {
  const megabytes = (bytes: number): string => (bytes / 1e6).toLocaleString(language, { maximumFractionDigits: 1 });
  if (file.size > largestFileBytes) {
    throw new Error(
      fill(own.tooLarge, { name: file.name, size: megabytes(file.size), most: megabytes(largestFileBytes) }),
    );
  }
  if (file.size === 0) throw new Error(fill(own.empty, { name: file.name }));
  const bytes = await file.arrayBuffer();
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(fill(own.notUtf8, { name: file.name }));
  }
  if (text.includes("\0")) throw new Error(fill(own.zeroBytes, { name: file.name }));
  return { kind: "file", name: file.name, text: unixLineEnds(text) };
}
