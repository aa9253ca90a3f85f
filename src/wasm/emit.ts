/**
 * Plan to WASM module, byte by byte. Knows nothing about equations or gradients: only what a plan says to run, and
 * where everything lies.
 */
import type { Instruction, Location, Outer, Pack, Plan, Section } from "../schedule/plan.ts";
import { pad4 } from "../schedule/plan.ts";
import {
  assembleModule,
  type Code,
  call,
  type DefinedFunction,
  type FunctionBuilder,
  f32,
  f32x4,
  f64,
  forLoop,
  func,
  i32,
  i32x4,
  type Local,
  local,
  memory,
  v128,
} from "./assembler.ts";
import { passFunction } from "./emit-pass.ts";
import { matmulFunctions } from "./matmul.ts";
import type { Host } from "./vector-math.ts";

export const pageBytes = 65536;

/** The module imports "env" "memory" and exports `run` (the whole plan once) and `carry` (states go on). */
export function emit(plan: Plan, host: Host): Uint8Array<ArrayBuffer> {
  const functions: DefinedFunction[] = [];
  const add = (made: DefinedFunction): DefinedFunction => {
    functions.push(made);
    return made;
  };
  const matmul = matmulFunctions(host);
  functions.push(...matmul.functions);
  const packer = add(packFunction());
  const adder = add(addBlockFunction());

  const sections = plan.sections.map((section) => {
    const one = (instruction: Instruction, inLoop: boolean): ((f: FunctionBuilder, t: Code) => Code) => {
      const rows = inLoop ? section.batch : section.batch * section.steps;
      const address = ({ offset, stepBytes }: Location, t: Code): Code =>
        inLoop && stepBytes > 0 ? i32.add(i32.const(offset), i32.mul(t, i32.const(stepBytes))) : i32.const(offset);
      switch (instruction.kind) {
        case "clear":
          return () => memory.fill(i32.const(instruction.offset), i32.const(0), i32.const(instruction.bytes));
        case "pack":
          return () => packCall(packer, instruction);
        case "pass": {
          const pass = add(passFunction(instruction, section, inLoop, plan.keys, plan.settings, host));
          return (_, t) => call(pass, inLoop ? t : i32.const(0));
        }
        case "product": {
          const { operand, out, k, n, panels, accumulate } = instruction;
          const numbers = (...values: number[]): Code[] => values.map((value) => i32.const(value));
          return (_, t) =>
            call(
              matmul.rows,
              ...numbers(rows, n, k),
              address(operand, t),
              ...numbers(operand.rowBytes, panels, 32 * k, 32),
              address(out, t),
              ...numbers(out.rowBytes, accumulate ? 1 : 0),
            );
        }
        case "outer":
          return () => outerCode(instruction, rows, matmul.columns, adder);
        case "gather": {
          const made = add(gatherFunction(instruction, rows));
          return (_, t) => call(made, address(instruction.index, t), address(instruction.out, t));
        }
        case "scatter": {
          const made = add(scatterFunction(instruction, rows));
          return () => call(made);
        }
        case "accumulate": {
          const made = add(accumulateFunction(instruction, rows));
          return () => call(made);
        }
        case "total": {
          const made = add(totalFunction(instruction.value, rows, instruction.at));
          return () => call(made);
        }
        case "loop": {
          const body = instruction.body.map((inner) => one(inner, true));
          const { steps } = section;
          return (f) => {
            const t = f.local("i32");
            const inner = body.map((make) => make(f, local.get(t)));
            return instruction.reverse ? forLoop(f, t, steps - 1, -1, -1, inner) : forLoop(f, t, 0, steps, 1, inner);
          };
        }
      }
    };
    return section.instructions.map((instruction) => one(instruction, false));
  });

  add(func({ export: "run", params: [], results: [] }, (f) => sections.flat().map((make) => make(f, i32.const(0)))));
  add(
    func({ export: "carry", params: [], results: [] }, () =>
      Object.values(plan.states).map(({ offset, last }) => {
        const [section] = plan.sections as readonly [Section, ...Section[]];
        const bytes = section.steps === 0 ? 0 : (last - offset) / section.steps;
        return memory.copy(i32.const(offset), i32.const(last), i32.const(bytes));
      }),
    ),
  );
  return assembleModule({ memory: { minPages: Math.ceil(plan.bytes / pageBytes) }, functions });
}

