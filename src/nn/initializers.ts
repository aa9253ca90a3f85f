/**
 * Initial values of parameters: the initialisers of Keras 3, and two for decays, by name. A parameter is a vector [n] or,
 * for `W @ x`, a matrix [rows, columns] with one row per output and one column per input: fan-out is rows, fan-in is
 * columns (Keras stores the transposed matrix).
 */

import type { Parameter } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { type InitializerName, isInitializer, initializers as vocabulary } from "../graph/vocabulary.ts";
import { reflected } from "./orthogonal.ts";
import type { Random } from "./random.ts";

type Shape = readonly number[];
/** Fills a parameter's values, row after row. */
type Fill = (out: Float32Array, shape: Shape, random: Random, ...numbers: number[]) => void;

/** Every initialiser by name. */
export const initializers: Readonly<Record<InitializerName, Fill>> = {
  zeros: (out) => out.fill(0),
  ones: (out) => out.fill(1),
  constant: (out, _shape, _random, value) => out.fill(value as number),
  // Glorot and Bengio 2010.
  glorot_uniform: (out, shape, random) => fillUniform(out, random, 1 / fanAverage(shape)),
  glorot_normal: (out, shape, random) => fillTruncated(out, random, 1 / fanAverage(shape)),
  // He et al. 2015.
  he_uniform: (out, shape, random) => fillUniform(out, random, 2 / fanIn(shape)),
  he_normal: (out, shape, random) => fillTruncated(out, random, 2 / fanIn(shape)),
  // LeCun et al. 1998; with `scale`, Keras's VarianceScaling.
  lecun_uniform: (out, shape, random, scale) => fillUniform(out, random, (scale as number) / fanIn(shape)),
  lecun_normal: (out, shape, random, scale) => fillTruncated(out, random, (scale as number) / fanIn(shape)),
  // Saxe et al. 2014.
  orthogonal: (out, shape, random, gain) => fillOrthogonal(out, shape, random, gain as number),
  identity(out, shape, _random, gain) {
    const [rows, columns] = shape as [number, number];
    out.fill(0);
    for (let i = 0; i < Math.min(rows, columns); i++) out[i * columns + i] = gain as number;
  },
  random_uniform(out, _shape, random, low, high) {
    const width = (high as number) - (low as number);
    for (let i = 0; i < out.length; i++) out[i] = (low as number) + width * random.uniform();
  },
  random_normal(out, _shape, random, mean, stddev) {
    for (let i = 0; i < out.length; i++) out[i] = (mean as number) + (stddev as number) * random.normal();
  },
  // De et al. 2024: λ so that sigmoid(λ)^power, what a linear recurrence keeps, is uniform.
  decay_uniform(out, _shape, random, low, high, power) {
    const width = (high as number) - (low as number);
    for (let i = 0; i < out.length; i++) {
      const decay = -Math.log((low as number) + width * random.uniform()) / (power as number);
      out[i] = -decay - Math.log(-Math.expm1(-decay));
    }
  },
  // Beck et al. 2024: from the first number to the last, evenly for power 1.
  power_law(out, _shape, _random, first, last, power) {
    const width = (last as number) - (first as number);
    for (let i = 0; i < out.length; i++) {
      out[i] = (first as number) + width * (i / Math.max(1, out.length - 1)) ** (power as number);
    }
  },
};

/**
 * The initial values of a parameter, row after row.
 * @throws InputError for an unknown initialiser, and for numbers or a shape that it does not take
 */
export function initialize(parameter: Parameter, random: Random): Float32Array {
  const { name, shape } = parameter;
  const { name: wanted, values } = parameter.initializer;
  if (!isInitializer(wanted)) {
    const names = Object.keys(initializers).join(", ");
    throw new InputError(`${name}: there is no initialiser "${wanted}". There are ${names}.`);
  }
  const { numbers, matrixOnly, needs: [what, holds] = [] } = vocabulary[wanted];
  const takes = Object.entries(numbers);
  const complain = (problem: string): never => {
    const call =
      takes.length === 0 ? wanted : `${wanted}(${takes.map(([key, value]) => `${key} = ${value}`).join(", ")})`;
    throw new InputError(`${name} ~ ${wanted}(${values.join(", ")}): ${problem}. Its form is ${call}.`);
  };
  if (values.length > takes.length) complain("too many numbers");
  for (const value of values)
    if (!Number.isFinite(Math.fround(value))) complain(`${value} is not a finite 32-bit number`);
  const given = takes.map(([, value], at) => values[at] ?? value);
  if (matrixOnly && shape.length !== 2) complain(`needs a matrix, got a vector of ${shape[0]}`);
  if (holds?.(...given) === false) complain(`needs ${what}`);

  const out = new Float32Array(shape.reduce((product, size) => product * size, 1));
  initializers[wanted](out, shape, random, ...given);
  return out;
}

