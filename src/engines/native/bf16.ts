/**
 * Products of bf16 operands with sums in f32: what they read. Rows of the left matrix are bf16 side by side, filled with zeros to
 * whole blocks of the depth; a panel has for each pair of the depth its columns' two numbers side by side. Both units that
 * multiply bf16 read these, AVX512_BF16 and the tiles of AMX.
 *
 * An f32 becomes the nearest bf16, ties to even; one below the least normal number becomes 0. Everything here is AVX-512.
 */
import { type Address, type Assembler, type Constant, type Label, rax, rbx, rcx, rdx } from "./assembler.ts";
import { memoryBase } from "./function.ts";

/** What multiplies. */
export type Bf16Unit = "amx" | "avx512_bf16";

/** Numbers of the depth to whose multiples rows and panels are filled with zeros: a row of a tile of AMX. */
export const depthUnit = 32;
/** Depth of the sum that is worked on together: as many bytes as in f32. */
export const bf16BlockDepth = 512;
/** Bytes from row to row of converted numbers; rows a power of two apart would meet in the same sets of the first cache. */
export const bf16RowBytes = 2 * bf16BlockDepth + 64;
/** Rows that are converted together. */
export const bf16BlockRows = 160;

/** What a thread needs for converted rows and one panel. */
export const bf16ScratchBytes = bf16BlockRows * bf16RowBytes + 64 * bf16BlockDepth;

export const wholeDepth = (k: number): number => Math.ceil(k / depthUnit) * depthUnit;

/** A function of a source (rax), a number of rows (rdx) where it takes one, and a destination (rcx), from the memory's start. */
type Conversion =
  /** Rows of `count` f32 to rows of bf16. */
  | { readonly kind: "rows"; readonly count: number; readonly fromStride: number; readonly toStride: number }
  /** `depth` rows of `count` f32, at most 32, to pairs of rows: two numbers side by side. `fill`: with zeros to a whole depth. */
  | {
      readonly kind: "pairs";
      readonly fill: boolean;
      readonly count: number;
      readonly depth: number;
      readonly fromStride: number;
      readonly toStride: number;
    }
  /**
   * A matrix turned, 16 rows at a time. `byRow`: each of `count` rows, at most 16, has `depth` f32, and what comes out is pairs of the depth
   * for 16 columns. Else `depth` rows have `count` f32 each, and 16 rows of bf16 come out.
   */
  | {
      readonly kind: "turned";
      readonly byRow: boolean;
      readonly count: number;
      readonly depth: number;
      readonly fromStride: number;
      readonly toStride: number;
    };

/** Conversions by what they are made for, each written once. */
export class Conversions {
  private readonly a: Assembler;
  private readonly labels = new Map<string, readonly [Conversion, Label]>();

  constructor(a: Assembler) {
    this.a = a;
  }

  of(conversion: Conversion): Label {
    const key = JSON.stringify(conversion);
    const known = this.labels.get(key);
    if (known !== undefined) return known[1];
    const label = this.a.label();
    this.labels.set(key, [conversion, label]);
    return label;
  }

  /** Write those that were asked for. */
  assemble(): void {
    for (const [one, label] of this.labels.values()) {
      this.a.align(16);
      this.a.place(label);
      if (one.kind === "rows") this.rows(one);
      else if (one.kind === "pairs") this.pairs(one);
      else this.turned(one);
      this.a.ret();
    }
  }

  /** The first lanes, of vectors of f32, as a mask; all of them need none. */
  private mask(to: number, lanes: number): number | undefined {
    if (lanes >= 16) return undefined;
    this.a.moveConstant(rbx, 2 ** Math.max(0, lanes) - 1);
    this.a.maskFrom(to, rbx);
    return to;
  }
  /** `body` so many times: what is known not to be once needs no loop. Keeps rbx for itself. */
  private times(count: number, body: () => void): void {
    const { a } = this;
    if (count <= 0) return;
    const top = a.label();
    a.moveConstant(rbx, count);
    a.align(32);
    a.place(top);
    body();
    a.arithmeticWith("sub", rbx, 1);
    a.jumpIf("ne", top);
  }
  private from(offset: number): Address {
    return { base: rax, index: memoryBase, offset };
  }
  private to(offset: number): Address {
    return { base: rcx, index: memoryBase, offset };
  }

  private rows({ count, fromStride, toStride }: Extract<Conversion, { kind: "rows" }>): void {
    const { a } = this;
    const top = a.label();
    a.push(rbx);
    const tail = count % depthUnit;
    const masks = [this.mask(1, tail), this.mask(2, tail - 16)];
    a.align(32);
    a.place(top);
    for (let k = 0; k < count; k += depthUnit) {
      const last = k + depthUnit > count;
      a.load(0, this.from(4 * k), last ? masks[0] : undefined);
      if (last && tail <= 16) a.binary("pxor", 1, 1, 1);
      else a.load(1, this.from(4 * k + 64), last ? masks[1] : undefined);
      a.wide("cvtne2ps2bf16", 0, 1, 0);
      a.storeVector(this.to(2 * k), 0);
    }
    a.arithmeticWith("add", rax, fromStride, true);
    a.arithmeticWith("add", rcx, toStride, true);
    a.arithmeticWith("sub", rdx, 1);
    a.jumpIf("ne", top);
    a.pop(rbx);
  }

