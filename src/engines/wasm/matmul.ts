/**
 * The matrix product, as WASM functions: a register-tiled micro-kernel for every tile height and a driver that blocks
 * for the caches. C (m,n) = or += A (m,k) times B (k,n), where B comes in panels of 8 columns. Knows nothing about
 * what the matrices mean. Edges run in smaller tiles: no row or column is computed in vain beyond a multiple of 4.
 */
import { type Code, type FunctionHandle, type Local, procedure } from "./assembler.ts";
import { br_if, call, f32, forLoop, i32, if_, loop, v128 } from "./instructions.ts";
import { type Host, madd } from "./vector-ops.ts";

/** Rows of the highest tile: measured. */
const tileRows = 6;
/** Rows that fill no tile, or would leave a thin one, by how many there are. */
const lastRows: readonly (readonly number[])[] = [[], [1], [2], [3], [4], [5], [6], [4, 3], [4, 4], [5, 4]];
/** Rows of A and depth of the sum that are worked on together, so that they stay in the caches. */
const blockRows = 96;
const blockDepth = 256;
/** From one number of the depth to the next in a packed panel. */
const panelRowBytes = 32;
/** What a thread needs to pack blocks of both matrices: one panel, and the tiles of A. */
export const tileScratchBytes = blockDepth * (panelRowBytes + 4 * blockRows);

/**
 * How A is walked. "rows": a row's numbers follow each other, rows are `strideA` bytes apart; B is in panels of 8
 * columns, packed once for many products. "columns": A is stored transposed, so that a column's numbers follow each other
 * and columns are `strideA` bytes apart; B is a matrix whose rows are `strideB` bytes apart. Blocks of both are packed
 * here: from one depth to the next is another page of memory.
 */
type Walk = "rows" | "columns";

/**
 * Micro-kernel: one tile of `rows` x `columns` over a depth of k. Every number of C is summed in the order of the
 * depth, whatever the tile: how rows are shared out, among tiles or threads, does not change a bit of the result.
 */
function microKernel(walk: Walk, rows: number, columns: number, host: Host): FunctionHandle {
  const name = tileName(walk, rows, columns);
  // k, a, strideA, b, c, strideC, accumulate, panelBytes
  return procedure(name, 8, (f) => {
    const [k, a, strideA, b, c, strideC, accumulate, panelBytes] = f.params(8);
    const width = columns / 4;
    const sums = Array.from({ length: rows * width }, () => f.local("v128"));
    const sum = (r: number, v: number): Local => sums[r * width + v] as Local;
    const number = f.local("v128");
    const chain = (first: Local, count: number): Local[] =>
      Array.from({ length: count }, (_, i) => (i === 0 ? first : f.local("i32")));
    // A row a pointer. Packed, the rows of a tile follow each other at each depth.
    const pointers = chain(a, walk === "rows" ? rows : 1);
    const panels = chain(b, Math.ceil(columns / 8));
    const out = chain(c, rows);
    const each = (make: (r: number, v: number) => Code): Code =>
      Array.from({ length: rows * width }, (_, i) => make(Math.floor(i / width), i % width));
    const advance = (pointer: Local, bytes: Code): Code => pointer.set(i32.add(pointer.get, bytes));
    const stepFrom = (list: readonly Local[], stride: Local): Code =>
      list.slice(1).map((pointer, i) => pointer.set(i32.add((list[i] as Local).get, stride.get)));
    const weightAt = (v: number): Code => v128.load((panels[v >> 1] as Local).get, 16 * (v & 1));
    // A tile of one row uses each weight once: no need to keep them.
    const weights = Array.from({ length: rows > 1 ? width : 0 }, () => f.local("v128"));
    const weight = (v: number): Code => (rows > 1 ? (weights[v] as Local).get : weightAt(v));

    /** One number of the depth. Unrolling it by hand costs registers: measured. */
    const oneDepth: Code = [
      weights.map((kept, v) => kept.set(weightAt(v))),
      Array.from({ length: rows }, (_, r) => {
        const pointer = walk === "rows" ? (pointers[r] as Local) : a;
        return [
          number.set(v128.load32_splat(pointer.get, walk === "rows" ? 0 : 4 * r)),
          Array.from({ length: width }, (_, v) => sum(r, v).set(madd(number.get, weight(v), sum(r, v).get, host))),
        ];
      }),
      panels.map((panel) => advance(panel, i32.const(panelRowBytes))),
      pointers.map((pointer) => advance(pointer, i32.const(walk === "rows" ? 4 : 4 * rows))),
    ];
    return [
      walk === "rows" ? stepFrom(pointers, strideA) : [],
      stepFrom(panels, panelBytes),
      stepFrom(out, strideC),
      if_(
        accumulate.get,
        each((r, v) => sum(r, v).set(v128.load((out[r] as Local).get, 16 * v))),
      ),
      if_(
        i32.gt_s(k.get, i32.const(0)),
        loop([oneDepth, br_if(0, i32.gt_s(k.tee(i32.sub(k.get, i32.const(1))), i32.const(0)))]),
      ),
      each((r, v) => v128.store((out[r] as Local).get, sum(r, v).get, 16 * v)),
    ];
  });
}

