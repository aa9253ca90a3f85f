/** Operators over the steps: what pools them all, or windows of them. */
import { cell } from "../../graph/cell.ts";
import { formatValue } from "../../graph/schema.ts";
import {
  bidirectional,
  type CellSpec,
  globalAveragePooling1d,
  globalMaxPooling1d,
  recurrent,
} from "../../nn/layers.ts";
import { inputsBetween } from "../../nn/sequence-cells.ts";
import { sumPooling } from "../foreign-cells.ts";
import { fitsOf, poolingFrom, tapsCell, type Window, windowOf, zerosBefore } from "../late-steps.ts";
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
  isBackwards,
  isSingle,
  layer,
  numberOf,
  numbersAt,
  type Operands,
  type Reading,
  refused,
  role,
} from "./flows.ts";
import { beginning, lateOf, whole } from "./late.ts";

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
  const late = lateOf(given[0]);
  const flow = flowOf(given[0]?.kind === "flow" ? whole(given[0]) : given[0]);
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
  const kind = /Max/.test(node.op) ? "max" : /Sum/.test(node.op) ? "sum" : "mean";
  const { label, make } = poolings[kind];
  const draft: Pick<Draft, "make" | "values" | "reverse" | "countsAll"> = {
    make: (own, [reads]) => {
      const usual = make({ name: own, reads: reads as string });
      return [late === 0 ? usual : { ...usual, cell: poolingFrom(late, kind) }];
    },
    values: () => ({}),
    reverse: false,
    countsAll: node.name,
  };
  const kept = global || (numberOf(node, "keepdims") ?? 1) === 1 ? [{ size: 1 }] : [];
  return layer(label, [flow], draft, flow.axes.toSpliced(axis, 1, ...kept));
}

/** What an operator with windows reads, (batch, features, steps), where these begin, and how many zeros are before and behind. */
function read(node: ReadNode, value: Operands[number], notes: Reading["notes"]) {
  const partial = value?.kind === "flow" ? value.partial : undefined;
  const filled = typeof partial === "object" && "filled" in partial ? partial.filled : undefined;
  const room = typeof partial === "object" && "padded" in partial ? ([0, partial.padded] as const) : undefined;
  const [before, behind] = filled ?? room ?? [0, 0];
  const late = lateOf(value);
  const { partial: _, ...plain } = value?.kind === "flow" ? whole(value) : flowOf(value);
  const flow: Flow = filled === undefined && room === undefined && late === 0 ? flowOf(value) : plain;
  if (flow.axes.length !== 3) throw refused("it is not over steps of vectors.");
  const [batch, depth, time] = flow.axes as [Axis, Axis, Axis];
  role(batch, "batch");
  role(time, "time");
  if (flow.turned === true) throw refused("it reads steps in reverse order.");
  const listed = (key: string, usual: number): number => {
    const [one = usual, ...more] = numbersAt(node, key) ?? [usual];
    if (more.length > 0 || !Number.isInteger(one) || one < 1) throw refused(`its ${key} are no whole number from 1.`);
    return one;
  };
  const [strides, dilation] = [listed("strides", 1), listed("dilations", 1)];
  const [left = 0, right = 0] = numbersAt(node, "pads") ?? [];
  const padding = node.attributes.get("auto_pad")?.text ?? "NOTSET";
  const windowFor = (size: number): Window => {
    const width = (size - 1) * dilation;
    if (isBackwards(flow) && (width > 0 || strides > 1)) throw refused("it reads steps in reverse order.");
    if (width >= mostSteps || strides > mostSteps) throw refused(`it is wider than ${mostSteps} steps.`);
    const same = padding.startsWith("SAME");
    if (same && strides > 1 && size > 1)
      throw refused("how much it fills up depends on the number of steps (auto_pad).");
    const upper = padding === "SAME_UPPER";
    const pads = same
      ? upper
        ? [Math.floor(width / 2), Math.ceil(width / 2)]
        : [Math.ceil(width / 2), Math.floor(width / 2)]
      : [left + before, right + behind];
    const window = windowOf(size, { left: pads[0] as number, right: pads[1] as number, strides, dilation, late });
    if (window === undefined) {
      throw refused("it gives more steps than it reads, or begins between the steps that it takes at a time.");
    }
    const fits = fitsOf(window, { width: width + 1, left: pads[0] as number, right: pads[1] as number, strides, late });
    if (fits === "none")
      throw refused("it gives another number of steps than ours would, which take several at a time.");
    if (fits === "multiples" && time.size !== undefined) {
      const there = Math.floor((time.size + (pads[0] as number) + (pads[1] as number) - width - 1) / strides) + 1;
      const here = Math.ceil((time.size + late) / strides) - window.late;
      if (there !== here) {
        throw refused(
          `of ${time.size} steps it makes ${there}, and ours make ${here}. Give the model a number of steps that it takes whole.`,
        );
      }
    } else if (fits === "multiples") notes.add(byStrides(node, strides));
    return window;
  };
  return { flow, batch, depth, time, late, strides, zeros: left + before > 0 || padding.startsWith("SAME"), windowFor };
}
/** The widest window that is read, in steps: equations have a matrix or a state for each. */
const mostSteps = 99;
const byStrides = (node: ReadNode, strides: number): string =>
  `${formatValue(node.name)} reads ${strides} steps at a time: of a number of steps that is no multiple, the last ones are read with zeros behind them.`;

