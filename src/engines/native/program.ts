/**
 * Plan to machine code: for each thread a function that runs its part of all instructions, with every address, size and share in
 * it. Knows nothing about equations or gradients.
 */
import {
  type Accumulate,
  bodyOf,
  type Gather,
  type Instruction,
  type Location,
  type Outer,
  type Pass,
  type Plan,
  type Product,
  type Scatter,
  type Section,
} from "../../schedule/plan.ts";
import { printInstruction } from "../../schedule/print.ts";
import { padded } from "../../schedule/target.ts";
import { loopsByExamples } from "../threads/loops-by-examples.ts";
import { type Pack, type Packing, packWeights } from "../vector/packing.ts";
import { divisionOf, passCode, passName, type Time } from "../vector/pass.ts";
import { rowsAtOnce, togetherByRows } from "../vector/row-passes.ts";
import type { Nested, VectorOps } from "../vector/vector-ops.ts";
import { amxRows, tileConfiguration } from "./amx.ts";
import { Assembler, type Isa, type Label, rax, rdi, rdx, rsi, rsp } from "./assembler.ts";
import { barrier } from "./barrier.ts";
import {
  type Bf16Unit,
  bf16BlockDepth,
  bf16BlockRows,
  bf16RowBytes,
  bf16ScratchBytes,
  Conversions,
  wholeDepth,
} from "./bf16.ts";
import { depthOf, EightBits, scratchBytesOf } from "./eight-bits.ts";
import { memoryBase, NativeFunction } from "./function.ts";

import type { Listing } from "./listing.ts";
import { blockDepth, callTile, heights, panelsAtOnce, panelVectors, type Tile, Tiles, tileRows } from "./matmul.ts";

import { type Code, type Host, type Mask, runCode, type Vector, vectorOps, type Whole } from "./vector-ops.ts";

export type NativeProgram = {
  readonly code: Uint8Array<ArrayBuffer>;
  /** Bytes of memory in all. */
  readonly bytes: number;
  /**
   * Where functions begin: `alone`, which runs all, and those of each of several threads, of the memory's address and of 1 where
   * parameters have changed; `advance`, of the memory's address.
   */
  readonly alone: number;
  readonly runs: readonly number[];
  readonly advance: number;
};

type Ops = VectorOps<Vector, Mask, Whole, Code>;
type Codes = Nested<Code>;
type Range = { readonly from: number; readonly to: number };

/** Rows of the left matrix that are packed together, so that they stay in the second cache. */
const blockRows = 168;
const multipliesBf16 = ({ sections }: Plan): boolean =>
  sections.some(({ instructions }) =>
    instructions.flatMap(bodyOf).some((one) => "precision" in one && one.precision === "bf16"),
  );
/** What a thread needs to pack blocks of both matrices, where products need it. */
function scratchBytes(plan: Plan): number {
  if (multipliesBf16(plan)) return bf16ScratchBytes;
  const { sections, target } = plan;
  const multiplies = sections.some(({ instructions }) =>
    instructions.flatMap(bodyOf).some(({ kind }) => kind === "outer"),
  );
  const inEightBits = sections.flatMap(({ instructions }) =>
    instructions.flatMap(bodyOf).flatMap((one) => (one.kind === "product" && one.precision === "int8" ? [one] : [])),
  );
  const forBlocks = multiplies ? 4 * blockDepth * (panelVectors * target.vectorWidth + blockRows) : 0;
  return Math.max(forBlocks, scratchBytesOf(target.vectorWidth, inEightBits));
}

/** A thread's part of `total`, in multiples of `unit` but for the last. */
function shareOf(total: number, unit: number, thread: number, threads: number): Range {
  const units = Math.ceil(total / unit);
  const start = (k: number): number => Math.floor((k * units) / threads) * unit;
  return { from: start(thread), to: thread === threads - 1 ? total : start(thread + 1) };
}

/** `listing`: where the text of the code is to be, beside its bytes. */
export function emit(plan: Plan, isa: Isa, host: Host, threads: number, listing?: Listing): NativeProgram {
  const a = new Assembler(isa, listing);
  const { target } = plan;
  const width = target.vectorWidth;
  const packing = packWeights(plan, panelVectors * width, (product) =>
    product.precision === "bf16"
      ? 2 * panelVectors * width * wholeDepth(product.k)
      : 4 * panelVectors * width * depthOf(width, product),
  );
  const scratch = scratchBytes(plan);
  const bytes = packing.end + threads * scratch + target.tailBytes;
  const tiles = new Tiles(a, host);
  const conversions = new Conversions(a);
  const eightBits = new EightBits(a, host, width);
  const emitter = new Emitter(plan, packing, a, host, { tiles, conversions, eightBits }, scratch);

  const functions: (readonly [Label, NativeFunction])[] = [];
  const runOf = (thread: number, of: number): Label => {
    const f = new NativeFunction(1);
    emitter.emit(f, thread, of);
    const label = a.label(of === 1 ? "run" : `run_of_thread_${thread}`);
    functions.push([label, f]);
    return label;
  };
  const alone = runOf(0, 1);
  const runs = threads > 1 ? Array.from({ length: threads }, (_, thread) => runOf(thread, threads)) : [];
  for (const [label, f] of functions) f.assemble(a, label);
  // A pass reads and writes at what lies so far from a row's or a step's beginning.
  listing?.name((base, offset) => (base === memoryBase ? valuesAt(plan, offset) : undefined));
  for (const [label, f] of emitter.functions) f.assemble(a, label);
  listing?.name(() => undefined);
  tiles.assemble();
  conversions.assemble();
  eightBits.assemble();
  if (threads > 1) barrier(a, emitter.barrier, threads);
  // Without a permission an instruction of AMX is none.
  const tiled = host.bf16 === "amx" && multipliesBf16(plan);
  const entryOf = (label: Label): number => entry(a, label, tiled);
  const entries = { alone: entryOf(alone), runs: runs.map(entryOf), advance: advanceCode(a, plan) };
  return { code: a.finish(), bytes, ...entries };
}

