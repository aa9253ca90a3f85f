/**
 * The matrix product of bf16 on the tiles of AMX: C (m,n) = or += A (m,k) times B (k,n) with sums in f32. Sums of 32 by 32 numbers stay in
 * four tiles over a depth; two more have rows of A, and two a panel of B. Knows nothing about what the matrices mean.
 */
import { type Address, type Assembler, type Constant, type Label, rax, rbx, rcx, rdi, rdx, rsi } from "./assembler.ts";
import { memoryBase } from "./function.ts";
import type { Tile } from "./matmul.ts";

/** Rows of A at once, in two tiles. */
export const amxRows = 32;
/** Pairs of the depth in a row of a tile. */
const pairsInTile = 16;
const [rowBytes, r8] = [64, 8];
const sums = [0, 1, 2, 3] as const;
const [ofA, ofB] = [[4, 5] as const, [6, 7] as const];

/** Rows of the first tile and of the second. */
const halves = (rows: number): readonly number[] =>
  rows <= 16 ? [rows] : [Math.ceil(rows / 2), rows - Math.ceil(rows / 2)];

/** What `configureTiles` reads for tiles of so many rows of A: the kind of configuration, then bytes of a row, and rows. */
export function tileConfiguration(a: Assembler, rows: number): Constant {
  const [first = 0, second = 0] = halves(rows);
  const bytes = new Uint8Array(64);
  bytes[0] = 1;
  [first, first, second, second, first, second, pairsInTile, pairsInTile].forEach((count, tile) => {
    bytes[16 + 2 * tile] = count === 0 ? 0 : rowBytes;
    bytes[48 + tile] = count;
  });
  return a.constants([...new Uint32Array(bytes.buffer)]);
}

/** Addresses come in rax (A), rdx (a panel) and rcx (C), from the start of memory; tiles are configured. Depth is in pairs, whole tiles of them. */
export function amxTile(a: Assembler, tile: Omit<Tile, "bf16">, label: Label): void {
  const { rows, vectors, depth, strideA, stepB, strideC, accumulate } = tile;
  const list = halves(rows);
  const start = (r: number): number => (list[0] as number) * r;
  const inC = (r: number, v: number): Address & { readonly index: number } => {
    return { base: rcx, index: rdi, offset: start(r) * strideC + v * rowBytes };
  };
  const each = (act: (sum: number, r: number, v: number) => void): void => {
    list.forEach((_, r) => {
      for (let v = 0; v < vectors; v++) act(sums[2 * r + v] as number, r, v);
    });
  };
  const kept = [rbx, rsi, rdi, r8];
  a.align(16);
  a.place(label);
  for (const one of kept) a.push(one);
  for (const one of [rax, rdx, rcx]) a.arithmetic("add", one, memoryBase, true);
  a.moveConstant(rbx, strideA);
  a.moveConstant(rsi, stepB);
  a.moveConstant(rdi, strideC);
  each((sum, r, v) => {
    if (accumulate) a.loadTile(sum, inC(r, v));
    else a.zeroTile(sum);
  });
  a.moveConstant(r8, depth / pairsInTile);
  const top = a.label();
  a.align(32);
  a.place(top);
  for (let v = 0; v < vectors; v++) a.loadTile(ofB[v as 0 | 1], { base: rdx, index: rsi, offset: v * rowBytes });
  list.forEach((_, r) => {
    a.loadTile(ofA[r as 0 | 1], { base: rax, index: rbx, offset: start(r) * strideA });
    for (let v = 0; v < vectors; v++) a.multiplyTiles(sums[2 * r + v] as number, ofA[r as 0 | 1], ofB[v as 0 | 1]);
  });
  a.arithmeticWith("add", rax, rowBytes, true);
  a.arithmeticWith("add", rdx, pairsInTile * stepB, true);
  a.arithmeticWith("sub", r8, 1);
  a.jumpIf("ne", top);
  each((sum, r, v) => a.storeTile(inC(r, v), sum));
  for (const one of kept.toReversed()) a.pop(one);
  a.ret();
}
