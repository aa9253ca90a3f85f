/** Where the reader was in each chapter, and which one came last; kept in this browser alone. */
import { useEffect } from "preact/hooks";

const key = "unrolled.learn";
type Reading = {
  readonly last?: string;
  /** By chapter: how far it was scrolled, in pixels. */
  readonly places: Readonly<Record<string, number>>;
  /** The chapters whose end was seen. */
  readonly finished: readonly string[];
};

export function reading(): Reading {
  try {
    return { places: {}, finished: [], ...JSON.parse(localStorage.getItem(key) ?? "{}") };
  } catch {
    return { places: {}, finished: [] };
  }
}

/** Go to where the chapter was left, once it is there, and remember where it is left next. A finished one begins anew. */
export function useReadingPlace(chapter: string, there: boolean): void {
  useEffect(() => {
    if (!there) return;
    const place = reading().places[chapter] ?? 0;
    if (place > 0) scrollTo(0, place);
    const remember = (): void => {
      const before = reading();
      const end = scrollY + innerHeight >= document.documentElement.scrollHeight - 80;
      const finished = end && !before.finished.includes(chapter) ? [...before.finished, chapter] : before.finished;
      const places = { ...before.places, [chapter]: end ? 0 : Math.round(scrollY) };
      localStorage.setItem(key, JSON.stringify({ last: chapter, places, finished } satisfies Reading));
    };
    // At once, so that a chapter that was opened is the last one; then when scrolling has come to rest.
    let timer = setTimeout(remember, 500);
    const later = (): void => {
      clearTimeout(timer);
      timer = setTimeout(remember, 200);
    };
    addEventListener("scroll", later, { passive: true });
    return () => {
      clearTimeout(timer);
      removeEventListener("scroll", later);
    };
  }, [chapter, there]);
}