/** What a plan has at an address: of values that share bytes, all. */
const valuesAt = ({ memory }: Plan, address: number): string | undefined =>
  memory
    .filter(({ offset, bytes }) => address >= offset && address < offset + bytes)
    .map(({ name }) => name)
    .join(", or ") || undefined;

/** A function that C may call: of the memory's address and one number. `tiled`: it may leave tiles of AMX configured. */
function entry(a: Assembler, inner: Label, tiled: boolean): number {
  a.align(16);
  const { at } = a;
  a.place(a.label("entry"));
  a.push(memoryBase);
  a.move(memoryBase, rdi);
  a.move(rax, rsi, false);
  a.push(rax);
  a.call(inner);
  a.arithmeticWith("add", rsp, 8, true);
  a.pop(memoryBase);
  if (tiled) a.releaseTiles();
  a.zeroUpper();
  a.ret();
  return at;
}

/** States go on from their values after the last step. */
function advanceCode(a: Assembler, { states }: Plan): number {
  a.align(16);
  const { at } = a;
  a.place(a.label("advance_states"));
  a.move(rdx, rdi);
  for (const { offset, last, rows, rowBytes } of Object.values(states)) {
    a.moveConstant(rdi, BigInt(offset));
    a.arithmetic("add", rdi, rdx, true);
    a.moveConstant(rsi, BigInt(last));
    a.arithmetic("add", rsi, rdx, true);
    a.moveConstant(1, rows * rowBytes);
    a.copy();
  }
  a.ret();
  return at;
}

class Emitter {
  private readonly plan: Plan;
  private readonly packing: Packing;
  private readonly a: Assembler;
  private readonly host: Host;
  private readonly tiles: Tiles;
  private readonly conversions: Conversions;
  private readonly eightBits: EightBits;
  /** Bytes of a thread's scratch. */
  private readonly scratch: number;
  private readonly width: number;
  readonly functions: (readonly [Label, NativeFunction])[] = [];
  private readonly passes = new Map<string, Label>();
  private f!: NativeFunction;
  private o!: Ops;
  private thread = 0;
  private threads = 1;
  readonly barrier: Label;

  constructor(
    plan: Plan,
    packing: Packing,
    a: Assembler,
    host: Host,
    {
      tiles,
      conversions,
      eightBits,
    }: { readonly tiles: Tiles; readonly conversions: Conversions; readonly eightBits: EightBits },
    scratch: number,
  ) {
    this.plan = plan;
    this.packing = packing;
    this.a = a;
    this.host = host;
    this.tiles = tiles;
    this.conversions = conversions;
    this.eightBits = eightBits;
    this.scratch = scratch;
    this.width = plan.target.vectorWidth;
    this.barrier = a.label("barrier");
  }

  /** All sections, as the body of a function for one thread. */
  emit(f: NativeFunction, thread: number, threads: number): void {
    this.f = f;
    this.o = vectorOps(f, this.a, this.host);
    this.thread = thread;
    this.threads = threads;
    this.plan.sections.forEach((section, k) => {
      this.section(section, k);
    });
  }

  private run(...code: readonly Codes[]): void {
    for (const one of code) runCode(one);
  }
  /** Where the next instruction reads what other threads wrote. */
  private meet(): void {
    if (this.threads > 1) this.f.call(this.barrier, []);
  }
  private share(total: number, unit: number): Range {
    return shareOf(total, unit, this.thread, this.threads);
  }
  private number(value: number): Whole {
    return this.o.whole.const(value);
  }

  private section(section: Section, k: number): void {
    const { o } = this;
    const packs = this.packing.packs[k] as readonly Pack[];
    if (this.a.listing !== undefined && packs.length > 0) {
      const names = packs.map(({ parameter }) => parameter).join(" ");
      this.f.comment(`weights to panels, where they have changed: ${names}`, true);
    }
    const changed = (): ReturnType<Whole> => this.f.parameters[0] as ReturnType<Whole>;
    this.run(
      o.when(
        changed,
        packs.map((pack) => () => this.pack(pack)),
      ),
    );
    const { instructions } = section;
    for (const one of instructions) {
      if (one.kind !== "clear") continue;
      this.comment(one, section, "steps");
      this.clear(one);
    }
    this.meet();
    const rest = instructions.filter(({ kind }) => kind !== "clear");
    this.all(section, rest, "steps", undefined, () => this.meet());
  }