/** A convolution over the steps. */
export function convolved(node: ReadNode, given: Operands, { notes }: Reading): Flow {
  const { batch, depth: depthAxis, time, late, strides, zeros, windowFor, ...from } = read(node, given[0], notes);
  const weights = given[1];
  if (weights?.kind !== "constant" || weights.dims.length !== 3) throw refused("it is not over steps of vectors.");
  const [units, depth, size] = weights.dims as [number, number, number];
  if ((numberOf(node, "group") ?? 1) !== 1) throw refused("it has groups.");
  const features_ = featuresOf({ axes: [depthAxis] });
  if (features_ !== depth) throw refused(`it has weights for ${depth} features and reads ${features_}.`);
  const { places, ahead, late: own } = windowFor(size);
  const flow = zeros && late > 0 ? zeroed(from.flow, late) : from.flow;
  const all = floatsOf(weights);
  const kernel = (k: number): Float32Array =>
    Float32Array.from({ length: units * depth }, (_, j) => all[j * size + k] as number);
  const bias = given[2] === undefined ? new Float32Array(units) : vectorOf(given[2], units);
  const taps = places.map(({ delay, offset }, k) => ({
    ...{ weight: `W_${k}`, input: offset === 0 ? "x" : `x_${offset}`, delay: Math.abs(delay), back: delay < 0 },
  }));
  const under = (back: boolean): string => (ahead === 0 ? "" : back ? ".backward" : ".forward");
  const draft: Pick<Draft, "make" | "values"> = {
    make: (name, [reads]) => {
      const options = { units, label: "conv1d", returnSequences: true, ...(strides > 1 && { strides }) };
      const there = taps.filter(({ back }) => !back);
      if (ahead === 0) return [recurrent(tapsCell(there, true), { ...options, name, reads: reads as string })];
      const behind = taps.filter(({ back }) => back);
      const [forward, backward] = [tapsCell(there, true, true), tapsCell(behind, false, true)].map((of) =>
        recurrent(of, options),
      ) as [CellSpec, CellSpec];
      return [bidirectional(forward, { backward, mergeMode: "sum", name, reads: reads as string })];
    },
    values: (name) => ({
      ...Object.fromEntries(taps.map(({ weight, back }, k) => [`${name}${under(back)}.${weight}`, kernel(k)])),
      [`${name}${under(false)}.b`]: bias,
    }),
  };
  const axes: readonly Axis[] = [batch, features(units), strides === 1 ? time : { role: "time" }];
  return beginning(layer("conv1d", [flow], draft, axes), own);
}

/** The largest number of each feature in windows of steps, or their mean. */
export function pooledParts(node: ReadNode, given: Operands, { notes }: Reading): Flow {
  const { flow, batch, depth, time, strides, zeros, windowFor } = read(node, given[0], notes);
  const [size = 1, ...more] = numbersAt(node, "kernel_shape") ?? [];
  if (more.length > 0 || size > strides) throw refused("its windows overlap, or are not over the steps.");
  if (zeros || numberOf(node, "ceil_mode") === 1 || numbersAt(node, "dilations")?.some((one) => one !== 1))
    throw refused("it fills up before the first step or behind the last, or leaves out steps.");
  const { late } = windowFor(size);
  role(depth, "features");
  const inputs = ["x", ...inputsBetween(strides)].slice(0, size);
  const most = node.op === "MaxPool";
  const of = cell(`y = ${most ? inputs.reduce((a, b) => `max(${a}, ${b})`) : `(${inputs.join(" + ")}) / ${size}`}`, {
    inputs,
  });
  const label = most ? "max_pooling1d" : "average_pooling1d";
  const draft: Pick<Draft, "make" | "values"> = {
    make: (name, [reads]) => [recurrent(of, { label, name, reads: reads as string, ...(strides > 1 && { strides }) })],
    values: () => ({}),
  };
  return beginning(layer(label, [flow], draft, [batch, depth, strides === 1 ? time : { role: "time" }]), late);
}

/** What begins late, with zeros before. */
function zeroed(flow: Flow, late: number): Flow {
  const draft: Pick<Draft, "make" | "values"> = {
    make: (name, [reads]) => [
      recurrent(zerosBefore(late), { label: "zeros", name, reads: reads as string, returnSequences: true }),
    ],
    values: () => ({}),
  };
  return layer("zeros", [flow], draft);
}
