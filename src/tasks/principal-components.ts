/**
 * Principal components: the few directions in which rows of numbers vary most, and where each row lies along them. The covariance
 * matrix is never made: a block Lanczos method multiplies it with four vectors at a time, which reads the rows once, and takes
 * the best axes of all vectors that it has so far (G. Golub and R. Underwood, "The block Lanczos method for computing eigenvalues",
 * 1977; C. Musco and J. Musco, 2015, arXiv 1504.05477, for how few readings are enough). It ends once the axes it has are exact to
 * a tolerance, which it measures. Knows nothing about models.
 */
import { InputError } from "../graph/input-error.ts";
import { createRandom } from "../nn/random.ts";

/** The axes of rows (T,n), those of the largest variance first; k of them. */
export type PrincipalComponents = {
  /** The mean (n) of the rows. */
  readonly mean: Float64Array<ArrayBuffer>;
  /** Orthogonal vectors of length 1, shape (k,n), flat; the largest number of each is positive. */
  readonly axes: Float64Array<ArrayBuffer>;
  /** The variance (k) of the rows along each axis, and that of all columns together; divided by T - 1. */
  readonly variances: Float64Array<ArrayBuffer>;
  readonly total: number;
  /** The place of each row along the axes, shape (T,k), flat. */
  readonly scores: Float32Array<ArrayBuffer>;
};

/** The number of vectors that are multiplied at once, so the largest number of axes. */
export const maxAxes = 4;
/** The largest number of multiplications with the covariance matrix. */
const maxReadings = 30;
/** Of the first so many, the axes are computed after each; then, as they take longer, after every fourth. */
const eachUntil = 10;
/** The largest error of an axis: the length of C a - v a, as a share of the largest variance v. */
const tolerance = 1e-5;
/** Rows between two reports. */
const reportedRows = 500;

/**
 * The principal components of rows of numbers. The same rows give the same bits. Yields the share of the work that is done at most.
 * @param data rows (T,n), flat
 * @param size n
 * @param wanted the number of axes, at most `maxAxes`; fewer if n is smaller
 * @throws InputError for fewer than two rows, and for rows with numbers that are not finite
 */
export function* principalComponents(
  data: Float32Array,
  size: number,
  wanted: number,
): Generator<number, PrincipalComponents, undefined> {
  const rows = Math.floor(data.length / size);
  if (rows < 2) throw new InputError(`principal components: needs at least 2 rows, got ${rows}. Give a longer text.`);
  const mean = meanOf(data, rows, size);
  const total = varianceAround(mean, data, rows);
  if (!Number.isFinite(total)) throw new InputError("principal components: a number in the rows is not finite.");
  const count = Math.min(wanted, maxAxes, size);
  let readings = 0;
  // The last reading gives the scores.
  const share = (read: number): number => (readings + read) / (maxReadings + 1);

  const basis: Float64Array[] = [];
  const images: Float64Array[] = [];
  const random = createRandom(0);
  let block = orthonormal(
    Array.from({ length: Math.min(maxAxes, size) }, () => Float64Array.from({ length: size }, random.normal)),
    basis,
    0,
  );
  let found: Ritz | undefined;
  while (total > 0 && block.length > 0) {
    basis.push(...block);
    const products = yield* covarianceTimes(block, { data, rows, mean }, share);
    images.push(...products);
    readings++;
    block =
      readings === maxReadings
        ? []
        : orthonormal(
            products.map((product) => product.slice()),
            basis,
            1e-12 * total,
          );
    // Without more vectors these are the axes.
    if (block.length > 0 && readings > eachUntil && readings % 4 !== 0) continue;
    found = ritz(basis, images, count);
    if (found.error <= tolerance * (found.variances[0] as number)) break;
  }
  const axes = found?.axes ?? basisOf(block, count, size);
  const variances = found?.variances ?? new Float64Array(count);
  turn(axes, size);
  const scores = yield* scoresOf(axes, count, { data, rows, mean }, share);
  return { mean, axes, variances, total, scores };
}

type Vectors = readonly [Float64Array, Float64Array, Float64Array, Float64Array];
type Centred = { readonly data: Float32Array; readonly rows: number; readonly mean: Float64Array };

function meanOf(data: Float32Array, rows: number, size: number): Float64Array<ArrayBuffer> {
  const sums = new Float64Array(size);
  for (let r = 0, at = 0; r < rows; r++) {
    for (let j = 0; j < size; j++) (sums[j] as number) += data[at++] as number;
  }
  return sums.map((sum) => sum / rows);
}

/** The variance of all columns together. */
function varianceAround(mean: Float64Array, data: Float32Array, rows: number): number {
  let sum = 0;
  for (let r = 0, at = 0; r < rows; r++) {
    for (let j = 0; j < mean.length; j++) {
      const x = (data[at++] as number) - (mean[j] as number);
      sum += x * x;
    }
  }
  return sum / (rows - 1);
}

