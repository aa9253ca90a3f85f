/** What a plan is for a device: kernels in order, each at a step. Knows nothing about devices. */
import type { Instruction, Loop, Pass, Plan, Product, Section } from "../../schedule/plan.ts";
import type { Dispatch, Kernel } from "./kernel.ts";
import { type Context, passesKernel, passKernels } from "./pass.ts";
import { areOfRows, fusedKernel, scanKernel } from "./steps.ts";
import { accumulateKernel, clearKernel, gatherKernel, scatterKernels, totalKernel } from "./sums.ts";
import { outerKernel, productKernel } from "./tiles.ts";
import { mostWeights, wholeLoopKernels } from "./whole-loop.ts";

/** A time loop. */
export type LoopFacts = {
  readonly steps: number;
  /** Whether all its steps are one dispatch, and why they are or are not. */
  readonly isWhole: boolean;
  readonly why: string;
  /** Why a product and the pass behind it are no one dispatch, by their names. */
  readonly apart: ReadonlyMap<string, string>;
};
export type Dispatches = {
  /** Those of each section. */
  readonly sections: readonly (readonly Dispatch[])[];
  /** The loops of each section, by the numbers that its dispatches name. */
  readonly loops: readonly (readonly LoopFacts[])[];
  /** Numbers of memory behind the plan. */
  readonly scratch: number;
};

/** @param most weights of a step with which all steps of a time loop may be one dispatch */
export function dispatchesOf(plan: Plan, most = mostWeights): Dispatches {
  const behind = Math.ceil(plan.bytes / 16) * 4;
  const found = plan.sections.map((section) => ofSection(plan, section, behind, most));
  return {
    sections: found.map(({ dispatches }) => dispatches),
    loops: found.map(({ loops }) => loops),
    scratch: Math.max(0, ...found.map(({ scratch }) => scratch)),
  };
}

/** An instruction at a step; 0 outside of time loops. */
type Timed = { readonly one: Instruction; readonly t: number; readonly context: Context; readonly loop?: number };
type Whole = { readonly whole: readonly Dispatch[] };

function ofSection(plan: Plan, section: Section, behind: number, most: number) {
  let scratch = 0;
  const loops: (LoopFacts & { readonly apart: Map<string, string> })[] = [];
  /** By the instruction, or the product, the pass and the steps between them: each is made once. */
  const kernels = new Map<string, readonly Kernel[]>();
  const ids = new Map<Instruction, number>();
  const idOf = (one: Instruction): number => {
    const id = ids.get(one) ?? ids.size;
    ids.set(one, id);
    return id;
  };
  const made = (key: string, make: () => readonly Kernel[]): readonly Kernel[] => {
    const known = kernels.get(key) ?? make();
    kernels.set(key, known);
    return known;
  };
  const context = { plan, section, scratch: behind };
  const atOnce = (steps: number): Context => ({ ...context, rows: steps * section.batch, time: undefined });
  const inLoop: Context = { ...context, rows: section.batch, time: "given.x" };

  const all: (Timed | Whole)[] = [];
  for (const one of section.instructions) {
    if (one.kind === "at_once")
      all.push(...one.body.map((inner) => ({ one: inner, t: 0, context: atOnce(one.steps) })));
    else if (one.kind === "loop") {
      const found = wholeOf(one, inLoop, most, nameOf(section, one));
      const loop = loops.push({ steps: one.steps, isWhole: found.isWhole, why: found.why, apart: new Map() }) - 1;
      scratch = Math.max(scratch, found.scratch);
      if (found.isWhole) all.push({ whole: found.kernels.map((kernel) => ({ kernel, t: 0, loop })) });
      else
        for (let k = 0; k < one.steps; k++) {
          const t = one.reverse ? one.steps - 1 - k : k;
          all.push(...one.body.map((inner) => ({ one: inner, t, context: inLoop, loop })));
        }
    } else all.push({ one, t: 0, context: atOnce(section.steps) });
  }

  /** The kernel of a product and the pass behind it, if they share one. */
  function shared(now: Timed, next: Timed | Whole | undefined): readonly Kernel[] {
    const { one, t, context: of, loop } = now;
    if (next === undefined || "whole" in next || one.kind !== "product" || next.one.kind !== "pass") return [];
    const { one: pass, context: its } = next;
    const shift = next.t - t;
    if (of.rows !== its.rows || of.time !== its.time) return [];
    return made(`${idOf(one)} ${idOf(pass)} ${shift}`, () => {
      const names = `${nameOf(section, one)}, ${nameOf(section, pass)}`;
      const found = fusedKernel(one, pass, of, shift, names);
      if (typeof found !== "string") return [found];
      if (loop !== undefined) loops[loop]?.apart.set(names, found);
      return [];
    });
  }

  /** The passes of a step of a loop from a place on that one kernel can do. */
  function chainFrom(k: number): readonly Pass[] {
    const start = all[k] as Timed;
    const found: Pass[] = [];
    for (let m = k; m < all.length; m++) {
      const next = all[m] as Timed | Whole;
      if ("whole" in next || next.loop === undefined || next.loop !== start.loop || next.t !== start.t) break;
      const { one } = next;
      if (one.kind !== "pass" || !areAlike([...found, one], next.loop)) break;
      found.push(one);
    }
    return found;
  }
  const alike = new Map<string, boolean>();
  function areAlike(passes: readonly Pass[], loop: number): boolean {
    const key = passes.map(idOf).join(" ");
    const known = alike.get(key) ?? areOfRows(passes, inLoop, (loops[loop] as LoopFacts).steps);
    alike.set(key, known);
    return known;
  }

  const dispatches: Dispatch[] = [];
  for (let k = 0; k < all.length; k++) {
    const now = all[k] as Timed | Whole;
    if ("whole" in now) {
      dispatches.push(...now.whole);
      continue;
    }
    const { one, t, context: of, loop } = now;
    let own = shared(now, all[k + 1]);
    const chain = own.length > 0 ? [] : chainFrom(k);
    if (own.length > 0) k++;
    else if (chain.length > 1) {
      own = made(chain.map(idOf).join(", "), () => [
        passesKernel(chain, of, chain.map((pass) => nameOf(section, pass)).join(", ")),
      ]);
      k += chain.length - 1;
    } else
      own = made(`${idOf(one)}`, () => {
        const found = kernelsOf(one, of, nameOf(section, one));
        scratch = Math.max(scratch, found.scratch);
        return found.kernels;
      });
    dispatches.push(...own.map((kernel) => ({ kernel, t, ...(loop !== undefined && { loop }) })));
  }
  return { dispatches, loops, scratch };
}

