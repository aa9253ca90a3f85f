/**
 * Tables and outputs of another program's model in the order of a tokenizer of ours: what reads tokens, and what predicts them.
 */
import { InputError } from "../graph/input-error.ts";
import { sameEquations } from "../graph/plain-lines.ts";
import type { Layer } from "../nn/model.ts";

/** A logit that no softmax lets through, and that stays finite in 16 bits. */
export const never = -1e4;

/** Rows (rows.length,width) of a table, zeros where there is none. */
export function chosenRows(old: Float32Array, width: number, rows: readonly (number | undefined)[]): Float32Array {
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, id) => {
    if (row !== undefined) values.set(old.subarray(row * width, (row + 1) * width), id * width);
  });
  return values;
}
/** The biases of tokens: one that the model has no number for is never predicted. */
export const chosenBias = (old: Float32Array | undefined, rows: readonly (number | undefined)[]): Float32Array =>
  Float32Array.from(rows, (row) => (row === undefined ? never : (old?.[row] ?? 0)));

/** One-hot vectors as a table. */
export function identity(size: number): Float32Array {
  const values = new Float32Array(size * size);
  for (let row = 0; row < size; row++) values[row * (size + 1)] = 1;
  return values;
}

/** The layer that gives a logit a token, and those before it; a softmax at the end, or its logarithm, is left out. */
export function headOf(
  layers: readonly Layer[],
  where: string,
): { readonly before: readonly Layer[]; readonly head: Layer & { readonly kind: "cell" } } {
  const last = layers.at(-1) as Layer;
  const alone = endOf(last) === "x";
  const head = alone ? layers.at(-2) : last;
  const readsIt = !alone || last.reads === undefined || last.reads === head?.name;
  if (head?.kind === "cell" && readsIt && endOf(head) === "W @ x")
    return { before: layers.slice(0, alone ? -2 : -1), head };
  throw new InputError(
    `${where}: the model ends in ${last.name}, and what predicts tokens ends in a dense layer, with a softmax or without.`,
  );
}

/** What a layer's cell is a softmax of, its logarithm, or itself: a product or what it reads; undefined of any other. */
function endOf(layer: Layer): "W @ x" | "x" | undefined {
  if (layer.kind !== "cell" || layer.strides !== undefined) return undefined;
  const isOne = (sources: readonly string[]): boolean =>
    sources.some((source) => sameEquations(layer.cell, { source }));
  if (isOne(softmaxesOf("x"))) return "x";
  // The product may have a name in equations of several lines.
  const [, sum = "z"] = /^\s*(\w+)\s*=/.exec(layer.cell.source) ?? [];
  const ends = ["W @ x", "W @ x + b"].flatMap((product) => [
    `y = ${product}`,
    ...softmaxesOf(product),
    ...softmaxesOf(sum).map((rest) => `${sum} = ${product}\n${rest}`),
  ]);
  return isOne(ends) ? "W @ x" : undefined;
}
/** A softmax and its logarithm, as the programs' readers write them. */
const softmaxesOf = (z: string): readonly string[] => [
  `y = softmax(${z})`,
  `y = log(softmax(${z}))`,
  `y = ${z} - max(${z}) - log(sum(exp(${z} - max(${z}))))`,
  `d = ${z} - max(${z})\ny = d - log(sum(exp(d)))`,
];
