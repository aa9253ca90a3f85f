/** A chart by Observable Plot, which is loaded with the first one. */
import type * as PlotModule from "@observablehq/plot";
import { useEffect } from "preact/hooks";
import { once, useLoaded } from "../loading.ts";
import { texts } from "../texts/texts.ts";
import { Failed } from "./failed.tsx";
import { useWidth } from "./width.ts";

export type { PlotModule };

const loadPlot = once(() => import("@observablehq/plot"));

export type PlotProps = {
  /** The description for screen readers. */
  readonly label: string;
  readonly height: number;
  /** Makes Plot's options from the module Plot; a new function draws the chart again. */
  readonly options: (plot: typeof PlotModule) => PlotModule.PlotOptions;
};

/** The chart is as wide as its container. */
export function Plot({ label, height, options }: PlotProps) {
  const [place, width] = useWidth<HTMLDivElement>();
  const { value: module, error, retry } = useLoaded("plot", loadPlot);
  useEffect(() => {
    if (width === 0 || module === undefined) return;
    const drawn = module.plot({ width, height, style: { background: "none" }, ...options(module) });
    // The chart is one picture with one name, so its groups need no names.
    for (const part of drawn.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
    drawn.setAttribute("role", "img");
    drawn.setAttribute("aria-label", label);
    place.current?.replaceChildren(drawn);
  }, [width, height, label, options, module]);
  return (
    <>
      {error !== undefined && <Failed error={texts.components.plot.notLoaded} onRetry={retry} />}
      <div ref={place} class="plot" style={{ minHeight: `${height}px` }} />
    </>
  );
}