/** The products of the covariance matrix with up to four vectors (n), which are read with each row at once. */
function* covarianceTimes(
  vectors: readonly Float64Array[],
  { data, rows, mean }: Centred,
  share: (read: number) => number,
): Generator<number, Float64Array[], undefined> {
  const size = mean.length;
  const products = vectors.map(() => new Float64Array(size));
  /** Fewer than four are filled up. */
  const four = (some: readonly Float64Array[]): Vectors =>
    [0, 1, 2, 3].map((k) => some[k] ?? new Float64Array(size)) as unknown as Vectors;
  const [read, made] = [four(vectors), four(products)];
  const scratch = [new Float64Array(size), new Float64Array(size)] as const;
  for (let from = 0; from < rows; from += reportedRows) {
    const to = Math.min(rows, from + reportedRows);
    addProducts(data, mean, scratch, from, to, read, made);
    yield share(to / rows);
  }
  for (const product of products) for (let j = 0; j < size; j++) (product[j] as number) /= rows - 1;
  return products;
}

/**
 * p += x (x a), q += x (x b), ... for each row x. Two rows at once, so that each number of the vectors is loaded and stored half as
 * often.
 */
function addProducts(
  data: Float32Array,
  mean: Float64Array,
  [one, two]: readonly [Float64Array, Float64Array],
  from: number,
  to: number,
  [a, b, c, d]: Vectors,
  [p, q, r, s]: Vectors,
): void {
  const size = mean.length;
  for (let t = from; t < to; t += 2) {
    const at = t * size;
    const next = t + 1 < to ? at + size : -1;
    let [xa, xb, xc, xd, ya, yb, yc, yd] = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let j = 0; j < size; j++) {
      const x = (data[at + j] as number) - (mean[j] as number);
      const y = next < 0 ? 0 : (data[next + j] as number) - (mean[j] as number);
      one[j] = x;
      two[j] = y;
      xa += x * (a[j] as number);
      xb += x * (b[j] as number);
      xc += x * (c[j] as number);
      xd += x * (d[j] as number);
      ya += y * (a[j] as number);
      yb += y * (b[j] as number);
      yc += y * (c[j] as number);
      yd += y * (d[j] as number);
    }
    for (let j = 0; j < size; j++) {
      const x = one[j] as number;
      const y = two[j] as number;
      p[j] = (p[j] as number) + (x * xa + y * ya);
      q[j] = (q[j] as number) + (x * xb + y * yb);
      r[j] = (r[j] as number) + (x * xc + y * yc);
      s[j] = (s[j] as number) + (x * xd + y * yd);
    }
  }
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j] as number) * (b[j] as number);
  return sum;
};
const addTimes = (to: Float64Array, from: Float64Array, times: number): void => {
  for (let j = 0; j < to.length; j++) to[j] = (to[j] as number) + times * (from[j] as number);
};

/** Make vectors orthogonal to a basis and to each other, and of length 1; what is left shorter than `least` is dropped. */
function orthonormal(vectors: readonly Float64Array[], basis: readonly Float64Array[], least: number): Float64Array[] {
  const kept: Float64Array[] = [];
  for (const vector of vectors) {
    if (basis.length + kept.length >= vector.length) break;
    // A second time takes away what rounding left.
    for (let round = 0; round < 2; round++) {
      for (const other of [...basis, ...kept]) addTimes(vector, other, -dot(vector, other));
    }
    const length = Math.sqrt(dot(vector, vector));
    if (length <= least) continue;
    for (let j = 0; j < vector.length; j++) vector[j] = (vector[j] as number) / length;
    // Of a vector that was nearly nothing, the rest need not be orthogonal.
    for (const other of [...basis, ...kept]) addTimes(vector, other, -dot(vector, other));
    kept.push(vector);
  }
  return kept;
}

type Ritz = Pick<PrincipalComponents, "axes" | "variances"> & { readonly error: number };

