/** Points of two kinds in the plane, to be told apart by a perceptron. */
import type { Point } from "../../engine/experiments.ts";
import { texts } from "../../texts/texts.ts";

const own = texts.learn.points;

/** The four corners with what a function of two bits says of them: 00, 01, 10, 11. */
const corners = (kinds: readonly [0 | 1, 0 | 1, 0 | 1, 0 | 1]): readonly Point[] =>
  kinds.map((kind, k) => ({ x: [k >> 1, k & 1], kind }));

const cloud = (kind: 0 | 1, places: readonly (readonly [number, number])[]): readonly Point[] =>
  places.map((x) => ({ x, kind }));

export type DataSet = "and" | "or" | "clouds" | "xor";
export const dataSets: Readonly<Record<DataSet, { readonly title: string; readonly points: readonly Point[] }>> = {
  and: { title: own.and, points: corners([0, 0, 0, 1]) },
  or: { title: own.or, points: corners([0, 1, 1, 1]) },
  clouds: {
    title: own.clouds,
    points: [
      ...cloud(0, [
        [-0.3, 0.55],
        [0.05, 0.9],
        [0.3, 1.3],
        [-0.1, 1.25],
        [0.4, 0.75],
        [0.65, 1.15],
      ]),
      ...cloud(1, [
        [0.3, 0.05],
        [0.75, 0.4],
        [1.1, 0.75],
        [0.85, -0.15],
        [1.25, 0.2],
        [0.55, -0.35],
      ]),
    ],
  },
  xor: { title: own.xor, points: corners([0, 1, 1, 0]) },
};

/** What is seen of the plane, in both directions. */
export const [lowest, highest] = [-0.6, 1.6];
/** A place within what is seen, on a grid of hundredths. */
export const within = (value: number): number =>
  Math.round(100 * Math.min(highest - 0.05, Math.max(lowest + 0.05, value))) / 100;
