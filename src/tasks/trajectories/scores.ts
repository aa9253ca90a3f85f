/** How far predicted futures are from what came: ADE, FDE, the best of several, the error by second; and constant velocity. */
import type { Path } from "../../train/densities/paths.ts";
import type { Window } from "./windows.ts";

/** One future with its probability, in the coordinates of the table. */
export type Future = Path & { readonly probability: number };

/** Errors, in the unit of the table. */
export type Scores = {
  /** The mean distance over the predicted steps, of the single prediction. */
  readonly ade: number;
  /** The distance at the last step. */
  readonly fde: number;
  /** The same of the best of the futures, chosen for each window and for each of the two. */
  readonly minAde: number;
  readonly minFde: number;
  /** The root of the mean squared distance at each predicted step, of the single prediction. */
  readonly rmse: readonly number[];
  /** The number of windows. */
  readonly windows: number;
};

/** Decimals that show 3 digits of a number of this size, and at least `least` of them: metres have few, degrees of GPS many. */
export const decimalsFor = (size: number, least: number): number =>
  size > 0 && Number.isFinite(size) ? Math.min(100, Math.max(least, 2 - Math.floor(Math.log10(size)))) : least;

/** A score with these decimals; what would be a row of zeros, as what rounding leaves of places on a line, with an exponent. */
export const shownScore = (score: number, decimals: number): string =>
  decimals > 9 ? score.toExponential(2) : score.toFixed(decimals);

/** Decimals that tell the predicted steps of tracks apart: by their lengths, but for the shortest tenth. */
export function decimalsOfSteps(
  tracks: readonly { readonly seen: Path; readonly futures: readonly Path[] }[],
  least: number,
): number {
  const lengths = tracks.flatMap(({ seen, futures }) =>
    futures.flatMap(({ x, y }) =>
      Array.from(x, (value, t) => {
        const [fromX, fromY] = t === 0 ? [seen.x.at(-1), seen.y.at(-1)] : [x[t - 1], y[t - 1]];
        return Math.hypot(value - (fromX as number), (y[t] as number) - (fromY as number));
      }),
    ),
  );
  const moving = Float64Array.from(lengths.filter((length) => length > 0)).sort();
  return decimalsFor(moving[Math.floor(moving.length / 10)] ?? 0, least);
}

/** The last displacement that was seen, again and again. */
export function constantVelocity({ x, y }: Pick<Window, "x" | "y">, seen: number, predicted: number): Path {
  const next = (of: Float64Array): Float64Array => {
    const [last, before] = [of[seen - 1] as number, of[seen - 2] as number];
    return Float64Array.from({ length: predicted }, (_, t) => last + (t + 1) * (last - before));
  };
  return { x: next(x), y: next(y) };
}

/** The distances of a path from what came after the seen steps. */
function distances(path: Path, { x, y }: Window, seen: number): Float64Array {
  return Float64Array.from(path.x, (value, t) =>
    Math.hypot(value - (x[seen + t] as number), (path.y[t] as number) - (y[seen + t] as number)),
  );
}

/**
 * Scores of single predictions and of several futures for each window.
 * @param futures for each window; without them the single prediction is the best
 */
export function scoresOf(
  windows: readonly Window[],
  seen: number,
  single: readonly Path[],
  futures?: readonly (readonly Path[])[],
): Scores {
  const totals = { ade: 0, fde: 0, minAde: 0, minFde: 0 };
  const squares = new Float64Array(single[0]?.x.length ?? 0);
  windows.forEach((window, n) => {
    const off = distances(single[n] as Path, window, seen);
    off.forEach((one, t) => {
      squares[t] = (squares[t] as number) + one * one;
    });
    totals.ade += mean(off);
    totals.fde += off.at(-1) as number;
    const all = (futures?.[n] ?? [single[n] as Path]).map((path) => distances(path, window, seen));
    totals.minAde += Math.min(...all.map(mean));
    totals.minFde += Math.min(...all.map((one) => one.at(-1) as number));
  });
  const count = windows.length;
  const over = (total: number): number => total / count;
  return {
    ...{ ade: over(totals.ade), fde: over(totals.fde), minAde: over(totals.minAde), minFde: over(totals.minFde) },
    ...{ rmse: Array.from(squares, (square) => Math.sqrt(square / count)), windows: count },
  };
}
const mean = (of: Float64Array): number => of.reduce((a, b) => a + b, 0) / of.length;
