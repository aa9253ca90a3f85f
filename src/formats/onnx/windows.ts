/** Operators over the steps: what pools them all, or windows of them. */
import { cell } from "../../graph/cell.ts";
import { formatValue } from "../../graph/schema.ts";
import { globalAveragePooling1d, globalMaxPooling1d, recurrent } from "../../nn/layers.ts";
import { sumPooling } from "../../nn/sequence-cells.ts";
import { type Axis, floatsOf, integersOf, rootOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import { vectorOf } from "./dense.ts";
import {
  axisAt,
  type Draft,
  type Flow,
  features,
  featuresOf,
  flowOf,
  isSingle,
  layer,
  numberOf,
  numbersAt,
  type Operands,
  type Reading,
  refused,
  role,
} from "./flows.ts";

const poolings = {
  mean: { label: "global_average_pooling1d", make: globalAveragePooling1d },
  max: { label: "global_max_pooling1d", make: globalMaxPooling1d },
  sum: {
    label: "sum",
    make: ({ name, reads }: { name: string; reads: string }) => recurrent(sumPooling, { label: "sum", name, reads }),
  },
};
/** A mean, a maximum or a sum over the steps. */
export function pooled(node: ReadNode, given: Operands): Flow {
  const flow = flowOf(given[0]);
  const rank = flow.axes.length;
  // Those of a name of their own go over all axes behind that of the features.
  const global = node.op.startsWith("Global");
  const asked = numbersAt(node, "axes") ?? integersOf(given[1]) ?? [];
  const axes = global ? [2] : asked.map((axis) => axisAt(axis, rank));
  const [axis] = axes as [number];
  const at = flow.axes[axis];
  const isFeatures =
    at === undefined ||
    rootOf(at).role === "features" ||
    (at === flow.axes.at(-1) && !global && rootOf(at).role !== "time");
  if (axes.length !== 1 || at === undefined || isFeatures || isSingle(at) || (global && rank !== 3))
    throw refused("it is not over the steps.");
  role(at, "time");
  if (global) role(flow.axes[1] as Axis, "features");
  const { label, make } = poolings[/Max/.test(node.op) ? "max" : /Sum/.test(node.op) ? "sum" : "mean"];
  const draft: Pick<Draft, "make" | "values" | "reverse" | "countsAll"> = {
    make: (own, [reads]) => [make({ name: own, reads: reads as string })],
    values: () => ({}),
    reverse: false,
    countsAll: node.name,
  };
  const kept = global || (numberOf(node, "keepdims") ?? 1) === 1 ? [{ size: 1 }] : [];
  return layer(label, [flow], draft, flow.axes.toSpliced(axis, 1, ...kept));
}

/** A convolution over the steps that reads each step at most once. */
export function convolved(node: ReadNode, given: Operands, { notes }: Reading): Flow {
  const flow = flowOf(given[0]);
  const weights = given[1];
  if (flow.axes.length !== 3 || weights?.kind !== "constant" || weights.dims.length !== 3)
    throw refused("it is not over steps of vectors.");
  const [batch, depthAxis, time] = flow.axes as [Axis, Axis, Axis];
  role(batch, "batch");
  role(time, "time");
  const [units, depth, size] = weights.dims as [number, number, number];
  const read = featuresOf({ axes: [depthAxis] });
  if ((numberOf(node, "group") ?? 1) !== 1 || (numbersAt(node, "dilations") ?? [1])[0] !== 1)
    throw refused("it has groups or dilations.");
  if (read !== depth) throw refused(`it has weights for ${depth} features and reads ${read}.`);
  const [stride] = (numbersAt(node, "strides") ?? [1]) as [number];
  const padded = (numbersAt(node, "pads") ?? []).some((many) => many !== 0);
  const padding = node.attributes.get("auto_pad")?.text ?? "NOTSET";
  const fills = padding.startsWith("SAME") && size > 1;
  if (padded || fills || size > stride) {
    throw refused("it reads steps more than once, or fills up before the first or behind the last.");
  }
  const all = floatsOf(weights);
  const kernel = (k: number): Float32Array =>
    Float32Array.from({ length: units * depth }, (_, j) => all[j * size + k] as number);
  const bias = given[2] === undefined ? new Float32Array(units) : vectorOf(given[2], units);
  if (stride > 1 && size > 1)
    notes.add(
      `${formatValue(node.name)} reads ${stride} steps at a time: of a number of steps that is no multiple, the last ones are read with zeros behind them.`,
    );
  // Step k of each group of `stride` has its own matrix.
  const inputs = Array.from({ length: size }, (_, k) => (k === 0 ? "x" : `x_${k}`));
  const of = cell(`y = ${inputs.map((one, k) => `W_${k} @ ${one}`).join(" + ")} + b`, { inputs });
  const draft: Pick<Draft, "make" | "values"> = {
    make: (own, [reads]) => [
      recurrent(of, {
        ...{ units, label: "conv1d", name: own, reads: reads as string },
        ...(stride > 1 && { strides: stride }),
      }),
    ],
    values: (own) => ({
      ...Object.fromEntries(inputs.map((_, k) => [`${own}.W_${k}`, kernel(k)])),
      [`${own}.b`]: bias,
    }),
  };
  const axes: readonly Axis[] = [batch, features(units), stride === 1 ? time : { role: "time" }];
  return layer("conv1d", [flow], draft, axes);
}
