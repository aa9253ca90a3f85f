/**
 * Which units follow a signal, and whether that is more than chance. Among many units one always correlates with a signal a
 * little, and both change slowly, so the size of a correlation proves nothing. Therefore the unit is chosen on the first half
 * of a text and judged on the second, and both correlations are compared with what the same search finds for the same signal
 * shifted in time: such a signal is as slow and as frequent, but unrelated to the text. Knows nothing about models and texts.
 */
import { createRandom } from "../nn/random.ts";

/** A signal has to begin at least this often in each half; otherwise nothing can be said. */
export const leastBeginnings = 10;
/** The number of shifted signals: the smallest chance that can be measured is 1 in 100. */
const shiftCount = 99;
/** A chance of at most this, in each half, counts as more than chance. */
export const level = 0.05;
/** The smallest correlation in the second half at which a unit is said to follow; below it, it follows weakly if it is above chance. */
export const closely = 0.5;

/** Consecutive tokens whose numbers lie on a line: `value` at `from`, then `slope` more at each token, up to but not including `to`. */
type Segment = { readonly from: number; readonly to: number; readonly value: number; readonly slope: number };
/** Half of a signal, as a ring that can be rotated. */
type Ring = {
  readonly from: number;
  readonly count: number;
  readonly segments: readonly Segment[];
  /** The square root of the sum of squares around the mean. */
  readonly scale: number;
  /** The numbers of tokens that it is rotated by, the first of them 0. */
  readonly turns: readonly number[];
};
/** A signal prepared for the search: its two halves, and how often it begins in each. */
export type Prepared = { readonly halves: readonly [Ring, Ring]; readonly beginnings: readonly [number, number] };

export const meanOf = (numbers: Float32Array): number => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

/** How often a signal rises above its mean: for 0 and 1, how often a 1 follows a 0; for the place in a line, the number of lines. */
export function beginningsOf(signal: Float32Array): number {
  const mean = meanOf(signal);
  return signal.reduce((count, x, t) => count + (t > 0 && x > mean && (signal[t - 1] as number) <= mean ? 1 : 0), 0);
}

/** Split a signal (T) into halves, and choose the shifts; the same signal always gets the same shifts. */
export function prepare(signal: Float32Array): Prepared {
  const half = Math.floor(signal.length / 2);
  const random = createRandom(0);
  const ring = (from: number, to: number): Ring => {
    const own = signal.subarray(from, to);
    const count = own.length;
    const mean = meanOf(own);
    // A shift below the distance between two beginnings would leave the signal partly in place.
    const least = Math.floor(Math.min(count / 4, Math.max(50, count / Math.max(1, beginningsOf(own)))));
    const shifted = Array.from({ length: shiftCount }, () => least + random.integer(Math.max(1, count - 2 * least)));
    const scale = Math.sqrt(own.reduce((sum, x) => sum + (x - mean) ** 2, 0));
    return { from, count, segments: segmentsOf(own), scale, turns: [0, ...shifted] };
  };
  const beginnings = [signal.subarray(0, half), signal.subarray(half)].map(beginningsOf) as [number, number];
  return { halves: [ring(0, half), ring(half, signal.length)], beginnings };
}

function segmentsOf(signal: Float32Array): readonly Segment[] {
  const found: Segment[] = [];
  for (let from = 0; from < signal.length; ) {
    const value = signal[from] as number;
    const slope = from + 1 < signal.length ? (signal[from + 1] as number) - value : 0;
    let to = from + 1;
    while (to < signal.length && (signal[to] as number) - (signal[to - 1] as number) === slope) to++;
    if (value !== 0 || slope !== 0) found.push({ from, to, value, slope });
    from = to;
  }
  return found;
}

/** Pearson's correlations of the units of a value with a signal. */
export type Correlations = {
  /** The correlations of each unit in the first half, and in the second. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** For each shifted signal: that of the strongest unit in the first half, and that of the same unit in the second. */
  readonly shifted: readonly Judged[];
};
/** The correlations of a unit: `chosen`, in the half in which it was chosen, without its sign; `judged`, in the other half, negative if its sign differs. */
export type Judged = { readonly chosen: number; readonly judged: number };

/** Correlate each unit of `data` (T,size) with a signal. A unit or a signal that never changes has a correlation of 0. */
export function correlate(data: Float32Array, size: number, { halves }: Prepared): Correlations {
  const turns = shiftCount + 1;
  const [first, second] = halves.map((ring) => {
    const all = new Float32Array(size * turns);
    const scratch = scratchFor(ring.count);
    for (let j = 0; j < size; j++)
      correlateUnit(data, size, j, ring, scratch, all.subarray(j * turns, (j + 1) * turns));
    return all;
  }) as [Float32Array, Float32Array];
  const of = (all: Float32Array, unit: number, turn: number): number => all[unit * turns + turn] as number;
  const shifted = Array.from({ length: shiftCount }, (_, k): Judged => {
    let best = 0;
    for (let j = 1; j < size; j++) if (Math.abs(of(first, j, k + 1)) > Math.abs(of(first, best, k + 1))) best = j;
    return judge(of(first, best, k + 1), of(second, best, k + 1));
  });
  const unturned = (all: Float32Array): Float32Array => Float32Array.from({ length: size }, (_, j) => of(all, j, 0));
  return { first: unturned(first), second: unturned(second), shifted };
}