/** Copy a block into panels of 8 columns; see Pack. */
function packFunction(): DefinedFunction {
  // source, strideK, strideN, countK, countN, panels (of the block's first number), panelBytes, n (in its panel)
  return func({ name: "pack", params: Array.from({ length: 8 }, () => "i32"), results: [] }, (f) => {
    const [source, strideK, strideN, countK, countN, panels, panelBytes, first] = [0, 1, 2, 3, 4, 5, 6, 7].map(
      f.param,
    ) as [Local, Local, Local, Local, Local, Local, Local, Local];
    const [k, n, from, to] = [0, 1, 2, 3].map(() => f.local("i32")) as [Local, Local, Local, Local];
    const get = local.get;
    return forLoop(f, n, get(first), i32.add(get(first), get(countN)), 1, [
      local.set(from, i32.add(get(source), i32.mul(i32.sub(get(n), get(first)), get(strideN)))),
      local.set(
        to,
        i32.add(
          i32.add(get(panels), i32.mul(i32.shr_u(get(n), i32.const(3)), get(panelBytes))),
          i32.shl(i32.and(get(n), i32.const(7)), i32.const(2)),
        ),
      ),
      forLoop(f, k, 0, get(countK), 1, [
        f32.store(get(to), f32.load(get(from))),
        local.set(from, i32.add(get(from), get(strideK))),
        local.set(to, i32.add(get(to), i32.const(32))),
      ]),
    ]);
  });
}

function packCall(packer: DefinedFunction, p: Pack): Code {
  const panels = p.panels + (p.n >> 3) * p.panelBytes + 32 * p.k;
  const values = [p.source, p.strideK, p.strideN, p.countK, p.countN, panels, p.panelBytes, p.n & 7];
  return call(packer, ...values.map((value) => i32.const(value)));
}

/** to[r][c] += from[r][c]; every number of a row and no other. */
function addBlockFunction(): DefinedFunction {
  // rows, columns, from, fromRowBytes, to, toRowBytes
  return func({ name: "add block", params: Array.from({ length: 6 }, () => "i32"), results: [] }, (f) => {
    const [rows, columns, from, fromRowBytes, to, toRowBytes] = [0, 1, 2, 3, 4, 5].map(f.param) as [
      Local,
      Local,
      Local,
      Local,
      Local,
      Local,
    ];
    const [r, c, vectors] = [f.local("i32"), f.local("i32"), f.local("i32")];
    const get = local.get;
    const here = (base: Local): Code => i32.add(get(base), get(c));
    return [
      local.set(columns, i32.shl(get(columns), i32.const(2))),
      local.set(vectors, i32.and(get(columns), i32.const(-16))),
      forLoop(f, r, 0, get(rows), 1, [
        forLoop(f, c, 0, get(vectors), 16, v128.store(here(to), f32x4.add(v128.load(here(to)), v128.load(here(from))))),
        forLoop(
          f,
          c,
          get(vectors),
          get(columns),
          4,
          f32.store(here(to), f32.add(f32.load(here(to)), f32.load(here(from)))),
        ),
        local.set(from, i32.add(get(from), get(fromRowBytes))),
        local.set(to, i32.add(get(to), get(toRowBytes))),
      ]),
    ];
  });
}

function outerCode(o: Outer, rows: number, product: DefinedFunction, adder: DefinedFunction): Code {
  const width = pad4(o.columnCount);
  const numbers = (...values: number[]): Code[] => values.map((value) => i32.const(value));
  return [
    call(
      product,
      ...numbers(o.rowCount, width, rows, o.rows.offset, o.rows.rowBytes),
      ...numbers(o.columns.offset, 32, o.columns.rowBytes, o.scratch, 4 * width, 0),
    ),
    o.blocks.map((block) =>
      call(
        adder,
        ...numbers(block.rows, block.columns, o.scratch + 4 * width * block.row, 4 * width),
        ...numbers(block.gradient, block.gradientRowBytes),
      ),
    ),
  ];
}

const laneMask = (lanes: number): Code =>
  i32x4.const(...([0, 1, 2, 3].map((lane) => (lane < lanes ? -1 : 0)) as [number, number, number, number]));

