/** Kinds of characters, as the classes of points in a picture. */

export const characterKinds = ["small letter", "capital", "digit", "blank", "end of a line", "other sign"] as const;

/** The kind of a token, as an index: that of its first character that is no blank, if it has one. */
export function kindOf(token: string): number {
  const first = token.trimStart();
  if (first === "") return token.includes("\n") ? 4 : token === "" ? 5 : 3;
  if (/^\p{Lu}/u.test(first)) return 1;
  if (/^\p{L}/u.test(first)) return 0;
  return /^\p{N}/u.test(first) ? 2 : 5;
}
