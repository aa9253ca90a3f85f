/** The steps that a forecast is made from and its horizon as a curve, and under it, at the same steps, the forecaster's gates. */
import { useState } from "preact/hooks";
import { GateControls, GateRows, useGates } from "../../components/gates.tsx";
import { useNewest } from "../../engine/engine.ts";
import type { CsvText, ForecastedTable, ForecastGates, ShownForecast } from "../../engine/forecasting.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { fill, rich, texts } from "../../texts/texts.ts";
import { aboutGates, columnOf, columnsOf, placeOf, stepOf } from "./columns-of-steps.ts";
import { ForecastChart } from "./forecast-chart.tsx";
import { inPage } from "./reading.ts";

const own = texts.forecast.gates;

export type GatesUnderCurveProps = {
  readonly model: OpenModel;
  readonly table: CsvText;
  readonly tableKey: string;
  readonly shown: ShownForecast;
  readonly settings: ForecastedTable["settings"];
  readonly baseline: string;
};

/** The widths of what stands to the left and the right of the columns, in pixels, as in the styles. */
const margin = 60;

export function GatesUnderCurve({ model, table, tableKey, ...shared }: GatesUnderCurveProps) {
  const { series, target } = shared.shown;
  const { value, error } = useNewest(
    () => model.ask("forecastGates", table, { series, target }),
    JSON.stringify([model.id, tableKey, series, target]),
  );
  if (error !== undefined) {
    return (
      <p class="error" role="alert">
        {inPage(error)}
      </p>
    );
  }
  if (value === undefined) return <p class="soft small">{own.loading}</p>;
  return <Stepped gates={value} {...shared} />;
}

type SteppedProps = Pick<GatesUnderCurveProps, "shown" | "settings" | "baseline"> & { readonly gates: ForecastGates };

function Stepped({ shown, settings, baseline, gates: { values, ...read } }: SteppedProps) {
  const columns = columnsOf(read, settings);
  const { steps, known, count } = columns;
  const [chosen, setChosen] = useState(known - 1);
  const [pointed, setPointed] = useState<number>();
  const gates = useGates(
    values,
    values.map(({ data }) => data),
  );
  const step = Math.min(steps - 1, pointed ?? chosen);
  const column = columnOf(step, columns);
  const [first, width] = stepOf(step, columns);
  const from = shown.past.length - known;
  const share = (of: number): string => `${(100 * of) / steps}%`;
  const where = placeOf(step, columns, shown, settings.form);
  const stepAt = (event: MouseEvent): number => {
    const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return Math.max(0, Math.min(steps - 1, Math.floor(((event.clientX - left) / width) * steps)));
  };
  const choose = (to: number): void => setChosen(Math.max(0, Math.min(steps - 1, to)));
  const moves: Readonly<Record<string, (by: number) => number>> = {
    ...{ ArrowLeft: (by) => chosen - by, ArrowRight: (by) => chosen + by },
    ...{ Home: () => 0, End: () => steps - 1 },
  };
  const shared = {
    gates,
    count,
    done: count,
    column,
    columns: settings.form === "segments" ? own.segments : own.steps,
  };
  return (
    <div class="stepped">
      <GateControls {...{ gates, column, where }} live={false} />
      <div class="gates" style={{ "--read": share(count * read.each) }}>
        <div class="gates-row curve">
          <ForecastChart
            label={fill(own.chart, { known, ahead: steps - known })}
            {...{ shown, baseline, from, margin }}
            height={240}
          />
          <div
            class="curve-steps"
            role="application"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move through it
            tabIndex={0}
            aria-label={fill(own.curve, { steps })}
            aria-describedby={gates.readoutId}
            onKeyDown={(event) => {
              const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
              if (altKey || ctrlKey || metaKey || !Object.hasOwn(moves, key)) return;
              event.preventDefault();
              choose(moves[key]?.(shiftKey ? 10 : 1) ?? 0);
            }}
            onPointerMove={(event) => event.pointerType === "mouse" && setPointed(stepAt(event))}
            onPointerLeave={() => setPointed(undefined)}
            onClick={(event) => setChosen(stepAt(event))}
          >
            <div class="curve-mark" data-step={step} style={{ left: share(first), width: share(width) }} />
          </div>
        </div>
        <GateRows
          {...shared}
          onChoose={(to) => setChosen(stepOf(to * read.each, columns)[0])}
          onPoint={(to) => setPointed(to === undefined ? undefined : to * read.each)}
        />
      </div>
      <p class="soft small">{rich(own.about, { layer: gates.layer, columns: aboutGates(settings) })}</p>
    </div>
  );
}
