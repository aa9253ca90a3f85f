/** Losses of several variants, each from several seeds, as an SVG. Knows nothing about how they were made. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { median } from "./statistics.ts";
import type { Variant } from "./variants-table.ts";

/**
 * A row a variant, the best median first: a point a seed, a box from quartile to quartile, a bar at the median. The line is
 * the median of the first variant.
 * @param label of the axis, with its unit
 */
export function plotVariants(variants: readonly Pick<Variant, "variant" | "test">[], label: string): string {
  const [reference] = variants as readonly [Variant];
  const middle = median(reference.test);
  const order = [...variants].sort((a, b) => median(a.test) - median(b.test)).map(({ variant }) => variant);
  const points = variants.flatMap(({ variant, test }) => test.map((loss) => ({ variant, loss })));
  const { document } = parseHTML("<!doctype html><html></html>");
  const svg = Plot.plot({
    document,
    width: 760,
    height: 60 + 38 * variants.length,
    marginLeft: 190,
    marginRight: 30,
    marginTop: 26,
    marginBottom: 46,
    style: { fontFamily: "system-ui, sans-serif", fontSize: "13px", background: "white", color: "#222" },
    x: { label, nice: true, grid: true, labelAnchor: "center", labelArrow: "none", labelOffset: 40, tickSize: 0 },
    y: { domain: order, label: null, tickSize: 0 },
    marks: [
      Plot.boxX(points, {
        x: "loss",
        y: "variant",
        fill: "#dbe7f3",
        stroke: "#5b84b1",
        strokeWidth: 1.5,
        r: 0,
        insetTop: 4,
        insetBottom: 4,
      }),
      Plot.dot(points, { x: "loss", y: "variant", r: 4, fill: "#1f4e82", fillOpacity: 0.75 }),
      Plot.ruleX([middle], { stroke: "#b3462c", strokeDasharray: "4,3" }),
      Plot.text([middle], {
        x: (value: number) => value,
        frameAnchor: "top",
        dy: -18,
        fill: "#b3462c",
        text: () => `median of ${reference.variant}`,
      }),
    ],
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${svg.outerHTML}\n`;
}
