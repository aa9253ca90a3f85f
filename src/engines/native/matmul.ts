/**
 * The matrix product as machine code: C (m,n) = or += A (m,k) times B (k,n). Tiles of C stay in registers over a depth; all that is
 * known of a product, its strides and its depth, is part of the code. Knows nothing about what the matrices mean.
 *
 * Every number of C is summed in the order of the depth, whatever the tile: how rows are shared out does not change a bit.
 */
import { amxTile } from "./amx.ts";
import { type Address, type Assembler, type Label, rax, rbx, rcx, rdx } from "./assembler.ts";
import type { Bf16Unit } from "./bf16.ts";
import { memoryBase, type NativeFunction, type Register } from "./function.ts";
import type { Host } from "./vector-ops.ts";

/** Vectors side by side in a panel of B. */
export const panelVectors = 2;
/** Rows of the highest tile: registers hold its sums, a row of a panel and one number of A. */
export const tileRows = (a: Assembler): number => (a.isa === "avx512" ? 14 : 6);
/** Depth of the sum that is worked on together, so that a panel stays in the first cache. */
export const blockDepth = 256;

/** One tile: what its code is made for. Bytes; `stepA` from one number of the depth to the next. */
export type Tile = {
  readonly rows: number;
  readonly vectors: number;
  readonly depth: number;
  readonly strideA: number;
  readonly stepA: number;
  /** From one number of the depth to the next in a panel, and from panel to panel. */
  readonly stepB: number;
  readonly panelBytes: number;
  readonly strideC: number;
  readonly accumulate: boolean;
  /** What multiplies, where numbers are pairs of bf16: depth is counted in pairs then. */
  readonly bf16?: Bf16Unit;
};

/** Tiles by what they are made for, each written once. */
export class Tiles {
  private readonly a: Assembler;
  private readonly host: Host;
  private readonly labels = new Map<string, readonly [Tile, Label]>();

  constructor(a: Assembler, host: Host) {
    this.a = a;
    this.host = host;
  }

  of(tile: Tile): Label {
    const key = JSON.stringify(tile);
    const known = this.labels.get(key);
    if (known !== undefined) return known[1];
    const label = this.a.label(`tile_${tile.rows}_by_${tile.vectors}_vectors`);
    this.labels.set(key, [tile, label]);
    return label;
  }

  /** Write those that were asked for. */
  assemble(): void {
    for (const [tile, label] of this.labels.values()) this.write(tile, label);
  }

  /** Addresses come in rax (A), rdx (a panel) and rcx (C), from the start of memory. */
  private write(tile: Tile, label: Label): void {
    const { a, host } = this;
    if (tile.bf16 === "amx") {
      amxTile(a, tile, label);
      return;
    }
    const { rows, vectors, depth, strideA, stepA, stepB, panelBytes, strideC, accumulate } = tile;
    const bytes = a.bits / 8;
    const sum = (r: number, v: number): number => r * vectors + v;
    const number = rows * vectors;
    const weight = (v: number): number => number + 1 + v;
    const spare = number + 1 + vectors;
    const inA = (r: number): Address => ({ base: rax, index: memoryBase, offset: r * strideA });
    const inB = (v: number): Address => {
      const offset = Math.floor(v / panelVectors) * panelBytes + (v % panelVectors) * bytes;
      return { base: rdx, index: memoryBase, offset };
    };
    const inC = (r: number, v: number): Address => ({ base: rcx, index: memoryBase, offset: r * strideC + v * bytes });
    const each = (act: (r: number, v: number) => void): void => {
      for (let r = 0; r < rows; r++) for (let v = 0; v < vectors; v++) act(r, v);
    };
    a.align(16);
    a.listing?.comment(a.at, `rows ${rows}, vectors ${vectors}: C ${accumulate ? "+=" : "="} A times B, ${depth} deep`);
    a.place(label);
    each((r, v) => {
      if (accumulate) a.load(sum(r, v), inC(r, v));
      else a.binary("pxor", sum(r, v), sum(r, v), sum(r, v));
    });
    if (depth > 0) {
      a.push(rbx);
      a.moveConstant(rbx, depth);
      const top = a.label();
      a.align(32);
      a.place(top);
      if (rows > 1) for (let v = 0; v < vectors; v++) a.load(weight(v), inB(v));
      for (let r = 0; r < rows; r++) {
        a.broadcast(number, inA(r));
        for (let v = 0; v < vectors; v++) {
          const other = rows > 1 ? weight(v) : inB(v);
          if (tile.bf16) a.wide("dpbf16ps", sum(r, v), number, other);
          else if (host.fma) a.binary("fmadd231ps", sum(r, v), number, other);
          else {
            a.binary("mulps", spare, number, other);
            a.binary("addps", sum(r, v), spare, sum(r, v));
          }
        }
      }
      a.arithmeticWith("add", rax, stepA, true);
      a.arithmeticWith("add", rdx, stepB, true);
      a.arithmeticWith("sub", rbx, 1);
      a.jumpIf("ne", top);
      a.pop(rbx);
    }
    each((r, v) => a.storeVector(inC(r, v), sum(r, v)));
    a.ret();
  }
}

/** Have a tile computed. */
export function callTile(f: NativeFunction, label: Label, at: Register, panel: Register, to: Register): void {
  f.step([at, panel, to], [], (a, chosen) => {
    // One of them may be in a register that another is to be in.
    for (const one of [at, panel, to]) a.push(chosen(one));
    for (const one of [rcx, rdx, rax]) a.pop(one);
    a.call(label);
  });
}

/** So many rows as heights of tiles, each with how many of them: as even as can be. */
export function heights(rows: number, most: number): readonly (readonly [height: number, count: number])[] {
  const tiles = Math.ceil(rows / most);
  const low = Math.floor(rows / tiles);
  const high = rows - low * tiles;
  const all: [number, number][] = [
    [low + 1, high],
    [low, tiles - high],
  ];
  return all.filter(([height, count]) => height > 0 && count > 0);
}

/** Panels that a tile of so many rows takes at once: few rows alone have too few sums to keep the processor busy. */
export const panelsAtOnce = (a: Assembler, rows: number): number =>
  rows === 1 ? 4 : rows <= (a.isa === "avx512" ? 3 : 2) ? 2 : 1;

/**
 * So many vectors as groups of at most `most` panels, the largest first, each with how many of them; `left`: vectors that are less
 * than a panel.
 */
export function panelGroups(
  vectors: number,
  most: number,
): { readonly groups: readonly (readonly [panels: number, count: number])[]; readonly left: number } {
  const groups: [number, number][] = [];
  let left = vectors;
  for (const panels of [4, 2, 1]) {
    const count = Math.floor(left / (panels * panelVectors));
    if (panels > most || count === 0) continue;
    groups.push([panels, count]);
    left -= count * panels * panelVectors;
  }
  return { groups, left };
}
