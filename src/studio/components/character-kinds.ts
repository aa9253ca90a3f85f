/** Kinds of characters, as the classes of points in a picture. */

import { texts } from "../texts/texts.ts";

const own = texts.components.characterKinds;
export const characterKinds = [own.smallLetter, own.capital, own.digit, own.blank, own.endOfLine, own.other] as const;

/** The kind of a token, as an index: that of its first character that is no blank, if it has one. */
export function kindOf(token: string): number {
  const first = token.trimStart();
  if (first === "") return token.includes("\n") ? 4 : token === "" ? 5 : 3;
  if (/^\p{Lu}/u.test(first)) return 1;
  if (/^\p{L}/u.test(first)) return 0;
  return /^\p{N}/u.test(first) ? 2 : 5;
}