  private all(
    section: Section,
    instructions: readonly Instruction[],
    time: Time,
    t: Whole | undefined,
    between: (last: boolean) => void,
  ): void {
    const rows = this.rowsOf(section, time);
    const list = togetherByRows(this.plan.target, section.graph, instructions, rows);
    list.forEach((one, k) => {
      for (const each of "kind" in one ? [one] : one) this.comment(each, section, time);
      if ("kind" in one) this.one(section, one, time, t);
      else this.together(section, one, time, t);
      between(k === list.length - 1);
    });
  }

  /** In a listing, the line of the plan that the code is made of. */
  private comment(one: Instruction, { graph, steps }: Section, time: Time): void {
    if (this.a.listing === undefined) return;
    const last = steps - 1;
    if (one.kind === "loop") this.f.comment(one.reverse ? `for t = ${last} to 0` : `for t = 0 to ${last}`);
    else if (one.kind === "per_sequence") this.f.comment("once a sequence");
    else {
      const over = time === "steps" ? "steps and examples" : "examples";
      this.f.comment(`${time === "steps" ? "" : "  "}${printInstruction(one, graph, over)}`);
    }
  }
  private rowsOf({ batch, steps }: Section, time: Time): number {
    return time === "steps" ? batch * steps : batch;
  }
  private rowUnit(section: Section, time: Time): number {
    return time === "loop" && section.batch % (4 * this.threads) !== 0 ? 1 : 4;
  }
  private address({ offset, stepBytes }: Location, t: Whole | undefined, more = 0): Whole {
    const { whole } = this.o;
    const at = whole.const(offset + more);
    return t === undefined || stepBytes === 0 ? at : whole.add(whole.mul(t, whole.const(stepBytes)), at);
  }

  /** The pass as a function of the time step, and of the rows, or features, from and to which it runs. */
  private pass(section: Section, pass: Pass, time: Time): Label {
    const key = `${this.plan.sections.indexOf(section)} ${time} ${section.instructions.flatMap(bodyOf).indexOf(pass)}`;
    const known = this.passes.get(key);
    if (known !== undefined) return known;
    const label = this.a.label(passName(pass, section.graph));
    this.passes.set(key, label);
    const f = new NativeFunction(3);
    const [t, from, to] = f.parameters.map((parameter) => () => parameter) as [Whole, Whole, Whole];
    const { keys, settings } = this.plan;
    if (this.a.listing !== undefined) f.comment(printInstruction(pass, section.graph, ""));
    runCode(passCode(vectorOps(f, this.a, this.host), pass, { section, time, keys, settings }, { t, from, to }));
    this.functions.push([label, f]);
    return label;
  }
  private callPass(label: Label, t: Whole | undefined, from: Whole, to: Whole): void {
    this.f.call(
      label,
      [t ?? this.number(0), from, to].map((value) => value()),
    );
  }
  private together(section: Section, passes: readonly Pass[], time: Time, t: Whole | undefined): void {
    const labels = passes.map((pass) => this.pass(section, pass, time));
    const { from, to } = this.share(this.rowsOf(section, time), this.rowUnit(section, time));
    const atOnce = rowsAtOnce(this.plan.target, section.graph, passes);
    if (labels.length === 1 || to - from <= atOnce) {
      for (const label of labels) this.callPass(label, t, this.number(from), this.number(to));
      return;
    }
    const row = this.o.newWhole();
    const blocks = Math.floor((to - from) / atOnce);
    this.run(
      this.o.loop(row, from, from + blocks * atOnce, atOnce, () => {
        for (const label of labels) this.callPass(label, t, row.get, this.o.whole.add(row.get, this.number(atOnce)));
      }),
    );
    const rest = from + blocks * atOnce;
    if (rest < to) for (const label of labels) this.callPass(label, t, this.number(rest), this.number(to));
  }

  private one(section: Section, one: Instruction, time: Time, t: Whole | undefined): void {
    const rows = this.rowsOf(section, time);
    const byRows = time !== "loop" || this.threads === 1 || loopsByExamples(section, this.threads);
    const first = this.thread === 0;
    switch (one.kind) {
      case "clear":
        this.clear(one);
        break;
      case "pass": {
        const division = divisionOf(one, rows);
        if (division === "rows") {
          this.together(section, [one], time, t);
          break;
        }
        const label = this.pass(section, one, time);
        if (division === "features") {
          const { from, to } = this.share(one.size, 64);
          if (from < to) this.callPass(label, t, this.number(from), this.number(to));
        } else if (first) this.callPass(label, t, this.number(0), this.number(1));
        break;
      }
      case "product": {
        const shared = byRows && rows > 1;
        const own = shared ? this.share(rows, this.rowUnit(section, time)) : { from: 0, to: rows };
        this.product(one, t, own, shared ? { from: 0, to: one.n } : this.share(one.n, panelVectors * this.width));
        break;
      }
      case "outer":
        this.outer(one, rows, this.share(one.rowCount, tileRows(this.a)));
        break;
      case "gather": {
        const range = byRows ? this.share(rows, this.rowUnit(section, time)) : { from: 0, to: rows };
        if (byRows || first) this.gather(one, t, range);
        break;
      }
      case "scatter":
        this.scatter(one, rows, this.share(one.size, this.width));
        break;
      case "accumulate":
        this.accumulate(one, rows, this.share(one.size, 4 * this.width));
        break;
      case "sum_all":
        if (first) this.total(one.value, rows, one.at);
        break;
      case "per_sequence":
        this.all(section, one.body, "per_sequence", undefined, (last) => {
          if (!last) this.meet();
        });
        break;
      case "loop": {
        const { o } = this;
        const { whole } = o;
        const [k, step] = [o.newWhole(), o.newWhole()];
        const { steps } = section;
        const own = this.threads === 1 || loopsByExamples(section, this.threads);
        this.run(
          o.loop(k, 0, steps, 1, () => {
            this.run(
              step.set(one.reverse ? whole.add(whole.mul(k.get, whole.const(-1)), whole.const(steps - 1)) : k.get),
            );
            this.all(section, one.body, "loop", step.get, () => {
              if (!own) this.meet();
            });
          }),
        );
      }
    }
  }

