/**
 * Find the spans of a text in which the same units are on as in a given one, after H. Strobelt, S. Gehrmann, H. Pfister and
 * A. Rush, "LSTMVis: a tool for visual analysis of hidden state dynamics in recurrent neural networks", 2018. A unit is on at a token
 * where its number is at least a threshold. Knows nothing about models and texts.
 */

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
  { data, size, from, to, threshold, ends }: StateSpan,
  units: readonly number[],
): Generator<number, readonly SimilarSpan[], undefined> {
  const count = data.length / size;
  const words = Math.ceil(units.length / 32);
  if (words === 0) return [];
  /** Which of the units are on at each token, a bit each: (T,words). */
  const on = new Int32Array(count * words);
  for (let t = 0; t < count; t++) {
    for (let k = 0; k < units.length; k++) {
      if ((data[t * size + (units[k] as number)] as number) < threshold) continue;
      const word = t * words + (k >> 5);
      on[word] = (on[word] as number) | (1 << (k & 31));
    }
    if (t % 2000 === 1999) yield (0.5 * t) / count;
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

  const byMatch = found.sort(
    (a, b) =>
      b.match - a.match || Math.abs(a.to - a.from - length) - Math.abs(b.to - b.from - length) || a.from - b.from,
  );
  const kept: Candidate[] = [];
  for (const one of byMatch) {
    if (kept.length === maxSpans) break;
    if (kept.every((other) => one.to <= other.from || other.to <= one.from)) kept.push(one);
  }
  return kept.map(({ on, ...span }) => ({
    ...span,
    units: units.filter((_, k) => (((on[k >> 5] as number) >> (k & 31)) & 1) === 1),
  }));
}

type Candidate = Pick<SimilarSpan, "from" | "to" | "match"> & { readonly on: Int32Array };

/** The number of ones in a word of 32 bits. */
function bitsIn(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
