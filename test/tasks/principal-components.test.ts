/** Principal components beside what is known: whole decompositions, planted axes, and rows with less to them than their size. */
import { expect, test } from "vitest";
import { createRandom, type Random } from "../../src/nn/random.ts";
import {
  maxAxes,
  type PrincipalComponents,
  principalComponents,
  symmetricEigen,
} from "../../src/tasks/principal-components.ts";

function found(data: Float32Array, size: number, wanted = maxAxes): PrincipalComponents {
  const work = principalComponents(data, size, wanted);
  for (let before = 0; ; ) {
    const { done, value } = work.next();
    if (done) return value;
    expect(value).toBeGreaterThanOrEqual(before);
    expect(value).toBeLessThanOrEqual(1);
    before = value;
  }
}
const normals = (count: number, random: Random): Float64Array => Float64Array.from({ length: count }, random.normal);
function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j] as number) * (b[j] as number);
  return sum;
}
const rowOf = (matrix: Float64Array, k: number, size: number): Float64Array =>
  matrix.subarray(k * size, (k + 1) * size);

test.each([1, 2, 3, 8, 30])(
  "eigenvectors of random symmetric %d x %d matrices: A v = l v, orthogonal, the largest first",
  (m) => {
    const random = createRandom(m);
    const half = normals(m * m, random);
    const matrix = half.map((x, at) => x + (half[(at % m) * m + Math.floor(at / m)] as number));
    const { values, vectors } = symmetricEigen(matrix, m);
    const scale = Math.sqrt(dot(matrix, matrix));
    for (let k = 0; k < m; k++) {
      const vector = rowOf(vectors, k, m);
      for (let i = 0; i < m; i++) {
        const product = dot(rowOf(matrix, i, m), vector);
        expect(Math.abs(product - (values[k] as number) * (vector[i] as number))).toBeLessThan(1e-12 * scale);
        expect(dot(vector, rowOf(vectors, i, m))).toBeCloseTo(i === k ? 1 : 0, 12);
      }
      if (k > 0) expect(values[k]).toBeLessThanOrEqual(values[k - 1] as number);
    }
  },
);

test("of a matrix whose eigenvalues are known: 3 and 1; of one with equal ones too", () => {
  expect([...symmetricEigen(Float64Array.of(2, 1, 1, 2), 2).values]).toEqual([
    expect.closeTo(3, 14),
    expect.closeTo(1, 14),
  ]);
  expect([...symmetricEigen(Float64Array.of(5, 0, 0, 0, 5, 0, 0, 0, 5), 3).values]).toEqual([5, 5, 5]);
});

/** By the whole covariance matrix. */
function whole(data: Float32Array, size: number) {
  const rows = data.length / size;
  const column = (j: number) => Float64Array.from({ length: rows }, (_, t) => data[t * size + j] as number);
  const centred = Array.from({ length: size }, (_, j) => {
    const own = column(j);
    const mean = own.reduce((a, b) => a + b, 0) / rows;
    return own.map((x) => x - mean);
  });
  const matrix = Float64Array.from({ length: size * size }, (_, at) => {
    const [a, b] = [centred[Math.floor(at / size)], centred[at % size]] as [Float64Array, Float64Array];
    return dot(a, b) / (rows - 1);
  });
  return symmetricEigen(matrix, size);
}

