import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matmulFunctions, tileScratchBytes } from "../../../src/engines/wasm/matmul.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { cases } from "../../helpers/cases.ts";
import { callable, hosts, untouched } from "../../helpers/wasm.ts";

type Walk = "rows" | "columns";
const walks: readonly Walk[] = ["rows", "columns"];

/** Addresses in the memory of the test: A, B, the scratch of a thread, and C. */
const [atA, atB, atScratch, atC] = [64, 1 << 20, 2 << 20, (2 << 20) + (1 << 18)] as const;
const bytes = 3 << 20;

/** Rows of A, columns of B and terms of each sum; numbers from one row, column or panel to the next, at the least. */
type Sizes = { readonly m: number; readonly n: number; readonly k: number };
type Strides = { readonly a: number; readonly b: number; readonly c: number };

/** Where a number of A, of B and of C lies, as the walk wants it: see `Walk` in matmul.ts. */
const places = {
  rows: {
    a: (i: number, d: number, stride: number) => atA / 4 + i * stride + d,
    b: (d: number, j: number, stride: number) => atB / 4 + (j >> 3) * stride + 8 * d + (j & 7),
    least: ({ n, k }: Sizes): Strides => ({ a: k, b: 8 * k, c: n }),
  },
  columns: {
    a: (i: number, d: number, stride: number) => atA / 4 + d * stride + i,
    b: (d: number, j: number, stride: number) => atB / 4 + d * stride + j,
    least: ({ m, n }: Sizes): Strides => ({ a: m, b: n, c: n }),
  },
};

type Matrices = { readonly a: Float32Array; readonly b: Float32Array; readonly c: Float32Array };

/** A (m,k), B (k,n) and what is in C (m,n) before, row after row, by a function of how many were drawn. */
function draw({ m, n, k }: Sizes, number: () => number): Matrices {
  const some = (count: number): Float32Array => Float32Array.from({ length: count }, number);
  return { a: some(m * k), b: some(k * n), c: some(m * n) };
}

type Wanted = { readonly exact: Float64Array; readonly size: Float64Array; readonly rounded: Float32Array };

/** Plain loops: the sums in f64, the sums of the terms' sizes, and the sums in f32, each step rounded. */
function loops({ a, b, c }: Matrices, { m, n, k }: Sizes, accumulate: boolean): Wanted {
  const [exact, size] = [new Float64Array(m * n), new Float64Array(m * n)];
  const rounded = new Float32Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      const start = accumulate ? (c[i * n + j] as number) : 0;
      let [sum, sizes, inSingle] = [start, Math.abs(start), start];
      for (let d = 0; d < k; d++) {
        const term = (a[i * k + d] as number) * (b[d * n + j] as number);
        sum += term;
        sizes += Math.abs(term);
        inSingle = Math.fround(inSingle + Math.fround(term));
      }
      exact[i * n + j] = sum;
      size[i * n + j] = sizes;
      rounded[i * n + j] = inSingle;
    }
  }
  return { exact, size, rounded };
}

/** The error of a sum of k products in f32, in any order and fused or not, is below this times the sum of their sizes. */
const bound = (k: number): number => ((k + 1) * 2 ** -24) / (1 - (k + 1) * 2 ** -24);