  private clear({ offset, bytes }: { readonly offset: number; readonly bytes: number }): void {
    const { from, to } = this.share(bytes, 64);
    this.fill(offset + from, to - from);
  }
  private fill(at: number, bytes: number): void {
    const { o } = this;
    const vector = 4 * this.width;
    const whole = Math.floor(bytes / vector) * vector;
    const k = o.newWhole();
    this.run(o.loop(k, at, at + whole, vector, o.store(k.get, o.const(0), 0)));
    const rest = (bytes - whole) / 4;
    if (rest > 0) this.run(o.storeZeros(this.number(at + whole), rest, 0));
  }

  /** A block of a parameter to its panels; the outputs of this thread's share. */
  private pack(p: Pack): void {
    if (p.precision === "bf16") {
      this.packBf16(p);
      return;
    }
    const { o, width } = this;
    const { whole } = o;
    const panel = panelVectors * width;
    const { from, to } = this.share(p.countN, panel);
    if (p.precision === "int8") {
      this.eightBits.pack(this.f, o, this.plan, p, { from, to }, this.packing.end + this.thread * this.scratch);
      return;
    }
    const rowBytes = 4 * panel;
    const [k, source, into] = [o.newWhole(), o.newWhole(), o.newWhole()];
    // Outputs that lie in one panel: each a column of it.
    const some = (count: number, from: Whole, at: Whole): void => {
      const advance: Codes = [
        source.set(whole.add(source.get, whole.const(p.strideK))),
        into.set(whole.add(into.get, whole.const(rowBytes))),
      ];
      const copies: Code[] = [];
      if (p.strideN === 4) {
        for (let v = 0; v < count; v += width) {
          copies.push(o.storeFirst(into.get, o.load(source.get, 4 * v), Math.min(width, count - v), 4 * v));
        }
      } else {
        for (let v = 0; v < count; v++)
          copies.push(o.storeFirst(into.get, o.loadSplat(source.get, v * p.strideN), 1, 4 * v));
      }
      this.run([source.set(from), into.set(at), o.loop(k, 0, p.countK, 1, [...copies, advance])]);
    };
    const [start, at] = [o.newWhole(), o.newWhole()];
    for (let n = from; n < to; ) {
      const column = (p.n + n) % panel;
      const count = Math.min(panel - column, to - n);
      const panels = count === panel ? Math.floor((to - n) / panel) : 1;
      this.run([
        start.set(whole.const(p.source + n * p.strideN)),
        at.set(whole.const(p.panels + Math.floor((p.n + n) / panel) * p.panelBytes + p.k * rowBytes + 4 * column)),
      ]);
      const nth = o.newWhole();
      this.run(
        o.loop(nth, 0, panels, 1, () => {
          some(count, start.get, at.get);
          this.run([
            start.set(whole.add(start.get, whole.const(panel * p.strideN))),
            at.set(whole.add(at.get, whole.const(p.panelBytes))),
          ]);
        }),
      );
      n += panels * count;
    }
  }

  /** The same as bf16, 16 outputs at a time. */
  private packBf16(p: Pack): void {
    const panel = panelVectors * this.width;
    const { from, to } = this.share(p.countN, panel);
    for (let n = from; n < to; n += 16) {
      const out = p.n + n;
      const sizes = { count: Math.min(16, to - n), depth: p.countK, toStride: 4 * panel };
      const at = p.panels + Math.floor(out / panel) * p.panelBytes + 2 * panel * p.k + 4 * (out % panel);
      this.convert(
        p.strideN === 4
          ? { kind: "pairs", fill: false, fromStride: p.strideK, ...sizes }
          : { kind: "turned", byRow: true, fromStride: p.strideN, ...sizes },
        this.number(p.source + n * p.strideN),
        this.number(at),
      );
    }
  }
  private convert(how: Parameters<Conversions["of"]>[0], from: Whole, to: Whole, rows = 0): void {
    callTile(this.f, this.conversions.of(how), from(), this.number(rows)(), to());
  }

