/**
 * Plan to WASM module, byte by byte. Knows nothing about equations or gradients: only what a plan says to run, and
 * where everything lies.
 */

import type { Accumulate, Instruction, Location, Outer, Pass, Plan, Section } from "../../schedule/plan.ts";
import { bodyOf } from "../../schedule/plan.ts";
import { divisionOf, type PassContext, passCode, passName, type Time } from "../vector/pass.ts";
import { rowsAtOnce, togetherByRows } from "../vector/row-passes.ts";
import {
  assembleModule,
  type Code,
  call,
  type FunctionBuilder,
  type FunctionHandle,
  f32,
  f32x4,
  f64,
  forLoop,
  func,
  i32,
  i32x4,
  if_,
  type Local,
  memory,
  select,
  v128,
} from "./assembler.ts";
import { matmulFunctions, tileScratchBytes } from "./matmul.ts";
import { type Pack, type Packing, packWeights } from "./packing.ts";
import { barrierFunction, type Range, shareOf } from "./share.ts";
import { padded, target } from "./target.ts";
import { cut, type Host, vectorOps } from "./vector-ops.ts";

export const pageBytes = 65536;

/** What a module has in memory behind its plan: panels of weights, then a place for each thread to pack blocks of matrices. */
export type ModuleLayout = Packing & { readonly pages: number };

export function layOutModule(plan: Plan, threads: number): ModuleLayout {
  const packing = packWeights(plan);
  const multiplies = plan.sections.some(({ instructions }) =>
    instructions.flatMap(bodyOf).some((one) => one.kind === "outer"),
  );
  return { ...packing, pages: Math.ceil((packing.end + (multiplies ? threads * tileScratchBytes : 0)) / pageBytes) };
}

export type EmitOptions = Host & {
  /** How many threads run the plan together, on shared memory where there are several: all of them, or the first alone. */
  readonly threads: number;
};

/** One instruction as code, given the time step and the number of this thread. */
type Emitted = (f: FunctionBuilder, t: Code, thread: Local) => Code;

/**
 * The module imports "env" "memory" and exports `run` (the whole plan once; called by every thread with its number, and
 * with 1 where parameters have changed since they were last laid out for the products) and `advance` (states go on).
 */
