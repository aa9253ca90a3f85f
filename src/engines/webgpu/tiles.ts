/**
 * Sums of products as tiles: a workgroup brings parts of both operands into memory that it shares, and each invocation adds up some rows
 * of four columns. Knows nothing about devices.
 */
import type { Outer, Product, WeightBlock } from "../../schedule/plan.ts";
import { type Kernel, type Kind, kernel, rowAt } from "./kernel.ts";
import type { Context } from "./pass.ts";

/** A tile: rows and columns of a workgroup, how deep one part of the operands is, and the rows of an invocation. */
export type Tile = { readonly rows: number; readonly columns: number; readonly depth: number; readonly each: number };

/** Few rows in a step of a time loop need many workgroups; many rows need few reads. */
export function tileFor(rows: number): Tile {
  if (rows <= 8) return { rows: 8, columns: 32, depth: 32, each: 1 };
  if (rows <= 32) return { rows: 32, columns: 16, depth: 32, each: 2 };
  return { rows: 64, columns: 64, depth: 16, each: 4 };
}
export const invocations = ({ rows, columns, each }: Tile): number => (rows / each) * (columns / 4);

/** What is summed: over `k`, `a` of row `i` times `b` of column `j`. Both are expressions of these variables. */
export type Sum = {
  readonly depth: number;
  readonly rows: number;
  /** The number at (i, k), read where both are in range, and whether neighbours in k are neighbours in memory. */
  readonly a: string;
  readonly aAlongDepth: boolean;
  /** The number at (k, j), 0 where it is out of range. */
  readonly b: string;
  readonly bAlongDepth: boolean;
};

/** Declarations and statements of a tile whose first row is `top`. `lefts`: the first columns of so many strips of it, as expressions. */
export function tileCode({ depth, rows, a, aAlongDepth, b, bAlongDepth }: Sum, tile: Tile, lefts: readonly string[]) {
  const size = invocations(tile);
  const quads = tile.columns / 4;
  const shared = `
var<workgroup> tileA: array<f32, ${tile.depth * tile.rows}>;
var<workgroup> tileB: array<vec4f, ${tile.depth * quads * lefts.length}>;`;
  const each = Array.from({ length: tile.each }, (_, m) => m);
  const sums = lefts.flatMap((_, g) => each.map((m) => `c${g}_${m}`));
  const ofA = aAlongDepth
    ? `let kk = e % ${tile.depth}u; let ii = e / ${tile.depth}u;`
    : `let kk = e / ${tile.rows}u; let ii = e % ${tile.rows}u;`;
  const ofB = bAlongDepth
    ? `let kk = e % ${tile.depth}u; let jj = e / ${tile.depth}u;`
    : `let kk = e / ${quads}u; let jj = e % ${quads}u;`;
  const body = `let own_i = (lane / ${quads}u) * ${tile.each}u;
  let own_j = lane % ${quads}u;
  ${sums.map((name) => `var ${name} = vec4f();`).join(" ")}
  for (var k0 = 0u; k0 < ${depth}u; k0 += ${tile.depth}u) {
    for (var e = lane; e < ${tile.depth * tile.rows}u; e += ${size}u) {
      ${ofA}
      let i = top + ii; let k = k0 + kk;
      var x = 0f;
      if (i < ${rows}u && k < ${depth}u) { x = ${a}; }
      tileA[kk * ${tile.rows}u + ii] = x;
    }
    for (var e = lane; e < ${tile.depth * quads}u; e += ${size}u) {
      ${ofB}
      let k = k0 + kk;
      ${lefts
        .map((left, g) => `tileB[${g * tile.depth * quads}u + kk * ${quads}u + jj] = numbers_b(k, ${left} + jj * 4u);`)
        .join("\n      ")}
    }
    workgroupBarrier();
    for (var kk = 0u; kk < ${tile.depth}u; kk++) {
      ${each.map((m) => `let a${m} = tileA[kk * ${tile.rows}u + own_i + ${m}u];`).join(" ")}
      ${lefts
        .map((_, g) => {
          const read = `let b${g} = tileB[${g * tile.depth * quads}u + kk * ${quads}u + own_j];`;
          return `${read} ${each.map((m) => `c${g}_${m} += a${m} * b${g};`).join(" ")}`;
        })
        .join("\n      ")}
    }
    workgroupBarrier();
  }`;
  // A loop: shaders with four copies take devices four times as long to compile.
  const functionB = `
fn number_b(k: u32, j: u32) -> f32 { ${b} }
fn numbers_b(k: u32, j: u32) -> vec4f {
  var four = vec4f();
  for (var c = 0u; c < 4u; c++) { four[c] = number_b(k, j + c); }
  return four;
}`;
  return { shared: shared + functionB, body, size };
}

