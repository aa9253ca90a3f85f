/**
 * The matrix product, as WASM functions: a register-tiled micro-kernel for every tile height and a driver that blocks
 * for the caches. C (m,n) = or += A (m,k) times B (k,n), where B comes in panels of 8 columns. Knows nothing about
 * what the matrices mean. Edges run in smaller tiles: no row or column is computed in vain beyond a multiple of 4.
 */
import {
  br_if,
  type Code,
  call,
  type DefinedFunction,
  forLoop,
  func,
  i32,
  if_,
  type Local,
  local,
  loop,
  v128,
} from "./assembler.ts";
import { type Host, madd } from "./vector-math.ts";

/** Rows of the highest tile, by how A is walked: measured. Walking rows takes one pointer a row. */
const tileRows: { readonly [W in Walk]: number } = { rows: 4, columns: 6 };
/** Rows of A and depth of the sum that are worked on together, so that they stay in the caches. */
const blockRows = 96;
const blockDepth = 256;

/**
 * How A is walked. "rows": a row's numbers follow each other, rows are `strideA` bytes apart. "columns": A is stored
 * transposed, so that a column's numbers follow each other and columns are `strideA` bytes apart.
 */
type Walk = "rows" | "columns";

/** Micro-kernel: one tile of `rows` x `columns` over a depth of k. */
function microKernel(walk: Walk, rows: number, columns: 8 | 4, host: Host): DefinedFunction {
  const name = `tile ${rows}x${columns} ${walk}`;
  // k, a, strideA, b, strideB, c, strideC, accumulate
  return func({ name, params: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"], results: [] }, (f) => {
    const [k, a, strideA, b, strideB, c, strideC, accumulate] = [0, 1, 2, 3, 4, 5, 6, 7].map(f.param) as Local[] as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const width = columns / 4;
    const each = <T>(make: (r: number, v: number) => T): T[] =>
      Array.from({ length: rows * width }, (_, i) => make(Math.floor(i / width), i % width));
    const sums = each(() => f.local("v128"));
    const sum = (r: number, v: number): Local => sums[r * width + v] as Local;
    const weights = Array.from({ length: width }, () => f.local("v128"));
    const number = f.local("v128");
    const pointers = Array.from({ length: walk === "rows" ? rows : 1 }, (_, r) => (r === 0 ? a : f.local("i32")));
    const out = Array.from({ length: rows }, (_, r) => (r === 0 ? c : f.local("i32")));
    const stepFrom = (list: readonly Local[], stride: Local): Code =>
      list.slice(1).map((pointer, r) => local.set(pointer, i32.add(local.get(list[r] as Local), local.get(stride))));

    /** One number of the depth; `unrolled` numbers on from the pointers (walk "rows" only). */
    const oneDepth = (unrolled: number): Code => [
      weights.map((weight, v) => local.set(weight, v128.load(local.get(b), 16 * v))),
      Array.from({ length: rows }, (_, r) => [
        local.set(
          number,
          walk === "rows"
            ? v128.load32_splat(local.get(pointers[r] as Local), 4 * unrolled)
            : v128.load32_splat(local.get(a), 4 * r),
        ),
        weights.map((weight, v) =>
          local.set(sum(r, v), madd(local.get(number), local.get(weight), local.get(sum(r, v)), host)),
        ),
      ]),
      local.set(b, i32.add(local.get(b), local.get(strideB))),
    ];
    const advance = (pointer: Local, bytes: Code): Code => local.set(pointer, i32.add(local.get(pointer), bytes));
    const countDown = (by: number): Code => local.tee(k, i32.sub(local.get(k), i32.const(by)));
    const four =
      walk === "rows"
        ? if_(
            i32.ge_s(local.get(k), i32.const(4)),
            loop([
              [0, 1, 2, 3].map(oneDepth),
              pointers.map((pointer) => advance(pointer, i32.const(16))),
              br_if(0, i32.ge_s(countDown(4), i32.const(4))),
            ]),
          )
        : [];
    const one = if_(
      local.get(k),
      loop([
        oneDepth(0),
        walk === "rows" ? pointers.map((pointer) => advance(pointer, i32.const(4))) : advance(a, local.get(strideA)),
        br_if(0, countDown(1)),
      ]),
    );
    return [
      walk === "rows" ? stepFrom(pointers, strideA) : [],
      stepFrom(out, strideC),
      if_(
        local.get(accumulate),
        each((r, v) => local.set(sum(r, v), v128.load(local.get(out[r] as Local), 16 * v))),
      ),
      four,
      one,
      each((r, v) => v128.store(local.get(out[r] as Local), local.get(sum(r, v)), 16 * v)),
    ];
  });
}

