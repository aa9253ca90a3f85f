/**
 * Plan to WASM module, byte by byte. Knows nothing about equations or gradients: only what a plan says to run, and
 * where everything lies.
 */
import { bodyOf, type Plan } from "../../schedule/plan.ts";
import { assembleModule, type Code, type FunctionHandle, func } from "./assembler.ts";
import { call, i32, if_, memory } from "./instructions.ts";
import { matmulFunctions, tileScratchBytes } from "./matmul.ts";
import { addBlockFunction } from "./outer.ts";
import { type Packing, packWeights } from "./packing.ts";
import { packFunction } from "./packing-code.ts";
import { type Emitted, emitSection, type ModuleContext } from "./section.ts";
import { barrierFunction } from "./share.ts";
import type { Host } from "./vector-ops.ts";

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

/**
 * The module imports "env" "memory" and exports `run` (the whole plan once, or one section; called by every thread with its number, and
 * with how it is run: see `howToRun`) and `advance` (states go on).
 */
export function emit(plan: Plan, layout: ModuleLayout, { threads, ...host }: EmitOptions): Uint8Array<ArrayBuffer> {
  const functions: FunctionHandle[] = [];
  const add = (made: FunctionHandle): FunctionHandle => {
    functions.push(made);
    return made;
  };
  const matmul = matmulFunctions(host);
  functions.push(...matmul.functions);
  const packer = add(packFunction());
  const adder = add(addBlockFunction());
  const meet: Code = threads > 1 ? call(add(barrierFunction())) : [];
  const module: ModuleContext = { plan, layout, threads, host, add, matmul, packer, adder, meet };
  const sections = plan.sections.map((section, k) => emitSection(section, k, module));
  const running = (emitted: readonly Emitted[], how: { readonly export?: string }) =>
    add(
      func({ ...how, params: ["i32", "i32"], results: [] }, (f) =>
        emitted.map((make) => make(f, i32.const(0), f.param(0))),
      ),
    );
  if (plan.parts === undefined) running(sections.flat(), { export: "run" });
  else {
    const parts = sections.map((emitted) => running(emitted, {}));
    add(
      func({ export: "run", params: ["i32", "i32"], results: [] }, (f) => {
        const [thread, how] = [f.param(0), f.param(1)];
        const [changed, part] = [i32.and(how.get, i32.const(1)), i32.shr_u(how.get, i32.const(1))];
        return parts.map((one, k) =>
          if_(i32.or(i32.eqz(part), i32.eq(part, i32.const(k + 1))), call(one, thread.get, changed)),
        );
      }),
    );
  }
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
