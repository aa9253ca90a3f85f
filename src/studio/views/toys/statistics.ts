/** Mean and spread of runs that differ in their seeds. */
import type { ToyRun } from "./running.ts";

/** The mean, and the sample's standard deviation; undefined of a single value. */
export type Spread = { readonly mean: number; readonly deviation: number | undefined };

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, deviation: undefined };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}

/** The runs of one size. */
export type SizeSummary = {
  readonly units: number;
  readonly runs: readonly ToyRun[];
  readonly exact: Spread;
  readonly loss: Spread;
  readonly longer: Spread;
};

/** The share of whole sequences that are right at the longest length that is measured. */
export const longestExact = ({ latest }: ToyRun): number => latest.byLength.scores.at(-1)?.exact ?? Number.NaN;

/** A row for each size, the smallest first. */
export function bySize(runs: readonly ToyRun[]): readonly SizeSummary[] {
  const sizes = [...new Set(runs.map(({ settings }) => settings.units))].sort((a, b) => a - b);
  return sizes.map((units) => {
    const own = runs.filter(({ settings }) => settings.units === units);
    return {
      ...{ units, runs: own },
      exact: spreadOf(own.map(({ latest }) => latest.held.exact)),
      loss: spreadOf(own.map(({ latest }) => latest.loss)),
      longer: spreadOf(own.map(longestExact)),
    };
  });
}
