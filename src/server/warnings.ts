/** Warnings in an answer that is probably not what the client wanted. */
import { unknownCharacters } from "../tasks/generate.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { unixLineEnds } from "../text/line-ends.ts";
import { readsUnknown } from "../text/whitespace.ts";
import type { Warning } from "./schemas.ts";

/** The largest number of characters that a warning names. */
const maxNamed = 10;

/** Make a warning for each field of a request with characters that the model does not know. */
export function warningsOf(lm: LanguageModel, fields: Readonly<Record<string, readonly string[]>>): readonly Warning[] {
  return Object.entries(fields).flatMap(([param, texts]): readonly Warning[] => {
    const unknown = [...new Set(texts.flatMap((text) => unknownCharacters(lm, unixLineEnds(text))))];
    if (unknown.length === 0) return [];
    const { tokenizer } = lm;
    const isWords = tokenizer.kind === "whitespace";
    const named = unknown
      .slice(0, maxNamed)
      .map((one) => (isWords ? JSON.stringify(one) : nameOf(one)))
      .join(", ");
    const more = unknown.length > maxNamed ? ` and ${unknown.length - maxNamed} more` : "";
    const effect =
      param === "stop"
        ? "It never generates them"
        : isWords
          ? `It ${readsUnknown(tokenizer)}`
          : "It reads each as the unknown character";
    const message = `${param}: the model does not know ${named}${more}. ${effect}.`;
    return [{ code: "unknown_characters", param, message }];
  });
}

/** `"☃" (U+2603)`. */
const nameOf = (character: string): string => {
  const hex = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
  return `${JSON.stringify(character)} (U+${hex})`;
};
