/**
 * Padding of sequences of unequal length: the value of the padding, buckets of similar length, and whether a model masks its
 * padding.
 */
import { InputError } from "../graph/input-error.ts";
import { checkValue, either, listOf, oneOf, type Schema, wholeNumber } from "../graph/schema.ts";
import type { Layer, Model } from "../nn/model.ts";
import { modelGraph } from "../nn/model-graph.ts";
import type { Flow } from "../nn/recurrent.ts";

/** Options for sequences of unequal length. */
export type PaddingOptions = {
  /** Pad sequences before ("pre") or after ("post") with the value that the model masks. Without it all need one length. */
  readonly pad?: "pre" | "post" | undefined;
  /**
   * With `pad`: the number of groups of similar length that examples are sorted into, or the lengths that they are padded
   * to. A batch has examples of one group; each length needs a program of its own. By default all are padded to the longest. Where
   * inputs are of several times, lengths are those of the first; in the others all are padded to the longest.
   */
  readonly buckets?: number | readonly number[] | undefined;
};
export const paddingRules: Schema<PaddingOptions> = {
  pad: oneOf("pre", "post"),
  buckets: either(wholeNumber(1), listOf(wholeNumber(1))),
};

/** How the inputs of a model are padded. */
export type Filling = {
  readonly pre: boolean;
  /** By input: the value of padding, which the model masks. */
  readonly values: Readonly<Record<string, number>>;
  /** The inputs whose steps are those of the output; none if the output has a length of its own. */
  readonly output: readonly string[];
};

/** @throws InputError for wrong options, and for a model that does not mask its padding */
export function fillingFor(model: Model, { pad, buckets }: PaddingOptions, where: string): Filling | undefined {
  if (pad !== undefined) checkValue(`${where}: pad`, pad, paddingRules.pad);
  if (buckets !== undefined) {
    checkValue(`${where}: buckets`, buckets, paddingRules.buckets);
    if (pad === undefined) throw new InputError(`${where}: buckets need padding. Give pad: "post".`);
  }
  return pad && fillingOf(model, pad, where);
}

/** @throws InputError for a model that does not mask its padding, and for padding before sequences in one with strides */
function fillingOf(model: Model, pad: "pre" | "post", where: string): Filling {
  const { layers, inputs, paddings, returnsSequences } = model;
  const strided = layers.find((layer) => layer.kind === "cell" && layer.strides !== undefined);
  if (pad === "pre" && strided !== undefined) {
    throw new InputError(
      `${where}: pad: the strides of ${strided.name} count from the first step, so padding must follow. Give pad: "post".`,
    );
  }
  const { flows } = modelGraph(model, { training: false });
  /** The input that a mask input belongs to. */
  const ownerOf = (name: string): string =>
    inputs.some((input) => input.name === name && input.features === "mask") ? name.slice(0, -".mask".length) : name;
  /** By layer: the inputs whose steps its output has. */
  const steps = new Map<string, readonly string[]>(inputs.map(({ name, sequence }) => [name, sequence ? [name] : []]));
  const check = (reader: string, read: string): void => {
    const masked = (flows.get(read) as Flow).maskedBy.map(({ input }) => ownerOf(input));
    const open = steps.get(read)?.find((input) => !masked.includes(input));
    if (open === undefined) return;
    throw new InputError(
      `${where}: pad: ${reader} would read the padding of ${open}. Mask it: maskZero of its embedding, masking(), or ` +
        "input with mask: true.",
    );
  };
  let before = inputs[0]?.name as string;
  for (const layer of layers) {
    const { name, kind } = layer;
    const from = kind === "merge" ? layer.of : [layer.reads ?? before];
    const recurs = kind === "bidirectional" || (kind === "cell" && layer.cell.states.length > 0);
    if (recurs) for (const read of from) check(name, read);
    const others = kind === "cell" ? Object.entries(layer.inputs ?? {}) : [];
    for (const [input, read] of others) {
      if (kind === "cell" && layer.cell.sequences.includes(input)) check(name, read);
    }
    if (kind !== "input") {
      const own =
        (recurs && !sequencesOf(layer)) || kind === "repeat_vector" ? [] : from.flatMap((one) => steps.get(one) ?? []);
      for (const one of [name, `${name}.forward`, `${name}.backward`]) steps.set(one, own);
    }
    before = name;
  }
  if (returnsSequences) check("the output", before);
  const values = inputs.map(({ name }) => {
    const all = new Set(paddings.flatMap((padding) => (padding.input === name ? [padding.value] : [])));
    if (all.size > 1)
      throw new InputError(
        `${where}: pad: ${name} has several padding values: ${[...all].join(", ")}. Mask one of them.`,
      );
    return [name, [...all][0] ?? 0] as const;
  });
  return {
    pre: pad === "pre",
    values: Object.fromEntries(values),
    output: returnsSequences ? [...new Set(steps.get(before))] : [],
  };
}
const sequencesOf = (layer: Layer): boolean =>
  layer.kind === "bidirectional" ? layer.forward.returnSequences : layer.kind === "cell" && layer.returnSequences;

/** A function from an example's length to the length that it is padded to. */
export function bucketOf(
  lengths: Int32Array,
  { steps, buckets = 1 }: { steps: number } & PaddingOptions,
): (length: number) => number {
  const bounds =
    typeof buckets === "number" ? boundsBetween(lengths.slice().sort(), buckets) : [...buckets].sort((a, b) => a - b);
  return (length) => bounds.find((bound) => bound >= length) ?? steps;
}
/** The bounds of `wanted` groups with about the same number of examples. */
function boundsBetween(sorted: Int32Array, wanted: number): number[] {
  const groups = Math.min(wanted, sorted.length);
  return Array.from({ length: groups }, (_, k) =>
    Math.max(1, sorted[Math.ceil(((k + 1) * sorted.length) / groups) - 1] ?? 1),
  );
}
