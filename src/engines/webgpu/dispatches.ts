/** What a plan is for a device: kernels in order, each at a step. Knows nothing about devices. */
import type { Instruction, Pass, Plan, Product, Section } from "../../schedule/plan.ts";
import type { Dispatch, Kernel } from "./kernel.ts";
import { type Context, passKernels } from "./pass.ts";
import { fusedKernel, scanKernel } from "./steps.ts";
import { accumulateKernel, clearKernel, gatherKernel, scatterKernels, totalKernel } from "./sums.ts";
import { outerKernel, productKernel } from "./tiles.ts";

export type Dispatches = {
  /** Those of each section. */
  readonly sections: readonly (readonly Dispatch[])[];
  /** Numbers of memory behind the plan. */
  readonly scratch: number;
};

export function dispatchesOf(plan: Plan): Dispatches {
  let scratch = 0;
  const behind = Math.ceil(plan.bytes / 16) * 4;
  const sections = plan.sections.map((section) => {
    const found = ofSection(plan, section, behind);
    scratch = Math.max(scratch, found.scratch);
    return found.dispatches;
  });
  return { sections, scratch };
}

/** An instruction at a step; 0 outside of time loops. */
type Timed = { readonly one: Instruction; readonly t: number; readonly context: Context };

function ofSection(plan: Plan, section: Section, behind: number) {
  let scratch = 0;
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

  const whole: (Timed | readonly Dispatch[])[] = [];
  const add = (one: Instruction, of: Context, t = 0): void => void whole.push({ one, t, context: of });
  for (const one of section.instructions) {
    if (one.kind === "at_once") for (const inner of one.body) add(inner, atOnce(one.steps));
    else if (one.kind === "loop") {
      const scan = scanKernel(one, inLoop, nameOf(section, one));
      if (scan !== undefined) whole.push([{ kernel: scan, t: 0 }]);
      else
        for (let k = 0; k < one.steps; k++)
          for (const inner of one.body) add(inner, inLoop, one.reverse ? one.steps - 1 - k : k);
    } else add(one, atOnce(section.steps));
  }

  const dispatches: Dispatch[] = [];
  for (let k = 0; k < whole.length; k++) {
    const now = whole[k] as (typeof whole)[number];
    if (!("one" in now)) {
      dispatches.push(...now);
      continue;
    }
    const next = whole[k + 1];
    const { one, t, context: of } = now;
    if (one.kind === "product" && next !== undefined && "one" in next && next.one.kind === "pass") {
      const { one: pass, context: its } = next;
      const shift = next.t - t;
      const alike = of.rows === its.rows && of.time === its.time;
      const fused = alike
        ? made(`${idOf(one)} ${idOf(pass)} ${shift}`, () => {
            const found = fusedKernel(one, pass, of, shift, `${nameOf(section, one)}, ${nameOf(section, pass)}`);
            return found === undefined ? [] : [found];
          })
        : [];
      if (fused.length > 0) {
        dispatches.push(...fused.map((kernel) => ({ kernel, t })));
        k++;
        continue;
      }
    }
    const own = made(`${idOf(one)}`, () => {
      const found = kernelsOf(one, of, nameOf(section, one));
      scratch = Math.max(scratch, found.scratch);
      return found.kernels;
    });
    dispatches.push(...own.map((kernel) => ({ kernel, t })));
  }
  return { dispatches, scratch };
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