const judge = (chosen: number, judged: number): Judged => ({
  chosen: Math.abs(chosen),
  judged: chosen < 0 ? -judged : judged,
});

/** Cumulative sums, over two rounds of a ring, of a unit's numbers and of their places times the numbers. */
type Scratch = { readonly sums: Float64Array; readonly moments: Float64Array };
const scratchFor = (count: number): Scratch => ({
  sums: new Float64Array(2 * count + 1),
  moments: new Float64Array(2 * count + 1),
});

/** Correlate one unit with each rotation of a ring. With cumulative sums the cost of a segment does not depend on its length. */
function correlateUnit(
  data: Float32Array,
  size: number,
  unit: number,
  { from, count, segments, scale, turns }: Ring,
  { sums, moments }: Scratch,
  out: Float32Array,
): void {
  let [mean, all, own] = [0, 0, 0];
  for (let t = 0; t < count; t++) {
    const x = data[(from + t) * size + unit] as number;
    mean += x / count;
    all += x * x;
  }
  for (let t = 0; t < 2 * count; t++) {
    const x = (data[(from + (t < count ? t : t - count)) * size + unit] as number) - mean;
    if (t < count) own += x * x;
    sums[t + 1] = (sums[t] as number) + x;
    moments[t + 1] = (moments[t] as number) + t * x;
  }
  const denominator = Math.sqrt(own) * scale;
  // A unit that never changes leaves only rounding errors, which are no signal; neither is NaN.
  if (!(own > 1e-12 * all && denominator > 0)) return;
  turns.forEach((turn, k) => {
    let product = 0;
    for (const segment of segments) {
      const [a, b] = [segment.from + turn, segment.to + turn];
      const sum = (sums[b] as number) - (sums[a] as number);
      product += segment.value * sum;
      if (segment.slope !== 0) {
        product += segment.slope * ((moments[b] as number) - (moments[a] as number) - a * sum);
      }
    }
    out[k] = product / denominator;
  });
}

/** The numbers that shifted signals give: the largest (`most`), and one that 19 of 20 do not exceed (`usual`). */
export type Shifted = { readonly most: number; readonly usual: number };
export function shiftedOf(numbers: readonly number[]): Shifted {
  const sorted = [...numbers].sort((a, b) => a - b);
  return { most: sorted.at(-1) ?? 0, usual: sorted[Math.ceil((1 - level) * sorted.length) - 1] ?? 0 };
}
/** The probability that chance alone gives at least x, from shifted signals. */
const chanceOf = (x: number, shifted: readonly number[]): number =>
  (1 + shifted.filter((other) => other >= x).length) / (1 + shifted.length);

/** A unit of one of several values, with its correlations in both halves. */
export type Follower = {
  readonly value: number;
  readonly unit: number;
  readonly first: number;
  readonly second: number;
};
/**
 * "follows": above chance in both halves, and closely in the second. "weakly": above chance in both halves. "none": not above
 * chance. "too few": the signal does not begin often enough to say.
 */
export type Verdict = "follows" | "weakly" | "none" | "too few";
export type Following = {
  readonly verdict: Verdict;
  /** The units with the strongest correlations in the first half, the strongest first. */
  readonly best: readonly Follower[];
  readonly beginnings: readonly [number, number];
  /** What shifted signals give: in the first half the strongest correlation, in the second that of the same unit. */
  readonly first: Shifted & { readonly chance: number };
  readonly second: Shifted & { readonly chance: number };
};

/** The result of the search over the units of all values together. */
export function followingOf(
  all: readonly Correlations[],
  { beginnings }: Pick<Prepared, "beginnings">,
  most = 10,
): Following {
  const best = all
    .flatMap(({ first, second }, value) =>
      Array.from(first, (r, unit): Follower => ({ value, unit, first: r, second: second[unit] as number })),
    )
    .sort((a, b) => Math.abs(b.first) - Math.abs(a.first))
    .slice(0, most);
  const shifted = Array.from({ length: shiftCount }, (_, k) =>
    all.map(({ shifted }) => shifted[k] as Judged).reduce((a, b) => (b.chosen > a.chosen ? b : a)),
  );
  const found = judge(best[0]?.first ?? 0, best[0]?.second ?? 0);
  const beside = (which: keyof Judged) => {
    const others = shifted.map((one) => one[which]);
    return { ...shiftedOf(others), chance: chanceOf(found[which], others) };
  };
  const [first, second] = [beside("chosen"), beside("judged")];
  const above = first.chance <= level && second.chance <= level && found.judged > 0;
  const said = above ? (found.judged >= closely ? "follows" : "weakly") : "none";
  const verdict = Math.min(...beginnings) < leastBeginnings ? "too few" : said;
  return { verdict, best, beginnings, first, second };
}
