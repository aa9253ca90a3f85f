/**
 * What the recurrent layers of a forecaster are at each step that they read for a forecast: gates, states and all other lines of
 * their equations. Knows nothing about how this is shown.
 */
import { type FittedScaling, scale } from "../../data/scaling.ts";
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import { formatValue } from "../../graph/schema.ts";
import { inspectSequence } from "../../nn/inspection.ts";
import { type LabelledValue, shownValues } from "../inspect-text.ts";
import { inputsOf } from "./examples.ts";
import { type Forecast, type ForecastOptions, forecast } from "./predict.ts";
import { alone, describeBefore, type Prepared, placeOf, prepare, stepsBefore } from "./prepare.ts";
import type { ForecastData, Forecaster, ForecastSettings } from "./settings.ts";

/** What a forecaster's layers are while it makes one forecast, column by column. */
export type InspectedForecast = {
  /** Columns over what is known, the last one at its end; and columns over the horizon, which not all forms have. */
  readonly seen: number;
  readonly ahead: number;
  /** How many steps of the series a column is. */
  readonly each: number;
  /** The values (seen + ahead, size) of each line of the recurrent layers' equations; of a state, its values after the column. */
  readonly values: readonly (LabelledValue & { readonly data: Float32Array<ArrayBuffer> })[];
};

/**
 * Read the recurrent layers' values while the forecast of a series' end is made.
 *
 * Form "direct" reads the lookback, step by step, and then gives all steps at once: it has no columns over the horizon. Form "segments" has
 * a column a segment; over the horizon, one more step of the same GRU for each. Form "recursive" reads in each column the value of the step
 * before, in the horizon as well: here that of the forecast that `forecast` tells, where the forecast is made of many draws.
 * @param of the series and, where each target is forecast alone, the target
 * @throws InputError as `forecast`, and for a series that is not there
 */
export async function inspectForecast(
  forecaster: Forecaster,
  data: ForecastData,
  of: Pick<Forecast, "series" | "target">,
  options: Pick<ForecastOptions, "samples" | "seed"> & InferenceOptions = {},
): Promise<InspectedForecast> {
  const where = "inspectForecast";
  const { model, settings } = forecaster;
  const { form, lookback, horizon, segment, targets } = settings;
  const series = data.series.filter(({ name }) => name === of.series);
  if (series.length === 0) throw new InputError(`${where}: there is no series ${formatValue(of.series)}.`);
  const own = { ...data, series };
  const [prepared] = prepare(where, own, settings, horizon) as [Prepared];
  if (prepared.length < stepsBefore(settings)) {
    throw new InputError(
      `${placeOf(where, prepared)}: has ${prepared.length + prepared.lost} steps, and a forecast is made from ${describeBefore(settings, prepared.lost)}. Give a longer series.`,
    );
  }
  const at = prepared.length;
  const target = alone(settings) ? targets.indexOf(of.target) : -1;
  const read =
    form === "recursive" ? withForecast(prepared, await forecast(forecaster, own, options), settings) : prepared;
  const inputs = Object.fromEntries(
    Object.entries(inputsOf([{ of: read, at, target }], settings)).map(([name, { data }]) => [name, data]),
  );
  const shown = shownValues(model, [], "");
  const counts = {
    direct: { seen: lookback, ahead: 0, each: 1 },
    segments: { seen: lookback / segment, ahead: horizon / segment, each: segment },
    recursive: { seen: lookback, ahead: horizon, each: 1 },
  }[form];
  /** Of form "segments", the values of a line of the encoder's equations over the horizon: those of the layers that go on from it. */
  const laterOf = ({ layer, name }: LabelledValue): string[] => {
    if (form !== "segments") return [];
    const member = layer.slice("encoder".length);
    return Array.from({ length: counts.ahead }, (_, i) => `step_${i}${member}.${name === "h" ? "y" : name}`);
  };
  const all = await inspectSequence(
    model,
    inputs,
    form === "recursive" ? lookback + horizon : counts.seen,
    shown.flatMap((value) => [value.key, ...laterOf(value)]),
    hostOf(options),
  );
  const values = shown.map((value) => {
    const data = new Float32Array((counts.seen + counts.ahead) * value.size);
    let end = 0;
    for (const key of [value.key, ...laterOf(value)]) {
      const part = all[key] as Float32Array;
      data.set(part, end);
      end += part.length;
    }
    return { ...value, data };
  });
  return { ...counts, values };
}

/** A series that goes on as it is forecast. */
function withForecast(
  prepared: Prepared,
  forecasts: readonly Forecast[],
  { targets, horizon }: ForecastSettings,
): Prepared {
  const { name, lost, length, start, original, fitted } = prepared;
  const longer = targets.map((target, k) => {
    const steps = forecasts.find((one) => one.series === name && one.target === target)?.steps ?? [];
    return Float64Array.from([...(original[k] as Float64Array), ...steps.map(({ value }) => value)]);
  });
  return {
    ...prepared,
    original: longer,
    length: length + horizon,
    targets: longer.map((values, k) => {
      const all = scale(values, fitted[k] as FittedScaling, undefined, start);
      return all.subarray(all.length - (values.length - lost));
    }),
  };
}