/** The best axes within a basis, given its products with the covariance matrix, and the largest error of one. */
function ritz(basis: readonly Float64Array[], images: readonly Float64Array[], count: number): Ritz {
  const [many, size] = [basis.length, (basis[0] as Float64Array).length];
  const matrix = new Float64Array(many * many);
  for (let i = 0; i < many; i++) {
    for (let j = 0; j <= i; j++) {
      const product = dot(basis[i] as Float64Array, images[j] as Float64Array);
      matrix[i * many + j] = product;
      matrix[j * many + i] = product;
    }
  }
  const { values, vectors } = symmetricEigen(matrix, many);
  const kept = Math.min(count, many);
  const axes = new Float64Array(count * size);
  const variances = new Float64Array(count);
  let error = kept < count ? Infinity : 0;
  for (let k = 0; k < kept; k++) {
    const axis = axes.subarray(k * size, (k + 1) * size);
    const rest = new Float64Array(size);
    for (let i = 0; i < many; i++) {
      const weight = vectors[k * many + i] as number;
      addTimes(axis, basis[i] as Float64Array, weight);
      addTimes(rest, images[i] as Float64Array, weight);
    }
    const variance = values[k] as number;
    addTimes(rest, axis, -variance);
    error = Math.max(error, Math.sqrt(dot(rest, rest)));
    // Rounding makes tiny ones negative.
    variances[k] = Math.max(0, variance);
  }
  return { axes, variances, error };
}

/** Of rows that are all the same, any axes. */
function basisOf(block: readonly Float64Array[], count: number, size: number): Float64Array<ArrayBuffer> {
  const axes = new Float64Array(count * size);
  for (let k = 0; k < count; k++) axes.set(block[k] as Float64Array, k * size);
  return axes;
}

/** An axis has no direction: the one is taken in which its largest number is positive. */
function turn(axes: Float64Array, size: number): void {
  for (let from = 0; from < axes.length; from += size) {
    const axis = axes.subarray(from, from + size);
    const largest = axis.reduce((most, x) => (Math.abs(x) > Math.abs(most) ? x : most), 0);
    if (largest < 0) for (let j = 0; j < size; j++) axis[j] = -(axis[j] as number);
  }
}

function* scoresOf(
  axes: Float64Array,
  count: number,
  { data, rows, mean }: Centred,
  share: (read: number) => number,
): Generator<number, Float32Array<ArrayBuffer>, undefined> {
  const size = mean.length;
  const scores = new Float32Array(rows * count);
  for (let t = 0; t < rows; t++) {
    for (let k = 0; k < count; k++) {
      let sum = 0;
      for (let j = 0; j < size; j++) {
        sum += ((data[t * size + j] as number) - (mean[j] as number)) * (axes[k * size + j] as number);
      }
      scores[t * count + k] = sum;
    }
    if (t % reportedRows === 0) yield share(t / rows);
  }
  return scores;
}

/** Eigenvalues, the largest first, and their vectors (m,m), one a row. */
export type Eigen = { readonly values: Float64Array; readonly vectors: Float64Array };

/** The largest number of rounds over all pairs; about eight are enough. */
const maxRounds = 50;

/**
 * The eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations (C. Jacobi, 1846; in the form of G. Golub
 * and C. Van Loan, "Matrix computations", section 8.5): each makes one number off the diagonal 0, until all are.
 * @param matrix m * m numbers, of which both halves are read
 */
export function symmetricEigen(matrix: Float64Array, m: number): Eigen {
  const a = matrix.slice();
  const v = new Float64Array(m * m);
  for (let i = 0; i < m; i++) v[i * m + i] = 1;
  const at = (i: number, j: number): number => a[i * m + j] as number;
  let whole = 0;
  for (const x of a) whole += x * x;
  const least = 1e-32 * whole;
  for (let round = 0; round < maxRounds; round++) {
    let off = 0;
    for (let i = 0; i < m; i++) for (let j = 0; j < i; j++) off += 2 * at(i, j) ** 2;
    if (off <= least) break;
    for (let p = 0; p < m - 1; p++) {
      for (let q = p + 1; q < m; q++) {
        const apq = at(p, q);
        if (apq === 0) continue;
        const tau = (at(q, q) - at(p, p)) / (2 * apq);
        const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
        const c = 1 / Math.sqrt(1 + t * t);
        const s = t * c;
        for (let k = 0; k < m; k++) {
          const x = at(k, p);
          const y = at(k, q);
          a[k * m + p] = c * x - s * y;
          a[k * m + q] = s * x + c * y;
        }
        for (let k = 0; k < m; k++) {
          const x = at(p, k);
          const y = at(q, k);
          a[p * m + k] = c * x - s * y;
          a[q * m + k] = s * x + c * y;
        }
        for (let k = 0; k < m; k++) {
          const x = v[p * m + k] as number;
          const y = v[q * m + k] as number;
          v[p * m + k] = c * x - s * y;
          v[q * m + k] = s * x + c * y;
        }
      }
    }
  }
  const order = Array.from({ length: m }, (_, i) => i).sort((i, j) => at(j, j) - at(i, i));
  const vectors = new Float64Array(m * m);
  order.forEach((i, k) => {
    vectors.set(v.subarray(i * m, (i + 1) * m), k * m);
  });
  return { values: Float64Array.from(order, (i) => at(i, i)), vectors };
}
