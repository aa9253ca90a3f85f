/**
 * Weights as the matrix product reads them: in panels of two vectors of outputs, behind the plan's memory. They are laid out where
 * parameters have changed. Knows nothing about code.
 */
import { bodyOf, type Plan, type Product, type WeightBlock } from "../../schedule/plan.ts";
import { aligned } from "../../schedule/target.ts";
import { panelVectors } from "./matmul.ts";

/** A block of the weights, with the address of its product's panels, and bytes of one. */
export type Pack = WeightBlock & { readonly panels: number; readonly panelBytes: number };

export type Packing = {
  /** By section, what is to be copied before it begins. */
  readonly packs: readonly (readonly Pack[])[];
  readonly panelsOf: ReadonlyMap<Product, number>;
  readonly end: number;
};

/** Products of a section with the same weights share their panels. */
export function packWeights(plan: Plan): Packing {
  const width = panelVectors * plan.target.vectorWidth;
  const panelsOf = new Map<Product, number>();
  let end = aligned(plan.target, plan.bytes);
  const packs = plan.sections.map(({ instructions }) => {
    const known = new Map<string, number>();
    return instructions.flatMap(bodyOf).flatMap((one): Pack[] => {
      if (one.kind !== "product") return [];
      const { weights, k, n } = one;
      const key = JSON.stringify([weights, k]);
      const found = known.get(key);
      const panels = found ?? end;
      panelsOf.set(one, panels);
      if (found !== undefined) return [];
      known.set(key, panels);
      const panelBytes = 4 * width * k;
      end = aligned(plan.target, end + panelBytes * Math.ceil(n / width));
      return weights.map((block) => ({ ...block, panels, panelBytes }));
    });
  });
  return { packs, panelsOf, end };
}
