/**
 * Find the spans of a text in which the same units are on as in a given one, after H. Strobelt, S. Gehrmann, H. Pfister and
 * A. Rush, "LSTMVis: a tool for visual analysis of hidden state dynamics in recurrent neural networks", 2018. A unit is on at a token
 * where its number is at least a threshold. Units that are often on are often on together, so matches are counted in shifted copies,
 * too. Knows nothing about models and texts.
 */
import { createRandom } from "../nn/random.ts";

/** A value (T,size) of which units are on, and the span [from, to) of tokens. */
export type StateSpan = {
  readonly data: Float32Array;
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly threshold: number;
  /** Whether the span's ends count: its units are off just before and just after it, and a longer span matches less, too. */
  readonly ends: boolean;
};

/** The units that are on at every token of a span and, where its ends count, off just before and just after it. */
export function unitsOn({ data, size, from, to, threshold, ends }: StateSpan): readonly number[] {
  const isOn = (t: number, unit: number): boolean => (data[t * size + unit] as number) >= threshold;
  const last = data.length / size;
  return Array.from({ length: size }, (_, unit) => unit).filter((unit) => {
    for (let t = from; t < to; t++) if (!isOn(t, unit)) return false;
    return !ends || ((from === 0 || !isOn(from - 1, unit)) && (to >= last || !isOn(to, unit)));
  });
}

/** The number of units that a proposed threshold leaves on, if so many can be. */
const proposedUnits = 5;

/**
 * A threshold at which some units are on during a span: the usual one or, where it leaves fewer than five, the number that five
 * of them stay above, or as many as are above 0 at all. Of a span in which no unit stays above 0, the usual one.
 */
export function proposedThreshold(
  { data, size, from, to }: Omit<StateSpan, "threshold" | "ends">,
  usual: number,
): number {
  const lowest = Array.from({ length: size }, (_, unit) => {
    let least = Infinity;
    for (let t = from; t < to; t++) least = Math.min(least, data[t * size + unit] as number);
    return least;
  });
  const above = lowest.filter((number) => number > 0).sort((a, b) => b - a);
  const last = above[Math.min(proposedUnits, above.length) - 1];
  if (last === undefined || last >= usual) return usual;
  // Two digits, and not more than the number itself.
  const digit = 10 ** (Math.floor(Math.log10(last)) - 1);
  return Number((Math.floor(last / digit) * digit).toPrecision(2));
}

/** A span [from, to) of the text that matches the given one. */
export type SimilarSpan = {
  readonly from: number;
  readonly to: number;
  /** Those of the given units that are on at every token of it. */
  readonly units: readonly number[];
  /** 0 to 1: see `similarSpans`. */
  readonly match: number;
};

/** The largest number of spans that are found. */
export const maxSpans = 50;
/** A span that matches less is no match. */
const leastMatch = 0.2;

/**
 * The spans of a text that match a given one, the best first; of the same match the one that is closest in length, then the first. A
 * span's match is the share of the units that are on at every token of it, times its length as a share of the given span's: a
 * longer span counts as a whole one or, where ends count, as much as a shorter one. Spans that could be longer with the same units
 * are not considered, and none overlaps another; the given one is left out, and cuts those that it would be in. Yields the share of the text that is done.
 * @param units the units that are compared
 */
export function* similarSpans(
  span: StateSpan,
  units: readonly number[],
): Generator<number, readonly SimilarSpan[], undefined> {
  if (units.length === 0) return [];
  const found = yield* candidatesIn(span, units, seriesOf(span, units));
  return [...keptOf(found, span)].slice(0, maxSpans).map(({ on, ...one }) => ({
    ...one,
    units: units.filter((_, k) => (((on[k >> 5] as number) >> (k & 31)) & 1) === 1),
  }));
}

/** The number of shifted copies that matches are compared with. */
export const shiftedCopies = 19;

/** How many spans match at least so well: in the text, and in each shifted copy of it, the fewest first. */
export type MatchesByChance = { readonly match: number; readonly here: number; readonly shifted: readonly number[] };

/**
 * How many spans match at least as well as each of some matches, in the text and in copies of it. In a copy the numbers of each unit
 * are moved along the text by a random number of tokens of its own, those at the end to the beginning: each unit is on as often and
 * as long as before, but not where the others are. The copies are the same at each call. Yields the share that is done.
 * @param units the units that are compared; of a single one a copy matches as the text does
 * @param matches from 0.2 to 1
 */