export type Matmul = {
  readonly functions: readonly FunctionHandle[];
  /** m, n (a multiple of 4), k, a, strideA, b, panelBytes (from one panel of 8 columns to the next), c, strideC, accumulate. */
  readonly rows: FunctionHandle;
  /** m, n (a multiple of 4), k, a, strideA, b, strideB, c, strideC, accumulate, scratch (`tileScratchBytes` of it). */
  readonly columns: FunctionHandle;
};

export function matmulFunctions(host: Host): Matmul {
  const functions: FunctionHandle[] = [];
  const add = (made: FunctionHandle): FunctionHandle => {
    functions.push(made);
    return made;
  };
  const tilesFor = (walk: Walk): Tiles => {
    const tiles = [8, 4].flatMap((columns) =>
      Array.from({ length: tileRows }, (_, r) => microKernel(walk, r + 1, columns, host)),
    );
    // A single row alone has too few sums to keep the multiply-adds busy: it takes four panels at once.
    if (walk === "rows") tiles.push(microKernel(walk, 1, 32, host));
    const byName = new Map(tiles.map((tile) => [tile.name, add(tile)]));
    return (rows, columns) => byName.get(tileName(walk, rows, columns)) as FunctionHandle;
  };
  const strips = Array.from({ length: 8 }, (_, k) => add(copyStrip(k + 1)));
  return {
    rows: add(productByRows(tilesFor("rows"))),
    columns: add(productByColumns(tilesFor("columns"), (width) => strips[width - 1] as FunctionHandle)),
    functions,
  };
}

type Tiles = (rows: number, columns: number) => FunctionHandle;
const tileName = (walk: Walk, rows: number, columns: number): string => `tile ${rows}x${columns} ${walk}`;
const plus = (x: Code, y: Code): Code => i32.add(x, y);
const times = (x: Code, y: Code): Code => i32.mul(x, y);
/** Without any depth there is a block as well, which sets the sums to 0. */
const atLeastOne = (k: Local): Code => i32.or(k.get, i32.eqz(k.get));

/** `of` in parts of at most `most`: the local `here` holds the part that begins at `start`. */
const partOf = (of: Local, start: Local, most: number, here: Local): Code => [
  here.set(i32.sub(of.get, start.get)),
  if_(i32.gt_s(here.get, i32.const(most)), here.set(i32.const(most))),
];

/** Every tile of the rows from `row` to before `end`: code for a height, after which the next tile begins. */
function overTiles(row: Local, end: Local, act: (rows: number) => Code): Code {
  const left = i32.sub(end.get, row.get);
  const actOn = (rows: number): Code => [act(rows), row.set(plus(row.get, i32.const(rows)))];
  /** The last rows: exactly `count` of them, or fewer. */
  const last = (count: number): Code =>
    count === 0 ? [] : if_(i32.eq(left, i32.const(count)), lastRows[count]?.map(actOn) ?? [], last(count - 1));
  const many = i32.ge_s(left, i32.const(lastRows.length));
  return [if_(many, loop([actOn(tileRows), br_if(0, many)])), last(lastRows.length - 1)];
}

