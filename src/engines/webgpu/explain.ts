/** What a plan is on a graphics card, as data and as text: how many dispatches, and why a step of a time loop is as many. Needs no card. */
import type { Plan } from "../../schedule/plan.ts";
import { dispatchesOf } from "./dispatches.ts";
import type { Dispatch, Kind } from "./kernel.ts";

/** Equal kernels of a section or a loop. */
export type KernelFacts = { readonly kind: Kind; readonly name: string; readonly dispatches: number };
export type LoopFacts = {
  readonly steps: number;
  readonly dispatches: number;
  readonly kernels: readonly KernelFacts[];
  /** Why it takes as many. */
  readonly why: readonly string[];
};
export type DispatchFacts = {
  /** Dispatches of a run of the plan. */
  readonly dispatches: number;
  readonly outsideLoops: number;
  readonly loops: readonly LoopFacts[];
  /** The kernels outside of loops. */
  readonly kernels: readonly KernelFacts[];
};

export function dispatchFacts(plan: Plan): DispatchFacts {
  const { sections, loops } = dispatchesOf(plan);
  const outside = sections.flatMap((all) => all.filter(({ loop }) => loop === undefined));
  const found = sections.flatMap((all, s) =>
    (loops[s] ?? []).map(({ steps, isWhole, why, apart }, k): LoopFacts => {
      const own = all.filter(({ loop }) => loop === k);
      const kernels = counted(own);
      const isFused = kernels.some(({ kind }) => kind === "product and pass in one");
      const reasons = [
        `${isWhole ? "all steps in one" : "not all steps in one"}: ${why}`,
        ...(isFused ? ["product and pass in one: the pass reads the product's sums at their own places"] : []),
        ...(kernels.some(({ kind }) => kind === "passes in one")
          ? ["passes in one: each reads of the others what lies in its own row"]
          : []),
        ...[...apart].map(([names, reason]) => `${names} apart: ${reason}`),
      ];
      return { steps, dispatches: own.length, kernels, why: reasons };
    }),
  );
  return {
    dispatches: sections.flat().length,
    outsideLoops: outside.length,
    loops: found,
    kernels: counted(outside),
  };
}

function counted(dispatches: readonly Dispatch[]): KernelFacts[] {
  const counts = new Map<Dispatch["kernel"], number>();
  for (const { kernel } of dispatches) counts.set(kernel, (counts.get(kernel) ?? 0) + 1);
  return [...counts].map(([{ kind, name }, count]) => ({ kind, name, dispatches: count }));
}

export function printDispatches({ dispatches, outsideLoops, loops, kernels }: DispatchFacts): string {
  const list = (all: readonly KernelFacts[]): string[] =>
    all.map(({ kind, name, dispatches: count }) => `  ${String(count).padStart(6)}  ${kind.padEnd(23)}  ${name}`);
  const each = ({ steps, dispatches: count }: LoopFacts): string =>
    count === 1 ? "" : `, ${Number((count / steps).toFixed(2))} a step`;
  return [
    `${dispatches} dispatches an update, ${outsideLoops} of them outside of time loops`,
    ...list(kernels),
    ...loops.flatMap((loop) => [
      "",
      `A loop of ${loop.steps} steps: ${loop.dispatches}${each(loop)}`,
      ...list(loop.kernels),
      ...loop.why.map((line) => `  ${line}`),
    ]),
  ].join("\n");
}
