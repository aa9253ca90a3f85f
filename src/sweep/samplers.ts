/** Which points of a space a sweep tries, in order: all of a grid, random ones, or those of Sobol's sequence. The same for a seed. */
import { InputError } from "../graph/input-error.ts";
import { createRandom } from "../nn/random.ts";
import { maxDimensions, sobolPoint } from "./sobol.ts";
import { type Axis, countPoints, type Value, valueAt, valuesOf } from "./space.ts";

/** How the points of a sweep are chosen. */
export type SamplerName = "random" | "sobol" | "grid";

/** The searched settings of a trial, by name. */
export type Point = Readonly<Record<string, Value>>;

/** The most trials of a sweep. */
export const maxTrials = 10_000;

export type Sampling = {
  readonly sampler: SamplerName;
  readonly seed: number;
  /** By default all of a grid, else 20. */
  readonly trials?: number | undefined;
};

/**
 * The points of a sweep. Those of more trials begin with those of fewer, and no point comes twice.
 * @param names of the options in messages: a command has other ones than the library
 * @throws InputError for a range without a grid, and for more trials than there are points
 */
export function pointsOf(
  space: readonly Axis[],
  { sampler, seed, trials }: Sampling,
  names: { readonly space: string; readonly trials: string; readonly sampler: string },
): readonly Point[] {
  const count = countPoints(space);
  const all = count.toLocaleString("en-US");
  if (sampler === "grid") {
    for (const axis of space) {
      if (valuesOf(axis) !== undefined) continue;
      throw new InputError(
        `${names.space}: ${axis.name}: a grid needs a list, or a range with "points". Add "points": 5, or search at random.`,
      );
    }
    if (count > maxTrials) throw tooMany(`the grid has ${all} points`, names.space);
    if (trials !== undefined && trials !== count) {
      throw new InputError(
        `${names.trials}: the grid has ${all} points, got ${trials}. Leave it out, or search at random.`,
      );
    }
    return Array.from({ length: count }, (_, index) => gridPoint(space, index));
  }
  const wanted = trials ?? Math.min(20, count);
  if (wanted > maxTrials) throw tooMany(`there are ${wanted.toLocaleString("en-US")} trials`, names.trials);
  if (wanted > count) {
    throw new InputError(
      `${names.trials}: the space has ${all} different points, got ${wanted}. Give at most ${all}, or ${names.sampler} grid.`,
    );
  }
  if (sampler === "sobol" && space.length > maxDimensions) {
    throw new InputError(
      `${names.space}: Sobol's sequence has ${maxDimensions} dimensions, got ${space.length} settings.`,
    );
  }
  const points = new Map<string, Point>();
  for (let index = 0; points.size < wanted; index++) {
    const places = sampler === "sobol" ? sobolPoint(index, space.length, seed) : randomPlaces(space, seed, index);
    const point = Object.fromEntries(space.map((axis, k) => [axis.name, valueAt(axis, places[k] as number)]));
    const key = JSON.stringify(point);
    if (!points.has(key)) points.set(key, point);
  }
  return [...points.values()];
}

const tooMany = (what: string, where: string): InputError =>
  new InputError(`${where}: ${what}, and the limit is ${maxTrials.toLocaleString("en-US")}.`);

/** Each point has a generator of its own, so it does not depend on the number of settings of those before. */
function randomPlaces(space: readonly Axis[], seed: number, index: number): number[] {
  const random = createRandom(seed * 2 ** 20 + index);
  return space.map(() => random.uniform());
}

/** The last setting changes fastest. */
function gridPoint(space: readonly Axis[], index: number): Point {
  let rest = index;
  const values = space.toReversed().map((axis) => {
    const all = valuesOf(axis) as readonly Value[];
    const value = all[rest % all.length] as Value;
    rest = Math.floor(rest / all.length);
    return [axis.name, value] as const;
  });
  return Object.fromEntries(values.toReversed());
}
