/** A sweep over sizes and seeds: how much runs differ, as a table and a plot with error bars. */
import { useCallback } from "preact/hooks";
import { Choice } from "../../components/choice.tsx";
import { significant } from "../../components/numbers.ts";
import { Plot, type PlotModule } from "../../components/plot.tsx";
import { fill, texts } from "../../texts/texts.ts";
import type { ToyRun } from "./running.ts";
import { bySize, type SizeSummary, type Spread } from "./statistics.ts";

const own = texts.toys.sweep;
export const measures = own.measures;
export type Measure = keyof typeof measures;

const share = ({ mean, deviation }: Spread): string =>
  `${(100 * mean).toFixed(1)} %${deviation === undefined ? "" : ` ± ${(100 * deviation).toFixed(1)}`}`;
const loss = ({ mean, deviation }: Spread): string =>
  `${significant(mean, 3)}${deviation === undefined ? "" : ` ± ${significant(deviation)}`}`;

export type SweepProps = {
  /** Runs that differ in units and seed alone. */
  readonly runs: readonly ToyRun[];
  readonly measure: Measure;
  readonly onMeasure: (measure: Measure) => void;
};

export function Sweep({ runs, measure, onMeasure }: SweepProps) {
  const rows = bySize(runs);
  return (
    <section aria-label={own.label}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <section class="scroll" tabIndex={0} aria-label={own.table}>
        <table class="numbers">
          <caption class="small soft">{own.caption}</caption>
          <thead>
            <tr>
              <th scope="col" class="number">
                {own.units}
              </th>
              <th scope="col" class="number">
                {own.runs}
              </th>
              <th scope="col" class="number">
                {own.whole}
              </th>
              <th scope="col" class="number">
                {own.longer}
              </th>
              <th scope="col" class="number">
                {own.loss}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.units}>
                <th scope="row" class="number">
                  {row.units}
                </th>
                <td class="number">{row.runs.length}</td>
                <td class="number">{share(row.exact)}</td>
                <td class="number">{share(row.longer)}</td>
                <td class="number">{loss(row.loss)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <Choice label={own.choice} value={measure} options={measures} onChoose={onMeasure} />
      <ErrorBars rows={rows} measure={measure} />
      <p class="small soft">{own.bars}</p>
    </section>
  );
}

type ErrorBarsProps = { readonly rows: readonly SizeSummary[]; readonly measure: Measure };

function ErrorBars({ rows, measure }: ErrorBarsProps) {
  const key = JSON.stringify([measure, rows.map(({ units, runs }) => [units, runs.map(({ id }) => id)])]);
  const options = useCallback(
    (plot: typeof PlotModule): PlotModule.PlotOptions => {
      const means = rows.map((row) => {
        const { mean, deviation = 0 } = row[measure];
        const [low, high] = [mean - deviation, mean + deviation];
        // No share is below 0 or above 1.
        return measure === "loss"
          ? { units: row.units, mean, low: Math.max(0, low), high }
          : { units: row.units, mean, low: Math.max(0, low), high: Math.min(1, high) };
      });
      const points = rows.flatMap((row) =>
        row.runs.map(({ latest }) => ({
          units: row.units,
          value: { exact: latest.held.exact, longer: latest.byLength.scores.at(-1)?.exact ?? 0, loss: latest.loss }[
            measure
          ],
        })),
      );
      const stroke = "var(--c1)";
      return {
        marginLeft: 46,
        x: { type: "band", label: own.axis, domain: rows.map(({ units }) => units), padding: 0.8 },
        y: { label: measures[measure], grid: true, ...(measure === "loss" ? { zero: true } : { domain: [0, 1] }) },
        marks: [
          plot.dot(points, { x: "units", y: "value", r: 2.5, fill: "var(--soft)", dx: 12 }),
          plot.ruleX(means, { x: "units", y1: "low", y2: "high", stroke, strokeWidth: 2 }),
          plot.tickY(means, { x: "units", y: "low", stroke, strokeWidth: 2 }),
          plot.tickY(means, { x: "units", y: "high", stroke, strokeWidth: 2 }),
          plot.dot(means, { x: "units", y: "mean", r: 5, fill: stroke }),
        ],
      };
    },
    [key],
  );
  const told = rows.map((row) =>
    fill(own.told, { units: row.units, value: measure === "loss" ? loss(row.loss) : share(row[measure]) }),
  );
  const label = fill(own.plot, { measure: measures[measure], told: told.join(", ") });
  return <Plot label={label} height={240} options={options} />;
}
