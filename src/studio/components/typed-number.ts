/** Numbers that readers type as an answer. */

/** A number as a reader may write it: with a comma, a true minus sign, spaces around it; undefined if it is none. */
export function readNumber(text: string): number | undefined {
  const plain = text.trim().replace("−", "-").replace(",", ".");
  return /^[-+]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : undefined;
}
