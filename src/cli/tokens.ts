/** Encode the text of a command once: the tokens are in memory, or on disk for a large file. */
import { statOf } from "../formats/files.ts";
import { type TextFile, type TextFileOptions, textFile } from "../formats/text-file.ts";
import { tokenFile, tokenFileList } from "../formats/token-file.ts";
import { type EncodedText, encodeTexts } from "../tasks/language-model.ts";
import { unixLineEnds } from "../text/line-ends.ts";
import { countCodePoints } from "../text/parts.ts";
import {
  encodeParts,
  type Texts,
  type Tokenizer,
  type TrainedTokenizer,
  trainAndEncode,
  type trainTokenizer,
  vocabularySize,
} from "../text/tokenizer.ts";
import { createTokenList, type TokenList } from "../train/token-list.ts";
import type { Tokens } from "../train/token-source.ts";
import { isLines, readTexts } from "./texts.ts";

/** A text, a list of texts, or a text that is too large for memory, with its tokens. */
export type Source = Texts | TextFile;

export const isLarge = (text: Source): text is TextFile => typeof text === "object" && "parts" in text;

/** Open the text or texts at a path, as `readTexts` does; a large file with one text is read in parts. */
export function openTexts(path: string, purpose: string, field?: string, options: TextFileOptions = {}): Source {
  const stat = statOf(path);
  const { wholeBytes = 2 ** 26, ...rest } = options;
  if (field !== undefined || isLines(path) || !stat?.isFile() || stat.size <= wholeBytes) {
    return readTexts(path, purpose, field);
  }
  const { parts, ...file } = textFile(path, { ...rest, wholeBytes });
  return { ...file, parts: { [Symbol.iterator]: () => mapped(parts, unixLineEnds) } };
}

function* mapped(parts: Iterable<string>, change: (part: string) => string): Generator<string> {
  for (const part of parts) yield change(part);
}

/** The first characters of a text, or of the first text of a list. */
export function openingOf(text: Source, length: number): string {
  if (typeof text === "string") return text.slice(0, length);
  for (const part of isLarge(text) ? text.parts : text) return part.slice(0, length);
  return "";
}

/** Train a new tokenizer on a text, and encode the text. */
export function learnTokens(
  kind: TrainedTokenizer["kind"],
  text: Source,
  options: Parameters<typeof trainTokenizer>[2],
): { readonly tokenizer: Tokenizer; readonly tokens: Tokens } {
  const createList = (): TokenList => (isLarge(text) ? tokenFileList() : createTokenList());
  return trainAndEncode("trainTokenizer", kind, text, { ...options, createList });
}

export function encodeSource(tokenizer: Tokenizer, text: Source): EncodedText {
  if (!isLarge(text)) return encodeTexts(tokenizer, text);
  let characters = 0;
  const parts = mapped(text.parts, (part) => {
    characters += countCodePoints(part);
    return part;
  });
  return { tokens: tokenFile(encodeParts(tokenizer, { parts }), vocabularySize(tokenizer)), characters };
}