/** Statements that return the weight of input `k` and output `j`; between blocks, and beyond them, it is 0. */
function weightCode(weights: readonly WeightBlock[]): string {
  const inBlock = ({ k, n, countK, countN, source, strideK, strideN }: WeightBlock): string =>
    `if (k - ${k}u < ${countK}u && j - ${n}u < ${countN}u) { return number(${source / 4}u + (k - ${k}u) * ${strideK / 4}u + (j - ${n}u) * ${strideN / 4}u); }`;
  return `${weights.map(inBlock).join("\n  ")} return 0f;`;
}

export function sumOfProduct({ operand, k, weights }: Product, { rows, time }: Context): Sum {
  return {
    ...{ depth: k, rows, a: `number(${rowAt(operand, "i", time)} + k)`, aAlongDepth: true },
    ...{ b: weightCode(weights), bAlongDepth: (weights[0]?.strideK ?? 4) === 4 },
  };
}

/** Calls `finish` for each number of a tile. */
const forEach = ({ each }: Tile): string =>
  Array.from({ length: each }, (_, m) => `finish_four(top + own_i + ${m}u, left + own_j * 4u, c0_${m});`).join("\n  ");

function tiled(kind: Kind, name: string, sum: Sum, columns: number, finish: string): Kernel {
  const tile = tileFor(sum.rows);
  const across = Math.ceil(columns / tile.columns);
  const { shared, body, size } = tileCode(sum, tile, ["left"]);
  return kernel({
    ...{ kind, name, size, count: across * Math.ceil(sum.rows / tile.rows) },
    shared: `${shared}
fn finish(i: u32, j: u32, value: f32) { ${finish} }
fn finish_four(i: u32, first: u32, four: vec4f) {
  if (i >= ${sum.rows}u) { return; }
  for (var c = 0u; c < 4u && first + c < ${columns}u; c++) { finish(i, first + c, four[c]); }
}`,
    body: `let top = (group / ${across}u) * ${tile.rows}u;
  let left = (group % ${across}u) * ${tile.columns}u;
  ${body}
  ${forEach(tile)}`,
  });
}

export function productKernel(product: Product, context: Context, name: string): Kernel {
  const { n, out, accumulate } = product;
  const finish = `let at = ${rowAt(out, "i", context.time)} + j; put(at, ${accumulate ? "number(at) + value" : "value"});`;
  return tiled("product", name, sumOfProduct(product, context), n, finish);
}

/** Rows and columns of the gradients, summed over the rows of the operands. */
export function outerKernel(outer: Outer, { rows, time }: Context, name: string): Kernel {
  const { rowCount, columnCount, blocks } = outer;
  const sum: Sum = {
    ...{ depth: rows, rows: rowCount, a: `number(${rowAt(outer.rows, "k", time)} + i)`, aAlongDepth: false },
    b: `if (k >= ${rows}u || j >= ${columnCount}u) { return 0f; } return number(${rowAt(outer.columns, "k", time)} + j);`,
    bAlongDepth: false,
  };
  const finish = blocks
    .map(
      ({ row, rows: count, columns, gradient, gradientRowBytes, first }) =>
        `if (i - ${row}u < ${count}u && j < ${columns}u) { let at = ${gradient / 4}u + (i - ${row}u) * ${gradientRowBytes / 4}u + j; put(at, ${first ? "value" : "number(at) + value"}); }`,
    )
    .join("\n  ");
  return tiled("outer product", name, sum, columnCount, finish);
}
