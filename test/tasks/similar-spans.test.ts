/** Spans of a text in which the same units are on, beside all spans that there are. */
import { expect, test } from "vitest";
import { createRandom } from "../../src/nn/random.ts";
import {
  type MatchesByChance,
  matchesByChance,
  maxSpans,
  proposedThreshold,
  type SimilarSpan,
  type StateSpan,
  shiftedCopies,
  similarSpans,
  unitsOn,
} from "../../src/tasks/similar-spans.ts";

function resultOf<Result>(work: Generator<number, Result>): Result {
  let before = 0;
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    expect(value).toBeGreaterThanOrEqual(before);
    expect(value).toBeLessThanOrEqual(1);
    before = value;
  }
}
const found = (span: StateSpan, units: readonly number[]): readonly SimilarSpan[] =>
  resultOf(similarSpans(span, units));
/** Numbers of some units, from lines of ones and zeros: a line a unit. */
function states(...lines: readonly string[]): Pick<StateSpan, "data" | "size"> {
  const count = (lines[0] as string).length;
  const data = Float32Array.from({ length: count * lines.length }, (_, at) =>
    Number((lines[at % lines.length] as string)[Math.floor(at / lines.length)]),
  );
  return { data, size: lines.length };
}
const usual = { threshold: 0.5, ends: false };

test("units on: at every token; where ends count, off before and after", () => {
  const given = { ...states("0011100", "1111111", "0010100", "0111100"), ...usual, from: 2, to: 5 };
  expect(unitsOn(given)).toEqual([0, 1, 3]);
  expect(unitsOn({ ...given, ends: true })).toEqual([0]);
  expect(unitsOn({ ...given, from: 0, to: 7 })).toEqual([1]);
  expect(unitsOn({ ...given, from: 0, to: 7, ends: true })).toEqual([1]);
  expect(unitsOn({ ...given, threshold: 2 })).toEqual([]);
});

test("a threshold that is proposed leaves five units on, or all that stay above 0", () => {
  const span = { data: Float32Array.of(0.9, 0.8, 0.7, 0.6, 0.537, 0.4, 1, 1, 1, 1, 1, 1), size: 6, from: 0, to: 2 };
  expect(proposedThreshold(span, 0.3)).toBe(0.3);
  expect(proposedThreshold(span, 0.95)).toBe(0.53);
  expect(unitsOn({ ...span, threshold: 0.53, ends: false })).toEqual([0, 1, 2, 3, 4]);
  const few = { ...span, data: span.data.map((x, at) => (at === 1 ? x : x - 0.85)) };
  expect(proposedThreshold(few, 0.3)).toBe(0.049);
  expect(proposedThreshold({ ...span, data: span.data.map((x) => x - 2) }, 0.3)).toBe(0.3);
});

test("the runs of a unit match by their length: a longer one as a whole, or less where ends count", () => {
  const given = { ...states("0111100110011111111"), ...usual, from: 1, to: 5 };
  expect(found(given, [0])).toEqual([
    { from: 11, to: 19, units: [0], match: 1 },
    { from: 7, to: 9, units: [0], match: 0.5 },
  ]);
  expect(found({ ...given, ends: true }, [0]).map(({ from, match }) => [from, match])).toEqual([
    [7, 0.5],
    [11, 0.5],
  ]);
});

test("of several units, the span with more of them on for as long is first; the given one is not among them", () => {
  const given = { ...states("111000111000111", "111000111000000", "111000000000111"), ...usual, from: 0, to: 3 };
  const all = found(given, [0, 1, 2]);
  expect(all.map(({ from, to, units }) => [from, to, units])).toEqual([
    [6, 9, [0, 1]],
    [12, 15, [0, 2]],
  ]);
  for (const { match } of all) expect(match).toBeCloseTo(2 / 3, 10);
});

