/**
 * Products of 8 bits as machine code: `../../schedule/eight-bits.ts` says what they compute. Sums of products of four bytes each stay in
 * registers over the whole depth: one instruction for all four where the processor has it (VNNI), six where it has not. Knows nothing
 * about what the matrices mean.
 */
import type { ParameterRun, Plan, Product } from "../../schedule/plan.ts";
import { vectorToBytes, weightsToBytes, wordsOf } from "../vector/eight-bits.ts";
import type { Pack } from "../vector/packing.ts";
import { type Address, type Assembler, type Label, rax, rbx, rcx, rdx } from "./assembler.ts";
import { memoryBase, type NativeFunction } from "./function.ts";
import { callTile, heights, panelGroups, panelVectors } from "./matmul.ts";
import { SharedFunctions } from "./shared-functions.ts";
import { type Host, type Ops, runCode, type Whole } from "./vector-ops.ts";

/** Vectors that are made to bytes together, so that they stay in the first caches. */
const blockRows = 48;
/** Behind the words of a vector: its scale. */
const rowBytes = (width: number, k: number): number => 4 * wordsOf(width, k) + 64;

/** Words of an output's weights in a panel: four bytes each, and behind them their sum and their scale. */
export const depthOf = (width: number, { precision, k }: Product): number =>
  precision === "int8" ? wordsOf(width, k) + 2 : k;

/** What a thread needs for the vectors of the deepest product, or for one vector. */
export const scratchBytesOf = (width: number, products: readonly Product[]): number =>
  products.length === 0 ? 0 : blockRows * Math.max(...products.map(({ k }) => rowBytes(width, k))) + 64;

/** Rows of the highest tile: registers hold its sums, a row of a panel, four bytes of A, and what takes the place of VNNI. */
const tileRows = ({ isa }: Assembler, { vnni }: Host): number => (isa === "avx512" ? (vnni ? 14 : 12) : vnni ? 6 : 4);
/** Panels at once beside few rows, so that there are enough sums to keep the processor busy. */
const panelsAtOnce = (rows: number): number => (rows === 1 ? 4 : 1);

type Tile = {
  readonly rows: number;
  readonly vectors: number;
  readonly words: number;
  readonly strideA: number;
  readonly stepB: number;
  readonly strideC: number;
  readonly accumulate: boolean;
};

/** Functions by what they are made for, each written once. */
export class EightBits {
  private readonly a: Assembler;
  private readonly host: Host;
  private readonly width: number;
  private readonly tiles = new Map<string, readonly [Tile, Label]>();
  private readonly functions: SharedFunctions;

  constructor(a: Assembler, host: Host, width: number) {
    this.a = a;
    this.host = host;
    this.width = width;
    this.functions = new SharedFunctions(a, host);
  }

  /** Write those that were asked for. */
  assemble(): void {
    this.functions.assemble();
    for (const [tile, label] of this.tiles.values()) this.write(tile, label);
  }

  private tileOf(tile: Tile): Label {
    const key = JSON.stringify(tile);
    const known = this.tiles.get(key);
    if (known !== undefined) return known[1];
    const label = this.a.label();
    this.tiles.set(key, [tile, label]);
    return label;
  }

  /** So many rows of a matrix, the first of them at `from`, to columns of a panel, the first of them at `at`. */
  pack(
    f: NativeFunction,
    o: Ops,
    plan: Plan,
    p: Pack,
    {
      count,
      from,
      at,
      scratch,
    }: { readonly count: number; readonly from: Whole; readonly at: Whole; readonly scratch: number },
  ): void {
    const { whole } = o;
    const { start, shape } = plan.parameters[p.parameter] as ParameterRun;
    const sizes = { k: p.countK, count: shape[1] as number, stride: 4 * panelVectors * this.width };
    const label = this.functions.of(`weights ${sizes.k} ${sizes.count}`, 4, (inner, values) => {
      const [row, all, into, spare] = values as [Whole, Whole, Whole, Whole];
      runCode(weightsToBytes(inner, sizes, { row, all, into, spare }));
    });
    // The block may begin behind the first number of a row, whose scale is that of the whole row.
    const before = p.source - (plan.slabs.used + 4 * start);
    const [row, into, n] = [o.newWhole(), o.newWhole(), o.newWhole()];
    runCode([
      row.set(from),
      into.set(at),
      o.loop(n, 0, count, 1, [
        () => {
          const all = whole.add(row.get, whole.const(-before));
          f.call(label, [row.get(), all(), into.get(), whole.const(scratch)()]);
        },
        row.set(whole.add(row.get, whole.const(p.strideN))),
        into.set(whole.add(into.get, whole.const(4))),
      ]),
    ]);
  }

