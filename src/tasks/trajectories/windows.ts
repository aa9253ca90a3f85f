/**
 * Windows over tracks: some steps that are seen and those after them; in coordinates of their own, in which a network reads
 * and writes: from the last place that was seen, along the last displacement, in units of the training data.
 */
import { InputError } from "../../graph/input-error.ts";
import type { Random } from "../../nn/random.ts";
import type { Track, Tracks } from "./tracks.ts";

/** A window: places of one track; `x` and `y` have the seen steps, then those to predict, as far as they are known. */
export type Window = {
  readonly id: string;
  /** The frame of the last step that is seen. */
  readonly frame: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
};
export type WindowSizes = { readonly seen: number; readonly predicted: number };

/** Every window of seen and predicted steps, `stride` steps apart. */
export function windowsOf({ step, tracks }: Tracks, sizes: WindowSizes, stride = 1): Window[] {
  const length = sizes.seen + sizes.predicted;
  return tracks.flatMap((track) => {
    const count = Math.max(0, Math.floor((track.x.length - length) / stride) + 1);
    return Array.from({ length: count }, (_, k) =>
      windowAt(track, step, { from: k * stride, length, seen: sizes.seen }),
    );
  });
}
/** The last steps of each track that is long enough, with nothing after them. */
export function lastWindows({ step, tracks }: Tracks, seen: number): Window[] {
  return tracks.flatMap((track) =>
    track.x.length < seen ? [] : [windowAt(track, step, { from: track.x.length - seen, length: seen, seen })],
  );
}
function windowAt(
  { id, start, x, y }: Track,
  step: number,
  { from, length, seen }: { readonly from: number; readonly length: number; readonly seen: number },
): Window {
  const frame = start + (from + seen - 1) * step;
  return { id, frame, x: x.subarray(from, from + length), y: y.subarray(from, from + length) };
}

/** What of the tracks is held out, and what to do where that leaves too little, both as parts of a message. */
export type HeldOut = { readonly without: string; readonly advice: string };
/** @throws InputError if no track is long enough for a window */
export function checkWindows(
  windows: readonly Window[],
  all: readonly Tracks[],
  { seen, predicted }: WindowSizes,
  where: string,
  held?: HeldOut,
): void {
  if (windows.length > 0) return;
  const longest = all.flatMap(({ tracks }) => tracks).reduce((most, { x }) => Math.max(most, x.length), 0);
  throw new InputError(
    `${where}: ${held === undefined ? "" : `without ${held.without} `}no track has ${seen + predicted} steps without a gap (${seen} to ` +
      `see, ${predicted} to predict); the longest has ${longest}. ` +
      `Give ${held === undefined ? "" : `${held.advice}, `}longer tracks, or see and predict fewer steps.`,
  );
}

/** How a window lies: where its own coordinates begin, and where they point. */
export type Pose = { readonly x: number; readonly y: number; readonly cos: number; readonly sin: number };

/** From the last seen place; with `heading` along the last displacement, else along the table's x. */
export function poseOf({ x, y }: Pick<Window, "x" | "y">, seen: number, heading: boolean): Pose {
  const [lastX, lastY] = [x[seen - 1] as number, y[seen - 1] as number];
  const [dx, dy] = [lastX - (x[seen - 2] as number), lastY - (y[seen - 2] as number)];
  const length = Math.hypot(dx, dy);
  // What stands still has no direction.
  if (!heading || length < 1e-9) return { x: lastX, y: lastY, cos: 1, sin: 0 };
  return { x: lastX, y: lastY, cos: dx / length, sin: dy / length };
}
/** A vector of the table in a window's own directions. */
export const turn = ({ cos, sin }: Pose, dx: number, dy: number): [number, number] => [
  cos * dx + sin * dy,
  cos * dy - sin * dx,
];
/** A vector in a window's own directions, back in those of the table. */
export const turnBack = ({ cos, sin }: Pose, dx: number, dy: number): [number, number] => [
  cos * dx - sin * dy,
  sin * dx + cos * dy,
];

/** What makes new windows of those that are there, while training. */
export type Augmentation = {
  /** Turn each window by a random angle. */
  readonly rotations: boolean;
  /** Mirror every other window, at random. */
  readonly flips: boolean;
  /** Let every other window run backwards, at random. */
  readonly reversals: boolean;
};

/** A window, turned, mirrored and reversed at random. */
export function augmented(window: Window, { rotations, flips, reversals }: Augmentation, random: Random): Window {
  const angle = rotations ? 2 * Math.PI * random.uniform() : 0;
  const side = flips && random.uniform() < 0.5 ? -1 : 1;
  const back = reversals && random.uniform() < 0.5;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const n = window.x.length;
  const [x, y] = [new Float64Array(n), new Float64Array(n)];
  for (let k = 0; k < n; k++) {
    const from = back ? n - 1 - k : k;
    const [a, b] = [window.x[from] as number, side * (window.y[from] as number)];
    x[k] = cos * a - sin * b;
    y[k] = sin * a + cos * b;
  }
  return { ...window, x, y };
}