export function emit(plan: Plan, layout: ModuleLayout, { threads, ...host }: EmitOptions): Uint8Array<ArrayBuffer> {
  const functions: FunctionHandle[] = [];
  const add = (made: FunctionHandle): FunctionHandle => {
    functions.push(made);
    return made;
  };
  const matmul = matmulFunctions(host);
  const tileScratch = layout.end;
  functions.push(...matmul.functions);
  const packer = add(packFunction());
  const adder = add(addBlockFunction());
  const barrier = threads > 1 ? add(barrierFunction()) : undefined;
  /** Where the next instruction reads what other threads wrote. */
  const meet: Code = barrier === undefined ? [] : call(barrier);
  const alone = (thread: Local, code: Code): Code => (threads === 1 ? code : if_(i32.eqz(thread.get), code));
  const share = (total: number, unit: number, thread: Local): Range => shareOf(total, unit, thread, threads);

  const emitSection = (section: Section, k: number): Emitted[] => {
    const byExamples = threads === 1 || loopsByExamples(section, threads);
    const examples = section.batch % (4 * threads) === 0 ? 4 : 1;

    const rowsOf = (time: Time): number => (time === "steps" ? section.batch * section.steps : section.batch);
    const rowUnitOf = (time: Time): number => (time === "loop" ? examples : 4);
    const emitPass = (pass: Pass, time: Time): FunctionHandle =>
      add(passFunction(pass, { section, time, keys: plan.keys, settings: plan.settings }, host));

    /** Passes that run together row by row. */
    const emitPasses = (passes: readonly Pass[], time: Time): Emitted => {
      const made = passes.map((pass) => emitPass(pass, time));
      const atOnce = rowsAtOnce(target, section.graph, passes);
      return (f, t, thread) => {
        const step = time === "loop" ? t : i32.const(0);
        const { from, to } = share(rowsOf(time), rowUnitOf(time), thread);
        if (made.length === 1) return call(made[0] as FunctionHandle, step, from, to);
        const [row, past, next] = f.locals("i32", 3);
        return [
          past.set(to),
          forLoop(f, row, from, past.get, atOnce, [
            next.set(least(i32.add(row.get, i32.const(atOnce)), past.get)),
            made.map((pass) => call(pass, step, row.get, next.get)),
          ]),
        ];
      };
    };
    /** Instructions in order; some passes are one with those before them. */
    const emitAll = (instructions: readonly Instruction[], time: Time): Emitted[] =>
      togetherByRows(target, section.graph, instructions, rowsOf(time)).map((one) =>
        "kind" in one ? emitOne(one, time) : emitPasses(one, time),
      );

    const emitOne = (instruction: Instruction, time: Time): Emitted => {
      const inLoop = time === "loop";
      const rows = rowsOf(time);
      const rowUnit = rowUnitOf(time);
      const byRows = !inLoop || byExamples;
      const address = ({ offset, stepBytes }: Location, t: Code): Code =>
        inLoop && stepBytes > 0 ? i32.add(i32.const(offset), i32.mul(t, i32.const(stepBytes))) : i32.const(offset);
      switch (instruction.kind) {
        case "clear":
          return (_, __, thread) => {
            const { from, to } = share(instruction.bytes, 64, thread);
            return memory.fill(i32.add(i32.const(instruction.offset), from), i32.const(0), i32.sub(to, from));
          };
        case "pass": {
          if (divisionOf(instruction, rows) === "rows") return emitPasses([instruction], time);
          const pass = emitPass(instruction, time);
          const byFeatures = divisionOf(instruction, rows) === "features";
          return (_, t, thread) => {
            const step = inLoop ? t : i32.const(0);
            if (!byFeatures) return alone(thread, call(pass, step, i32.const(0), i32.const(1)));
            const { from, to } = share(instruction.size, 64, thread);
            return call(pass, step, from, to);
          };
        }
        case "product": {
          const { operand, out, k, n, accumulate } = instruction;
          return (_, t, thread) => {
            const { from, to } = byRows && rows > 1 ? share(rows, rowUnit, thread) : share(n, 8, thread);
            const count = i32.sub(to, from);
            const past = (start: Code, bytes: number): Code => i32.add(start, i32.mul(from, i32.const(bytes)));
            const [a, c] = [address(operand, t), address(out, t)];
            const panelsAt = i32.const(layout.panelsOf.get(instruction) as number);
            const byColumns = !(byRows && rows > 1);
            // A column has a number in each of the k rows of its panel of 8.
            return call(
              matmul.rows,
              byColumns ? i32.const(rows) : count,
              byColumns ? count : i32.const(n),
              i32.const(k),
              byColumns ? a : past(a, operand.rowBytes),
              i32.const(operand.rowBytes),
              byColumns ? past(panelsAt, 4 * k) : panelsAt,
              i32.const(32 * k),
              past(c, byColumns ? 4 : out.rowBytes),
              i32.const(out.rowBytes),
              i32.const(accumulate ? 1 : 0),
            );
          };
        }
        case "outer":
          return (_, __, thread) => {
            const range = share(instruction.rowCount, 6, thread);
            const scratch = i32.add(i32.const(tileScratch), i32.mul(thread.get, i32.const(tileScratchBytes)));
            return outerCode(instruction, { depth: rows, product: matmul.columns, adder, scratch }, range);
          };
        case "gather": {
          const made = add(gatherFunction(instruction));
          const { index, out } = instruction;
          return (_, t, thread) => {
            const { from, to } = byRows ? share(rows, rowUnit, thread) : { from: i32.const(0), to: i32.const(rows) };
            const past = (at: Location): Code => i32.add(address(at, t), i32.mul(from, i32.const(at.rowBytes)));
            const code = call(made, past(index), past(out), i32.sub(to, from));
            return byRows ? code : alone(thread, code);
          };
        }
        case "scatter": {
          const made = add(scatterFunction(instruction, rows));
          return (_, __, thread) => {
            const { from, to } = share(instruction.size, 4, thread);
            return call(made, from, to);
          };
        }
        case "accumulate": {
          const made = add(accumulateFunction(instruction, rows));
          return (_, __, thread) => {
            const { from, to } = share(instruction.size, 16, thread);
            return call(made, from, to);
          };
        }
        case "sum_all": {
          const made = add(totalFunction(instruction.value, rows, instruction.at));
          return (_, __, thread) => alone(thread, call(made));
        }
        case "per_sequence": {
          const body = emitAll(instruction.body, "per_sequence");
          return (f, t, thread) => body.map((make, k) => [make(f, t, thread), k < body.length - 1 ? meet : []]);
        }
        case "loop": {
          const body = emitAll(instruction.body, "loop");
          const { steps } = section;
          return (f, _, thread) => {
            const t = f.local("i32");
            const inner = body.map((make) => [make(f, t.get, thread), byExamples ? [] : meet]);
            return instruction.reverse ? forLoop(f, t, steps - 1, -1, -1, inner) : forLoop(f, t, 0, steps, 1, inner);
          };
        }
      }
    };
    // Laying out parameters and clearing gradients touch nothing of each other's; parameters only where they have
    // changed.
    const { instructions } = section;
    const packs = (layout.packs[k] as readonly Pack[]).map((pack): Emitted => {
      return (_, __, thread) => packCall(packer, pack, share(pack.countN, 8, thread));
    });
    const clears = instructions.filter(({ kind }) => kind === "clear").map((one) => emitOne(one, "steps"));
    const rest = emitAll(
      instructions.filter(({ kind }) => kind !== "clear"),
      "steps",
    );
    const prepare: Emitted = (f, t, thread) => [
      if_(
        f.param(1).get,
        packs.map((make) => make(f, t, thread)),
      ),
      clears.map((make) => make(f, t, thread)),
    ];
    return [prepare, ...rest].map(
      (make): Emitted =>
        (f, t, thread) => [make(f, t, thread), meet],
    );
  };

  const emitted = plan.sections.flatMap(emitSection);
  add(
    func({ export: "run", params: ["i32", "i32"], results: [] }, (f) =>
      emitted.map((make) => make(f, i32.const(0), f.param(0))),
    ),
  );
  add(
    func({ export: "advance", params: [], results: [] }, () =>
      Object.values(plan.states).map(({ offset, last, rows, rowBytes }) =>
        memory.copy(i32.const(offset), i32.const(last), i32.const(rows * rowBytes)),
      ),
    ),
  );
  const { pages } = layout;
  const shared = threads > 1 ? { maxPages: pages, shared: true } : {};
  return assembleModule({ memory: { minPages: pages, ...shared }, functions });
}

