/** Which points of a map lie in a rectangle, and what they are beside what chance would give. Knows nothing about drawing. */

/** A rectangle of a map, its sides included, in the units of its axes. */
export type Area = {
  readonly left: number;
  readonly right: number;
  readonly low: number;
  readonly high: number;
};

/** The smallest rectangle around two corners whose numbers are short, so that they can stand in an address. `extent`: of the map. */
export function areaBetween(a: readonly [number, number], b: readonly [number, number], extent: number): Area {
  const step = 10 ** (Math.floor(Math.log10(extent > 0 ? extent : 1)) - 3);
  const [down, up] = [(x: number) => Math.floor(x / step) * step, (x: number) => Math.ceil(x / step) * step];
  const short = (x: number): number => Number(x.toPrecision(12));
  return {
    ...{ left: short(down(Math.min(a[0], b[0]))), right: short(up(Math.max(a[0], b[0]))) },
    ...{ low: short(down(Math.min(a[1], b[1]))), high: short(up(Math.max(a[1], b[1]))) },
  };
}

export const areaText = ({ left, right, low, high }: Area): string => [left, right, low, high].join(",");

/** The rectangle of an address; undefined where it is none. */
export function areaOf(text: string | undefined): Area | undefined {
  const numbers = (text ?? "").split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const [left, right, low, high] = numbers as [number, number, number, number];
  const isOne = numbers.length === 4 && numbers.every(Number.isFinite) && left <= right && low <= high;
  return isOne ? { left, right, low, high } : undefined;
}

/** Whether each of the points (N) lies in a rectangle. */
export function pointsIn({ left, right, low, high }: Area, across: Float32Array, up: Float32Array): Uint8Array {
  return Uint8Array.from(across, (x, n) => {
    const y = up[n] as number;
    return x >= left && x <= right && y >= low && y <= high ? 1 : 0;
  });
}

/** How many points of a class are selected, how many chance would select, and how many there are. */
export type Share = {
  readonly name: string;
  readonly selected: number;
  /** The number of selected points, times the class's share of all points. */
  readonly expected: number;
  readonly all: number;
};

/** The classes of points of which some are selected, those that are more often selected than by chance first. */
export function sharesOf(names: readonly string[], selected: Uint8Array): readonly Share[] {
  const counts = new Map<string, [selected: number, all: number]>();
  names.forEach((name, n) => {
    const count = counts.get(name) ?? [0, 0];
    count[0] += selected[n] as number;
    count[1]++;
    counts.set(name, count);
  });
  const total = selected.reduce((sum, one) => sum + one, 0);
  return [...counts]
    .filter(([, [own]]) => own > 0)
    .map(([name, [own, all]]) => ({ name, selected: own, expected: (total * all) / names.length, all }))
    .sort((a, b) => b.selected - b.expected - (a.selected - a.expected));
}