export type Matmul = {
  readonly functions: readonly DefinedFunction[];
  /**
   * m, n (a multiple of 4), k, a, strideA, b, panelBytes (from one panel of 8 columns to the next), strideB (from one
   * number of the depth to the next), c, strideC, accumulate.
   */
  readonly rows: DefinedFunction;
  readonly columns: DefinedFunction;
};

export function matmulFunctions(host: Host): Matmul {
  const functions: DefinedFunction[] = [];
  const add = (made: DefinedFunction): DefinedFunction => {
    functions.push(made);
    return made;
  };
  const driver = (walk: Walk): DefinedFunction => {
    const tiles = new Map<string, DefinedFunction>();
    for (const columns of [8, 4] as const) {
      for (let rows = 1; rows <= tileRows[walk]; rows++) {
        tiles.set(`${rows}x${columns}`, add(microKernel(walk, rows, columns, host)));
      }
    }
    return add(drive(walk, (rows, columns) => tiles.get(`${rows}x${columns}`) as DefinedFunction));
  };
  return { rows: driver("rows"), columns: driver("columns"), functions };
}

function drive(walk: Walk, tile: (rows: number, columns: 8 | 4) => DefinedFunction): DefinedFunction {
  const params = Array.from({ length: 11 }, () => "i32" as const);
  return func({ name: `matmul ${walk}`, params, results: [] }, (f) => {
    const [m, n, k, a, strideA, b, panelBytes, strideB, c, strideC, accumulate] = params.map((_, i) => f.param(i)) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const [depth, block, column, row, rowsLeft, depthHere, panel, add] = Array.from({ length: 8 }, () =>
      f.local("i32"),
    ) as [Local, Local, Local, Local, Local, Local, Local, Local];
    const get = local.get;
    const height = tileRows[walk];
    const plus = (x: Code, y: Code): Code => i32.add(x, y);
    const times = (x: Code, y: Code): Code => i32.mul(x, y);
    const atMost = (most: number, x: Code, into: Local): Code => [
      local.set(into, x),
      if_(i32.gt_s(get(into), i32.const(most)), local.set(into, i32.const(most))),
    ];
    const aAt =
      walk === "rows"
        ? plus(plus(get(a), times(get(row), get(strideA))), times(get(depth), i32.const(4)))
        : plus(plus(get(a), times(get(row), i32.const(4))), times(get(depth), get(strideA)));
    const cAt = plus(plus(get(c), times(get(row), get(strideC))), times(get(column), i32.const(4)));
    const run = (rows: number, columns: 8 | 4): Code =>
      call(
        tile(rows, columns),
        get(depthHere),
        aAt,
        get(strideA),
        get(panel),
        get(strideB),
        cAt,
        get(strideC),
        get(add),
      );
    /** All rows of the block, for one panel. */
    const rowsOf = (columns: 8 | 4): Code => [
      local.set(row, get(block)),
      if_(
        i32.ge_s(get(rowsLeft), i32.const(height)),
        loop([
          run(height, columns),
          local.set(row, plus(get(row), i32.const(height))),
          br_if(0, i32.ge_s(i32.sub(plus(get(block), get(rowsLeft)), get(row)), i32.const(height))),
        ]),
      ),
      edge(columns, height - 1),
    ];
    /** The rows that fill no tile: exactly `rows` of them, or fewer. */
    const edge = (columns: 8 | 4, rows: number): Code =>
      rows === 0
        ? []
        : if_(
            i32.eq(i32.sub(plus(get(block), get(rowsLeft)), get(row)), i32.const(rows)),
            run(rows, columns),
            edge(columns, rows - 1),
          );
    return forLoop(f, depth, 0, get(k), blockDepth, [
      atMost(blockDepth, i32.sub(get(k), get(depth)), depthHere),
      local.set(add, i32.or(get(accumulate), i32.ne(get(depth), i32.const(0)))),
      forLoop(f, block, 0, get(m), blockRows, [
        atMost(blockRows, i32.sub(get(m), get(block)), rowsLeft),
        local.set(panel, plus(get(b), times(get(depth), get(strideB)))),
        forLoop(f, column, 0, get(n), 8, [
          if_(i32.ge_s(i32.sub(get(n), get(column)), i32.const(8)), rowsOf(8), rowsOf(4)),
          local.set(panel, plus(get(panel), get(panelBytes))),
        ]),
      ]),
    ]);
  });
}
