/** Loss curves of one or several trainings: the training loss as lines, the validation loss as dots. */
import { useCallback, useState } from "preact/hooks";
import { Plot, type PlotModule } from "../../components/plot.tsx";
import type { LossPoint } from "../../models/model-store.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.lab.lossChart;

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
        x: { label: byTime ? own.seconds : own.updates },
        y: { label: own.loss, grid: true, ...(logarithmic ? { type: "log" } : { zero: true }) },
        marks,
      };
    },
    [curves, logarithmic, byTime],
  );
  const last = curves
    .map(({ name, losses }) => {
      const loss = losses.at(-1)?.loss.toFixed(3);
      return loss === undefined ? fill(own.noLoss, { name }) : fill(own.last, { name, loss });
    })
    .join("; ");
  return (
    <div>
      <Plot label={fill(byTime ? own.bySeconds : own.byUpdates, { last })} height={height} options={options} />
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
        <span class="soft">{own.marks}</span>
        <label>
          <input type="checkbox" checked={logarithmic} onChange={() => setLogarithmic(!logarithmic)} />{" "}
          {own.logarithmic}
        </label>
        <label>
          <input type="checkbox" checked={byTime} onChange={() => setByTime(!byTime)} /> {own.byTime}
        </label>
      </div>
    </div>
  );
}
