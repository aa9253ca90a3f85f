/** Which column of a forecaster's gates belongs to which step of its curve, and how both are told. */
import type { ForecastedTable, ForecastGates, ShownForecast } from "../../engine/forecasting.ts";

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
    (t < known ? past[from + t]?.date : future[t - known]?.date) ?? `step ${figure(t - known + 1)}`;
  const saidOf = (t: number): string =>
    t < known ? figure(past[from + t]?.value as number) : `forecast ${figure(future[t - known]?.value as number)}`;
  if (step >= count * each) {
    return `after ${dateOf(known - 1)}, the last step that it reads, from which ${dateOf(step)} is forecast (${saidOf(step).replace("forecast ", "")})`;
  }
  const [first, width] = stepOf(step, columns);
  if (form === "segments") {
    const named = width === 1 ? dateOf(first) : `${dateOf(first)} to ${dateOf(first + width - 1)}`;
    return `${first < known ? "after the segment" : "for the forecast of the segment"} ${named}`;
  }
  return `${form === "recursive" ? "for" : "after"} ${dateOf(step)} (${saidOf(step)})`;
}

/** What the columns of each form are. */
export function aboutGates({ form, head, lookback, horizon }: Settings): string {
  const steps = (n: number): string => (n === 1 ? "1 step" : `${n.toLocaleString("en")} steps`);
  switch (form) {
    case "direct":
      return `It reads the last ${steps(lookback)}, a column each, and its last state gives ${horizon === 1 ? "the step" : `all ${steps(horizon)}`} of the horizon at once: there it has no gates.`;
    case "segments":
      return "A column is a segment of steps. In the horizon each column is one more step of the same GRU from its last state; these stand beside each other, and none reads another.";
    case "recursive":
      return `A column reads the value of the step before it, and gives its own step. In the horizon it reads what is forecast: here the line of the forecast${head === "point" ? "" : ", which is the middle of many drawn paths, each read in the same way"}.`;
  }
}
