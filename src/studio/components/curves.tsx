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

/** Lines, each with its name at its end. */
export function Curves({ label, curves, height = 230, x, y, rule }: CurvesProps) {
  const key = JSON.stringify([curves, x, y, rule]);
  const options = useCallback(
    ({ line, text, ruleY }: typeof PlotModule): PlotModule.PlotOptions => {
      const [low, high] = y.domain;
      const within = (value: number): number => Math.min(high, Math.max(low, value));
      return {
        marginRight: 74,
        x: { label: x.label, domain: [...x.domain], ticks: 5, reverse: x.reversed === true },
        y: {
          ...{ label: y.label, domain: [low, high], grid: true },
          ...(y.log === true
            ? { type: "log", ticks: 5, tickFormat: (value: number) => powerOfTen(Math.round(Math.log10(value))) }
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
          ...curves.flatMap(({ name, colour, points }) => [
            line(points, { x: "at", y: ({ value }) => within(value), stroke: `var(${colour})`, strokeWidth: 2.25 }),
            text(points.slice(-1), {
              ...{ x: "at", y: ({ value }: { value: number }) => within(value), text: () => name },
              ...{ textAnchor: "start", dx: 6, fill: `var(${colour})`, fontWeight: 600 },
            }),
          ]),
        ],
      };
    },
    [key],
  );
  return <Plot {...{ label, height, options }} />;
}