function productByRows(tile: Tiles): FunctionHandle {
  return procedure("matmul rows", 10, (f) => {
    const [m, n, k, a, strideA, b, panelBytes, c, strideC, accumulate] = f.params(10);
    const [depth, block, end, column, row, rowsHere, depthHere, panel, add] = f.locals("i32", 9);
    const aAt = plus(plus(a.get, times(row.get, strideA.get)), times(depth.get, i32.const(4)));
    const cAt = plus(plus(c.get, times(row.get, strideC.get)), times(column.get, i32.const(4)));
    const run = (rows: number, columns: number): Code => {
      const [A, C] = [[aAt, strideA.get] as const, [cAt, strideC.get] as const];
      return call(tile(rows, columns), depthHere.get, ...A, panel.get, ...C, add.get, panelBytes.get);
    };
    /** All rows of the block, for one panel. */
    const rowsOf = (columns: number): Code => [row.set(block.get), overTiles(row, end, (rows) => run(rows, columns))];
    return forLoop(f, depth, 0, atLeastOne(k), blockDepth, [
      partOf(k, depth, blockDepth, depthHere),
      add.set(i32.or(accumulate.get, i32.ne(depth.get, i32.const(0)))),
      forLoop(f, block, 0, m.get, blockRows, [
        partOf(m, block, blockRows, rowsHere),
        end.set(plus(block.get, rowsHere.get)),
        panel.set(plus(b.get, times(depth.get, i32.const(panelRowBytes)))),
        column.set(i32.const(0)),
        if_(i32.eq(rowsHere.get, i32.const(1)), [
          row.set(block.get),
          forLoop(f, column, 0, i32.sub(n.get, i32.const(31)), 32, [
            run(1, 32),
            panel.set(plus(panel.get, times(panelBytes.get, i32.const(4)))),
          ]),
        ]),
        forLoop(f, column, column.get, n.get, 8, [
          if_(i32.ge_s(i32.sub(n.get, column.get), i32.const(8)), rowsOf(8), rowsOf(4)),
          panel.set(plus(panel.get, panelBytes.get)),
        ]),
      ]),
    ]);
  });
}

function productByColumns(tile: Tiles, strip: (width: number) => FunctionHandle): FunctionHandle {
  return procedure("matmul columns", 11, (f) => {
    const [m, n, k, a, strideA, b, strideB, c, strideC, accumulate, scratch] = f.params(11);
    const [depth, block, end, column, row, rowsHere, depthHere, tiles, add] = f.locals("i32", 9);
    const cAt = plus(plus(c.get, times(row.get, strideC.get)), times(column.get, i32.const(4)));
    const tileAt = plus(tiles.get, times(times(i32.sub(row.get, block.get), depthHere.get), i32.const(4)));
    /** Numbers of a row at the present depth, and below it. */
    const from = (matrix: Local, at: Local, stride: Local): Code =>
      plus(plus(matrix.get, times(at.get, i32.const(4))), times(depth.get, stride.get));
    const pack = (rows: number): Code =>
      call(strip(rows), from(a, row, strideA), strideA.get, depthHere.get, tileAt, i32.const(4 * rows));
    const panelOf = (columns: number): Code => [
      call(strip(columns), from(b, column, strideB), strideB.get, depthHere.get, scratch.get, i32.const(panelRowBytes)),
      row.set(block.get),
      overTiles(row, end, (rows) => {
        const [A, C] = [[tileAt, i32.const(0)] as const, [cAt, strideC.get] as const];
        return call(tile(rows, columns), depthHere.get, ...A, scratch.get, ...C, add.get, i32.const(0));
      }),
    ];
    return [
      tiles.set(plus(scratch.get, i32.const(blockDepth * panelRowBytes))),
      forLoop(f, depth, 0, atLeastOne(k), blockDepth, [
        partOf(k, depth, blockDepth, depthHere),
        add.set(i32.or(accumulate.get, i32.ne(depth.get, i32.const(0)))),
        forLoop(f, block, 0, m.get, blockRows, [
          partOf(m, block, blockRows, rowsHere),
          end.set(plus(block.get, rowsHere.get)),
          row.set(block.get),
          overTiles(row, end, pack),
          forLoop(f, column, 0, n.get, 8, [
            if_(i32.ge_s(i32.sub(n.get, column.get), i32.const(8)), panelOf(8), panelOf(4)),
          ]),
        ]),
      ]),
    ];
  });
}

/** Copy `width` numbers of each of k rows, `stride` bytes apart, to rows that are `toStride` bytes apart. */
function copyStrip(width: number): FunctionHandle {
  return procedure(`strip of ${width}`, 5, (f) => {
    const [from, stride, k, to, toStride] = f.params(5);
    const d = f.local("i32");
    const fours = width >> 2;
    return forLoop(f, d, 0, k.get, 1, [
      Array.from({ length: fours }, (_, v) => v128.store(to.get, v128.load(from.get, 16 * v), 16 * v)),
      Array.from({ length: width - 4 * fours }, (_, j) => {
        const at = 16 * fours + 4 * j;
        return f32.store(to.get, f32.load(from.get, at), at);
      }),
      from.set(plus(from.get, stride.get)),
      to.set(plus(to.get, toStride.get)),
    ]);
  });
}
