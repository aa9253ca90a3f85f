/** Resample sound that comes in pieces, to what `resample` makes of all of it: each piece waits for what the filter reaches after it. */
import { resample } from "../../formats/resample.ts";

/** What `resample` reads on each side of a sample, at most, in samples of the lower rate: its filter has 64 zeros a side. */
const reach = 72;

export type StreamResampler = {
  /** The samples that are known by now; there may be none. */
  readonly push: (samples: Float32Array) => Float32Array;
};

/** @throws InputError for rates that are not whole numbers above 0 */
export function createStreamResampler(from: number, to: number): StreamResampler {
  if (from === to) return { push: (samples) => samples };
  const common = divisor(from, to);
  // Places that are whole at both rates: pieces begin and end there.
  const grid = from / common;
  const around = Math.ceil((reach * Math.max(1, from / to)) / grid) * grid;
  /** Samples from `around` before the next piece on; at the beginning there is nothing before. */
  let kept = new Float32Array(0);
  let before = 0;
  return {
    push(samples) {
      const all = new Float32Array(kept.length + samples.length);
      all.set(kept);
      all.set(samples, kept.length);
      const end = Math.floor((all.length - around) / grid) * grid;
      if (end <= before) {
        kept = all;
        return new Float32Array(0);
      }
      const rateOf = (n: number): number => (n / grid) * (to / common);
      const piece = resample(all, from, to).slice(rateOf(before), rateOf(end));
      const start = Math.max(0, end - around);
      kept = all.slice(start);
      before = end - start;
      return piece;
    },
  };
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