  /** Rows and outputs that ranges name. */
  private product(p: Product, t: Whole | undefined, rows: Range, outputs: Range): void {
    const { width } = this;
    const panel = panelVectors * width;
    const panelBytes = 4 * panel * p.k;
    const panels = this.packing.panelsOf.get(p) as number;
    const m = rows.to - rows.from;
    if (m <= 0 || outputs.to <= outputs.from) return;
    if (p.precision === "bf16") {
      this.productBf16(p, t, rows, outputs);
      return;
    }
    if (p.precision === "int8") {
      this.eightBits.product(this.f, this.o, p, {
        ...{ m, outputs: outputs.to - outputs.from, scratch: this.packing.end + this.thread * this.scratch },
        at: this.address(p.operand, t, rows.from * p.operand.rowBytes),
        panel: panels + (outputs.from / panel) * 4 * panel * depthOf(width, p),
        to: this.address(p.out, t, rows.from * p.out.rowBytes + 4 * outputs.from),
      });
      return;
    }
    for (let depth = 0; depth === 0 || depth < p.k; depth += blockDepth) {
      const k = Math.min(blockDepth, p.k - depth);
      const tile = {
        depth: k,
        strideA: p.operand.rowBytes,
        stepA: 4,
        stepB: 4 * panel,
        panelBytes,
        strideC: p.out.rowBytes,
      };
      this.tiled(m, outputs.to - outputs.from, {
        tile: { ...tile, accumulate: p.accumulate || depth > 0 },
        at: this.address(p.operand, t, rows.from * p.operand.rowBytes + 4 * depth),
        rowBytes: p.operand.rowBytes,
        panel: panels + (outputs.from / panel) * panelBytes + 4 * panel * depth,
        to: this.address(p.out, t, rows.from * p.out.rowBytes + 4 * outputs.from),
        turn: t,
      });
    }
  }

  /** The same of bf16: some rows at a time are converted to the scratch of the thread, which then multiplies them. */
  private productBf16(p: Product, t: Whole | undefined, rows: Range, outputs: Range): void {
    const { o } = this;
    const { whole } = o;
    const panel = panelVectors * this.width;
    const panelBytes = 2 * panel * wholeDepth(p.k);
    const panels = (this.packing.panelsOf.get(p) as number) + (outputs.from / panel) * panelBytes;
    const scratch = this.packing.end + this.thread * this.scratch;
    const some = (row: Whole, m: number): void => {
      for (let depth = 0; depth < p.k; depth += bf16BlockDepth) {
        const k = Math.min(bf16BlockDepth, p.k - depth);
        const from = whole.add(
          whole.mul(row, whole.const(p.operand.rowBytes)),
          this.address(p.operand, t, rows.from * p.operand.rowBytes + 4 * depth),
        );
        this.convert(
          { kind: "rows", count: k, fromStride: p.operand.rowBytes, toStride: bf16RowBytes },
          from,
          whole.const(scratch),
          m,
        );
        this.tiled(m, outputs.to - outputs.from, {
          tile: { ...this.bf16Tile(k), panelBytes, strideC: p.out.rowBytes, accumulate: p.accumulate || depth > 0 },
          at: whole.const(scratch),
          rowBytes: bf16RowBytes,
          panel: panels + 2 * panel * depth,
          turn: t,
          to: whole.add(
            whole.mul(row, whole.const(p.out.rowBytes)),
            this.address(p.out, t, rows.from * p.out.rowBytes + 4 * outputs.from),
          ),
        });
      }
    };
    const total = rows.to - rows.from;
    const blocks = Math.floor(total / bf16BlockRows) * bf16BlockRows;
    const row = o.newWhole();
    if (blocks > 0) this.run(o.loop(row, 0, blocks, bf16BlockRows, () => some(row.get, bf16BlockRows)));
    if (blocks < total) some(whole.const(blocks), total - blocks);
  }
  private bf16Tile(k: number): Pick<Tile, "depth" | "strideA" | "stepA" | "stepB" | "bf16"> {
    const bf16 = this.host.bf16 as Bf16Unit;
    const depth = Math.ceil((bf16 === "amx" ? wholeDepth(k) : k) / 2);
    return { depth, strideA: bf16RowBytes, stepA: 4, stepB: 4 * panelVectors * this.width, bf16 };
  }