  /** `m` rows of the product from `at` on, and its outputs from the panel on, to `to`. */
  product(
    f: NativeFunction,
    o: Ops,
    p: Product,
    {
      m,
      outputs,
      ...at
    }: {
      readonly m: number;
      readonly outputs: number;
      readonly at: Whole;
      readonly panel: number;
      readonly to: Whole;
      readonly scratch: number;
    },
  ): void {
    const { whole } = o;
    const [row, out, r, x, y] = [o.newWhole(), o.newWhole(), o.newWhole(), o.newWhole(), o.newWhole()];
    const bytes = rowBytes(this.width, p.k);
    const label = this.functions.of(`vector ${p.k}`, 2, (inner, values) => {
      const [from, into] = values as [Whole, Whole];
      runCode(vectorToBytes(inner, p.k, from, into));
    });
    const block = (rows: number): void =>
      runCode([
        x.set(row.get),
        y.set(whole.const(at.scratch)),
        o.loop(r, 0, rows, 1, [
          () => f.call(label, [x.get(), y.get()]),
          x.set(whole.add(x.get, whole.const(p.operand.rowBytes))),
          y.set(whole.add(y.get, whole.const(bytes))),
        ]),
        () => this.tiled(f, o, p, rows, outputs, at.panel, out.get, at.scratch),
        row.set(whole.add(row.get, whole.const(rows * p.operand.rowBytes))),
        out.set(whole.add(out.get, whole.const(rows * p.out.rowBytes))),
      ]);
    runCode([row.set(at.at), out.set(at.to)]);
    const blocks = Math.floor(m / blockRows);
    const k = o.newWhole();
    if (blocks === 1) block(blockRows);
    else if (blocks > 1) runCode(o.loop(k, 0, blocks, 1, () => block(blockRows)));
    if (m % blockRows > 0) block(m % blockRows);
  }

  /** All tiles of vectors that lie in the scratch memory, panel after panel. */
  private tiled(
    f: NativeFunction,
    o: Ops,
    p: Product,
    rows: number,
    outputs: number,
    panel: number,
    to: Whole,
    scratch: number,
  ): void {
    const { a, host, width } = this;
    const { whole } = o;
    const words = wordsOf(width, p.k);
    const stepB = 4 * panelVectors * width;
    const panelBytes = stepB * (words + 2);
    const strideA = rowBytes(width, p.k);
    const list = heights(rows, tileRows(a, host));
    const [b, c] = [o.newWhole(), o.newWhole()];
    const beside = (vectors: number): void => {
      let first = 0;
      for (const [height, times] of list) {
        const label = this.tileOf({
          ...{ rows: height, vectors, words, strideA, stepB, strideC: p.out.rowBytes, accumulate: p.accumulate },
        });
        for (let k = 0; k < times; k++, first += height) {
          const into = whole.add(c.get, whole.const(first * p.out.rowBytes));
          callTile(f, label, whole.const(scratch + first * strideA)(), b.get(), into());
        }
      }
    };
    runCode([b.set(whole.const(panel)), c.set(to)]);
    const { groups, left } = panelGroups(outputs / width, panelsAtOnce(rows));
    for (const [some, times] of groups) {
      const vectors = some * panelVectors;
      const k = o.newWhole();
      runCode(
        o.loop(k, 0, times, 1, [
          () => beside(vectors),
          b.set(whole.add(b.get, whole.const(some * panelBytes))),
          c.set(whole.add(c.get, whole.const(4 * width * vectors))),
        ]),
      );
    }
    if (left > 0) beside(left);
  }

