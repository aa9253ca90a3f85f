/**
 * The small part of Markdown that texts of a course may have: paragraphs, *emphasis*, **strong emphasis**, `code` and
 * [links](#/learn). Everything else, HTML too, is text as it stands.
 */

export type Piece = {
  readonly kind: "text" | "em" | "strong" | "code" | "link";
  readonly text: string;
  /** Where a link leads. */
  readonly href?: string;
};

/** A mark begins and ends beside what it marks: `2 * 3 * 4` has none. */
const mark =
  /`(?<code>[^`\n]+)`|\[(?<link>[^\][\n]+)\]\((?<href>[^()\s]*)\)|\*\*(?<strong>[^\s*](?:[^*]*[^\s*])?)\*\*|\*(?<em>[^\s*](?:[^*]*[^\s*])?)\*/g;

export function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  const plain = (to: number): void => {
    if (to > end) pieces.push({ kind: "text", text: text.slice(end, to) });
  };
  for (const { 0: whole, index, groups = {} } of text.matchAll(mark)) {
    plain(index);
    const kind = (["code", "link", "strong", "em"] as const).find((name) => groups[name] !== undefined) ?? "text";
    pieces.push({ kind, text: groups[kind] ?? whole, ...(kind === "link" && { href: groups.href }) });
    end = index + whole.length;
  }
  plain(text.length);
  return pieces;
}

/** Paragraphs stand apart by an empty line. */
export const paragraphsOf = (text: string): readonly string[] =>
  text.split(/\n[^\S\n]*\n\s*/).filter((paragraph) => paragraph.trim() !== "");

/** A text without its marks, for labels that screen readers read. */
export const plainOf = (text: string): string =>
  piecesOf(text)
    .map((piece) => piece.text)
    .join("");
