/** The beginning of a text, cut between visible characters (grapheme clusters). */

/**
 * At most `most` UTF-16 units of a text, and "…" where there were more. Letters keep their accents, emoji their parts
 * (grapheme clusters, Unicode Standard Annex 29).
 * @example excerpt("👩‍👧 and", 6) // "👩‍👧 …"
 */
export const excerpt = (text: string, most = 40): string =>
  text.length > most ? `${text.slice(0, graphemeEnd(text, most))}…` : text;

/** The last place up to `most` at which a text may be cut. */
export function graphemeEnd(text: string, most: number): number {
  if (text.length <= most) return text.length;
  let end = 0;
  // What the cut leaves of the last one ends behind `most`.
  for (const { index, segment } of new Intl.Segmenter().segment(text.slice(0, most + 64))) {
    if (index + segment.length > most) break;
    end = index + segment.length;
  }
  // Marks without an end: then at least no half of a surrogate pair.
  return end || most - Number((text.codePointAt(most - 1) as number) > 0xffff);
}
