/** Escapes in what is typed, since a shell gives '\n' on as two characters. */
import { InputError } from "../graph/input-error.ts";

const simple: Readonly<Record<string, string>> = { n: "\n", t: "\t", "\\": "\\" };

/**
 * A text with `\n` as a line's end, `\t` as a tab, `\\` as a backslash and `\u{e9}` as the character of that code point.
 * @throws InputError for any other backslash; it begins with `where`
 */
export function readEscapes(where: string, text: string): string {
  return text.replace(/\\(?:u\{([0-9a-f]{1,6})\}|(.|$))/gisu, (found, hex: string | undefined, letter = "") => {
    const code = Number.parseInt(hex ?? "", 16);
    const character = hex === undefined ? simple[letter] : isCharacter(code) ? String.fromCodePoint(code) : undefined;
    if (character !== undefined) return character;
    throw new InputError(`${where}: ${found} means nothing: needs \\n, \\t, \\u{e9} or \\\\ for a backslash.`);
  });
}

const isCharacter = (code: number): boolean => code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
