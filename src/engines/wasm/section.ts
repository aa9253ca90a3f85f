/** The instructions of a section as code, each shared out among the threads. Knows nothing about the module around them. */
import type { Instruction, Location, Pass, Plan, Section } from "../../schedule/plan.ts";
import { loopsByExamples } from "../threads/loops-by-examples.ts";
import { divisionOf, type PassContext, passCode, passName, type When } from "../vector/pass.ts";
import { rowsAtOnce, togetherByRows } from "../vector/row-passes.ts";
import { type Code, type FunctionBuilder, type FunctionHandle, type Local, procedure } from "./assembler.ts";
import { gatherFunction, scatterFunction } from "./indexed-rows.ts";
import { call, forLoop, i32, if_, memory } from "./instructions.ts";
import { type Matmul, tileScratchBytes } from "./matmul.ts";
import { outerCode } from "./outer.ts";
import type { Pack, Packing } from "./packing.ts";
import { packCall } from "./packing-code.ts";
import { type Range, shareOf, smaller } from "./share.ts";
import { accumulateFunction, totalFunction } from "./sums.ts";
import { target } from "./target.ts";
import { type Host, vectorOps } from "./vector-ops.ts";

/** One instruction as code, given the time step and the number of this thread. */
export type Emitted = (f: FunctionBuilder, t: Code, thread: Local) => Code;

/** What the sections of a module share. */
export type ModuleContext = {
  readonly plan: Plan;
  readonly layout: Packing;
  readonly threads: number;
  readonly host: Host;
  /** Makes a function one of the module's, and returns it. */
  readonly add: (made: FunctionHandle) => FunctionHandle;
  readonly matmul: Matmul;
  /** Copies a block of weights into panels: see `packFunction`. */
  readonly packer: FunctionHandle;
  /** Adds a block of a matrix to another: see `addBlockFunction`. */
  readonly adder: FunctionHandle;
  /** Stands where the next instruction reads what other threads wrote. */
  readonly meet: Code;
};

/** All instructions of the section with this number, in order; before them, what prepares parameters and gradients. */
export function emitSection(section: Section, k: number, module: ModuleContext): Emitted[] {
  const { plan, layout, threads, host, add, matmul, packer, adder, meet } = module;
  const alone = (thread: Local, code: Code): Code => (threads === 1 ? code : if_(i32.eqz(thread.get), code));
  const share = (total: number, unit: number, thread: Local): Range => shareOf(total, unit, thread, threads);
  const byExamples = threads === 1 || loopsByExamples(section, threads);
  const examples = section.batch % (4 * threads) === 0 ? 4 : 1;

  const rowsOf = ({ time, steps }: When): number => (time === "steps" ? section.batch * steps : section.batch);
  const rowUnitOf = ({ time }: When): number => (time === "loop" ? examples : 4);
  const emitPass = (pass: Pass, when: When): FunctionHandle =>
    add(passFunction(pass, { section, ...when, keys: plan.keys, settings: plan.settings }, host));

  /** Passes that run together row by row. */
  const emitPasses = (passes: readonly Pass[], when: When): Emitted => {
    const made = passes.map((pass) => emitPass(pass, when));
    const atOnce = rowsAtOnce(target, section.graph, passes);
    return (f, t, thread) => {
      const step = when.time === "loop" ? t : i32.const(0);
      const { from, to } = share(rowsOf(when), rowUnitOf(when), thread);
      if (made.length === 1) return call(made[0] as FunctionHandle, step, from, to);
      const [row, past, next] = f.locals("i32", 3);
      return [
        past.set(to),
        forLoop(f, row, from, past.get, atOnce, [
          next.set(smaller(i32.add(row.get, i32.const(atOnce)), past.get)),
          made.map((pass) => call(pass, step, row.get, next.get)),
        ]),
      ];
    };
  };
  /** Instructions in order; some passes are one with those before them. */
  const emitAll = (instructions: readonly Instruction[], when: When): Emitted[] =>
    togetherByRows(target, section.graph, instructions, rowsOf(when)).map((one) =>
      "kind" in one ? emitOne(one, when) : emitPasses(one, when),
    );

  const emitOne = (instruction: Instruction, when: When): Emitted => {
    const inLoop = when.time === "loop";
    const rows = rowsOf(when);
    const rowUnit = rowUnitOf(when);
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
        if (divisionOf(instruction, rows) === "rows") return emitPasses([instruction], when);
        const pass = emitPass(instruction, when);
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
          const scratch = i32.add(i32.const(layout.end), i32.mul(thread.get, i32.const(tileScratchBytes)));
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
      case "at_once": {
        const body = emitAll(instruction.body, { time: "steps", steps: instruction.steps });
        return (f, t, thread) => body.map((make, k) => [make(f, t, thread), k < body.length - 1 ? meet : []]);
      }
      case "loop": {
        const { steps } = instruction;
        const body = emitAll(instruction.body, { time: "loop", steps });
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
  const all: When = { time: "steps", steps: section.steps };
  const clears = instructions.filter(({ kind }) => kind === "clear").map((one) => emitOne(one, all));
  const rest = emitAll(
    instructions.filter(({ kind }) => kind !== "clear"),
    all,
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
}

/** The pass as a function of the time step, and of the rows, or features, from and to which it runs: see `passCode`. */
function passFunction(pass: Pass, context: PassContext, host: Host): FunctionHandle {
  const name = passName(pass, context.section.graph);
  return procedure(name, 3, (f) => {
    const [t, from, to] = [f.param(0).get, f.param(1).get, f.param(2).get];
    return passCode(vectorOps(f, host), pass, context, { t, from, to }) as Code;
  });
}
