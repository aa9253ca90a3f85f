/** What the outputs of a forecaster's network mean: its loss, and the numbers that are read from a row. */
import { quantileOf } from "../../data/scaling.ts";
import type { Random } from "../../nn/random.ts";
import { type Density, gaussian, negativeBinomial, quantiles, studentT } from "../../train/densities/univariate.ts";
import { huber, type Loss, lossOf, targetSizeOf } from "../../train/losses.ts";
import type { ForecastSettings } from "./settings.ts";

/** How the outputs of one network are read: n values, each with its distribution or alone. */
export type HeadReader = {
  readonly loss: Loss;
  /** Numbers for each value. */
  readonly parts: number;
  /** Undefined for head "point". */
  readonly density: Density | undefined;
};

/** The head for n values. */
export function headOf({ head, levels, loss, countScale }: ForecastSettings, n: number): HeadReader {
  const of = (density: Density): HeadReader => ({ loss: density, parts: density.outputSize / n, density });
  switch (head) {
    case "point":
      return { loss: loss === "huber" ? huber() : lossOf(loss), parts: 1, density: undefined };
    case "gaussian":
      return of(gaussian({ targets: n }));
    case "student-t":
      return of(studentT({ targets: n }));
    case "negative-binomial":
      return of(negativeBinomial({ targets: n, scale: countScale }));
    case "quantiles":
      return of(quantiles({ levels, targets: n }));
  }
}

/** The loss of networks beside each other, whose outputs follow each other: the mean of their losses. */
export const lossOfMembers = (loss: Loss, members: number): Loss =>
  members === 1
    ? loss
    : {
        target: "vector",
        targetSize: (outputSize) => targetSizeOf(loss, outputSize / members),
        build(g, output, target) {
          const size = (g.shapeOf(output) as number) / members;
          const losses = Array.from({ length: members }, (_, k) =>
            loss.build(g, g.slice(output, k * size, size), target),
          );
          return g.mul(losses.reduce(g.add), g.constant(1 / members));
        },
      };

/** The rows of the members in a row of outputs. */
export function rowsOfMembers(row: Float32Array, members: number): Float32Array[] {
  const size = row.length / members;
  return Array.from({ length: members }, (_, k) => row.subarray(k * size, (k + 1) * size));
}

const meanOf = (lists: readonly (readonly number[])[]): number[] =>
  (lists[0] as readonly number[]).map(
    (_, k) => lists.reduce((sum, list) => sum + (list[k] as number), 0) / lists.length,
  );

/** The mean of n values; of several members, the mean of theirs. */
export const meansOf = ({ density }: HeadReader, rows: readonly Float32Array[]): number[] =>
  meanOf(rows.map((row) => (density === undefined ? Array.from(row) : density.mean(row))));

/** The quantiles of n values; of several members, the mean of theirs. */
export const quantilesOf = (density: Density, rows: readonly Float32Array[], p: number): number[] =>
  meanOf(rows.map((row) => density.quantile(row, p)));

/** A draw of n values; of a network without a distribution, its value. */
export const drawOf = ({ density }: HeadReader, row: Float32Array, random: Random): number[] =>
  density === undefined ? Array.from(row) : density.sample(row, random);

/** The quantile of numbers that need not be sorted. */
export const sampleQuantile = (values: readonly number[], p: number): number =>
  quantileOf(Float64Array.from(values).sort(), p);