/** The pass as a function of the time step, and of the rows, or features, from and to which it runs: see `passCode`. */
function passFunction(pass: Pass, context: PassContext, host: Host): FunctionHandle {
  const name = passName(pass, context.section.graph);
  return func({ name, params: ["i32", "i32", "i32"], results: [] }, (f) => {
    const [t, from, to] = [f.param(0).get, f.param(1).get, f.param(2).get];
    return passCode(vectorOps(f, host), pass, context, { t, from, to }) as Code;
  });
}

/** Weights that a thread can keep in its own caches from one time step to the next. */
const ownCacheBytes = 768 * 1024;

/**
 * Whether, in a time loop, each thread has examples of its own, so that none waits for another. Not where there are
 * too few of them, nor where each thread would read large weights for a few examples at every step: then threads share
 * out the columns of the products, and meet after every instruction.
 */
function loopsByExamples({ instructions, batch }: Section, threads: number): boolean {
  const weights = (instruction: Instruction): number =>
    instruction.kind === "product" ? 4 * instruction.k * instruction.n : 0;
  const largest = Math.max(
    0,
    ...instructions.map((one) => (one.kind === "loop" ? one.body.reduce((sum, inner) => sum + weights(inner), 0) : 0)),
  );
  return batch >= 2 * threads && (largest <= ownCacheBytes || batch >= 48 * threads);
}

