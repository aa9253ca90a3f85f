/** Draw curves over steps or updates. */
import { useCallback } from "preact/hooks";
import { powerOfTen } from "./numbers.ts";
import { Plot, type PlotModule } from "./plot.tsx";

export type Curve = {
  readonly name: string;
  /** A colour of style.css. */
  readonly colour: string;
  readonly points: readonly { readonly at: number; readonly value: number }[];
};

export type CurvesProps = {
  readonly label: string;
  readonly curves: readonly Curve[];
  readonly height?: number;
  /** `reversed` draws the axis from right to left. */
  readonly x: { readonly label: string; readonly domain: readonly [number, number]; readonly reversed?: boolean };
  readonly y: { readonly label: string; readonly domain: readonly [number, number]; readonly log?: boolean };
  /** A reference value and its name. */
  readonly rule?: { readonly value: number; readonly name: string };
};

/** The powers of ten of an axis, every second or third of them where there are many. */
function decades(low: number, high: number): readonly number[] {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const step = Math.ceil((last - first + 1) / 6);
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, k) => 10 ** (first + k * step));
}

/** Pixels of a chart's height that are not between its axes, and the least distance between two names. */
const [margins, least] = [50, 13];

/** How far names at these heights have to be moved up so that none lies over another. */
function apart(heights: readonly number[]): readonly number[] {
  const order = heights.map((_, k) => k).sort((a, b) => (heights[a] as number) - (heights[b] as number));
  const moved = [...heights];
  let below = Number.NEGATIVE_INFINITY;
  for (const k of order) {
    moved[k] = Math.max(heights[k] as number, below + least);
    below = moved[k] as number;
  }
  return moved.map((height, k) => height - (heights[k] as number));
}

/** Lines, each with its name at its end. */
export function Curves({ label, curves, height = 230, x, y, rule }: CurvesProps) {
  const key = JSON.stringify([curves, x, y, rule]);
  const options = useCallback(
    ({ line, text, ruleY }: typeof PlotModule): PlotModule.PlotOptions => {
      const [low, high] = y.domain;
      const within = (value: number): number => Math.min(high, Math.max(low, value));
      const scaled = y.log === true ? Math.log : Number;
      const heightOf = (value: number): number =>
        ((scaled(within(value)) - scaled(low)) / (scaled(high) - scaled(low))) * (height - margins);
      const moves = apart(curves.map(({ points }) => heightOf(points.at(-1)?.value ?? low)));
      return {
        marginRight: Math.max(74, 12 + 7 * Math.max(...curves.map(({ name }) => name.length))),
        x: { label: x.label, domain: [...x.domain], ticks: 5, reverse: x.reversed === true },
        y: {
          ...{ label: y.label, domain: [low, high], grid: true },
          ...(y.log === true
            ? {
                type: "log",
                ticks: decades(low, high),
                tickFormat: (value: number) => powerOfTen(Math.round(Math.log10(value))),
              }
            : { ticks: 5 }),
        },
        marks: [
          rule && ruleY([rule.value], { stroke: "var(--soft)", strokeDasharray: "4 4" }),
          rule &&
            text([rule], {
              x: x.domain[0],
              y: "value",
              text: "name",
              textAnchor: "start",
              dx: 4,
              dy: -8,
              fill: "var(--soft)",
            }),
          ...curves.flatMap(({ name, colour, points }, k) => [
            line(points, { x: "at", y: ({ value }) => within(value), stroke: `var(${colour})`, strokeWidth: 2.25 }),
            text(points.slice(-1), {
              ...{ x: "at", y: ({ value }: { value: number }) => within(value), text: () => name },
              ...{ textAnchor: "start", dx: 6, dy: -(moves[k] as number), fill: `var(${colour})`, fontWeight: 600 },
            }),
          ]),
        ],
      };
    },
    [key, height],
  );
  return <Plot {...{ label, height, options }} />;
}