  /**
   * All tiles of m rows and n columns, panel after panel; at every other `turn` from the last panel to the first: what the second
   * cache holds is then what was read last.
   */
  private tiled(
    m: number,
    n: number,
    how: {
      readonly tile: Omit<Parameters<Tiles["of"]>[0], "rows" | "vectors">;
      readonly at: Whole;
      readonly rowBytes: number;
      readonly panel: number;
      readonly to: Whole;
      readonly turn: Whole | undefined;
    },
  ): void {
    const { o, f, a, width } = this;
    const { whole } = o;
    const { tile, panel } = how;
    const [start, to, out] = [o.newWhole(), o.newWhole(), o.newWhole()];
    this.run([start.set(how.at), to.set(how.to)]);
    const amx = tile.bf16 === "amx";
    const list = heights(m, amx ? amxRows : tileRows(a));
    const most = !amx && list.length === 1 && list[0]?.[1] === 1 ? panelsAtOnce(a, m) : 1;
    const configure = (height: number): void => {
      if (amx) f.step([], [], () => a.configureTiles(tileConfiguration(a, height)));
    };
    if (list.length === 1) configure(list[0]?.[0] as number);
    const vectors = n / width;
    const rowsAt = (count: number, b: Whole, c: Whole): void => {
      // The tiles of all rows beside some panels.
      let row = 0;
      for (const [height, times] of list) {
        if (list.length > 1) configure(height);
        const label = this.tiles.of({ ...tile, rows: height, vectors: count });
        const [x, y, r] = [o.newWhole(), o.newWhole(), o.newWhole()];
        this.run([
          x.set(whole.add(start.get, whole.const(row * how.rowBytes))),
          y.set(whole.add(c, whole.const(row * tile.strideC))),
        ]);
        const once = (): void => callTile(f, label, x.get(), b(), y.get());
        if (times === 1) once();
        else {
          this.run(
            o.loop(r, 0, times, 1, () => {
              once();
              this.run([
                x.set(whole.add(x.get, whole.const(height * how.rowBytes))),
                y.set(whole.add(y.get, whole.const(height * tile.strideC))),
              ]);
            }),
          );
        }
        row += height * times;
      }
    };
    const [b, odd] = [o.newWhole(), o.newWhole()];
    const { turn } = how;
    if (turn !== undefined) this.run(odd.set(whole.rem_u(turn, whole.const(2))));
    let at = 0; // In panels.
    let left = vectors;
    for (const some of [most, 2, 1].filter((count, k, all) => count <= most && all.indexOf(count) === k)) {
      const count = some * panelVectors;
      const times = Math.floor(left / count);
      left -= times * count;
      if (times === 0) continue;
      const [k, stepB, stepC] = [o.newWhole(), some * tile.panelBytes, 4 * width * count];
      const first = (start: Whole, step: number): Whole =>
        turn === undefined || times === 1
          ? start
          : whole.add(start, whole.mul(odd.get, whole.const((times - 1) * step)));
      // From one to the next: forwards or, at an odd turn, backwards.
      const next = (step: number): Whole =>
        turn === undefined
          ? whole.const(step)
          : whole.add(whole.mul(odd.get, whole.const(-2 * step)), whole.const(step));
      this.run([
        b.set(first(whole.const(panel + at * tile.panelBytes), stepB)),
        out.set(first(whole.add(to.get, whole.const(at * 4 * width * panelVectors)), stepC)),
        o.loop(k, 0, times, 1, () => {
          rowsAt(count, b.get, out.get);
          this.run([b.set(whole.add(b.get, next(stepB))), out.set(whole.add(out.get, next(stepC)))]);
        }),
      ]);
      at += times * some;
    }
    if (left > 0)
      rowsAt(
        left,
        whole.const(panel + at * tile.panelBytes),
        whole.add(to.get, whole.const(at * 4 * width * panelVectors)),
      );
  }

