/**
 * Choose the text that the model reads: a passage of Moby-Dick, or the reader's own text; a short one is stored in the
 * address.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { excerpt, graphemeEnd } from "../../../graph/excerpt.ts";
import { unixLineEnds } from "../../../text/line-ends.ts";
import type { Address } from "../../address.ts";
import { remember, remembered } from "../../components/remembered.ts";
import { TextArea } from "../../components/text-area.tsx";
import { useLoaded } from "../../loading.ts";
import { mobyDick } from "../../models/book.ts";
import { fill, texts } from "../../texts/texts.ts";

const says = texts.inspect.textChoice;

type Query = Address["query"];

/** Passages of Moby-Dick, as addresses have them. */
const passages: Readonly<Record<keyof typeof says.passages, string>> = {
  firstPage: "0-1500",
  tenThousand: "0-10000",
  hundredThousand: "0-100000",
  quotes: "200479-204500",
  parentheses: "276704-281000",
};
/** The largest length of a link. */
const maxInAddress = 1000;
/** The largest number of characters of a text. */
export const maxCharacters = 100_000;
/** The storage of this tab for a text that is too long for a link. */
const nameOf = (kept: string): string => `unrolled.inspect.text.${kept}`;

const isOwn = ({ text, kept }: Query): boolean => kept !== undefined || (text ?? "") !== "";
const ownText = ({ text, kept }: Query): string | undefined =>
  text || (kept === undefined ? undefined : remembered(nameOf(kept), "sessionStorage"));
/** Whether the address names a text that this tab does not have. */
export const isElsewhere = (query: Query): boolean => isOwn(query) && ownText(query) === undefined;

/** The text that an address names; undefined while it is loaded, and if it is stored elsewhere. */
export function useText(query: Query) {
  const { text, book, kept } = query;
  return useLoaded(isElsewhere(query) ? undefined : JSON.stringify([text, book, kept]), () => textOf(query));
}

async function textOf(query: Query): Promise<string> {
  const [given, { book }] = [ownText(query), query];
  if (given !== undefined) {
    const own = unixLineEnds(given);
    return own.slice(0, graphemeEnd(own, maxCharacters));
  }
  const whole = await mobyDick();
  const [from, to] = placesOf(book);
  const passage = whole.slice(from, Math.min(to, from + maxCharacters));
  if (passage !== "") return passage;
  throw new Error(fill(says.noPassage, { count: whole.length, given: excerpt(book ?? "") }));
}

/** The start and end of a passage; undefined for an invalid one. */
function placesOf(book: string = passages.firstPage): readonly [from: number, to: number] {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(book) ?? [];
  return [Number(from ?? 0), Number(to ?? 0)];
}

/** Whether a link names more text than can be read. */
export function isCut({ text: given, kept: isKept, book }: Query, text: string): boolean {
  if (given !== undefined || isKept !== undefined) return (given?.length ?? 0) > maxCharacters;
  const [from, to] = placesOf(book);
  return to - from > maxCharacters && text.length === maxCharacters;
}

export type TextChoiceProps = {
  readonly query: Query;
  readonly text: string | undefined;
  readonly onChoose: (query: Query) => void;
};

export function TextChoice({ query, text, onChoose }: TextChoiceProps) {
  const reads = isOwn(query);
  const [writing, setWriting] = useState(reads);
  const [own, setOwn] = useState(reads ? (text ?? query.text ?? "") : "");
  // What is loaded late does not replace what the reader chose or typed meanwhile.
  const typed = useRef(false);
  useLayoutEffect(() => {
    typed.current = false;
    setWriting(reads);
  }, [query.text, query.kept, query.book]);
  useEffect(() => {
    if (reads && text !== undefined && !typed.current) setOwn(text);
  }, [reads, text]);
  const type = (next: string): void => {
    typed.current = true;
    setOwn(next);
  };
  const read = (): void => {
    if (own.length <= maxInAddress) onChoose({ text: own });
    else {
      // A new number, so that a new text has a new address.
      const kept = String(Date.now());
      remember(nameOf(kept), own, "sessionStorage");
      onChoose({ kept });
    }
  };
  const book = query.book ?? passages.firstPage;
  const [from, to] = placesOf(book);
  return (
    <form
      class="text-choice"
      onSubmit={(event) => {
        event.preventDefault();
        if (own !== "") read();
      }}
    >
      <label class="field">
        {says.text}
        <select
          value={writing ? "own" : book}
          onChange={({ currentTarget: { value } }) => {
            if (value === "own") setWriting(true);
            else onChoose({ book: value });
          }}
        >
          {Object.entries(passages).map(([name, passage]) => (
            <option key={passage} value={passage}>
              {says.passages[name as keyof typeof passages]}
            </option>
          ))}
          {!Object.values(passages).includes(book) && (
            <option value={book}>{fill(says.characters, { from, to })}</option>
          )}
          <option value="own">{says.own}</option>
        </select>
      </label>
      {writing && (
        <div class="own">
          <TextArea label={says.yours} rows={4} most={maxCharacters} value={own} onText={type} />
          <button type="submit" class="main" disabled={own === ""}>
            {says.read}
          </button>
        </div>
      )}
    </form>
  );
}