/** Copy a block into panels of 8 columns, four of them at once where there are four; see `Pack`. */
function packFunction(): FunctionHandle {
  // source, strideK, strideN, countK, countN, panels (of the block's first number), panelBytes, n (in its panel)
  return func({ name: "pack", params: Array.from({ length: 8 }, () => "i32"), results: [] }, (f) => {
    const [source, strideK, strideN, countK, countN, panels, panelBytes, first] = f.params(8);
    const [k, n, end, from, to] = f.locals("i32", 5);
    const rows = f.locals("v128", 4);
    const advance = (pointer: Local, bytes: Code): Code => pointer.set(i32.add(pointer.get, bytes));
    const start: Code = [
      from.set(i32.add(source.get, i32.mul(i32.sub(n.get, first.get), strideN.get))),
      to.set(
        i32.add(
          i32.add(panels.get, i32.mul(i32.shr_u(n.get, i32.const(3)), panelBytes.get)),
          i32.shl(i32.and(n.get, i32.const(7)), i32.const(2)),
        ),
      ),
    ];
    const fromRow = (row: number): Code => i32.add(from.get, i32.mul(strideN.get, i32.const(row)));
    // Four columns whose numbers of one depth follow each other in the parameter: copied.
    const together: Code = forLoop(f, k, 0, countK.get, 1, [
      v128.store(to.get, v128.load(from.get)),
      advance(from, strideK.get),
      advance(to, i32.const(32)),
    ]);
    // Four columns that are rows of the parameter: transposed four by four, then one by one.
    const [a, b, c, d] = rows.map((row) => row.get) as [Code, Code, Code, Code];
    const low = [0, 4, 1, 5] as const;
    const high = [2, 6, 3, 7] as const;
    const pairs = (x: Code, y: Code, order: readonly [number, number, number, number]): Code =>
      i32x4.shuffle(x, y, order);
    const crosswise: Code = [
      forLoop(f, k, 0, i32.and(countK.get, i32.const(-4)), 4, [
        rows.map((row, r) => row.set(v128.load(fromRow(r)))),
        v128.store(to.get, pairs(pairs(a, b, low), pairs(c, d, low), [0, 1, 4, 5])),
        v128.store(to.get, pairs(pairs(a, b, low), pairs(c, d, low), [2, 3, 6, 7]), 32),
        v128.store(to.get, pairs(pairs(a, b, high), pairs(c, d, high), [0, 1, 4, 5]), 64),
        v128.store(to.get, pairs(pairs(a, b, high), pairs(c, d, high), [2, 3, 6, 7]), 96),
        advance(from, i32.const(16)),
        advance(to, i32.const(128)),
      ]),
      forLoop(f, k, k.get, countK.get, 1, [
        rows.map((_, r) => f32.store(to.get, f32.load(fromRow(r)), 4 * r)),
        advance(from, strideK.get),
        advance(to, i32.const(32)),
      ]),
    ];
    return [
      end.set(i32.add(first.get, countN.get)),
      forLoop(f, n, first.get, i32.sub(end.get, i32.const(3)), 4, [
        start,
        if_(i32.eq(strideN.get, i32.const(4)), together, crosswise),
      ]),
      forLoop(f, n, n.get, end.get, 1, [
        start,
        forLoop(f, k, 0, countK.get, 1, [
          f32.store(to.get, f32.load(from.get)),
          advance(from, strideK.get),
          advance(to, i32.const(32)),
        ]),
      ]),
    ];
  });
}

/** The part of the block's outputs that a range names. */
function packCall(packer: FunctionHandle, p: Pack, { from, to }: Range): Code {
  const panels = p.panels + (p.n >> 3) * p.panelBytes + 32 * p.k;
  return call(
    packer,
    i32.add(i32.const(p.source), i32.mul(from, i32.const(p.strideN))),
    i32.const(p.strideK),
    i32.const(p.strideN),
    i32.const(p.countK),
    i32.sub(to, from),
    i32.const(panels),
    i32.const(p.panelBytes),
    i32.add(i32.const(p.n & 7), from),
  );
}

