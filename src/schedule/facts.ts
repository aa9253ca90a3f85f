/** What the schedule made of a graph, as data: see `printPlan` for the same as text. */
import { multiplyAdds } from "./cost.ts";
import type { Plan, Product, Section } from "./plan.ts";
import { bodyOf } from "./plan.ts";

/** What the schedule did with the products and passes of a graph. Products are named by their parameters. */
export type PlanFacts = {
  /** Parameters whose product runs for all time steps at once. */
  readonly hoisted: readonly string[];
  /** Lists of parameters whose products became one product. */
  readonly merged: readonly (readonly string[])[];
  /** Number of fused pointwise passes in the time loops. */
  readonly fused: number;
  /** Multiply-adds of products, for one example and step. */
  readonly multiplyAdds: number;
  /** Size of the memory in bytes. */
  readonly bytes: number;
};

/** The facts of a plan's first section. */
export function factsOf(plan: Plan): PlanFacts {
  const [section] = plan.sections as readonly [Section];
  const hoisted: string[] = [];
  const merged: string[][] = [];
  let fused = 0;
  for (const item of section.instructions) {
    for (const one of bodyOf(item)) {
      if (one.kind === "product") {
        const names = namesOf(one);
        if (item.kind !== "loop") hoisted.push(...names);
        if (names.length > 1) merged.push(names);
      }
      if (item.kind === "loop" && one.kind === "pass") fused++;
    }
  }
  const runs = section.steps * section.batch;
  return { hoisted, merged, fused, multiplyAdds: multiplyAdds(plan) / runs, bytes: plan.bytes };
}

/** The weights of a product, by parameter; ᵀ where it is transposed. */
export const namesOf = ({ weights }: Product): string[] =>
  weights.map(({ parameter, transposed }) => (transposed ? `${parameter}ᵀ` : parameter));
