/** Loss curves of one training or of several: of the training text as lines, of the text kept back as dots. */
import { useCallback, useState } from "preact/hooks";
import type { LossPoint } from "../../models/shelf.ts";
import { Plot, type PlotModule } from "../../parts/plot.tsx";

export type Curve = { readonly name: string; readonly losses: readonly LossPoint[] };
export type LossChartProps = { readonly curves: readonly Curve[]; readonly height: number };

/** Curves are told apart by colour, dashes and their name at the end. */
const colours = ["var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)"];
const dashes = ["none", "8 3", "3 3", "12 3 3 3"];
const symbols = ["circle", "square", "triangle", "diamond2", "star", "wye"];

export function LossChart({ curves, height }: LossChartProps) {
  const [logarithmic, setLogarithmic] = useState(false);
  const [byTime, setByTime] = useState(false);
  const many = curves.length > 1;
  const options = useCallback(
    (plot: typeof PlotModule): PlotModule.PlotOptions => {
      const x = byTime ? (point: LossPoint) => point.elapsedMs / 1000 : (point: LossPoint) => point.step;
      const marks = curves.flatMap(({ name, losses }, k) => {
        const stroke = colours[k % colours.length] as string;
        const validated = losses.filter(({ validationLoss }) => validationLoss !== null);
        return [
          plot.lineY(losses, {
            x,
            y: "loss",
            stroke,
            strokeWidth: 1.6,
            strokeDasharray: dashes[k % dashes.length] as string,
          }),
          plot.dot(validated, {
            x,
            y: "validationLoss",
            r: 4.5,
            fill: stroke,
            symbol: symbols[k % symbols.length] as never,
          }),
          ...(many
            ? [
                plot.text(losses.slice(-1), {
                  x,
                  y: "loss",
                  text: () => name,
                  textAnchor: "start",
                  dx: 6,
                  fill: stroke,
                }),
              ]
            : []),
        ];
      });
      return {
        marginRight: many ? 120 : 20,
        marginLeft: 46,
        x: { label: byTime ? "seconds of training" : "updates" },
        y: { label: "loss (nats a token)", grid: true, ...(logarithmic ? { type: "log" } : { zero: true }) },
        marks,
      };
    },
    [curves, logarithmic, byTime, many],
  );
  const last = curves
    .map(({ name, losses }) => `${name}: ${losses.at(-1)?.loss.toFixed(3) ?? "no loss yet"}`)
    .join("; ");
  return (
    <div>
      <Plot
        label={`Loss by ${byTime ? "seconds" : "updates"}. At the end: ${last}.`}
        height={height}
        options={options}
      />
      <div class="row small">
        <span class="soft">Lines: the text trained on. Marks: the text kept back.</span>
        <label>
          <input type="checkbox" checked={logarithmic} onChange={() => setLogarithmic(!logarithmic)} /> logarithmic
        </label>
        <label>
          <input type="checkbox" checked={byTime} onChange={() => setByTime(!byTime)} /> by time
        </label>
      </div>
    </div>
  );
}