/** to[r][c] += from[r][c]; every number of a row and no other. */
function addBlockFunction(): FunctionHandle {
  // rows, columns, from, fromRowBytes, to, toRowBytes
  return func({ name: "add block", params: Array.from({ length: 6 }, () => "i32"), results: [] }, (f) => {
    const [rows, columns, from, fromRowBytes, to, toRowBytes] = f.params(6);
    const [r, c, vectors] = [f.local("i32"), f.local("i32"), f.local("i32")];
    const here = (base: Local): Code => i32.add(base.get, c.get);
    return [
      columns.set(i32.shl(columns.get, i32.const(2))),
      vectors.set(i32.and(columns.get, i32.const(-16))),
      forLoop(f, r, 0, rows.get, 1, [
        forLoop(f, c, 0, vectors.get, 16, v128.store(here(to), f32x4.add(v128.load(here(to)), v128.load(here(from))))),
        forLoop(
          f,
          c,
          vectors.get,
          columns.get,
          4,
          f32.store(here(to), f32.add(f32.load(here(to)), f32.load(here(from)))),
        ),
        from.set(i32.add(from.get, fromRowBytes.get)),
        to.set(i32.add(to.get, toRowBytes.get)),
      ]),
    ];
  });
}

/** The rows that a range names, to the gradients. */
function outerCode(
  o: Outer,
  {
    depth,
    product,
    adder,
    scratch: tiles,
  }: { depth: number; scratch: Code } & Record<"product" | "adder", FunctionHandle>,
  { from, to }: Range,
): Code {
  const width = padded(o.columnCount);
  const numbers = (...values: number[]): Code[] => values.map((value) => i32.const(value));
  const multiply = (count: Code, first: Code, out: Code, outRowBytes: number, accumulate: boolean): Code =>
    call(
      product,
      count,
      ...numbers(width, depth),
      i32.add(i32.const(o.rows.offset), i32.mul(first, i32.const(4))),
      ...numbers(o.rows.rowBytes, o.columns.offset, o.columns.rowBytes),
      out,
      ...numbers(outRowBytes, accumulate ? 1 : 0),
      tiles,
    );
  /** The part of the range that lies in a block: its first row, how many, and where they go. */
  const partOf = ({ row, rows, gradient, gradientRowBytes }: Outer["blocks"][number]): [Code, Code, Code] => {
    const first = most(from, i32.const(row));
    const count = i32.sub(least(to, i32.const(row + rows)), first);
    const past = i32.mul(i32.sub(first, i32.const(row)), i32.const(gradientRowBytes));
    return [first, count, i32.add(i32.const(gradient), past)];
  };
  const { scratch } = o;
  if (scratch === undefined) {
    return o.blocks.map((block) => {
      const [first, count, out] = partOf(block);
      return multiply(count, first, out, block.gradientRowBytes, !block.first);
    });
  }
  const scratchRow = (row: Code): Code => i32.add(i32.const(scratch), i32.mul(row, i32.const(4 * width)));
  return [
    multiply(i32.sub(to, from), from, scratchRow(from), 4 * width, false),
    o.blocks.map((block) => {
      const [first, count, out] = partOf(block);
      const rowBytes = [i32.const(4 * width), i32.const(block.gradientRowBytes)] as const;
      return call(adder, count, i32.const(block.columns), scratchRow(first), rowBytes[0], out, rowBytes[1]);
    }),
  ];
}

const least = (a: Code, b: Code): Code => select(i32.lt_s(a, b), a, b);
const most = (a: Code, b: Code): Code => select(i32.gt_s(a, b), a, b);

/** Copy the row of a table that each index names; the padding is zero. */
function gatherFunction(g: { table: number; size: number; index: Location; out: Location }): FunctionHandle {
  // index, out, rows
  return func({ name: "gather", params: ["i32", "i32", "i32"], results: [] }, (f) => {
    const [index, out, rows] = [f.param(0), f.param(1), f.param(2)];
    const [r, j, from, to] = f.locals("i32", 4);
    const tail = g.size % 4;
    const end = 4 * (g.size - tail);
    return forLoop(f, r, 0, rows.get, 1, [
      from.set(i32.mul(i32.load(index.get), i32.const(4 * g.size))),
      forLoop(f, j, 0, end, 16, [
        to.set(i32.add(out.get, j.get)),
        v128.store(to.get, v128.load(i32.add(from.get, j.get), g.table)),
      ]),
      tail > 0 ? v128.store(out.get, cut(v128.load(from.get, g.table + end), tail), end) : [],
      index.set(i32.add(index.get, i32.const(g.index.rowBytes))),
      out.set(i32.add(out.get, i32.const(g.out.rowBytes))),
    ]);
  });
}

