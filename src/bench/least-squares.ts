/** The straight line through points that leaves the least squares. Knows nothing about what the points are. */

export type Line = {
  readonly slope: number;
  readonly constant: number;
  /** 1 where all points lie on the line. */
  readonly r2: number;
  /** What each point is above the line, as a share of the line there. */
  readonly residuals: readonly number[];
};

/** @param points at two places at least */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Line {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const slope =
    mean(points.map(([x, y]) => (x - meanX) * (y - meanY))) / mean(points.map(([x]) => (x - meanX) * (x - meanX)));
  const constant = meanY - slope * meanX;
  const at = (x: number): number => constant + slope * x;
  const squares = (from: (x: number) => number): number =>
    points.reduce((total, [x, y]) => total + (y - from(x)) * (y - from(x)), 0);
  const all = squares(() => meanY);
  return {
    ...{ slope, constant },
    r2: all === 0 ? 1 : 1 - squares(at) / all,
    residuals: points.map(([x, y]) => (y - at(x)) / at(x)),
  };
}