// A vector's only size is both of its fans, as in Keras.
const fanOut = (shape: Shape) => Math.max(1, shape[0] as number);
const fanIn = (shape: Shape) => Math.max(1, shape[shape.length - 1] as number);
const fanAverage = (shape: Shape) => (fanIn(shape) + fanOut(shape)) / 2;

/** Uniform around 0, of the given variance. */
function fillUniform(out: Float32Array, random: Random, variance: number): void {
  const limit = Math.sqrt(3 * variance);
  for (let i = 0; i < out.length; i++) out[i] = (2 * random.uniform() - 1) * limit;
}

/** The standard deviation of a normal distribution that is cut off at two of its standard deviations. */
const truncatedDeviation = 0.87962566103423978;

/** Normal around 0, cut off at two standard deviations, with the given variance after the cut. */
function fillTruncated(out: Float32Array, random: Random, variance: number): void {
  const scale = Math.sqrt(variance) / truncatedDeviation;
  for (let i = 0; i < out.length; i++) {
    let z = random.normal();
    while (Math.abs(z) > 2) z = random.normal();
    out[i] = z * scale;
  }
}

/** Matrices of at least this many columns are made in blocks. Smaller ones keep the bits they have always had. */
const manyColumns = 257;

/**
 * A matrix whose rows, or whose columns where there are fewer of them, are orthonormal, times `gain`: Q of the QR factors
 * of a normal random matrix, with the signs that make the diagonal of R positive, so that every orthogonal matrix is as
 * likely (Mezzadri 2007). Householder's method reflects by one column at a time, and what it has not used yet stays
 * normal and independent: so the matrix need not be made, only a new column a step (Stewart 1980).
 */
function fillOrthogonal(out: Float32Array, shape: Shape, random: Random, gain: number): void {
  const [rows, columns] = shape as [number, number];
  const [length, count] = [Math.max(rows, columns), Math.min(rows, columns)];
  const signs = new Float64Array(count);
  const draw = (k: number, normal: Float64Array): void => {
    for (let i = 0; i < normal.length; i++) normal[i] = random.normal();
    const sign = (normal[0] as number) < 0 ? -1 : 1;
    normal[0] = (normal[0] as number) + sign * (Math.sqrt(dot(normal, normal)) || 1);
    // The diagonal of R has the other sign here.
    signs[k] = -sign;
  };
  // The columns of Q, from those of the identity: Q = H_0 H_1 ... H_(count - 1), the last reflection applied first.
  const q = (count < manyColumns ? oneByOne : reflected)(length, count, draw);
  const [step, stride] = rows > columns ? [columns, 1] : [1, columns];
  for (let k = 0; k < count; k++) {
    const scale = gain * (signs[k] as number);
    for (let i = 0; i < length; i++) out[k * stride + i * step] = scale * q(k, i);
  }
}

/** The columns that `reflected` of orthogonal.ts computes, but one reflection at a time and in 64-bit floats. */
const oneByOne: typeof reflected = (length, count, draw) => {
  const q = Array.from({ length: count }, (_, k) => new Float64Array(length).fill(1, k, k + 1));
  for (let k = count - 1; k >= 0; k--) {
    const normal = new Float64Array(length - k);
    draw(k, normal);
    const scale = -2 / dot(normal, normal);
    for (let j = k; j < count; j++) {
      const below = (q[j] as Float64Array).subarray(k);
      addScaled(below, normal, scale * dot(below, normal));
    }
  }
  return (k, i) => q[k]?.[i] as number;
};

function dot(a: Float64Array, b: Float64Array): number {
  // Four sums, so that an addition does not wait for the one before it.
  let [s, t, u, v] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < a.length; i += 4) {
    s += (a[i] as number) * (b[i] as number);
    t += (a[i + 1] as number) * (b[i + 1] as number);
    u += (a[i + 2] as number) * (b[i + 2] as number);
    v += (a[i + 3] as number) * (b[i + 3] as number);
  }
  for (; i < a.length; i++) s += (a[i] as number) * (b[i] as number);
  return s + t + u + v;
}

function addScaled(out: Float64Array, a: Float64Array, scale: number): void {
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) + scale * (a[i] as number);
}
