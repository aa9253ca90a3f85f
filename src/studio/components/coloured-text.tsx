/**
 * Show a long text whose tokens have colours. The whole text is in the page, so it can be read, searched and selected;
 * only the visible part is divided into tokens and coloured.
 */
import { useLayoutEffect, useRef } from "preact/hooks";
import { texts } from "../texts/texts.ts";
import type { Ramp } from "./heat.ts";
import { drawsWhole } from "./picture.ts";
import "./coloured-text.css";

export type ColouredTextProps = {
  readonly label: string;
  /** The id of the element that describes the current position. */
  readonly describedBy?: string;
  /** The text before the tokens, without colours. */
  readonly before?: string;
  /** A longer list that begins with the current one continues the text. */
  readonly tokens: readonly string[];
  readonly ramp: Ramp;
  /** The index of a token's colour in the ramp; undefined means no colour. A new function colours the text again. */
  readonly shade: (token: number) => number | undefined;
  readonly at: number | undefined;
  readonly onChoose: (token: number) => void;
  /** Called when the mouse points at it, and with undefined when the mouse leaves. */
  readonly onPoint?: (token: number | undefined) => void;
  /** Whether the end stays visible while the text grows. */
  readonly follow?: boolean;
  /** The marked span [from, to) of tokens. */
  readonly span?: Span | undefined;
  /** Whether each token is marked, as those of a span are. */
  readonly marked?: Uint8Array | undefined;
  /** Called when a span is selected: with the mouse, by touch, or with Shift and the arrow keys. Without it, none is. */
  readonly onSpan?: (span: Span) => void;
};

/** The tokens [from, to). */
export type Span = { readonly from: number; readonly to: number };

/** Arrow keys, Home and End move through its tokens. */
export function ColouredText(props: ColouredTextProps) {
  const { label, describedBy, before = "", tokens, ramp, shade, at, follow = false, span, marked, onSpan } = props;
  const box = useRef<HTMLDivElement>(null);
  const text = useRef<PaintedText | undefined>(undefined);
  const present = useRef(props);
  present.current = props;
  useLayoutEffect(() => {
    const made = createPaintedText(box.current as HTMLDivElement, () => present.current);
    text.current = made;
    return made.end;
  }, []);
  useLayoutEffect(() => text.current?.setTokens(before, tokens, follow), [before, tokens, follow]);
  useLayoutEffect(() => text.current?.paint(), [ramp, shade]);
  useLayoutEffect(() => text.current?.mark(at), [at, tokens]);
  useLayoutEffect(() => text.current?.markSpan(span), [span?.from, span?.to, tokens]);
  useLayoutEffect(() => text.current?.markTokens(marked), [marked, tokens]);
  /** The token at which the span that is extended by keys began. */
  const anchor = useRef<number | undefined>(undefined);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a text that is moved through with arrow keys has no element of its own
    <div
      ref={box}
      data-figure={texts.pictures.names.text}
      class="coloured-text"
      role="group"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move through it, and it scrolls
      tabIndex={0}
      aria-label={label}
      aria-describedby={describedBy}
      onKeyDown={(event) => {
        const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
        if (altKey || ctrlKey || metaKey || tokens.length === 0) return;
        const extends_ = shiftKey && onSpan !== undefined;
        if (shiftKey && !extends_) return;
        const last = tokens.length - 1;
        const move =
          key === "Home" ? 0 : key === "End" ? last : key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : undefined;
        if (move === undefined) return;
        event.preventDefault();
        const from = at ?? (move < 0 ? last + 1 : -1);
        const next = key.startsWith("Arrow") ? Math.max(0, Math.min(last, from + move)) : move;
        if (extends_) {
          anchor.current ??= at ?? next;
          onSpan({ from: Math.min(anchor.current, next), to: Math.max(anchor.current, next) + 1 });
        } else anchor.current = undefined;
        props.onChoose(next);
      }}
    />
  );
}

/** A block of tokens that are coloured together. */
const chunkSize = 120;
/** The blocks before and after those in sight that are divided with them. */
const chunksAhead = 3;
/** Tokens that one picture may have. */
const mostInPicture = 10_000;

type Chunk = {
  readonly element: HTMLSpanElement;
  readonly from: number;
  to: number;
  seen: boolean;
  /** The elements of its tokens, if it is divided into them. */
  spans: readonly HTMLSpanElement[] | undefined;
};
type PaintedText = ReturnType<typeof createPaintedText>;