  /** Rows of the gradients that the range names. */
  private outer(one: Outer, depth: number, { from, to }: Range): void {
    const n = padded(this.plan.target, one.columnCount);
    const { scratch } = one;
    const parts = one.blocks.flatMap((block) => {
      const first = Math.max(from, block.row);
      const count = Math.min(to, block.row + block.rows) - first;
      return count > 0
        ? [{ block, first, count, out: block.gradient + (first - block.row) * block.gradientRowBytes }]
        : [];
    });
    if (scratch === undefined) {
      for (const { block, first, count, out } of parts) {
        this.columns(one, n, depth, first, count, out, block.gradientRowBytes, !block.first);
      }
      return;
    }
    if (to > from) this.columns(one, n, depth, from, to - from, scratch + from * 4 * n, 4 * n, false);
    for (const { block, first, count, out } of parts) {
      this.addBlock(count, block.columns, scratch + first * 4 * n, 4 * n, out, block.gradientRowBytes);
    }
  }
  private columns(
    one: Outer,
    n: number,
    depth: number,
    first: number,
    m: number,
    out: number,
    outRowBytes: number,
    accumulate: boolean,
  ): void {
    const { o, f, a, width } = this;
    const { whole } = o;
    const panel = panelVectors * width;
    const scratch = this.packing.end + this.thread * this.scratch;
    const bf16 = one.precision === "bf16";
    const deep = bf16 ? bf16BlockDepth : blockDepth;
    const packed = scratch + 4 * panel * blockDepth;
    /** The same as `rowsFrom`, of bf16. */
    const bf16RowsFrom = (row: Whole, rows: number, d: Whole, k: number, add: boolean): void => {
      const panelAt = scratch + bf16BlockRows * bf16RowBytes;
      const [from, r, c] = [o.newWhole(), o.newWhole(), o.newWhole()];
      const turn = (r: Whole, count: number): void => {
        const sizes = { count, depth: k, fromStride: one.rows.rowBytes, toStride: bf16RowBytes };
        const into = whole.add(whole.mul(r, whole.const(bf16RowBytes)), whole.const(scratch));
        const at = whole.add(from.get, whole.mul(r, whole.const(4)));
        this.convert({ kind: "turned", byRow: false, ...sizes }, at, into);
      };
      const columnsOf = (c: Whole, count: number): void => {
        const sizes = { count, depth: k, fromStride: one.columns.rowBytes, toStride: 4 * panel };
        const at = whole.add(whole.mul(d, whole.const(one.columns.rowBytes)), whole.const(one.columns.offset));
        this.convert({ kind: "pairs", fill: true, ...sizes }, whole.add(at, c), whole.const(panelAt));
        this.tiled(rows, count, {
          tile: { ...this.bf16Tile(k), panelBytes: 0, strideC: outRowBytes, accumulate: add },
          ...{ at: whole.const(scratch), rowBytes: bf16RowBytes, panel: panelAt, turn: undefined },
          to: whole.add(c, whole.add(whole.mul(row, whole.const(outRowBytes)), whole.const(out))),
        });
      };
      const start = whole.add(whole.mul(row, whole.const(4)), whole.const(one.rows.offset + 4 * first));
      this.run(from.set(whole.add(whole.mul(d, whole.const(one.rows.rowBytes)), start)));
      const strips = rows - (rows % 16);
      this.run(o.loop(r, 0, strips, 16, () => turn(r.get, 16)));
      if (strips < rows) turn(whole.const(strips), rows - strips);
      const most = n - (n % panel);
      this.run(o.loop(c, 0, 4 * most, 4 * panel, () => columnsOf(c.get, panel)));
      if (most < n) columnsOf(whole.const(4 * most), n - most);
    };
    /** Rows from `row` on of the block of the depth that begins at `d`. */
    const rowsFrom = (row: Whole, rows: number, d: Whole, k: number, add: boolean): void => {
      const from = o.newWhole();
      this.run(
        from.set(
          whole.add(
            whole.mul(d, whole.const(one.rows.rowBytes)),
            whole.add(whole.mul(row, whole.const(4)), whole.const(one.rows.offset + 4 * first)),
          ),
        ),
      );
      const list = heights(rows, tileRows(a));
      /** Each tile of the rows: where its rows begin among them. */
      const each = (tile: (height: number, r: Whole) => void): void => {
        let done = 0;
        for (const [height, times] of list) {
          const r = o.newWhole();
          const end = done + height * times;
          if (times === 1) tile(height, whole.const(done));
          else this.run(o.loop(r, done, end, height, () => tile(height, r.get)));
          done = end;
        }
      };
      const into = (r: Whole): Whole => whole.add(whole.mul(r, whole.const(4 * k)), whole.const(packed));
      each((height, r) =>
        this.strip(whole.add(from.get, whole.mul(r, whole.const(4))), one.rows.rowBytes, k, height, into(r)),
      );
      const columnsOf = (c: Whole, vectors: number): void => {
        const at = whole.add(
          whole.add(whole.mul(d, whole.const(one.columns.rowBytes)), c),
          whole.const(one.columns.offset),
        );
        this.strip(at, one.columns.rowBytes, k, vectors * width, whole.const(scratch), 4 * panel);
        each((height, r) => {
          const label = this.tiles.of({
            ...{ rows: height, vectors, depth: k, strideA: 4, stepA: 4 * height, stepB: 4 * panel },
            ...{ panelBytes: 0, strideC: outRowBytes, accumulate: add },
          });
          const below = whole.mul(whole.add(row, r), whole.const(outRowBytes));
          const to = whole.add(c, whole.add(below, whole.const(out)));
          callTile(f, label, into(r)(), whole.const(scratch)(), to());
        });
      };
      const c = o.newWhole();
      const whole2 = Math.floor(n / panel) * panel;
      this.run(o.loop(c, 0, 4 * whole2, 4 * panel, () => columnsOf(c.get, panelVectors)));
      if (whole2 < n) columnsOf(whole.const(4 * whole2), (n - whole2) / width);
    };
    const block = (d: Whole, k: number, add: boolean): void => {
      const row = o.newWhole();
      const [some, of] = bf16 ? [bf16BlockRows, bf16RowsFrom] : [blockRows, rowsFrom];
      const full = m - (m % some);
      this.run(o.loop(row, 0, full, some, () => of(row.get, some, d, k, add)));
      if (full < m) of(whole.const(full), m - full, d, k, add);
    };
    const blocks = Math.floor(depth / deep);
    block(whole.const(0), Math.min(depth, deep), accumulate);
    if (blocks > 1) {
      const d = o.newWhole();
      this.run(o.loop(d, deep, blocks * deep, deep, () => block(d.get, deep, true)));
    }
    const rest = depth - blocks * deep;
    if (blocks > 0 && rest > 0) block(whole.const(blocks * deep), rest, true);
  }
  /** Copy `count` numbers of each of k rows to rows that follow each other, or are `toStride` bytes apart. */
  private strip(from: Whole, stride: number, k: number, count: number, to: Whole, toStride = 4 * count): void {
    const { o, width } = this;
    const { whole } = o;
    const [r, source, into] = [o.newWhole(), o.newWhole(), o.newWhole()];
    const copies: Code[] = [];
    for (let v = 0; v < count; v += width) {
      copies.push(o.storeFirst(into.get, o.load(source.get, 4 * v), Math.min(width, count - v), 4 * v));
    }
    this.run([
      source.set(from),
      into.set(to),
      o.loop(r, 0, k, 1, [
        ...copies,
        source.set(whole.add(source.get, whole.const(stride))),
        into.set(whole.add(into.get, whole.const(toStride))),
      ]),
    ]);
  }
  /** to[r][c] += from[r][c]; every number of a row and no other. */
  private addBlock(
    rows: number,
    columns: number,
    from: number,
    fromRowBytes: number,
    to: number,
    toRowBytes: number,
  ): void {
    const { o, width } = this;
    const { whole } = o;
    const [r, x, y] = [o.newWhole(), o.newWhole(), o.newWhole()];
    const adds: Code[] = [];
    for (let v = 0; v < columns; v += width) {
      const sum = o.add(o.load(y.get, 4 * v), o.load(x.get, 4 * v));
      adds.push(o.storeFirst(y.get, sum, Math.min(width, columns - v), 4 * v));
    }
    this.run([
      x.set(whole.const(from)),
      y.set(whole.const(to)),
      o.loop(r, 0, rows, 1, [
        ...adds,
        x.set(whole.add(x.get, whole.const(fromRowBytes))),
        y.set(whole.add(y.get, whole.const(toRowBytes))),
      ]),
    ]);
  }

