/** The order in which the bars of a tune are played: repeats and endings written out. Knows nothing about how bars are written. */

/** What the order of bars depends on. */
export type Playable = {
  /** Whether a repeated part begins before it (`|:`), and whether one ends behind it (`:|`), and how often that is repeated. */
  readonly opens: boolean;
  readonly repeats: number;
  /** The numbers of the ending that begins with it (`[1,3`), and whether the endings are over behind it. */
  readonly ending?: readonly number[];
  readonly closes: boolean;
  /** The number of the part that it is in: parts are separated by repeats, endings and double bars. */
  readonly part: number;
};

/** The most bars that a tune is written out to: repeats of repeats are no tune. */
const mostBars = 20_000;

/** The bars in the order in which they are played. */
export function playedOrder<Bar extends Playable>(bars: readonly Bar[]): Bar[] {
  const order: Bar[] = [];
  let [from, pass] = [0, 1];
  for (let k = 0; k < bars.length && order.length < mostBars; ) {
    const bar = bars[k] as Bar;
    if (bar.opens && k !== from) [from, pass] = [k, 1];
    if (bar.ending !== undefined && !bar.ending.includes(pass)) {
      k = endOfEnding(bars, k);
      // Behind the last ending the next part begins.
      if (bars[k]?.ending === undefined) [from, pass] = [k, 1];
      continue;
    }
    order.push(bar);
    if (bar.repeats > 0 && pass < passesOf(bars, from, k)) {
      pass++;
      k = from;
      continue;
    }
    k++;
    if (bar.repeats > 0 || bar.closes) {
      // The endings of other passes are over.
      while (bars[k]?.ending !== undefined && bar.ending !== undefined) k = endOfEnding(bars, k);
      [from, pass] = [k, 1];
    }
  }
  return order;
}

/** The first bar behind the ending that begins at `k`. */
function endOfEnding(bars: readonly Playable[], k: number): number {
  let end = k;
  while (end < bars.length && !(bars[end] as Playable).closes && (bars[end] as Playable).repeats === 0) {
    end++;
    if (bars[end]?.ending !== undefined) return end;
  }
  return Math.min(end + 1, bars.length);
}

/** How often a part is played that begins at `from` and is repeated at `k`: as its endings say, else as its repeat does. */
function passesOf(bars: readonly Playable[], from: number, k: number): number {
  let end = k;
  while (bars[end + 1]?.ending !== undefined) end = endOfEnding(bars, end + 1) - 1;
  const numbers = bars.slice(from, end + 1).flatMap(({ ending = [] }) => ending);
  return Math.max((bars[k] as Playable).repeats + 1, ...numbers);
}