test.each([1, 2, 3])(
  "the best match of random states is that of all spans that could not be longer (seed %d)",
  (seed) => {
    const random = createRandom(seed);
    const [count, size] = [60, 40];
    // Units stay on or off for a while; there are more than one word of bits.
    const data = new Float32Array(count * size);
    for (let j = 0; j < size; j++) {
      let on = random.integer(2);
      for (let t = 0; t < count; t++) {
        if (random.uniform() < 0.2) on = 1 - on;
        data[t * size + j] = on;
      }
    }
    for (const ends of [false, true]) {
      const given = { data, size, from: 20, to: 24, threshold: 0.5, ends };
      const units = unitsOn({ ...given, ends: false });
      expect(units.length).toBeGreaterThan(3);
      const onThrough = (from: number, to: number) => {
        const on = unitsOn({ ...given, from, to, ends: false });
        return units.filter((unit) => on.includes(unit));
      };
      const all: { from: number; to: number; match: number }[] = [];
      for (let from = 0; from < count; from++) {
        for (let to = from + 1; to <= count; to++) {
          if (to > 20 && from < 24) continue;
          const [first, last] = to <= 20 ? [0, 20] : [24, count];
          const own = onThrough(from, to);
          if (own.length === 0) break;
          const longer = [from > first ? onThrough(from - 1, to) : [], to < last ? onThrough(from, to + 1) : []];
          if (longer.some((other) => other.length === own.length)) continue;
          const length = to - from;
          const covered = ends ? Math.min(length, 4) / Math.max(length, 4) : Math.min(1, length / 4);
          all.push({ from, to, match: (own.length / units.length) * covered });
        }
      }
      const spans = found(given, units);
      expect(spans.length).toBeGreaterThan(1);
      expect(spans.length).toBeLessThanOrEqual(maxSpans);
      expect(spans[0]?.match).toBeCloseTo(Math.max(...all.map(({ match }) => match)), 10);
      spans.forEach(({ from, to, units: own, match }, k) => {
        expect(own).toEqual(onThrough(from, to));
        expect(match).toBeCloseTo(all.find((one) => one.from === from && one.to === to)?.match ?? Number.NaN, 10);
        expect(match).toBeLessThanOrEqual(spans[k - 1]?.match ?? 1);
        for (const other of spans.slice(0, k)) expect(from >= other.to || to <= other.from).toBe(true);
      });
    }
  },
);

test("of a unit that is always on there is what is before the given span, and what is after it", () => {
  const given = { ...states("1111111111"), ...usual, from: 4, to: 6 };
  expect(found(given, [0]).map(({ from, to, match }) => [from, to, match])).toEqual([
    [0, 4, 1],
    [6, 10, 1],
  ]);
});

test("without units there is nothing to match", () => {
  expect(found({ ...states("0110"), ...usual, from: 1, to: 3 }, [])).toEqual([]);
});

/** Three units, each on for three tokens now and then: all three together, or each by itself. */
function eventsOf(seed: number, together: boolean): Pick<StateSpan, "data" | "size"> {
  const random = createRandom(seed);
  const [count, size] = [2000, 3];
  const data = new Float32Array(count * size);
  for (let event = 0; event < 60; event++) {
    const place = event === 0 ? 10 : random.integer(count - 3);
    for (let unit = 0; unit < size; unit++) {
      const own = together || event === 0 ? place : random.integer(count - 3);
      for (let t = own; t < own + 3; t++) data[t * size + unit] = 1;
    }
  }
  return { data, size };
}
const chanceOf = (together: boolean, units: readonly number[], seed = 5): readonly MatchesByChance[] =>
  resultOf(matchesByChance({ ...eventsOf(seed, together), ...usual, from: 10, to: 13 }, units, [1, 0.6]));

test("units that are on together match far more often than in shifted copies; units that are not, about as often", () => {
  const [whole, partly] = chanceOf(true, [0, 1, 2]) as [MatchesByChance, MatchesByChance];
  // All events but the given one, less those that run into another.
  expect(whole.here).toBeGreaterThan(45);
  expect(whole.shifted).toHaveLength(shiftedCopies);
  expect(Math.max(...whole.shifted)).toBeLessThan(5);
  expect(partly.here).toBeGreaterThanOrEqual(whole.here);
  let within = 0;
  for (let seed = 1; seed <= 10; seed++) {
    const [, { here, shifted }] = chanceOf(false, [0, 1, 2], seed) as [MatchesByChance, MatchesByChance];
    if (here >= (shifted[0] as number) && here <= (shifted.at(-1) as number)) within++;
  }
  // Of 20 that are drawn alike one is the fewest or the most by chance in a tenth of the cases.
  expect(within).toBeGreaterThanOrEqual(7);
});

test("matches by chance: the text's own are those that are found; a single unit has as many in each copy; the copies stay the same", () => {
  const span = { ...eventsOf(7, true), ...usual, from: 10, to: 13 };
  const spans = found(span, [0, 1, 2]);
  const least = 0.9;
  expect(chanceOf(true, [0, 1, 2], 7)).toEqual(chanceOf(true, [0, 1, 2], 7));
  const [{ here }] = resultOf(matchesByChance(span, [0, 1, 2], [least])) as [MatchesByChance];
  const isAll = spans.length < maxSpans;
  expect(isAll).toBe(false);
  expect(here).toBeGreaterThanOrEqual(spans.filter(({ match }) => match >= least).length);
  const [one] = resultOf(matchesByChance(span, [1], [1])) as [MatchesByChance];
  // Where a run lies over the given span or over the end it is one more or one less.
  for (const count of one.shifted) expect(Math.abs(count - one.here)).toBeLessThanOrEqual(2);
  expect(resultOf(matchesByChance(span, [], [1]))).toEqual([]);
});