/** Add each row to the row of the gradient that its index names, in order: one order, one result. */
function scatterFunction(
  s: { gradient: number; size: number; index: Location; value: Location },
  rows: number,
): FunctionHandle {
  // The features from and to which it adds.
  return func({ name: "scatter", params: ["i32", "i32"], results: [] }, (f) => {
    const [first, past] = [f.param(0), f.param(1)];
    const [r, j, to, from, index] = f.locals("i32", 5);
    const end = 4 * (s.size - (s.size % 4));
    const toHere = i32.add(to.get, j.get);
    const fromHere = i32.add(from.get, j.get);
    return [
      [first, past].map((features) => features.set(i32.shl(features.get, i32.const(2)))),
      index.set(i32.const(s.index.offset)),
      from.set(i32.const(s.value.offset)),
      forLoop(f, r, 0, rows, 1, [
        to.set(i32.add(i32.const(s.gradient), i32.mul(i32.load(index.get), i32.const(4 * s.size)))),
        forLoop(f, j, first.get, least(past.get, i32.const(end)), 16, [
          v128.store(toHere, f32x4.add(v128.load(toHere), v128.load(fromHere))),
        ]),
        forLoop(f, j, most(first.get, i32.const(end)), past.get, 4, [
          f32.store(toHere, f32.add(f32.load(toHere), f32.load(fromHere))),
        ]),
        index.set(i32.add(index.get, i32.const(s.index.rowBytes))),
        from.set(i32.add(from.get, i32.const(s.value.rowBytes))),
      ]),
    ];
  });
}

/** gradient = or += the sum over rows; up to 4 vectors of features at a time, so that cache lines are read whole. */
function accumulateFunction(a: Accumulate, rows: number): FunctionHandle {
  // The features from and to which it sums, in multiples of 16 but for the last.
  return func({ name: "accumulate", params: ["i32", "i32"], results: [] }, (f) => {
    const [first, past] = [f.param(0), f.param(1)];
    const [r, j, from] = [f.local("i32"), f.local("i32"), f.local("i32")];
    const sums = [0, 1, 2, 3].map(() => f.local("v128"));
    const vectors = Math.ceil(a.size / 4);
    const whole = Math.floor(a.size / 16);
    const tail = a.size % 4;
    const bytes = (features: Local): Code => i32.shl(features.get, i32.const(2));
    /** `count` vectors of features from byte j on; `last` where the last one is cut. */
    const some = (count: number, last: boolean): Code => {
      const used = sums.slice(0, count);
      return [
        used.map((sum) => sum.set(f32x4.const(0))),
        from.set(j.get),
        forLoop(f, r, 0, rows, 1, [
          used.map((sum, v) => sum.set(f32x4.add(sum.get, v128.load(from.get, a.value.offset + 16 * v)))),
          from.set(i32.add(from.get, i32.const(a.value.rowBytes))),
        ]),
        used.map((sum, v) => {
          const at = a.gradient + 16 * v;
          const value = last && v === count - 1 && tail > 0 ? cut(sum.get, tail) : sum.get;
          return v128.store(j.get, a.first ? value : f32x4.add(v128.load(j.get, at), value), at);
        }),
      ];
    };
    return [
      forLoop(f, j, bytes(first), least(bytes(past), i32.const(64 * whole)), 64, some(4, false)),
      vectors > 4 * whole
        ? if_(i32.eq(past.get, i32.const(a.size)), [j.set(i32.const(64 * whole)), some(vectors - 4 * whole, true)])
        : [],
    ];
  });
}

/** The sum of a scalar over rows, in f64. */
function totalFunction(value: Location, rows: number, at: number): FunctionHandle {
  return func({ name: "total", params: [], results: [] }, (f) => {
    const [from, sum] = [f.local("i32"), f.local("f64")];
    return [
      forLoop(f, from, 0, rows * value.rowBytes, value.rowBytes, [
        sum.set(f64.add(sum.get, f64.promote_f32(f32.load(from.get, value.offset)))),
      ]),
      f32.store(i32.const(at), f32.demote_f64(sum.get)),
    ];
  });
}