  /** Addresses come in rax (bytes of vectors), rdx (a panel) and rcx (C), from the start of memory. */
  private write(tile: Tile, label: Label): void {
    const { a, host } = this;
    const { rows, vectors, words, strideA, stepB, strideC, accumulate } = tile;
    const bytes = a.bits / 8;
    const number = rows * vectors;
    const sum = (r: number, v: number): number => r * vectors + v;
    // Without VNNI: bytes of even places, of odd ones, and what their products become.
    const [even, odd, one, other] = [number, number + 1, number + 2, number + 3];
    const weight = (v: number): number => number + (host.vnni ? 1 : 4) + v;
    const inA = (r: number, more: number): Address => ({ base: rax, index: memoryBase, offset: r * strideA + more });
    const inB = (v: number, more: number): Address => {
      const offset = Math.floor(v / panelVectors) * stepB * (words + 2) + (v % panelVectors) * bytes + more;
      return { base: rdx, index: memoryBase, offset };
    };
    const inC = (r: number, v: number): Address => ({ base: rcx, index: memoryBase, offset: r * strideC + v * bytes });
    const constant = (word: number) => a.constants(Array.from({ length: bytes / 4 }, () => word));
    const inEven = host.vnni ? undefined : constant(0x00ff00ff);
    const ones = host.vnni ? undefined : constant(0x00010001);
    a.align(16);
    a.place(label);
    for (let r = 0; r < rows; r++) for (let v = 0; v < vectors; v++) a.load(sum(r, v), inB(v, words * stepB));
    a.push(rbx);
    // A single row reads panels as operands; its loop has four words, which width divides.
    const atOnce = rows === 1 ? 4 : 1;
    a.moveConstant(rbx, words / atOnce);
    const top = a.label();
    a.align(32);
    a.place(top);
    for (let k = 0; k < atOnce; k++) {
      if (rows > 1) for (let v = 0; v < vectors; v++) a.load(weight(v), inB(v, k * stepB));
      for (let r = 0; r < rows; r++) {
        a.broadcast(even, inA(r, 4 * k));
        if (inEven === undefined || ones === undefined) {
          for (let v = 0; v < vectors; v++) {
            a.binary("vpdpbusd", sum(r, v), even, rows > 1 ? weight(v) : inB(v, k * stepB));
          }
          continue;
        }
        a.load(odd, inEven);
        a.binary("pandn", odd, odd, even);
        a.binary("pand", even, even, inEven);
        for (let v = 0; v < vectors; v++) {
          const from = rows > 1 ? weight(v) : inB(v, k * stepB);
          a.binary("pmaddubsw", one, even, from);
          a.binary("pmaddubsw", other, odd, from);
          a.binary("pmaddwd", one, one, ones);
          a.binary("pmaddwd", other, other, ones);
          a.binary("paddd", sum(r, v), sum(r, v), one);
          a.binary("paddd", sum(r, v), sum(r, v), other);
        }
      }
    }
    a.arithmeticWith("add", rax, 4 * atOnce, true);
    a.arithmeticWith("add", rdx, stepB * atOnce, true);
    a.arithmeticWith("sub", rbx, 1);
    a.jumpIf("ne", top);
    a.pop(rbx);
    const scale = weight(0);
    for (let r = 0; r < rows; r++) {
      a.broadcast(even, inA(r, 0));
      for (let v = 0; v < vectors; v++) {
        a.binary("mulps", scale, even, inB(v, stepB));
        a.unary("cvtdq2ps", sum(r, v), sum(r, v));
        a.binary("mulps", sum(r, v), sum(r, v), scale);
        if (accumulate) a.binary("addps", sum(r, v), sum(r, v), inC(r, v));
        a.storeVector(inC(r, v), sum(r, v));
      }
    }
    a.ret();
  }
}