/** Copy the row of a table that each index names; the padding is zero. */
function gatherFunction(
  g: { table: number; size: number; index: Location; out: Location },
  rows: number,
): DefinedFunction {
  return func({ name: "gather", params: ["i32", "i32"], results: [] }, (f) => {
    const [index, out] = [f.param(0), f.param(1)];
    const [r, j, from, to] = [0, 1, 2, 3].map(() => f.local("i32")) as [Local, Local, Local, Local];
    const get = local.get;
    const tail = g.size % 4;
    const end = 4 * (g.size - tail);
    return forLoop(f, r, 0, rows, 1, [
      local.set(from, i32.mul(i32.load(get(index)), i32.const(4 * g.size))),
      forLoop(f, j, 0, end, 16, [
        local.set(to, i32.add(get(out), get(j))),
        v128.store(get(to), v128.load(i32.add(get(from), get(j)), g.table)),
      ]),
      tail > 0 ? v128.store(get(out), v128.and(v128.load(get(from), g.table + end), laneMask(tail)), end) : [],
      local.set(index, i32.add(get(index), i32.const(g.index.rowBytes))),
      local.set(out, i32.add(get(out), i32.const(g.out.rowBytes))),
    ]);
  });
}

/** Add each row to the row of the gradient that its index names, in order: one order, one result. */
function scatterFunction(
  s: { gradient: number; size: number; index: Location; value: Location },
  rows: number,
): DefinedFunction {
  return func({ name: "scatter", params: [], results: [] }, (f) => {
    const [r, j, to, from, index] = [0, 1, 2, 3, 4].map(() => f.local("i32")) as [Local, Local, Local, Local, Local];
    const get = local.get;
    const end = 4 * (s.size - (s.size % 4));
    const toHere = i32.add(get(to), get(j));
    const fromHere = i32.add(get(from), get(j));
    return [
      local.set(index, i32.const(s.index.offset)),
      local.set(from, i32.const(s.value.offset)),
      forLoop(f, r, 0, rows, 1, [
        local.set(to, i32.add(i32.const(s.gradient), i32.mul(i32.load(get(index)), i32.const(4 * s.size)))),
        forLoop(f, j, 0, end, 16, v128.store(toHere, f32x4.add(v128.load(toHere), v128.load(fromHere)))),
        forLoop(f, j, end, 4 * s.size, 4, f32.store(toHere, f32.add(f32.load(toHere), f32.load(fromHere)))),
        local.set(index, i32.add(get(index), i32.const(s.index.rowBytes))),
        local.set(from, i32.add(get(from), i32.const(s.value.rowBytes))),
      ]),
    ];
  });
}

/** gradient += the sum over rows; up to 4 vectors of features at a time, so that cache lines are read whole. */
function accumulateFunction(a: { value: Location; size: number; gradient: number }, rows: number): DefinedFunction {
  return func({ name: "accumulate", params: [], results: [] }, (f) => {
    const [r, j, from] = [f.local("i32"), f.local("i32"), f.local("i32")];
    const sums = [0, 1, 2, 3].map(() => f.local("v128"));
    const get = local.get;
    const vectors = Math.ceil(a.size / 4);
    const whole = Math.floor(a.size / 16);
    const tail = a.size % 4;
    /** `count` vectors of features from byte j on; `last` where the last one is cut. */
    const some = (count: number, last: boolean): Code => {
      const used = sums.slice(0, count);
      return [
        used.map((sum) => local.set(sum, f32x4.const(0))),
        local.set(from, get(j)),
        forLoop(f, r, 0, rows, 1, [
          used.map((sum, v) => local.set(sum, f32x4.add(get(sum), v128.load(get(from), a.value.offset + 16 * v)))),
          local.set(from, i32.add(get(from), i32.const(a.value.rowBytes))),
        ]),
        used.map((sum, v) => {
          const at = a.gradient + 16 * v;
          const value = last && v === count - 1 && tail > 0 ? v128.and(get(sum), laneMask(tail)) : get(sum);
          return v128.store(get(j), f32x4.add(v128.load(get(j), at), value), at);
        }),
      ];
    };
    return [
      forLoop(f, j, 0, 64 * whole, 64, some(4, false)),
      vectors > 4 * whole ? [local.set(j, i32.const(64 * whole)), some(vectors - 4 * whole, true)] : [],
    ];
  });
}

/** The sum of a scalar over rows, in f64. */
function totalFunction(value: Location, rows: number, at: number): DefinedFunction {
  return func({ name: "total", params: [], results: [] }, (f) => {
    const [from, sum] = [f.local("i32"), f.local("f64")];
    return [
      forLoop(f, from, 0, rows * value.rowBytes, value.rowBytes, [
        local.set(sum, f64.add(local.get(sum), f64.promote_f32(f32.load(local.get(from), value.offset)))),
      ]),
      f32.store(i32.const(at), f32.demote_f64(local.get(sum))),
    ];
  });
}