function createPaintedText(box: HTMLElement, props: () => ColouredTextProps) {
  const chunks: Chunk[] = [];
  let tokens: readonly string[] = [];
  let marked: HTMLSpanElement | undefined;
  let shown: number | undefined;
  let span: Span | undefined;
  let markedTokens: Uint8Array | undefined;
  const lead = document.createElement("span");
  lead.className = "before";
  box.append(lead);

  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const chunk = chunks[Number((target as HTMLElement).dataset.chunk)];
        if (chunk !== undefined) chunk.seen = isIntersecting;
      }
      update();
    },
    { root: box, rootMargin: "80px 0px" },
  );

  /** Dividing a text again would lose the selection in it. */
  const selecting = (): boolean => {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed && box.contains(selection.anchorNode);
  };
  /**
   * Each change of the page's elements lays out all of the text, so there are few changes, of several chunks: those around what is
   * seen are divided too, and joined only once they are further away.
   */
  function update(): void {
    if (selecting()) return;
    const first = chunks.findIndex(({ seen }) => seen);
    const last = chunks.findLastIndex(({ seen }) => seen);
    const isThere = (chunk: Chunk): boolean => !chunk.seen || chunk.spans !== undefined;
    if (first < 0 || chunks.every(isThere)) return;
    chunks.forEach((chunk, k) => {
      const away = Math.max(first - k, k - last);
      if (away <= chunksAhead && chunk.spans === undefined) cut(chunk);
      else if (away > 2 * chunksAhead && chunk.spans !== undefined && !chunk.spans.includes(marked as HTMLSpanElement))
        join(chunk);
    });
  }
  function cut(chunk: Chunk): void {
    chunk.spans = tokens.slice(chunk.from, chunk.to).map((token, k) => {
      const span = document.createElement("span");
      span.textContent = token;
      if (token === "\n") span.className = "end";
      span.dataset.token = String(chunk.from + k);
      return span;
    });
    colour(chunk);
    underline(chunk);
    chunk.element.replaceChildren(...chunk.spans);
  }
  function join(chunk: Chunk): void {
    chunk.spans = undefined;
    chunk.element.textContent = tokens.slice(chunk.from, chunk.to).join("");
  }
  function colour({ spans, from }: Chunk): void {
    const { ramp, shade } = props();
    spans?.forEach((span, k) => {
      const own = shade(from + k);
      span.style.background = own === undefined ? "" : (ramp.css[own] as string);
      span.style.color = own === undefined ? "" : (ramp.ink[own] as string);
    });
  }
  function underline({ spans, from }: Chunk): void {
    spans?.forEach((element, k) => {
      const inSpan = span !== undefined && from + k >= span.from && from + k < span.to;
      element.classList.toggle("in", inSpan || markedTokens?.[from + k] === 1);
    });
  }
  function unmark(): void {
    marked?.classList.remove("at");
    marked = undefined;
  }

  const tokenOf = (event: Event): number | undefined => {
    const token = (event.target as HTMLElement).dataset.token;
    return token === undefined ? undefined : Number(token);
  };
  box.addEventListener("click", (event) => {
    const token = tokenOf(event);
    if (token !== undefined && !selecting()) props().onChoose(token);
  });
  const point = (event: PointerEvent, token: number | undefined): void => {
    if (event.pointerType === "mouse") props().onPoint?.(token);
  };
  box.addEventListener("pointerover", (event) => point(event, tokenOf(event)));
  box.addEventListener("pointerleave", (event) => point(event, undefined));
  document.addEventListener("selectionchange", update);
  drawsWhole(box, () => {
    if (tokens.length > mostInPicture) throw new Error(texts.pictures.long);
    for (const chunk of chunks) if (chunk.spans === undefined) cut(chunk);
    return undefined;
  });

  /** Where a place in the page is among the tokens: 2.5 is the middle of the third. */
  function positionOf(node: Node, offset: number): number | undefined {
    // Before its chunks stands the text before the tokens.
    if (node === box) return chunks[Math.max(0, offset - 1)]?.from ?? tokens.length;
    const element = node instanceof HTMLElement ? node : node.parentElement;
    const own = element?.closest<HTMLElement>("[data-token]")?.dataset.token;
    if (own !== undefined) {
      const whole = node instanceof HTMLElement ? node.childNodes.length : (node.textContent?.length ?? 0);
      return Number(own) + offset / Math.max(1, whole);
    }
    const chunk = chunks[Number(element?.closest<HTMLElement>("[data-chunk]")?.dataset.chunk)];
    if (chunk === undefined) return undefined;
    if (node instanceof HTMLElement)
      return offset === 0 ? chunk.from : chunk.from + Math.min(offset, chunk.to - chunk.from);
    let rest = offset;
    for (let token = chunk.from; token < chunk.to; token++) {
      const { length } = tokens[token] as string;
      if (rest < length) return token + rest / length;
      rest -= length;
    }
    return chunk.to;
  }
  function selected(): Span | undefined {
    const selection = document.getSelection();
    if (selection === null || selection.isCollapsed || selection.rangeCount === 0) return undefined;
    const { startContainer, startOffset, endContainer, endOffset } = selection.getRangeAt(0);
    const begin = positionOf(startContainer, startOffset);
    const end = positionOf(endContainer, endOffset);
    if (begin === undefined || end === undefined) return undefined;
    const [from, to] = [Math.floor(begin), Math.ceil(end)];
    return from < to ? { from, to } : undefined;
  }
  // By touch a selection is changed by its handles, so it stays; that of a mouse has become a span.
  let told = 0;
  const tell = (): void => {
    const span = selected();
    if (span !== undefined) props().onSpan?.(span);
  };
  const onSelection = (): void => {
    clearTimeout(told);
    if (props().onSpan !== undefined) told = window.setTimeout(tell, 250);
  };
  const onPointerUp = (event: PointerEvent): void => {
    if (props().onSpan === undefined || event.pointerType !== "mouse" || selected() === undefined) return;
    clearTimeout(told);
    tell();
    document.getSelection()?.removeAllRanges();
  };
  document.addEventListener("selectionchange", onSelection);
  document.addEventListener("pointerup", onPointerUp);

  return {
    setTokens(before: string, next: readonly string[], follow: boolean): void {
      const atEnd = box.scrollTop + box.clientHeight > box.scrollHeight - 40;
      lead.textContent = before;
      // Unchanged parts are not touched.
      let same = Math.min(tokens.length, next.length);
      if (tokens !== next) {
        for (let k = 0; k < same; k++) {
          if (tokens[k] !== next[k]) same = k;
        }
      }
      tokens = next;
      while ((chunks.at(-1)?.to ?? 0) > same || (chunks.at(-1)?.from ?? 0) >= next.length) {
        const chunk = chunks.pop();
        if (chunk === undefined) break;
        if (chunk.spans?.includes(marked as HTMLSpanElement)) unmark();
        observer.unobserve(chunk.element);
        chunk.element.remove();
      }
      const last = chunks.at(-1);
      if (last !== undefined && last.to - last.from < chunkSize && last.to < next.length) {
        last.to = Math.min(next.length, last.from + chunkSize);
        unmark();
        if (last.seen) cut(last);
        else join(last);
      }
      for (let from = chunks.at(-1)?.to ?? 0; from < next.length; from += chunkSize) {
        const element = document.createElement("span");
        element.dataset.chunk = String(chunks.length);
        const to = Math.min(next.length, from + chunkSize);
        const chunk: Chunk = { element, from, to, seen: false, spans: undefined };
        chunks.push(chunk);
        join(chunk);
        box.append(element);
        observer.observe(element);
      }
      if (follow && atEnd) box.scrollTop = box.scrollHeight;
    },
    paint(): void {
      for (const chunk of chunks) colour(chunk);
    },
    mark(at: number | undefined): void {
      const reveal = at !== shown;
      shown = at;
      unmark();
      const chunk = at === undefined ? undefined : chunks.find(({ from, to }) => from <= at && at < to);
      if (at === undefined || chunk === undefined) return;
      if (chunk.spans === undefined) cut(chunk);
      marked = chunk.spans?.[at - chunk.from];
      if (marked === undefined) return;
      marked.classList.add("at");
      if (!reveal) return;
      const middle = marked.offsetTop;
      const [least, most] = [middle + marked.offsetHeight + 12 - box.clientHeight, middle - 12];
      if (box.scrollTop < least || box.scrollTop > most) box.scrollTop = middle - box.clientHeight / 2;
    },
    markSpan(next: Span | undefined): void {
      span = next;
      for (const chunk of chunks) underline(chunk);
    },
    markTokens(next: Uint8Array | undefined): void {
      markedTokens = next;
      for (const chunk of chunks) underline(chunk);
    },
    end(): void {
      observer.disconnect();
      clearTimeout(told);
      document.removeEventListener("selectionchange", update);
      document.removeEventListener("selectionchange", onSelection);
      document.removeEventListener("pointerup", onPointerUp);
    },
  };
}
