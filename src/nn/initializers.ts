/**
 * How parameters start: the initialisers of Keras 3, by name. A parameter is a vector [n] or, for `W @ x`, a matrix
 * [rows, columns] with one row an output and one column an input: fan-out rows, fan-in columns (Keras stores the
 * transposed matrix). Knows nothing about cells.
 */

import type { Parameter } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import type { Random } from "./random.ts";

type Shape = readonly number[];
type Numbers = Readonly<Record<string, number>>;
type Rule = {
  /** The numbers that it takes, in their order, with Keras's defaults. */
  readonly numbers: Numbers;
  /** What is wrong with these numbers or this shape, if anything. */
  readonly check?: (numbers: Numbers, shape: Shape) => string | undefined;
  readonly fill: (out: Float32Array, shape: Shape, random: Random, numbers: Numbers) => void;
};

/** Every initialiser by name. */
export const initializers: Readonly<Record<string, Rule>> = {
  zeros: { numbers: {}, fill: (out) => out.fill(0) },
  ones: { numbers: {}, fill: (out) => out.fill(1) },
  constant: { numbers: { value: 0 }, fill: (out, _shape, _random, { value }) => out.fill(value as number) },
  // Glorot and Bengio 2010.
  glorot_uniform: { numbers: {}, fill: (out, shape, random) => fillUniform(out, random, 1 / fanAverage(shape)) },
  glorot_normal: { numbers: {}, fill: (out, shape, random) => fillTruncated(out, random, 1 / fanAverage(shape)) },
  // He et al. 2015.
  he_uniform: { numbers: {}, fill: (out, shape, random) => fillUniform(out, random, 2 / fanIn(shape)) },
  he_normal: { numbers: {}, fill: (out, shape, random) => fillTruncated(out, random, 2 / fanIn(shape)) },
  // LeCun et al. 1998.
  lecun_uniform: { numbers: {}, fill: (out, shape, random) => fillUniform(out, random, 1 / fanIn(shape)) },
  lecun_normal: { numbers: {}, fill: (out, shape, random) => fillTruncated(out, random, 1 / fanIn(shape)) },
  // Saxe et al. 2014.
  orthogonal: {
    numbers: { gain: 1 },
    check: needsMatrix,
    fill: (out, shape, random, { gain }) => fillOrthogonal(out, shape, random, gain as number),
  },
  identity: {
    numbers: { gain: 1 },
    check: needsMatrix,
    fill(out, shape, _random, { gain }) {
      const [rows, columns] = shape as [number, number];
      out.fill(0);
      for (let i = 0; i < Math.min(rows, columns); i++) out[i * columns + i] = gain as number;
    },
  },
  random_uniform: {
    numbers: { min: -0.05, max: 0.05 },
    check: ({ min, max }) => ((min as number) <= (max as number) ? undefined : "min must not be above max"),
    fill(out, _shape, random, { min, max }) {
      const [low, width] = [min as number, (max as number) - (min as number)];
      for (let i = 0; i < out.length; i++) out[i] = low + width * random.uniform();
    },
  },
  random_normal: {
    numbers: { mean: 0, stddev: 0.05 },
    check: ({ stddev }) => ((stddev as number) >= 0 ? undefined : "stddev must not be negative"),
    fill(out, _shape, random, { mean, stddev }) {
      for (let i = 0; i < out.length; i++) out[i] = (mean as number) + (stddev as number) * random.normal();
    },
  },
};

/**
 * The first values of a parameter, row after row. Throws for a name that no initialiser has, and for numbers or a
 * shape that it cannot take.
 */
export function initialize(parameter: Parameter, random: Random): Float32Array {
  const { name, shape } = parameter;
  const { name: wanted, values } = parameter.initializer;
  const rule = Object.hasOwn(initializers, wanted) ? initializers[wanted] : undefined;
  if (rule === undefined) {
    const names = Object.keys(initializers).join(", ");
    throw new InputError(`${name}: there is no initialiser "${wanted}". There are ${names}.`);
  }
  const takes = Object.entries(rule.numbers);
  const complain = (problem: string): never => {
    const call =
      takes.length === 0 ? wanted : `${wanted}(${takes.map(([key, value]) => `${key} = ${value}`).join(", ")})`;
    throw new InputError(`${name} ~ ${wanted}(${values.join(", ")}): ${problem}. It reads ${call}.`);
  };
  if (values.length > takes.length) complain("too many numbers");
  for (const value of values)
    if (!Number.isFinite(Math.fround(value))) complain(`${value} is not a finite 32-bit number`);
  const numbers = Object.fromEntries(takes.map(([key, value], at) => [key, values[at] ?? value]));
  const problem = rule.check?.(numbers, shape);
  if (problem !== undefined) complain(problem);

  const out = new Float32Array(shape.reduce((product, size) => product * size, 1));
  rule.fill(out, shape, random, numbers);
  return out;
}

function needsMatrix(_: Numbers, shape: Shape): string | undefined {
  return shape.length === 2 ? undefined : `needs a matrix, got a vector of ${shape[0]}`;
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

/**
 * A matrix whose rows, or whose columns where there are fewer of them, are orthonormal, times `gain`: Q of the QR factors
 * of a normal random matrix, with the signs that make the diagonal of R positive, so that every orthogonal matrix is as
 * likely (Mezzadri 2007). Householder's method reflects by one column at a time, and what it has not used yet stays
 * normal and independent: so the matrix need not be made, only a new column a step (Stewart 1980).
 */
function fillOrthogonal(out: Float32Array, shape: Shape, random: Random, gain: number): void {
  const [rows, columns] = shape as [number, number];
  const [length, count] = [Math.max(rows, columns), Math.min(rows, columns)];
  // The columns of Q, from those of the identity: Q = H_0 H_1 ... H_(count - 1), the last reflection applied first.
  const q = Array.from({ length: count }, (_, k) => new Float64Array(length).fill(1, k, k + 1));
  for (let k = count - 1; k >= 0; k--) {
    const normal = Float64Array.from({ length: length - k }, random.normal);
    const sign = (normal[0] as number) < 0 ? -1 : 1;
    normal[0] = (normal[0] as number) + sign * (Math.sqrt(dot(normal, normal)) || 1);
    const scale = -2 / dot(normal, normal);
    for (let j = k; j < count; j++) {
      const below = (q[j] as Float64Array).subarray(k);
      addScaled(below, normal, scale * dot(below, normal));
    }
    // The diagonal of R has the other sign here.
    const column = q[k] as Float64Array;
    for (let i = k; i < length; i++) column[i] = -sign * (column[i] as number);
  }
  const [step, stride] = rows > columns ? [columns, 1] : [1, columns];
  q.forEach((column, k) => {
    for (let i = 0; i < length; i++) out[k * stride + i * step] = gain * (column[i] as number);
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  // Four sums, so that one addition need not wait for the one before it.
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