  /** Copy the row of a table that each index names; the padding is zero. */
  private gather(g: Gather, t: Whole | undefined, { from, to }: Range): void {
    const { o, width } = this;
    const { whole } = o;
    const [r, index, out, row, j] = [o.newWhole(), o.newWhole(), o.newWhole(), o.newWhole(), o.newWhole()];
    const tail = g.size % width;
    const end = 4 * (g.size - tail);
    const at = whole.add(row.get, j.get);
    this.run([
      index.set(this.address(g.index, t, from * g.index.rowBytes)),
      out.set(this.address(g.out, t, from * g.out.rowBytes)),
      o.loop(r, from, to, 1, [
        row.set(whole.mul(whole.load(index.get, 0), whole.const(4 * g.size))),
        o.loop(j, 0, end, 4 * width, o.store(whole.add(out.get, j.get), o.load(at, g.table), 0)),
        tail > 0 ? o.store(out.get, o.cut(o.load(row.get, g.table + end), tail), end) : [],
        index.set(whole.add(index.get, whole.const(g.index.rowBytes))),
        out.set(whole.add(out.get, whole.const(g.out.rowBytes))),
      ]),
    ]);
  }

  /** Add each row to the row of the gradient that its index names, in order. */
  private scatter(s: Scatter, rows: number, { from, to }: Range): void {
    const { o, width } = this;
    const { whole } = o;
    if (from >= to) return;
    const [r, index, value, row, j] = [o.newWhole(), o.newWhole(), o.newWhole(), o.newWhole(), o.newWhole()];
    const tail = (to - from) % width;
    const end = 4 * (to - tail);
    const into = whole.add(row.get, j.get);
    const sum = (at: Whole, of: Whole, offset: number): Vector => o.add(o.load(at, offset), o.load(of, offset));
    this.run([
      index.set(whole.const(s.index.offset)),
      value.set(whole.const(s.value.offset)),
      o.loop(r, 0, rows, 1, [
        row.set(whole.add(whole.mul(whole.load(index.get, 0), whole.const(4 * s.size)), whole.const(s.gradient))),
        o.loop(j, 4 * from, end, 4 * width, o.store(into, sum(into, whole.add(value.get, j.get), 0), 0)),
        tail > 0 ? o.storeFirst(row.get, sum(row.get, value.get, end), tail, end) : [],
        index.set(whole.add(index.get, whole.const(s.index.rowBytes))),
        value.set(whole.add(value.get, whole.const(s.value.rowBytes))),
      ]),
    ]);
  }

  /** gradient = or += the sum over rows; up to 4 vectors at a time, so that cache lines are read whole. */
  private accumulate(one: Accumulate, rows: number, { from, to }: Range): void {
    const { o, width } = this;
    const { whole } = o;
    for (let j = from; j < to; j += 4 * width) {
      const here = Math.min(4 * width, to - j);
      const sums = Array.from({ length: Math.ceil(here / width) }, () => o.newVector());
      const [r, at] = [o.newWhole(), o.newWhole()];
      this.run([
        sums.map((sum) => sum.set(o.const(0))),
        at.set(whole.const(one.value.offset + 4 * j)),
        o.loop(r, 0, rows, 1, [
          sums.map((sum, v) => sum.set(o.add(sum.get, o.load(at.get, 4 * width * v)))),
          at.set(whole.add(at.get, whole.const(one.value.rowBytes))),
        ]),
        sums.map((sum, v) => {
          const offset = 4 * (j + v * width);
          const count = Math.min(width, here - v * width);
          const to = whole.const(one.gradient);
          const all = one.first ? sum.get : o.add(o.load(to, offset), sum.get);
          return o.store(to, o.cut(all, count), offset);
        }),
      ]);
    }
  }

  /** The sum of a scalar over rows, in f64. */
  private total(value: Location, rows: number, at: number): void {
    const { o } = this;
    const { whole } = o;
    const [r, from] = [o.newWhole(), o.newWhole()];
    const sum = o.newSum();
    this.run([
      sum.clear,
      from.set(whole.const(value.offset)),
      o.loop(r, 0, rows, 1, [
        sum.add(o.cut(o.loadSplat(from.get, 0), 1)),
        from.set(whole.add(from.get, whole.const(value.rowBytes))),
      ]),
      o.storeFirst(whole.const(at), sum.total(), 1, 0),
    ]);
  }
}
