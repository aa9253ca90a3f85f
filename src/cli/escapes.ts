/** Read escape sequences in arguments, because a shell passes '\n' as two characters. */
import { InputError } from "../graph/input-error.ts";

const simple: Readonly<Record<string, string>> = { n: "\n", t: "\t", "\\": "\\" };

/**
 * Replace escape sequences in a text: `\n` by a line feed, `\t` by a tab, `\\` by a backslash and `\u{e9}` by the
 * character with that code point.
 * @throws InputError for any other backslash; the message begins with `where`
 */
export function readEscapes(where: string, text: string): string {
  return text.replace(/\\(?:u\{([0-9a-f]{1,6})\}|(.|$))/gisu, (found, hex: string | undefined, letter = "") => {
    const code = Number.parseInt(hex ?? "", 16);
    const character = hex === undefined ? simple[letter] : isCharacter(code) ? String.fromCodePoint(code) : undefined;
    if (character !== undefined) return character;
    throw new InputError(
      `${where}: ${found} is not an escape sequence. Use \\n, \\t, \\u{e9}, or \\\\ for a backslash.`,
    );
  });
}

const isCharacter = (code: number): boolean => code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
