/**
 * How features change from frame to frame, as frames arrive: d[t] = sum over n of n (x[t+n] - x[t-n]) / (2 sum of n^2), n = 1 to 2,
 * where the first and last frames repeat beyond the ends. HTK's formula; S. Young et al., "The HTK book", section 5.9. Knows nothing
 * about sound.
 */

/** Frames on each side. */
const reach = 2;
const divisor = 2 * (1 + 4);

/** Frames go in one at a time, and come out with more features, a few frames later; `end` gives the rest. */
export type FrameStage = {
  readonly push: (frame: Float64Array) => Float64Array[];
  readonly end: () => Float64Array[];
};

/** Appends the changes of the features from `from` on to each frame. */
export function deltaStage(from: number): FrameStage {
  /** Frames t - 2 to t + 2 around the next one that goes out. */
  let near: Float64Array[] = [];
  const next = (): Float64Array => {
    const [, , frame = new Float64Array(0)] = near;
    const of = (n: number, j: number): number => (near[reach + n] as Float64Array)[j] as number;
    const out = new Float64Array(2 * frame.length - from);
    out.set(frame);
    for (let j = from; j < frame.length; j++) {
      out[frame.length + j - from] = (of(1, j) - of(-1, j) + 2 * (of(2, j) - of(-2, j))) / divisor;
    }
    near.shift();
    return out;
  };
  const push = (frame: Float64Array): Float64Array[] => {
    if (near.length === 0) near = Array.from({ length: reach }, () => frame);
    near.push(frame);
    return near.length > 2 * reach ? [next()] : [];
  };
  return {
    push,
    end() {
      const last = near.at(-1);
      const left = last === undefined ? [] : Array.from({ length: reach }, () => push(last)).flat();
      near = [];
      return left;
    },
  };
}
