/**
 * Samples at another rate, by a windowed sinc: J. O. Smith, "Digital audio resampling", 2002
 * (https://ccrma.stanford.edu/~jos/resample/). Knows nothing about files.
 */
import { InputError } from "../graph/input-error.ts";
import { type Arguments, anArray, checkArguments, formatValue, wholeNumber } from "../graph/schema.ts";

/** Crossings of zero on each side of the filter, the share of the lower rate's band that passes, and the window's shape. */
const [crossings, passed, beta] = [64, 0.945, 10];

const aRate = wholeNumber(1, 2 ** 32 - 1);
export const resampleArguments: Arguments = { samples: anArray, from: aRate, to: aRate };

/**
 * Samples of one rate as samples of another. What the lower rate cannot hold is filtered out: a tone passes unchanged (by 0.001)
 * up to 0.87 of half the lower rate, and one above half of it is 80 dB below what it was.
 * @param samples one channel
 * @param from its samples a second
 * @param to samples a second of the result
 * @returns ceil(samples.length * to / from) samples; sample n is at the time n / to
 * @throws InputError for rates that are not whole numbers above 0, and for a sample that is not a finite number
 * @example const slow = resample(samples, 44_100, 8000);
 */
export function resample(samples: ArrayLike<number>, from: number, to: number): Float32Array<ArrayBuffer> {
  checkArguments("resample", { samples, from, to }, resampleArguments);
  for (let n = 0; n < samples.length; n++) {
    if (Number.isFinite(samples[n])) continue;
    throw new InputError(`resample: samples[${n}] must be a finite number, got ${formatValue(samples[n])}`);
  }
  if (from === to) return Float32Array.from(samples);
  const common = divisor(from, to);
  const [up, down] = [to / common, from / common];
  // Cutoff as a share of half the given rate; sample n of the result lies at n * down / up of the given ones.
  const cutoff = Math.min(1, to / from) * passed;
  const reach = Math.ceil(crossings / cutoff);
  const phases: (Float64Array | undefined)[] = [];
  const result = new Float32Array(Math.ceil((samples.length * up) / down));
  for (let n = 0; n < result.length; n++) {
    const phase = (n * down) % up;
    const first = (n * down - phase) / up - reach + 1;
    phases[phase] ??= filterAt(phase / up, cutoff, reach);
    const filter = phases[phase];
    let sum = 0;
    for (let k = Math.max(0, -first); k < filter.length && first + k < samples.length; k++) {
      sum += (filter[k] as number) * (samples[first + k] as number);
    }
    result[n] = sum;
  }
  return result;
}

/** The weights of the 2 * reach samples around a place, `offset` after the middle one; their sum is 1. */
function filterAt(offset: number, cutoff: number, reach: number): Float64Array {
  const filter = new Float64Array(2 * reach);
  let sum = 0;
  for (let k = 0; k < filter.length; k++) {
    const x = k - reach + 1 - offset;
    const inside = 1 - (x / reach) ** 2;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * cutoff * x) / (Math.PI * cutoff * x);
    filter[k] = inside < 0 ? 0 : sinc * bessel(beta * Math.sqrt(inside));
    sum += filter[k] as number;
  }
  return filter.map((weight) => weight / sum);
}

/** The modified Bessel function of order 0: the Kaiser window. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
