/** Windows as the arrays that a network reads and learns, examples first. */
import { zeros } from "../../data/arrays.ts";
import type { ExampleBatch } from "../../train/batches.ts";
import type { FlatNumbers } from "../../train/predict.ts";
import { baseOf, relativeInput, targetsOf, type Window } from "./prepare.ts";
import type { ForecastSettings } from "./settings.ts";

type Tokens = { readonly data: Int32Array; readonly shape: readonly number[] };
/** The inputs of a network by name. */
export type NetworkInputs = Readonly<Record<string, FlatNumbers | Tokens>>;

/** How many series or targets a network tells apart. */
export const numbersOf = ({ series, targets, independent, form }: ForecastSettings): number =>
  series.length * (independent || form === "segments" ? targets.length : 1);

/** The number of a window's series, or of its series and target. */
const numberOf = ({ of, target }: Window, { targets }: ForecastSettings): number =>
  target < 0 ? of.number : of.number * targets.length + target;

/** The inputs for windows: see `network.ts`. For the form "recursive" of `steps` steps, by default the lookback and the horizon. */
export function inputsOf(
  windows: readonly Window[],
  settings: ForecastSettings,
  steps = settings.lookback + settings.horizon,
): NetworkInputs {
  switch (settings.form) {
    case "direct":
      return directInputs(windows, settings);
    case "segments":
      return segmentInputs(windows, settings);
    case "recursive":
      return recursiveInputs(windows, settings, steps);
  }
}

const floats = (shape: readonly number[]): FlatNumbers => ({
  data: zeros(
    "float32",
    shape.reduce((a, b) => a * b, 1),
  ),
  shape,
});
/** Each window's number, at each of `steps` steps or, without them, once. */
function whose(windows: readonly Window[], settings: ForecastSettings, steps?: number): NetworkInputs {
  if (numbersOf(settings) < 2) return {};
  const each = steps ?? 1;
  const data = zeros("int32", windows.length * each);
  windows.forEach((window, n) => data.fill(numberOf(window, settings), n * each, (n + 1) * each));
  return { series: { data, shape: steps === undefined ? [windows.length] : [windows.length, steps] } };
}

function directInputs(windows: readonly Window[], settings: ForecastSettings): NetworkInputs {
  const { lookback, horizon, spread } = settings;
  const [first] = windows as [Window];
  const [past, known] = [first.of.past.length, first.of.known.length];
  const targets = targetsOf(first).length;
  const x = floats([windows.length, lookback, targets + past + known]);
  const future = floats([windows.length, horizon * known]);
  let [at, later] = [0, 0];
  for (const window of windows) {
    const { of, at: start } = window;
    const own = targetsOf(window).map((values) => relativeInput(values, start, settings));
    for (let t = start - lookback; t < start; t++) {
      for (const value of own) x.data[at++] = value(t) / spread.inputs;
      for (const values of of.past) x.data[at++] = values[t] as number;
      for (const values of of.known) x.data[at++] = values[t] as number;
    }
    for (let t = start; t < start + horizon; t++) {
      for (const values of of.known) future.data[later++] = values[t] as number;
    }
  }
  return { x, ...(known > 0 && { known: future }), ...whose(windows, settings, lookback) };
}

function segmentInputs(windows: readonly Window[], settings: ForecastSettings): NetworkInputs {
  const { lookback, segment, spread } = settings;
  const x = floats([windows.length, lookback / segment, segment]);
  let at = 0;
  for (const window of windows) {
    const value = relativeInput(targetsOf(window)[0] as Float64Array, window.at, settings);
    for (let t = window.at - lookback; t < window.at; t++) x.data[at++] = value(t) / spread.inputs;
  }
  return { x, ...whose(windows, settings) };
}

function recursiveInputs(windows: readonly Window[], settings: ForecastSettings, steps: number): NetworkInputs {
  const { lookback, spread } = settings;
  const [first] = windows as [Window];
  const x = floats([windows.length, steps, targetsOf(first).length + first.of.known.length]);
  let at = 0;
  for (const window of windows) {
    const { of, at: start } = window;
    const own = targetsOf(window).map((values) => relativeInput(values, start, settings));
    for (let t = start - lookback; t < start - lookback + steps; t++) {
      // The first step of a series has none before it.
      for (const value of own) x.data[at++] = t === 0 ? 0 : value(t - 1) / spread.inputs;
      for (const values of of.known) x.data[at++] = values[t] as number;
    }
  }
  return { x, ...whose(windows, settings, steps) };
}

/** What a network learns for windows: (N,horizon * targets), step by step; of the form "recursive" (N,steps,targets). */
export function outputsOf(windows: readonly Window[], settings: ForecastSettings): FlatNumbers {
  const { lookback, horizon, form, spread } = settings;
  const targets = targetsOf(windows[0] as Window).length;
  const [before, count] = form === "recursive" ? [lookback, lookback + horizon] : [0, horizon];
  const shape = form === "recursive" ? [windows.length, count, targets] : [windows.length, count * targets];
  const y = floats(shape);
  let at = 0;
  for (const window of windows) {
    const own = targetsOf(window);
    const bases = own.map((values) => baseOf(values, window.at, settings));
    for (let step = -before; step < horizon; step++) {
      own.forEach((values, k) => {
        const base = (bases[k] as (step: number) => number)(step);
        y.data[at++] = ((values[window.at + step] as number) - base) / spread.outputs;
      });
    }
  }
  return y;
}

/** The typical size of what is read and learned, after scaling and relative to the base: root mean squares, 1 where all is 0. */
export function spreadOf(windows: readonly Window[], settings: ForecastSettings): ForecastSettings["spread"] {
  // A thousand windows say it as well as all.
  const some = windows.filter((_, k) => k % Math.ceil(windows.length / 1000) === 0);
  const { lookback, horizon } = settings;
  const sums = { inputs: 0, outputs: 0 };
  let count = 0;
  for (const window of some) {
    for (const values of targetsOf(window)) {
      count++;
      const [value, base] = [relativeInput(values, window.at, settings), baseOf(values, window.at, settings)];
      for (let t = window.at - lookback; t < window.at; t++) sums.inputs += value(t) ** 2 / lookback;
      for (let step = 0; step < horizon; step++) {
        sums.outputs += ((values[window.at + step] as number) - base(step)) ** 2 / horizon;
      }
    }
  }
  const size = (sum: number): number => Math.sqrt(sum / count) || 1;
  return { inputs: size(sums.inputs), outputs: settings.head === "negative-binomial" ? 1 : size(sums.outputs) };
}

/** What a network learns of windows. */
export const examplesOf = (windows: readonly Window[], settings: ForecastSettings): ExampleBatch => ({
  x: inputsOf(windows, settings),
  y: outputsOf(windows, settings),
});
