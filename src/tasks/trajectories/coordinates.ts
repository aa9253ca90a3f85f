/** Windows as what a network reads and is compared with, and what it writes as paths in the coordinates of the table. */
import type { Path } from "../../train/densities/paths.ts";
import type { TrajectorySettings } from "./settings.ts";
import { type Pose, poseOf, turn, turnBack, type Window } from "./windows.ts";

type Flat = { readonly data: Float64Array<ArrayBuffer>; readonly shape: readonly number[] };
/** Examples for `fit`: inputs, targets and, for the form "step", the steps that count. */
export type TrajectoryExamples = { readonly x: Flat; readonly y: Flat; readonly sampleWeight?: Flat };

/** Displacement k, from place k to the next. */
const displacement = ({ x, y }: Window, k: number): [number, number] => [
  (x[k + 1] as number) - (x[k] as number),
  (y[k + 1] as number) - (y[k] as number),
];

/** The displacements (N, seen - 1, 2) of the seen steps, turned and scaled. */
export function inputsOf(windows: readonly Window[], settings: TrajectorySettings): Flat {
  return displacementsOf(windows, settings, settings.seen - 1);
}
/** The first `steps` displacements (N, steps, 2) of windows, turned and scaled. */
export function displacementsOf(
  windows: readonly Window[],
  { seen, heading, scale }: TrajectorySettings,
  steps: number,
): Flat {
  const data = new Float64Array(windows.length * steps * 2);
  windows.forEach((window, n) => {
    const pose = poseOf(window, seen, heading);
    for (let k = 0; k < steps; k++) {
      const [dx, dy] = turn(pose, ...displacement(window, k));
      data[2 * (n * steps + k)] = dx / scale;
      data[2 * (n * steps + k) + 1] = dy / scale;
    }
  });
  return { data, shape: [windows.length, steps, 2] };
}

/** Inputs and targets of windows whose future is known. */
export function examplesOf(windows: readonly Window[], settings: TrajectorySettings): TrajectoryExamples {
  return settings.form === "direct" ? directExamples(windows, settings) : stepExamples(windows, settings);
}

/** How far constant velocity is off at each step, turned: x of all steps, then y. */
function residuals(
  window: Window,
  { seen, predicted, heading }: TrajectorySettings,
  into: Float64Array,
  at: number,
): void {
  const pose = poseOf(window, seen, heading);
  const [vx, vy] = displacement(window, seen - 2);
  for (let t = 0; t < predicted; t++) {
    const [x, y] = [window.x[seen + t] as number, window.y[seen + t] as number];
    const [rx, ry] = turn(pose, x - pose.x - (t + 1) * vx, y - pose.y - (t + 1) * vy);
    into[at + t] = rx;
    into[at + predicted + t] = ry;
  }
}
function directExamples(windows: readonly Window[], settings: TrajectorySettings): TrajectoryExamples {
  const { predicted: T, spread } = settings;
  const data = new Float64Array(windows.length * 2 * T);
  windows.forEach((window, n) => {
    residuals(window, settings, data, n * 2 * T);
  });
  for (let k = 0; k < data.length; k++) data[k] = (data[k] as number) / (spread[k % T] as number);
  return { x: inputsOf(windows, settings), y: { data, shape: [windows.length, 2 * T] } };
}
/** Each step is compared with how the next displacement changes; those that are seen do not count. */
function stepExamples(windows: readonly Window[], settings: TrajectorySettings): TrajectoryExamples {
  const { seen, predicted, scale, spread } = settings;
  const all = displacementsOf(windows, settings, seen + predicted - 1);
  const steps = seen + predicted - 2;
  const [x, y] = [new Float64Array(windows.length * steps * 2), new Float64Array(windows.length * steps * 2)];
  const weights = new Float64Array(windows.length * steps);
  const factor = scale / (spread[0] as number);
  for (let n = 0; n < windows.length; n++) {
    for (let k = 0; k < steps; k++) {
      for (const axis of [0, 1]) {
        const [from, to] = [2 * (n * (steps + 1) + k) + axis, 2 * (n * steps + k) + axis];
        x[to] = all.data[from] as number;
        y[to] = ((all.data[from + 2] as number) - (all.data[from] as number)) * factor;
      }
      // The mean is over all steps, so that those that count weigh as much as if there were no others.
      weights[n * steps + k] = k >= seen - 2 ? steps / predicted : 0;
    }
  }
  const shape = [windows.length, steps, 2];
  return {
    x: { data: x, shape },
    y: { data: y, shape },
    sampleWeight: { data: weights, shape: [windows.length, steps] },
  };
}

/** The scales of training windows: see `TrajectorySettings`. */
export function scalesOf(
  windows: readonly Window[],
  settings: Omit<TrajectorySettings, "scale" | "spread">,
): Pick<TrajectorySettings, "scale" | "spread"> {
  const { seen, predicted: T, form } = settings;
  const raw = { ...settings, scale: 1, spread: Array.from({ length: form === "direct" ? T : 1 }, () => 1) };
  const [x, y] = form === "direct" ? [inputsOf(windows, raw).data, directExamples(windows, raw).y.data] : parts();
  function parts(): [Float64Array, Float64Array] {
    const { x: inputs, y: targets } = stepExamples(windows, raw);
    return [inputs.data, targets.data.filter((_, k) => Math.floor(k / 2) % (seen + T - 2) >= seen - 2)];
  }
  const scale = rootMeanSquare(x);
  const spread = raw.spread.map((_, t) => rootMeanSquare(form === "direct" ? y.filter((_value, k) => k % T === t) : y));
  // Where nothing moves, or all moves evenly, there is nothing to scale.
  return { scale: scale || 1, spread: spread.map((one) => one || scale || 1) };
}
const rootMeanSquare = (values: Float64Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));

/** A path of a network of the form "direct" in the coordinates of the table. */
export function pathFrom(window: Window, path: Path, { seen, heading, spread }: TrajectorySettings): Path {
  const pose = poseOf(window, seen, heading);
  const [vx, vy] = displacement(window, seen - 2);
  const [x, y] = [new Float64Array(path.x.length), new Float64Array(path.x.length)];
  path.x.forEach((rx, t) => {
    const unit = spread[t] as number;
    const [dx, dy] = turnBack(pose, rx * unit, (path.y[t] as number) * unit);
    x[t] = pose.x + (t + 1) * vx + dx;
    y[t] = pose.y + (t + 1) * vy + dy;
  });
  return { x, y };
}

/** Follows displacements that are predicted one by one, for the form "step". */
export type Walk = {
  /** The next input (2): the last displacement, turned and scaled. */
  readonly input: () => readonly [number, number];
  /** Go on by what the network says of the next displacement. */
  readonly go: (change: ArrayLike<number>) => void;
  /** The places so far. */
  readonly path: () => Path;
};
export function walkFrom(window: Window, { seen, heading, scale, spread, predicted }: TrajectorySettings): Walk {
  const pose: Pose = poseOf(window, seen, heading);
  let [dx, dy] = turn(pose, ...displacement(window, seen - 2));
  let [px, py] = [0, 0];
  const [x, y] = [new Float64Array(predicted), new Float64Array(predicted)];
  let t = 0;
  const unit = spread[0] as number;
  return {
    input: () => [dx / scale, dy / scale],
    go(change) {
      [dx, dy] = [dx + (change[0] as number) * unit, dy + (change[1] as number) * unit];
      [px, py] = [px + dx, py + dy];
      const [ax, ay] = turnBack(pose, px, py);
      x[t] = pose.x + ax;
      y[t++] = pose.y + ay;
    },
    path: () => ({ x, y }),
  };
}
