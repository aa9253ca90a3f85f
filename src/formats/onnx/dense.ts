/** Operators that weigh features, or go over them or over steps: the layers that they are. Knows nothing about recurrent ones. */
import { formatValue } from "../../graph/schema.ts";
import { dense, embedding, layerNormalization, recurrent } from "../../nn/layers.ts";
import { convolution } from "../../nn/sequence-cells.ts";
import { activationTerm } from "./activations.ts";
import { type Constant, floatsOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import {
  axisAt,
  type Draft,
  type Flow,
  features,
  featuresOf,
  flowOf,
  layer,
  numberOf,
  type Operands,
  type Reading,
  refused,
  there,
  type Value,
} from "./flows.ts";
import { alsoTerm, termFlow, termOf } from "./loops.ts";
import { hintOf, pointwise, productTerm, type Term } from "./terms.ts";

/** A table of one row a token. */
export function embedded(node: ReadNode, table: Constant, index: Flow, { vocabulary }: Reading): Flow {
  const [rows, size] = table.dims as [number, number];
  if (table.dims.length !== 2 || (numberOf(node, "axis") ?? 0) !== 0)
    throw refused("its table is no matrix of one row a token.");
  vocabulary.set(index.draft, Math.max(rows, vocabulary.get(index.draft) ?? 0));
  const weight = floatsOf(table);
  const draft: Pick<Draft, "make" | "values"> = {
    make: (own, [reads]) => [embedding(rows, size, { name: own, reads: reads as string })],
    values: (own) => ({ [`${own}.weight`]: weight }),
  };
  return layer("embedding", [index], draft, [...index.axes, features(size)]);
}

/** What stands for a constant as it is used in one way, so that its uses share a parameter and its transpose does not. */
function sameAs(constant: Constant, way: string): object {
  const known = ways.get(constant) ?? new Map<string, object>();
  ways.set(constant, known);
  const made = known.get(way) ?? {};
  known.set(way, made);
  return made;
}
const ways = new WeakMap<Constant, Map<string, object>>();

/** `MatMul` and `Gemm` with weights: bias and activation may follow. */
export function product(node: ReadNode, given: Operands, { notes }: Reading): Flow {
  const joined = given[0]?.kind === "flow" ? given[0].partial : undefined;
  if (typeof joined === "object" && "each" in joined) return productOfSteps(node, given, joined.each, notes);
  const flow = flowOf(given[0]);
  const [, weights, third] = given;
  if (weights?.kind !== "constant" || weights.dims.length !== 2)
    throw refused("its second operand is no constant matrix.");
  const gemm = node.op === "Gemm";
  if (gemm && numberOf(node, "transA") === 1) throw refused("it transposes what it reads.");
  if (gemm && flow.axes.length !== 2) throw refused("what it reads is no matrix.");
  const turned = gemm && numberOf(node, "transB") === 1;
  const [rows, columns] = weights.dims as [number, number];
  const [depth, units] = turned ? [columns, rows] : [rows, columns];
  const size = featuresOf(flow);
  if (size !== depth) throw refused(`it has weights for ${depth} features and reads ${size}.`);
  const alpha = gemm ? (numberOf(node, "alpha") ?? 1) : 1;
  const beta = gemm ? (numberOf(node, "beta") ?? 1) : 1;
  const from = weights.data;
  const W = new Float32Array(units * depth);
  for (let j = 0; j < units; j++) {
    for (let k = 0; k < depth; k++) {
      W[j * depth + k] = alpha * Number(from[turned ? j * depth + k : k * units + j]);
    }
  }
  const open: NonNullable<Draft["open"]> = {};
  if (third !== undefined) open.bias = vectorOf(third, units).map((value) => beta * value);
  const draft: Pick<Draft, "make" | "values" | "open"> = {
    make: (own, [reads]) => [
      dense(units, { name: own, reads: reads as string, activation: (open.activation ?? "linear") as "linear" }),
    ],
    values: (own) => ({ [`${own}.W`]: W, [`${own}.b`]: open.bias ?? new Float32Array(units) }),
    open,
  };
  const made = layer("dense", [flow], { ...draft, lazy: false }, [...flow.axes.slice(0, -1), features(units)]);
  const hint = hintOf(node.inputs[1]);
  return alsoTerm(made, () => {
    const alone = productTerm({
      data: W,
      from: sameAs(weights, `${turned} ${alpha}`),
      hint,
      of: termOf(flow),
      flow,
      width: units,
    });
    const own = hintOf(third === undefined ? open.biasName : node.inputs[2]);
    const biased =
      open.bias === undefined
        ? alone
        : pointwise("Add", [alone, { kind: "vector", data: open.bias, from: open.bias, hint: own, width: units }]);
    return open.activation === undefined ? biased : activationTerm(open.activation, biased, open.hint);
  });
}

/** The most steps that stand side by side before a product: equations have a matrix for each. */
const mostSteps = 99;
/** A product with all steps side by side: a convolution as wide as they are many, whose last output is read. */
function productOfSteps(
  node: ReadNode,
  [value, weights, third]: Operands,
  each: number,
  notes: Reading["notes"],
): Flow {
  const { partial: _, ...flow } = value as Flow;
  if (weights?.kind !== "constant" || weights.dims.length !== 2)
    throw refused("its second operand is no constant matrix.");
  const turned = node.op === "Gemm" && numberOf(node, "transB") === 1;
  if (
    node.op === "Gemm" &&
    (numberOf(node, "transA") === 1 || (numberOf(node, "alpha") ?? 1) !== 1 || (numberOf(node, "beta") ?? 1) !== 1)
  )
    throw refused("it transposes or scales what it reads, all steps side by side.");
  const [units, depth] = (turned ? weights.dims : [...weights.dims].reverse()) as [number, number];
  const size = depth / each;
  if (!Number.isInteger(size)) throw refused(`it has weights for ${depth} features and reads ${each} of each step.`);
  if (size > mostSteps) throw refused(`it reads ${size} steps side by side, and at most ${mostSteps} are read so.`);
  notes.add(`${formatValue(node.name)} reads ${size} steps side by side: of longer sequences the last ${size}.`);
  const all = floatsOf(weights);
  const block = (step: number): Float32Array =>
    Float32Array.from({ length: units * each }, (_, k) => {
      const [row, column] = [Math.floor(k / each), step * each + (k % each)];
      return all[turned ? row * depth + column : column * units + row] as number;
    });
  const bias = third === undefined ? new Float32Array(units) : vectorOf(third, units);
  const draft: Pick<Draft, "make" | "values" | "reverse" | "countsAll"> = {
    make: (name, [reads]) => [
      recurrent(convolution(size, "linear"), { units, label: "dense", name, reads: reads as string }),
    ],
    // Ours multiplies the newest step by the first.
    values: (name) => ({
      ...Object.fromEntries(Array.from({ length: size }, (_, k) => [`${name}.W_${k}`, block(size - 1 - k)])),
      [`${name}.b`]: bias,
    }),
    reverse: false,
    countsAll: node.name,
  };
  return layer("dense", [flow], draft, [flow.axes[0] as (typeof flow.axes)[number], features(units)]);
}

/** A constant as one number a feature. */
export function vectorOf(value: Value, size: number): Float32Array {
  if (value.kind === "fill") return new Float32Array(size).fill(value.value);
  if (value.kind !== "constant") throw refused("its other operand is computed.");
  const all = floatsOf(value);
  const last = value.dims.at(-1) ?? 1;
  if (all.length === 1) return new Float32Array(size).fill(all[0] as number);
  if (all.length !== last || last !== size) throw refused("its constant has other sizes than one number a feature.");
  return all;
}

export function normalized(node: ReadNode, given: Operands): Flow {
  const flow = flowOf(given[0]);
  const size = featuresOf(flow);
  if (axisAt(numberOf(node, "axis") ?? -1, flow.axes.length) !== flow.axes.length - 1)
    throw refused("it is not over the features.");
  const gain = vectorOf(there(given[1]), size);
  const bias = given[2] === undefined ? new Float32Array(size) : vectorOf(given[2], size);
  const epsilon = numberOf(node, "epsilon") ?? 1e-5;
  return layer("layer_normalization", [flow], {
    make: (own, [reads]) => [layerNormalization({ name: own, reads: reads as string, epsilon })],
    values: (own) => ({ [`${own}.gain`]: gain, [`${own}.b`]: bias }),
  });
}
/** Features stand on axis 1, whatever is behind it. */
export function batchNormalized(node: ReadNode, given: Operands): Flow {
  const flow = flowOf(given[0]);
  const axis = flow.axes[1];
  if (axis === undefined || flow.axes.length > 3) throw refused("it is not over the features.");
  if (numberOf(node, "training_mode") === 1) throw refused("it is for training.");
  const size = featuresOf({ axes: [axis] });
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((k) => vectorOf(there(given[k]), size)) as Float32Array[];
  const epsilon = numberOf(node, "epsilon") ?? 1e-5;
  const a = (scale as Float32Array).map((value, k) => value / Math.sqrt((variance?.[k] as number) + epsilon));
  const b = (shift as Float32Array).map((value, k) => value - (mean?.[k] as number) * (a[k] as number));
  const vector = (data: Float32Array): Term => ({ kind: "vector", data, from: data, hint: undefined, width: size });
  return termFlow(node, pointwise("Add", [pointwise("Mul", [vector(a), termOf(flow)]), vector(b)]), flow.axes);
}
