/** Loss curves of one or several trainings: the training loss as lines, the validation loss as dots. */
import { useCallback, useState } from "preact/hooks";
import { Plot, type PlotModule } from "../../components/plot.tsx";
import type { LossPoint } from "../../models/model-store.ts";

export type Curve = { readonly name: string; readonly losses: readonly LossPoint[] };
export type LossChartProps = { readonly curves: readonly Curve[]; readonly height: number };

/** Curves differ by colour and dashes. */
const colours = ["var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)"];
const dashes = ["none", "8 3", "3 3", "12 3 3 3"];

export function LossChart({ curves, height }: LossChartProps) {
  const [logarithmic, setLogarithmic] = useState(false);
  const [byTime, setByTime] = useState(false);
  const options = useCallback(
    (plot: typeof PlotModule): PlotModule.PlotOptions => {
      const x = byTime ? (point: LossPoint) => point.elapsedMs / 1000 : (point: LossPoint) => point.step;
      const marks = curves.flatMap(({ losses }, k) => {
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
          }),
        ];
      });
      return {
        marginRight: 20,
        marginLeft: 46,
        x: { label: byTime ? "seconds of training" : "updates" },
        y: { label: "loss (nats per token)", grid: true, ...(logarithmic ? { type: "log" } : { zero: true }) },
        marks,
      };
    },
    [curves, logarithmic, byTime],
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
      {curves.length > 1 && (
        <ul class="legend curves small">
          {curves.map(({ name }, k) => (
            <li key={k}>
              <svg width="36" height="10" aria-hidden="true">
                <line
                  {...{ x1: 0, x2: 36, y1: 5, y2: 5, strokeWidth: 2 }}
                  stroke={colours[k % colours.length]}
                  strokeDasharray={dashes[k % dashes.length]}
                />
                <circle cx="18" cy="5" r="4" fill={colours[k % colours.length]} />
              </svg>{" "}
              {name}
            </li>
          ))}
        </ul>
      )}
      <div class="row small">
        <span class="soft">Lines: training loss. Marks: validation loss.</span>
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
