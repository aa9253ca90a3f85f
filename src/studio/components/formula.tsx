/** A formula, typeset by KaTeX, which is loaded with the first formula. Screen readers get MathML. */
import { useEffect, useRef } from "preact/hooks";
import { once } from "../loading.ts";

const loadKatex = once(async () => {
  const [module] = await Promise.all([import("katex"), import("katex/dist/katex.min.css")]);
  return module;
});

export type FormulaProps = {
  readonly tex: string;
  /** Whether the formula has a line of its own. */
  readonly display?: boolean;
  /**
   * The parts to highlight: those of `\htmlClass{part-f}{...}` whose names (`f`) are given here get the class `lit`.
   */
  readonly lit?: readonly string[];
};

export function Formula({ tex, display = false, lit = [] }: FormulaProps) {
  const place = useRef<HTMLSpanElement>(null);
  const key = lit.join(" ");
  // The parts to highlight when the formula has been typeset, which can be later.
  const latest = useRef(key);
  latest.current = key;
  useEffect(() => {
    let gone = false;
    const set = ({ default: { render } }: Awaited<ReturnType<typeof loadKatex>>): void => {
      if (gone || place.current === null) return;
      // Only our own formulas are typeset, so their classes can be trusted.
      const options = { displayMode: display, throwOnError: false, trust: true, strict: false } as const;
      render(tex, place.current, options);
      light(place.current, latest.current);
    };
    // The TeX source stays readable, and the next formula tries to load KaTeX again.
    loadKatex().then(set, () => {
      if (!gone && place.current !== null) place.current.textContent = tex;
    });
    return () => {
      gone = true;
    };
  }, [tex, display]);
  useEffect(() => {
    if (place.current !== null) light(place.current, key);
  }, [key]);
  return <span ref={place} class={display ? "formula display" : "formula"} />;
}

function light(place: HTMLElement, parts: string): void {
  const wanted = new Set(parts.split(" "));
  for (const part of place.querySelectorAll("[class*=part-]")) {
    const name = /part-(\S+)/.exec(part.className)?.[1] ?? "";
    part.classList.toggle("lit", wanted.has(name));
  }
}