/** All steps of a loop at once, or why not. */
function wholeOf(loop: Loop, context: Context, most: number, name: string): Own & Pick<LoopFacts, "isWhole" | "why"> {
  const scan = scanKernel(loop, context, name);
  if (typeof scan !== "string") {
    const why = "each number depends on numbers at its own place alone";
    return { kernels: [scan], scratch: 0, isWhole: true, why };
  }
  const whole = wholeLoopKernels(loop, context, most, name);
  if (typeof whole === "string") return { kernels: [], scratch: 0, isWhole: false, why: whole };
  return { ...whole, isWhole: true, why: "each example depends on its own numbers alone" };
}

type Own = { readonly kernels: readonly Kernel[]; readonly scratch: number };

function kernelsOf(one: Instruction, context: Context, name: string): Own {
  const alone = (kernel: Kernel): Own => ({ kernels: [kernel], scratch: 0 });
  switch (one.kind) {
    case "product":
      return alone(productKernel(one, context, name));
    case "outer":
      return alone(outerKernel(one, context, name));
    case "pass":
      return passKernels(one, context, name);
    case "gather":
      return alone(gatherKernel(one, context, name));
    case "scatter":
      return { kernels: scatterKernels(one, context, name), scratch: 2 * context.rows };
    case "accumulate":
      return alone(accumulateKernel(one, context, name));
    case "sum_all":
      return alone(totalKernel(one, context, name));
    case "clear":
      return alone(clearKernel(one));
    default:
      throw new Error(`internal: a ${one.kind} within a loop`);
  }
}

/** For messages: what an instruction makes. */
function nameOf({ graph: { nodes } }: Section, one: Instruction): string {
  const of = (id: number): string => nodes[id]?.name ?? `%${id}`;
  const ofPass = ({ stores, reductions }: Pass): string =>
    `pass ${[...stores.map(({ value }) => of(value)), ...reductions.map(({ node }) => of(node))].join(" ")}`;
  const ofProduct = ({ nodes: made }: Product): string => `product ${made.map(of).join(" ")}`;
  if (one.kind === "pass") return ofPass(one);
  if (one.kind === "product") return ofProduct(one);
  if (one.kind === "loop")
    return `all steps of ${one.body.map((inner) => nameOf({ graph: { nodes } } as Section, inner)).join(", ")}`;
  return one.kind;
}
