/** Which column of a forecaster's gates belongs to which step of its curve, and how both are told. */
import type { ForecastedTable, ForecastGates, ShownForecast } from "../../engine/forecasting.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.forecast.gates;

type Settings = ForecastedTable["settings"];
type Columns = {
  /** The steps of the curve: those that a forecast is made from, `known`, then the horizon. */
  readonly steps: number;
  readonly known: number;
  /** The columns, and the steps of each. */
  readonly count: number;
  readonly each: number;
};

export function columnsOf(
  { seen, ahead, each }: Pick<ForecastGates, "seen" | "ahead" | "each">,
  { lookback, horizon }: Pick<Settings, "lookback" | "horizon">,
): Columns {
  return { steps: lookback + horizon, known: lookback, count: seen + ahead, each };
}

/** The column that a step lies in; of one after them all the last, which it is forecast from. */
export const columnOf = (step: number, { count, each }: Columns): number =>
  Math.min(count - 1, Math.floor(step / each));

/** What is marked in the curve: the steps of the column that a step lies in, or the step itself where there is none. */
export function stepOf(step: number, { count, each }: Columns): readonly [first: number, steps: number] {
  return step < count * each ? [Math.floor(step / each) * each, each] : [step, 1];
}

const digits = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const figure = (value: number): string => digits.format(value).replace("-", "−");

/** What a step is, in words that go on after "Unit 3": "after 2023-12 (379.6)". Without dates it counts as the curve does: 0 is the last one known. */
export function placeOf(
  step: number,
  columns: Columns,
  { past, future }: Pick<ShownForecast, "past" | "future">,
  form: Settings["form"],
): string {
  const { known, count, each } = columns;
  const from = past.length - known;
  const dateOf = (t: number): string =>
    (t < known ? past[from + t]?.date : future[t - known]?.date) ?? fill(own.step, { step: figure(t - known + 1) });
  const saidOf = (t: number): string =>
    figure((t < known ? past[from + t]?.value : future[t - known]?.value) as number);
  if (step >= count * each) {
    return fill(own.beyond, { last: dateOf(known - 1), date: dateOf(step), value: saidOf(step) });
  }
  const [first, width] = stepOf(step, columns);
  if (form === "segments") {
    const last = first + width - 1;
    const segment = width === 1 ? dateOf(first) : fill(own.range, { first: dateOf(first), last: dateOf(last) });
    return fill(first < known ? own.afterSegment : own.forSegment, { segment });
  }
  const said = { date: dateOf(step), value: saidOf(step), kind: step < known ? "known" : "forecast" };
  return fill(form === "recursive" ? own.forStep : own.afterStep, said);
}

/** What the columns of each form are. */
export function aboutGates({ form, head, lookback, horizon }: Settings): string {
  switch (form) {
    case "direct":
      return fill(own.direct, { lookback, horizon });
    case "segments":
      return own.segmented;
    case "recursive":
      return fill(own.recursive, { head });
  }
}
