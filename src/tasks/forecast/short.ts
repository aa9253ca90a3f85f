/** Series that are too short to be forecast beside the others, told apart before anything is trained. Knows nothing about networks. */
import { lostOf, settingsFor, targetsFor } from "./create.ts";
import { knownSteps, stepsBefore } from "./prepare.ts";
import type { ForecastData, ForecasterOptions, ForecastSettings } from "./settings.ts";

/** A series that is left out: the steps that it has, and those that it would need. */
export type ShortSeries = { readonly name: string; readonly steps: number; readonly needed: number };
/** The series that are long enough, and those that are not. Where none is, all are kept: what uses them says what is missing. */
export type Kept<Data> = { readonly data: Data; readonly short: readonly ShortSeries[] };

function keep<Data extends ForecastData>(data: Data, targets: readonly string[], needed: number): Kept<Data> {
  const short = data.series.flatMap((series) => {
    const steps = knownSteps("forecaster", series, targets);
    return steps < needed ? [{ name: series.name, steps, needed }] : [];
  });
  if (short.length === data.series.length) return { data, short: [] };
  const names = new Set(short.map(({ name }) => name));
  return { data: { ...data, series: data.series.filter(({ name }) => !names.has(name)) }, short };
}

/** Without the series that this forecaster cannot forecast. */
export const keepForecastable = <Data extends ForecastData>(data: Data, settings: ForecastSettings): Kept<Data> =>
  keep(data, settings.targets, stepsBefore(settings) + lostOf(settings.scaling));

/**
 * Without the series of which a forecaster of these options has nothing to learn, or which it cannot forecast. The lookback and
 * the steps to validate on are those that fit the half of the others that is longer.
 * @returns what is kept, and the options with what followed from it
 */
export function keepTrainable<Data extends ForecastData>(
  data: Data,
  options: ForecasterOptions,
): Kept<Data> & { readonly options: ForecasterOptions } {
  if (data.series.length === 1) return { data, short: [], options };
  const { horizon, test = 0 } = options;
  const targets = targetsFor(data, options);
  const lost = lostOf([options.scaling ?? "none"].flat());
  const learned = keep(data, targets, horizon + 2 + lost + test);
  const { settings } = settingsFor(learned.data, options);
  const { lookback, relative, validation, segment } = settings;
  const needed = Math.max(stepsBefore(settings), validation + test + 2) + lost;
  const kept = keep(learned.data, targets, needed);
  if (kept.short.length === 0) return { ...learned, options };
  return {
    data: kept.data,
    short: [...learned.short, ...kept.short],
    options: { ...options, lookback, relative, validation, ...(settings.form === "segments" && { segment }) },
  };
}