export function* matchesByChance(
  span: StateSpan,
  units: readonly number[],
  matches: readonly number[],
): Generator<number, readonly MatchesByChance[], undefined> {
  if (units.length === 0) return [];
  const random = createRandom(0);
  const series = seriesOf(span, units);
  const count = span.data.length / span.size;
  const counts: number[][] = [];
  for (let copy = 0; copy <= shiftedCopies; copy++) {
    // The first is the text itself.
    const offsets = units.map(() => (copy === 0 ? 0 : random.integer(count)));
    const work = candidatesIn(span, units, series, offsets);
    let found = work.next();
    for (; !found.done; found = work.next()) yield (copy + found.value) / (shiftedCopies + 1);
    const reached = matches.map(() => 0);
    const least = Math.min(...matches);
    for (const { match } of keptOf(found.value, span)) {
      if (match < least) break;
      matches.forEach((level, k) => {
        if (match >= level) reached[k] = (reached[k] as number) + 1;
      });
    }
    counts.push(reached);
  }
  const [here = [], ...copies] = counts;
  return matches.map((match, k) => ({
    ...{ match, here: here[k] as number },
    shifted: copies.map((reached) => reached[k] as number).sort((a, b) => a - b),
  }));
}

/** Whether each unit is on at each token, a unit after the other: (U,T). */
function seriesOf({ data, size, threshold }: StateSpan, units: readonly number[]): Uint8Array {
  const count = data.length / size;
  const series = new Uint8Array(units.length * count);
  for (let t = 0; t < count; t++) {
    units.forEach((unit, k) => {
      if ((data[t * size + unit] as number) >= threshold) series[k * count + t] = 1;
    });
  }
  return series;
}

/** Of each beginning the span that matches best. `offsets`: by how many tokens each unit's series is moved. Yields the share that is done. */
function* candidatesIn(
  { data, size, from, to, ends }: StateSpan,
  units: readonly number[],
  series: Uint8Array,
  offsets?: readonly number[],
): Generator<number, Candidate[], undefined> {
  const count = data.length / size;
  const words = Math.ceil(units.length / 32);
  /** Which of the units are on at each token, a bit each: (T,words). */
  const on = new Int32Array(count * words);
  for (let k = 0; k < units.length; k++) {
    const offset = offsets?.[k] ?? 0;
    for (let t = 0; t < count; t++) {
      if (series[k * count + t] === 0) continue;
      const at = (t + offset) % count;
      const word = at * words + (k >> 5);
      on[word] = (on[word] as number) | (1 << (k & 31));
    }
    yield (0.5 * k) / units.length;
  }

  const length = to - from;
  const matchOf = (shared: number, own: number): number => {
    const covered = ends ? Math.min(own, length) / Math.max(own, length) : Math.min(1, own / length);
    return (shared / units.length) * covered;
  };
  const isBetter = (match: number, own: number, best: Candidate): boolean =>
    match > best.match || (match === best.match && Math.abs(own - length) < Math.abs(best.to - best.from - length));
  const found: Candidate[] = [];
  const now = new Int32Array(words);
  const next = new Int32Array(words);
  // The given span ends the one before it, and begins what comes after it.
  for (const [first, last] of [
    [0, from],
    [to, count],
  ] as const) {
    /** Whether all of the units that are on now were on before the span: then it could begin earlier. */
    const couldBeginEarlier = (begin: number): boolean => {
      if (begin === first) return now.every((word) => word === 0);
      for (let w = 0; w < words; w++) {
        if (((now[w] as number) & ~(on[(begin - 1) * words + w] as number)) !== 0) return false;
      }
      return true;
    };
    for (let begin = first; begin < last; begin++) {
      if (begin % 500 === 499) yield 0.5 + (0.5 * begin) / count;
      now.set(on.subarray(begin * words, (begin + 1) * words));
      let best: Candidate = { from: begin, to: begin, match: 0, on: now };
      for (let end = begin + 1; !couldBeginEarlier(begin); end++) {
        let [shared, stays] = [0, end < last];
        for (let w = 0; w < words; w++) {
          const word = now[w] as number;
          shared += bitsIn(word);
          next[w] = end < last ? word & (on[end * words + w] as number) : 0;
          if (next[w] !== word) stays = false;
        }
        if (!stays) {
          const match = matchOf(shared, end - begin);
          if (isBetter(match, end - begin, best)) best = { from: begin, to: end, match, on: now.slice() };
        }
        now.set(next);
      }
      if (best.match >= leastMatch) found.push(best);
    }
  }

  return found;
}

/** Those that overlap none that matches better, the best first. Sorts the candidates. */
function* keptOf(found: Candidate[], { data, size, from, to }: StateSpan): Generator<Candidate, void, undefined> {
  const length = to - from;
  const byMatch = found.sort(
    (a, b) =>
      b.match - a.match || Math.abs(a.to - a.from - length) - Math.abs(b.to - b.from - length) || a.from - b.from,
  );
  const taken = new Uint8Array(data.length / size);
  for (const one of byMatch) {
    if (taken.subarray(one.from, one.to).includes(1)) continue;
    taken.fill(1, one.from, one.to);
    yield one;
  }
}

type Candidate = Pick<SimilarSpan, "from" | "to" | "match"> & { readonly on: Int32Array };

/** The number of ones in a word of 32 bits. */
function bitsIn(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