test.each([
  { rows: 2, size: 5 },
  { rows: 3, size: 1 },
  { rows: 50, size: 2 },
  { rows: 40, size: 7 },
  { rows: 30, size: 60 },
  { rows: 400, size: 60 },
])(
  "of $rows random rows of $size: variances, axes and scores are those of the whole decomposition",
  ({ rows, size }) => {
    const random = createRandom(100 * rows + size);
    // All directions vary about the same: the hardest to tell apart.
    const data = Float32Array.from({ length: rows * size }, () => 3 + random.normal());
    const { values, vectors } = whole(data, size);
    const { mean, axes, variances, total, scores } = found(data, size);
    const count = Math.min(maxAxes, size);
    const largest = values[0] as number;
    expect(variances).toHaveLength(count);
    expect(total).toBeCloseTo(
      values.reduce((a, b) => a + b, 0),
      8,
    );
    for (let k = 0; k < count; k++) {
      expect(Math.abs((variances[k] as number) - (values[k] as number))).toBeLessThan(1e-8 * largest);
      const axis = rowOf(axes, k, size);
      for (let other = 0; other < count; other++) {
        expect(dot(axis, rowOf(axes, other, size))).toBeCloseTo(other === k ? 1 : 0, 10);
      }
      expect(Math.max(...axis)).toBe(Math.max(...axis.map(Math.abs)));
      const gap = Math.min(
        ...[values[k - 1] ?? Infinity, values[k + 1] ?? -Infinity].map((value) =>
          Math.abs(value - (values[k] as number)),
        ),
      );
      if (gap > 1e-3 * largest) expect(Math.abs(dot(axis, rowOf(vectors, k, size)))).toBeGreaterThan(1 - 1e-5);
      const wrong = Array.from({ length: rows }, (_, t) => {
        const row = Array.from(data.subarray(t * size, (t + 1) * size), (x, j) => x - (mean[j] as number));
        return Math.abs((scores[t * count + k] as number) - dot(row, axis));
      });
      expect(Math.max(...wrong)).toBeLessThan(1e-5);
    }
  },
);

test("planted axes among 96 numbers with noise are found, with their shares; the same rows give the same bits", () => {
  const random = createRandom(7);
  const [rows, size, deviations] = [600, 96, [9, 5, 3]] as const;
  const planted = deviations.map((_, k) => Float64Array.from({ length: size }, (_, j) => Math.sin((k + 1) * (j + 1))));
  const lengths = planted.map((axis) => Math.sqrt(dot(axis, axis)));
  const data = new Float32Array(rows * size);
  for (let t = 0; t < rows; t++) {
    const along = deviations.map((deviation) => deviation * random.normal());
    for (let j = 0; j < size; j++) {
      data[t * size + j] =
        0.05 * random.normal() +
        planted.reduce(
          (sum, axis, k) => sum + ((along[k] as number) * (axis[j] as number)) / (lengths[k] as number),
          20,
        );
    }
  }
  const { axes, variances, total, scores } = found(data, size, 3);
  planted.forEach((axis, k) => {
    // The planted axes are nearly orthogonal, and so are the random numbers along them.
    expect(Math.abs(dot(rowOf(axes, k, size), axis)) / (lengths[k] as number)).toBeGreaterThan(0.98);
  });
  expect(variances.reduce((a, b) => a + b, 0) / total).toBeGreaterThan(0.99);
  const again = found(data, size, 3);
  expect([again.axes, again.variances, again.scores]).toEqual([axes, variances, scores]);
});

test("rows with one direction have one variance; rows that are all the same have none", () => {
  const line = Float32Array.from({ length: 20 * 6 }, (_, at) => Math.floor(at / 6) * ((at % 6) - 2.5));
  const { variances, total } = found(line, 6);
  expect(variances[0]).toBeCloseTo(total, 8);
  for (const rest of variances.subarray(1)) expect(rest).toBeLessThan(1e-10 * total);
  const same = found(new Float32Array(50).fill(3), 5);
  expect([same.total, [...same.variances]]).toEqual([0, [0, 0, 0, 0]]);
  expect(same.scores.every((score) => score === 0)).toBe(true);
});

test("one row alone, and a number that is not finite, are refused", () => {
  expect(() => found(Float32Array.of(1, 2), 2)).toThrow("needs at least 2 rows, got 1");
  expect(() => found(Float32Array.of(1, 2, 3, Number.NaN), 2)).toThrow("not finite");
});
