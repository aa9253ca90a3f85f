/** A course's texts as elements: of what a teacher wrote nothing becomes HTML. */
import type { ComponentChildren } from "preact";
import { type Piece, paragraphsOf, piecesOf } from "./marks.ts";

export function Inline({ text }: { readonly text: string }) {
  return <>{piecesOf(text).map(shown)}</>;
}

export function Paragraphs({ text }: { readonly text: string }) {
  return (
    <>
      {paragraphsOf(text).map((paragraph) => (
        <p key={paragraph}>
          <Inline text={paragraph} />
        </p>
      ))}
    </>
  );
}

function shown({ kind, text, href = "" }: Piece): ComponentChildren {
  if (kind === "em") return <em>{text}</em>;
  if (kind === "strong") return <strong>{text}</strong>;
  if (kind === "code") return <code>{text}</code>;
  if (kind !== "link") return text;
  if (href.startsWith("#/")) return <a href={href}>{text}</a>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {text}
    </a>
  );
}
