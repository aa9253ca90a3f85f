/**
 * Where an engine keeps weights as its matrix product reads them: in panels of some outputs, behind the plan's memory. A run copies
 * them there if the parameters have changed. Knows nothing about code.
 */
import { bodyOf, type Plan, type Precision, type Product, type WeightBlock } from "../../schedule/plan.ts";
import { aligned } from "../../schedule/target.ts";

/** Copy a block into the panels of its product. */
export type Pack = WeightBlock & {
  readonly precision: Precision | undefined;
  /** Address of the product's panels, and bytes of one. */
  readonly panels: number;
  readonly panelBytes: number;
};

export type Packing = {
  /** By section, the blocks that must be copied before it begins. */
  readonly packs: readonly (readonly Pack[])[];
  /** Address of a product's panels. */
  readonly panelsOf: ReadonlyMap<Product, number>;
  /** Where they all end. */
  readonly end: number;
};

/**
 * Give each product a place for its panels of so many outputs. Products of a section share theirs where their weights and their
 * precision are equal.
 * @param panelBytesOf bytes of one panel of a product. Default: numbers of f32
 */
export function packWeights(
  plan: Plan,
  panelWidth: number,
  panelBytesOf: (product: Product) => number = ({ k }) => 4 * panelWidth * k,
): Packing {
  const panelsOf = new Map<Product, number>();
  let end = aligned(plan.target, plan.bytes);
  const packs = plan.sections.map(({ instructions }) => {
    const known = new Map<string, number>();
    return instructions.flatMap(bodyOf).flatMap((one): Pack[] => {
      if (one.kind !== "product") return [];
      const { weights, k, n, precision } = one;
      const key = JSON.stringify([weights, k, precision]);
      const found = known.get(key);
      const panels = found ?? end;
      panelsOf.set(one, panels);
      if (found !== undefined) return [];
      known.set(key, panels);
      const panelBytes = panelBytesOf(one);
      end = aligned(plan.target, end + panelBytes * Math.ceil(n / panelWidth));
      return weights.map((block) => ({ precision, panels, panelBytes, ...block }));
    });
  });
  return { packs, panelsOf, end };
}
