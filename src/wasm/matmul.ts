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

/**
 * Micro-kernel: one tile of `rows` x `columns` over a depth of k. Every number of C is summed in the order of the
 * depth, whatever the tile: how rows are shared out, among tiles or threads, does not change a bit of the result.
 */
function microKernel(walk: Walk, rows: number, columns: number, host: Host): DefinedFunction {
  const name = `tile ${rows}x${columns} ${walk}`;
  // k, a, strideA, b, strideB, c, strideC, accumulate, panelBytes
  return func({ name, params: Array.from({ length: 9 }, () => "i32"), results: [] }, (f) => {
    const [k, a, strideA, b, strideB, c, strideC, accumulate, panelBytes] = f.params(9);
    const width = columns / 4;
    const sums = Array.from({ length: rows * width }, () => f.local("v128"));
    const sum = (r: number, v: number): Local => sums[r * width + v] as Local;
    const number = f.local("v128");
    const chain = (first: Local, count: number): Local[] =>
      Array.from({ length: count }, (_, i) => (i === 0 ? first : f.local("i32")));
    const pointers = chain(a, walk === "rows" ? rows : 1);
    const panels = chain(b, Math.ceil(columns / 8));
    const out = chain(c, rows);
    const each = (make: (r: number, v: number) => Code): Code =>
      Array.from({ length: rows * width }, (_, i) => make(Math.floor(i / width), i % width));
    const advance = (pointer: Local, bytes: Code): Code => local.set(pointer, i32.add(local.get(pointer), bytes));
    const stepFrom = (list: readonly Local[], stride: Local): Code =>
      list.slice(1).map((pointer, i) => local.set(pointer, i32.add(local.get(list[i] as Local), local.get(stride))));
    const weightAt = (v: number): Code => v128.load(local.get(panels[v >> 1] as Local), 16 * (v & 1));
    // A tile of one row uses each weight once: no need to keep them.
    const weights = Array.from({ length: rows > 1 ? width : 0 }, () => f.local("v128"));
    const weight = (v: number): Code => (rows > 1 ? local.get(weights[v] as Local) : weightAt(v));

    /** One number of the depth. Unrolling it by hand costs registers: measured. */
    const oneDepth: Code = [
      weights.map((kept, v) => local.set(kept, weightAt(v))),
      Array.from({ length: rows }, (_, r) => {
        const pointer = walk === "rows" ? (pointers[r] as Local) : a;
        return [
          local.set(number, v128.load32_splat(local.get(pointer), walk === "rows" ? 0 : 4 * r)),
          Array.from({ length: width }, (_, v) =>
            local.set(sum(r, v), madd(local.get(number), weight(v), local.get(sum(r, v)), host)),
          ),
        ];
      }),
      panels.map((panel) => advance(panel, local.get(strideB))),
      walk === "rows" ? pointers.map((pointer) => advance(pointer, i32.const(4))) : advance(a, local.get(strideA)),
    ];
    return [
      walk === "rows" ? stepFrom(pointers, strideA) : [],
      stepFrom(panels, panelBytes),
      stepFrom(out, strideC),
      if_(
        local.get(accumulate),
        each((r, v) => local.set(sum(r, v), v128.load(local.get(out[r] as Local), 16 * v))),
      ),
      if_(
        i32.gt_s(local.get(k), i32.const(0)),
        loop([oneDepth, br_if(0, i32.gt_s(local.tee(k, i32.sub(local.get(k), i32.const(1))), i32.const(0)))]),
      ),
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
    // A single row alone has too few sums to keep the multiply-adds busy: it takes four panels at once.
    tiles.set("1x32", add(microKernel(walk, 1, 32, host)));
    for (const columns of [8, 4]) {
      for (let rows = 1; rows <= tileRows[walk]; rows++) {
        tiles.set(`${rows}x${columns}`, add(microKernel(walk, rows, columns, host)));
      }
    }
    return add(drive(walk, (rows, columns) => tiles.get(`${rows}x${columns}`) as DefinedFunction));
  };
  return { rows: driver("rows"), columns: driver("columns"), functions };
}

function drive(walk: Walk, tile: (rows: number, columns: number) => DefinedFunction): DefinedFunction {
  const params = Array.from({ length: 11 }, () => "i32" as const);
  return func({ name: `matmul ${walk}`, params, results: [] }, (f) => {
    const [m, n, k, a, strideA, b, panelBytes, strideB, c, strideC, accumulate] = f.params(11);
    const [depth, block, column, row, rowsLeft, depthHere, panel, add] = f.locals("i32", 8);
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
    const run = (rows: number, columns: number): Code =>
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
        get(panelBytes),
      );
    /** All rows of the block, for one panel. */
    const rowsOf = (columns: number): Code => [
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
    const edge = (columns: number, rows: number): Code =>
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
        local.set(column, i32.const(0)),
        if_(i32.eq(get(rowsLeft), i32.const(1)), [
          local.set(row, get(block)),
          forLoop(f, column, 0, i32.sub(get(n), i32.const(31)), 32, [
            run(1, 32),
            local.set(panel, plus(get(panel), times(get(panelBytes), i32.const(4)))),
          ]),
        ]),
        forLoop(f, column, get(column), get(n), 8, [
          if_(i32.ge_s(i32.sub(get(n), get(column)), i32.const(8)), rowsOf(8), rowsOf(4)),
          local.set(panel, plus(get(panel), get(panelBytes))),
        ]),
      ]),
    ]);
  });
}