  /** Numbers of 16 bits: one of the lower half, one of the upper, and so on. */
  private interleaved(): Constant {
    return this.a.constants(Array.from({ length: 16 }, (_, k) => k | ((k + 16) << 16)));
  }

  private pairs({ fill, count, depth, fromStride, toStride }: Extract<Conversion, { kind: "pairs" }>): void {
    const { a } = this;
    const order = 31;
    const vectors = Math.ceil(count / 16);
    a.push(rbx);
    a.load(order, this.interleaved());
    const lanes = count - 16 * (vectors - 1);
    const mask = this.mask(1, lanes);
    const pair = (both: boolean): void => {
      for (let v = 0; v < vectors; v++) {
        const [low, high] = [2 * v, 2 * v + 1];
        const some = v === vectors - 1 ? mask : undefined;
        a.load(low, this.from(64 * v), some);
        if (both) a.load(high, this.from(fromStride + 64 * v), some);
        else a.binary("pxor", high, high, high);
        a.wide("cvtne2ps2bf16", low, high, low);
        a.wide("permw", low, order, low);
        a.storeVector(this.to(64 * v), low);
      }
    };
    this.times(Math.floor(depth / 2), () => {
      pair(true);
      a.arithmeticWith("add", rax, 2 * fromStride, true);
      a.arithmeticWith("add", rcx, toStride, true);
    });
    let done = Math.ceil(depth / 2);
    if (depth % 2 === 1) {
      pair(false);
      a.arithmeticWith("add", rcx, toStride, true);
    }
    a.binary("pxor", 0, 0, 0);
    for (let at = 0; fill && done < wholeDepth(depth) / 2; done++, at += toStride) {
      for (let v = 0; v < vectors; v++) a.storeVector(this.to(at + 64 * v), 0);
    }
    a.pop(rbx);
  }

  private turned(one: Extract<Conversion, { kind: "turned" }>): void {
    const { a } = this;
    const { byRow, depth, fromStride, toStride } = one;
    a.push(rbx);
    const [fromStep, toStep] = byRow
      ? [4 * depthUnit, (depthUnit / 2) * toStride]
      : [depthUnit * fromStride, 2 * depthUnit];
    this.times(Math.floor(depth / depthUnit), () => {
      this.turn(one, depthUnit);
      a.arithmeticWith("add", rax, fromStep, true);
      a.arithmeticWith("add", rcx, toStep, true);
    });
    if (depth % depthUnit > 0) this.turn(one, depth % depthUnit);
    a.pop(rbx);
  }

  /** 16 by 16 pairs in vectors 0 to 15, of which `depth` numbers of the depth are there; then turned and stored. */
  private turn({ byRow, count, fromStride, toStride }: Extract<Conversion, { kind: "turned" }>, depth: number): void {
    const { a } = this;
    const zero = (to: number): void => a.binary("pxor", to, to, to);
    const masked = (lanes: number, to: number): number | undefined => {
      if (lanes >= 16) return undefined;
      // rbx counts.
      a.moveConstant(rdx, 2 ** lanes - 1);
      a.maskFrom(to, rdx);
      return to;
    };
    const load = (to: number, there: boolean, offset: number, mask: number | undefined): void => {
      if (there) a.load(to, this.from(offset), mask);
      else zero(to);
    };
    if (byRow) {
      const [low, high] = [masked(depth, 1), masked(Math.max(0, depth - 16), 2)];
      for (let r = 0; r < 16; r++) {
        load(r, r < count, r * fromStride, low);
        load(16, r < count && depth > 16, r * fromStride + 64, high);
        a.wide("cvtne2ps2bf16", r, 16, r);
      }
    } else {
      const mask = masked(count, 1);
      a.load(31, this.interleaved());
      for (let r = 0; r < 16; r++) {
        load(r, 2 * r < depth, 2 * r * fromStride, mask);
        load(16, 2 * r + 1 < depth, (2 * r + 1) * fromStride, mask);
        a.wide("cvtne2ps2bf16", r, 16, r);
        a.wide("permw", r, 31, r);
      }
    }
    // Four rows of four numbers, in each part of 128 bits: 32 bits at a time, then 64.
    const fours = [0, 4, 8, 12];
    for (let r = 0; r < 16; r += 2) {
      a.wide("punpckldq", 16 + r, r, r + 1);
      a.wide("punpckhdq", 17 + r, r, r + 1);
    }
    for (const r of fours) {
      for (const half of [0, 1]) {
        a.wide("punpcklqdq", r + 2 * half, 16 + r + half, 18 + r + half);
        a.wide("punpckhqdq", r + 2 * half + 1, 16 + r + half, 18 + r + half);
      }
    }
    // Now vector 4 i + j has in its part k column 4 k + j of rows 4 i to 4 i + 3.
    const [even, odd] = [0x88, 0xdd];
    for (let j = 0; j < 4; j++) {
      for (const i of [0, 8]) {
        a.permuteFours(16 + j + i, j + i, even, j + i + 4);
        a.permuteFours(20 + j + i, j + i, odd, j + i + 4);
      }
    }
    for (let j = 0; j < 4; j++) {
      for (const k of [0, 4]) {
        a.permuteFours(j + k, 16 + j + k, even, 24 + j + k);
        a.permuteFours(j + k + 8, 16 + j + k, odd, 24 + j + k);
      }
    }
    const rows = byRow ? Math.ceil(depth / 2) : count;
    for (let r = 0; r < rows; r++) a.storeVector(this.to(r * toStride), r);
  }
}
