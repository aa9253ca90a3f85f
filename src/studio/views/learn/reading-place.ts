/** Remember the reader's position in each chapter, and the last chapter, in this browser only. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { remember, remembered } from "../../components/remembered.ts";

const key = "unrolled.learn";

/** The part of the chapter at the top of the window, and how many pixels of it are above. */
type Place = { readonly part: number; readonly offset: number };
type Reading = {
  readonly last?: string;
  readonly places: Readonly<Record<string, Place>>;
  /** The chapters that were read to the end. */
  readonly finished: readonly string[];
};

export function reading(): Reading {
  try {
    return { places: {}, finished: [], ...JSON.parse(remembered(key) ?? "{}") };
  } catch {
    return { places: {}, finished: [] };
  }
}

/** The pause that ends scrolling; and the time in which a chapter's formulas and charts are loaded. */
const [restMs, settledMs] = [200, 1500];
/** The height of the page's header, and a little more. */
const headHeight = 72;
const readersOwn = ["wheel", "touchstart", "pointerdown", "keydown"] as const;

/**
 * Scroll to the position where the reader left the chapter, once it is loaded, and remember the next position. A
 * chapter that was read to the end starts from its beginning.
 */
export function useReadingPlace(chapter: string, there: boolean, article: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const place = article.current;
    if (!there || place === null) return;
    const top = (part: Element | undefined): number => (part?.getBoundingClientRect().top ?? headHeight) - headHeight;
    const note = (): void => {
      const { places, finished } = reading();
      const end = scrollY + innerHeight >= document.documentElement.scrollHeight - 80;
      const parts = [...place.children];
      const at = parts.findLastIndex((part) => top(part) <= 0);
      const present: Reading = {
        last: chapter,
        places: {
          ...places,
          [chapter]: end || at < 0 ? { part: 0, offset: 0 } : { part: at, offset: -top(parts[at]) },
        },
        finished: end && !finished.includes(chapter) ? [...finished, chapter] : finished,
      };
      remember(key, JSON.stringify(present));
    };
    let timer = 0;
    const later = (): void => {
      clearTimeout(timer);
      timer = window.setTimeout(note, restMs);
    };
    addEventListener("scroll", later, { passive: true });
    later();

    // Content that is loaded late moves the position, so scroll again until everything is loaded or the reader scrolls
    // away.
    const left = reading().places[chapter];
    const goBack = (): void => {
      if (left !== undefined && left.part > 0) scrollBy(0, top(place.children[left.part]) + left.offset);
    };
    const growing = new ResizeObserver(goBack);
    growing.observe(place);
    const settle = (): void => growing.disconnect();
    const settled = setTimeout(settle, settledMs);
    for (const event of readersOwn) addEventListener(event, settle, { passive: true });
    return () => {
      settle();
      clearTimeout(settled);
      clearTimeout(timer);
      removeEventListener("scroll", later);
      for (const event of readersOwn) removeEventListener(event, settle);
    };
  }, [chapter, there, article]);
}
