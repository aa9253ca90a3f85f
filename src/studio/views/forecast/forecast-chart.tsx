/** A forecast as a chart: what is known, the forecast of its last steps, and that of the future, each with its interval. */
import { useCallback } from "preact/hooks";
import type { ForecastStep } from "../../../tasks/forecast/predict.ts";
import { Plot, type PlotModule } from "../../components/plot.tsx";
import type { ShownForecast } from "../../engine/forecasting.ts";

type Point = {
  readonly at: number;
  readonly value: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
};

/** The outer quantiles of a step. */
export function outerQuantiles({ quantiles }: ForecastStep): readonly [low: string, high: string] | undefined {
  const levels = Object.keys(quantiles).sort((a, b) => Number(a) - Number(b));
  const [low, high] = [levels[0], levels.at(-1)];
  return low === undefined || high === undefined || low === high ? undefined : [low, high];
}

const pointsOf = (steps: readonly ForecastStep[], start: number): Point[] =>
  steps.map((step, k) => {
    const outer = outerQuantiles(step);
    return {
      ...{ at: start + k, value: step.value },
      low: outer && step.quantiles[outer[0]],
      high: outer && step.quantiles[outer[1]],
    };
  });

export type ForecastChartProps = {
  readonly label: string;
  readonly shown: ShownForecast;
  /** Which baseline is drawn too; "" for none. */
  readonly baseline: string;
  /** The first step that is drawn, from 0. */
  readonly from?: number;
  /** Of the same width on both sides, in pixels: then each step is a column of the same width between them. */
  readonly margin?: number | undefined;
  readonly height?: number;
};

export function ForecastChart({ label, shown, baseline, from = 0, margin, height = 320 }: ForecastChartProps) {
  const options = useCallback(
    ({ areaY, line, ruleX }: typeof PlotModule): PlotModule.PlotOptions => {
      const { past, tested, future, baselines } = shown;
      const count = past.length;
      const dateAt = (t: number): string =>
        (t < count ? past[t]?.date : future[t - count]?.date) ?? String(t - count + 1);
      const known = past.map(({ value }, at) => ({ at, value })).slice(from);
      const parts = [
        { points: pointsOf(tested, count - tested.length), colour: "var(--c2)" },
        { points: pointsOf(future, count), colour: "var(--c1)" },
      ].map(({ points, colour }) => ({ colour, points: points.filter(({ at }) => at >= from) }));
      const lines = baselines[baseline];
      const simple =
        lines === undefined
          ? []
          : [
              Array.from(lines.tested, (value, k) => ({ at: count - lines.tested.length + k, value })),
              Array.from(lines.future, (value, k) => ({ at: count + k, value })),
            ].map((points) => points.filter(({ at }) => at >= from));
      const last = count + future.length - 1;
      const domain = margin === undefined ? [from, last] : [from - 0.5, last + 0.5];
      return {
        ...{ marginLeft: margin ?? 52, marginRight: margin ?? 34 },
        x: {
          ...{ label: null, domain, tickFormat: (t: number) => dateAt(Math.round(t)) },
          ticks: [...new Set([1, 3, 5].map((k) => Math.round(from + (k * (last - from)) / 6)))],
        },
        y: { label: shown.target, grid: true, ticks: 5, tickFormat: "~s" },
        marks: [
          ruleX([count - 0.5], { stroke: "var(--soft)", strokeDasharray: "4 4" }),
          ...parts.flatMap(({ points, colour }) => [
            points[0]?.low === undefined
              ? undefined
              : areaY(points, { x: "at", y1: "low", y2: "high", fill: colour, fillOpacity: 0.22 }),
          ]),
          ...simple.map((points) => line(points, { x: "at", y: "value", stroke: "var(--c4)", strokeWidth: 1 })),
          line(known, { x: "at", y: "value", stroke: "var(--ink)", strokeWidth: 1.4 }),
          ...parts.map(({ points, colour }) =>
            line(points, { x: "at", y: "value", stroke: colour, strokeWidth: 2.25 }),
          ),
        ],
      };
    },
    [shown, baseline, from, margin],
  );
  return <Plot {...{ label, height, options }} />;
}