describe.each(hosts)("%s", (_, host) => {
  const { functions, ...entries } = matmulFunctions(host);
  const { floats, words, call } = callable(functions, entries, bytes);

  function place(walk: Walk, { a, b }: Matrices, { m, n, k }: Sizes, strides: Strides): void {
    words.fill(untouched);
    for (let i = 0; i < m; i++) {
      for (let d = 0; d < k; d++) floats[places[walk].a(i, d, strides.a)] = a[i * k + d] as number;
    }
    for (let d = 0; d < k; d++) {
      for (let j = 0; j < n; j++) floats[places[walk].b(d, j, strides.b)] = b[d * n + j] as number;
    }
  }
  /** Part of A and B, times each other, to C, around which everything is untouched. */
  function multiply(walk: Walk, { m, n, k }: Sizes, strides: Strides, accumulate: boolean): void {
    const numbers = [m, n, k, atA, 4 * strides.a, atB, 4 * strides.b, atC, 4 * strides.c, accumulate ? 1 : 0];
    call[walk](...numbers, ...(walk === "columns" ? [atScratch] : []));
  }
  const cAt = (i: number, j: number, stride: number): number => atC / 4 + i * stride + j;
  /** Zero where all is as it should be: the number of words that were touched and no part of C. */
  function touchedAround({ m, n }: Sizes, stride: number): number {
    let touched = 0;
    for (let at = atC / 4 - stride; at < atC / 4 + (m + 1) * stride; at++) {
      const [row, column] = [Math.floor((at - atC / 4) / stride), (at - atC / 4 + stride) % stride];
      if ((row < 0 || row >= m || column >= n) && words[at] !== untouched) touched++;
    }
    return touched;
  }

  const most = { m: 40, n: 40 };
  test.each([0, 1, 6, 256, 257, 700])(
    "1 to 40 rows, 4 to 40 columns, depth %i: a plain f64 loop's, and nothing else is written",
    (k) => {
      const random = createRandom(k);
      const matrices = draw({ ...most, k }, () => random.normal());
      const wrong: string[] = [];
      for (const walk of walks) {
        const strides = { ...places[walk].least({ ...most, k }), c: most.n + 4 };
        place(walk, matrices, { ...most, k }, strides);
        for (const accumulate of [false, true]) {
          const { exact, size } = loops(matrices, { ...most, k }, accumulate);
          for (let m = 1; m <= most.m; m++) {
            for (let n = 4; n <= most.n; n += 4) {
              words.fill(untouched, atC / 4 - strides.c, atC / 4 + (m + 1) * strides.c);
              for (let i = 0; accumulate && i < m; i++) {
                for (let j = 0; j < n; j++) floats[cAt(i, j, strides.c)] = matrices.c[i * most.n + j] as number;
              }
              multiply(walk, { m, n, k }, strides, accumulate);
              let worst = 0;
              for (let i = 0; i < m; i++) {
                for (let j = 0; j < n; j++) {
                  const at = i * most.n + j;
                  const error = Math.abs((floats[cAt(i, j, strides.c)] as number) - (exact[at] as number));
                  // What was never written is NaN, which no comparison lets through.
                  if (!(error <= worst * (size[at] as number))) worst = error / (size[at] as number);
                }
              }
              const what = `${walk}, ${m} x ${n}, ${accumulate ? "added" : "set"}`;
              if (worst > bound(k)) wrong.push(`${what}: wrong by ${worst} of the terms' sizes, bound ${bound(k)}`);
              const touched = touchedAround({ m, n, k }, strides.c);
              if (touched > 0) wrong.push(`${what}: ${touched} numbers around it were written`);
            }
          }
        }
      }
      expect(wrong).toEqual([]);
    },
  );

  const drawn = fc.record({
    // Rows beyond a block of 96 too.
    m: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.integer({ min: 90, max: 200 })),
    n: fc.integer({ min: 1, max: 10 }).map((vectors) => 4 * vectors),
    k: fc.integer({ min: 0, max: 700 }),
    walk: fc.constantFrom(...walks),
    accumulate: fc.boolean(),
    more: fc.record({ a: fc.nat(9), b: fc.nat(9), c: fc.nat(9) }),
    seed: fc.nat(),
  });
  const options = { seed: 1, numRuns: cases(25), verbose: true };
  test("whole numbers: exact, whatever the strides; the padding of A, B and C is neither read nor written", () => {
    fc.assert(
      fc.property(drawn, ({ walk, accumulate, more, seed, ...sizes }) => {
        const { m, n } = sizes;
        const random = createRandom(seed);
        const matrices = draw(sizes, () => random.integer(17) - 8);
        const least = places[walk].least(sizes);
        const strides = { a: least.a + more.a, b: least.b + more.b, c: least.c + more.c };
        // Numbers that are not given are NaN.
        place(walk, matrices, sizes, strides);
        for (let i = 0; accumulate && i < m; i++) {
          for (let j = 0; j < n; j++) floats[cAt(i, j, strides.c)] = matrices.c[i * n + j] as number;
        }
        const before = words.slice();
        multiply(walk, sizes, strides, accumulate);
        const { exact } = loops(matrices, sizes, accumulate);
        const got = Float32Array.from({ length: m * n }, (_, at) => {
          const place = cAt(Math.floor(at / n), at % n, strides.c);
          before[place] = words[place] as number;
          return floats[place] as number;
        });
        expect(got).toEqual(Float32Array.from(exact));
        // All other numbers, but for the scratch, are what they were.
        const scratch = [atScratch / 4, (atScratch + tileScratchBytes) / 4] as const;
        before.set(words.subarray(...scratch), scratch[0]);
        expect(words.findIndex((word, at) => word !== before[at])).toBe(-1);
      }),
      options,
    );
  });

  test("a number's bits do not depend on how many rows or columns are computed with it", () => {
    fc.assert(
      fc.property(drawn, fc.nat(), fc.nat(), ({ walk, accumulate, seed, ...sizes }, row, column) => {
        const { m, n, k } = sizes;
        const random = createRandom(seed);
        const matrices = draw(sizes, () => random.normal());
        const strides = places[walk].least(sizes);
        place(walk, matrices, sizes, strides);
        const [i, j] = [row % m, 4 * (column % (n / 4))];
        for (let r = 0; r < m; r++) floats.set(matrices.c.subarray(r * n, (r + 1) * n), cAt(r, 0, strides.c));
        multiply(walk, sizes, strides, accumulate);
        const among = words.slice(cAt(i, j, strides.c), cAt(i, j, strides.c) + 4);
        // That row alone, and 4 columns of it.
        const view = (matrix: Float32Array, rows: number, width: number, from: number, count: number): Float32Array =>
          Float32Array.from({ length: rows * count }, (_, at) => {
            return matrix[Math.floor(at / count) * width + from + (at % count)] as number;
          });
        const a = matrices.a.subarray(i * k, (i + 1) * k);
        const alone = { m: 1, n: 4, k };
        const small = places[walk].least(alone);
        place(walk, { a, b: view(matrices.b, k, n, j, 4), c: a }, alone, small);
        floats.set(matrices.c.subarray(i * n + j, i * n + j + 4), atC / 4);
        multiply(walk, alone, small, accumulate);
        expect(words.slice(atC / 4, atC / 4 + 4)).toEqual(among);
      }),
      options,
    );
  });

  if (!host.fma) {
    test("the bits are those of a loop over the depth in f32", () => {
      fc.assert(
        fc.property(drawn, ({ walk, accumulate, seed, ...sizes }) => {
          const { m, n } = sizes;
          const random = createRandom(seed);
          const matrices = draw(sizes, () => random.normal());
          const strides = places[walk].least(sizes);
          place(walk, matrices, sizes, strides);
          floats.set(matrices.c, atC / 4);
          multiply(walk, sizes, strides, accumulate);
          expect(floats.slice(atC / 4, atC / 4 + m * n)).toEqual(loops(matrices, sizes, accumulate).rounded);
        }),
        options,
      );
    });
  }
});
