/** Of head "point": quantiles of what a network forecasts, from its errors in validation. Knows nothing about training. */
import type { HostOptions } from "../../engines/engine.ts";
import { createRandom } from "../../nn/random.ts";
import { shuffle } from "../../nn/shuffle.ts";
import { studentQuantile } from "../../train/densities/special.ts";
import { outputsOf } from "./examples.ts";
import { pointsOf } from "./predict.ts";
import { targetsOf, type Window } from "./prepare.ts";
import type { Forecaster } from "./settings.ts";

/** How many windows say how large errors are; of form "recursive", which takes a step at a time. */
const enough = { direct: 2000, segments: 2000, recursive: 100 };

/**
 * By level and step, how far the truth may lie beyond the forecast, in what the network sees: the root mean square of the errors in
 * validation, of all origins and steps together, times a quantile of Student's t distribution. The errors of one forecast go together,
 * so its degrees of freedom are only how many forecasts fit side by side into the steps of validation; for those few its tails are heavy.
 * From step to step margins grow as the network's errors in training do, and they never shrink. They lie evenly about the forecast.
 */
export async function marginsOf(
  forecaster: Forecaster,
  { training, validation }: { readonly training: readonly Window[]; readonly validation: readonly Window[] },
  host: HostOptions,
): Promise<Record<string, number[]>> {
  const { form, horizon, levels } = forecaster.settings;
  const squares = async (all: readonly Window[]): Promise<number[]> => {
    const some = all.length <= enough[form] ? all : shuffle([...all], createRandom(0)).slice(0, enough[form]);
    return meanSquares(forecaster, some, host);
  };
  const grown = runningMaximum((await squares(training)).map(Math.sqrt));
  const least = (grown.at(-1) as number) / 1e6 || 1;
  const shape = grown.map((one) => Math.max(one, least));
  const held = await squares(validation);
  const size = Math.sqrt(held.reduce((sum, one, h) => sum + one / (shape[h] as number) ** 2, 0) / horizon);
  const freedom = sideBySide(validation, horizon);
  return Object.fromEntries(
    levels.map((p) => {
      const times = size * studentQuantile(p, freedom);
      return [String(p), shape.map((one) => one * times)];
    }),
  );
}

/** The mean squared error of each step, over windows and targets. */
async function meanSquares(forecaster: Forecaster, windows: readonly Window[], host: HostOptions): Promise<number[]> {
  const { form, lookback, horizon } = forecaster.settings;
  const points = await pointsOf(forecaster, windows, host);
  const truth = outputsOf(windows, forecaster.settings).data;
  const targets = targetsOf(windows[0] as Window).length;
  // Of form "recursive" the steps of the lookback come first.
  const steps = form === "recursive" ? lookback + horizon : horizon;
  const sums = new Float64Array(horizon);
  points.forEach((values, n) => {
    const start = ((n + 1) * steps - horizon) * targets;
    values.forEach((value, k) => {
      const h = Math.floor(k / targets);
      sums[h] = (sums[h] as number) + ((truth[start + k] as number) - value) ** 2;
    });
  });
  return Array.from(sums, (sum) => sum / windows.length / targets);
}

const runningMaximum = (values: readonly number[]): number[] => {
  let most = 0;
  return values.map((value) => {
    most = Math.max(most, value);
    return most;
  });
};

/** How many forecasts fit into the steps of windows without a step in common, in parts too; of several series together. */
function sideBySide(windows: readonly Window[], horizon: number): number {
  const origins = new Map<Window["of"], Set<number>>();
  for (const { of, at } of windows) origins.set(of, (origins.get(of) ?? new Set()).add(at));
  return [...origins.values()].reduce((sum, { size }) => sum + (size + horizon - 1) / horizon, 0);
}
