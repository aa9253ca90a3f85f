/** The model of what was read: the layers that its output needs, in order, with names, and their values. */
import { cell } from "../../graph/cell.ts";
import { formatValue } from "../../graph/schema.ts";
import { concatenate, input, isLayerName, type LayerSpec, recurrent } from "../../nn/layers.ts";
import { type Model, modelOf, nameLayers } from "../../nn/model.ts";
import type { ImportedModel } from "../imported.ts";
import { FormatError } from "../safetensors.ts";
import { type Axis, rootOf } from "./constants.ts";
import type { ReadOnnx } from "./decode.ts";
import {
  type Draft,
  type Flow,
  inOrder as inOrderOf,
  isBackwards,
  isSingle,
  isTimed,
  keepsLast,
  type ModelInput,
  type Reading,
  type Value,
} from "./flows.ts";
import { lateOf, whole } from "./late.ts";
import { unstacked } from "./movements.ts";
import type { Together } from "./reshapes.ts";

type Result = { readonly output: string; readonly value: Value | undefined };
/** Models have at most so many layers: more are a mistake, or meant to take a machine's memory. */
const mostLayers = 1000;

/** @throws FormatError where no output can be said, and where layers do not fit each other */
export function build(
  { graph, opset, producer }: ReadOnnx,
  name: string,
  values: ReadonlyMap<string, Value>,
  { inputs, stateInputs, notes, streams }: Reading,
): ImportedModel {
  const results = graph.outputs.map(({ name: output }): Result => ({ output, value: values.get(output) }));
  const found = outputOf(results, name, notes);
  const output = isTimed(found) && isBackwards(found) ? inOrderOf(found) : found;
  const order = inOrder(output, name);
  for (const [draft, { value }] of inputs) {
    if (!order.has(draft) && !stateInputs.has(draft)) notes.add(`Its input ${formatValue(value.name)} is not read.`);
  }
  checkMasks(order, inputs, name);

  const specs: LayerSpec[] = [];
  const parameters = new Map<string, Float32Array>();
  const names = new Map<Draft, string>();
  const taken = new Set<string>();
  const unique = (label: string): string => {
    let own = label;
    for (let k = 1; taken.has(own); k++) own = `${label}_${k}`;
    taken.add(own);
    return own;
  };
  const wanted = [...inputs].filter(([draft]) => order.has(draft));
  let single: "tokens" | number | undefined;
  /** The axes of time, in the order of their first inputs; sequences of another one may have another length. */
  const times: Axis[] = [];
  for (const [draft, one] of wanted) {
    const { value, flow, masked } = one;
    const axes = flow.axes.map(rootOf);
    const features = featuresOf(draft, one, name);
    const tokens = features === "tokens";
    const timed = axes.find((axis) => axis.role === "time");
    const sequence = streams || timed !== undefined || axes.length > (tokens ? 1 : 2);
    const plain = value.name.replaceAll(/[^\p{L}\p{N}_]/gu, "_");
    const own = unique(wanted.length === 1 ? draft.label : isLayerName(plain) ? plain : draft.label);
    names.set(draft, own);
    if (timed !== undefined && !times.includes(timed)) times.push(timed);
    const time = timed === undefined || times[0] === timed ? {} : { time: `T${times.indexOf(timed)}` };
    if (wanted.length === 1 && sequence && !masked) single = features;
    else specs.push(input(features, { name: own, sequence, mask: masked, ...time }));
  }

  /** Layers for what is read of a recurrent layer beside its output, by what it is. */
  const extra = new Map<string, string>();
  /** The name of the layer that gives a flow. */
  const nameOf = ({ draft, part }: Flow): string => {
    const own = names.get(draft) as string;
    return extra.get(`${own} ${part}`) ?? own;
  };
  for (const draft of order) {
    if (inputs.has(draft)) continue;
    const own = unique(draft.label);
    names.set(draft, own);
    specs.push(...draft.make(own, draft.reads.map(nameOf), draft.used));
    for (const [key, data] of Object.entries(draft.values(own))) parameters.set(key, data);
    addParts(draft, own);
  }
  /** One direction, both, or the last step as well as all. */
  function addParts({ used }: Draft, own: string): void {
    if (used.size === 0) return;
    const main = specs.at(-1) as LayerSpec;
    const two = main.kind === "bidirectional";
    const both =
      [...used].some((part) => part.startsWith("steps")) && [...used].some((part) => part.startsWith("last"));
    if (two && main.mergeMode !== "none") return;
    const lastOf = (way: "forward" | "backward"): string => {
      const key = `${own} last ${way}`;
      const known = extra.get(key);
      if (known !== undefined) return known;
      const from = two ? `${own}.${way}` : own;
      const last = unique(`${own}_last${two ? `_${way}` : ""}`);
      specs.push(recurrent(keepsLast, { name: last, label: "last", reads: from, goBackwards: way === "backward" }));
      extra.set(key, last);
      return last;
    };
    for (const part of used) {
      const [when, way] = part.split(" ") as ["steps" | "last" | "states", "forward" | "backward" | "both"];
      if (!two) {
        if (when === "last" && both) lastOf("forward");
        continue;
      }
      const from = (one: "forward" | "backward"): string => (when === "last" && both ? lastOf(one) : `${own}.${one}`);
      if (way !== "both") {
        extra.set(`${own} ${part}`, from(way));
        continue;
      }
      const together = unique(`${own}_both`);
      specs.push(concatenate([from("forward"), from("backward")], { name: together }));
      extra.set(`${own} ${part}`, together);
    }
  }
  const given = nameOf(output);
  // One direction of a layer is no layer of its own.
  const last = taken.has(given) ? given : unique("output");
  if (last !== given) specs.push(recurrent(handsOn, { name: last, label: "output", reads: given }));
  // The model's output is its last layer's.
  const place = specs.findIndex((spec) => spec.name === last);
  if (place >= 0 && place < specs.length - 1) specs.push(...specs.splice(place, 1));
  if (specs.every(({ kind }) => kind === "input"))
    throw new FormatError(`${name}: its output is its input: it has no layer.`);
  const model = modelWith(specs, single, parameters);
  return { source: `ONNX, opset ${opset}${producer === "" ? "" : `, by ${producer}`}`, model, notes: [...notes] };
}

/** x -> x. */
const handsOn = cell("y = x");

/** The first output that is no final state, or the directions of one side by side. */
function outputOf(results: readonly Result[], name: string, notes: Set<string>): Flow {
  const isOutput = ({ value }: Result): boolean =>
    value?.kind === "flow" && value.state === undefined && (value.partial === undefined || lateOf(value) > 0);
  const chosen =
    results.find((one) => isOutput(one) && !(one.value as Flow).part?.startsWith("last")) ??
    results.find(isOutput) ??
    results.find(({ value }) => value?.kind === "stack" || (value?.kind === "flow" && value.partial === undefined));
  const value = chosen?.value;
  if (chosen === undefined || (value?.kind !== "flow" && value?.kind !== "stack"))
    throw new FormatError(`${name}: none of its outputs depends on its inputs in a way that layers can say.`);
  for (const one of results) {
    if (one !== chosen)
      notes.add(`Its output ${formatValue(one.output)} is left out: a model has one, ${formatValue(chosen.output)}.`);
  }
  const given = value.kind === "flow" ? value : unstacked(value);
  const late = lateOf(given);
  if (late > 0) {
    notes.add(
      `Its output ${formatValue(chosen.output)} has ${late} steps more here: the first ${late} stand before those that the file gives.`,
    );
  }
  const found = late > 0 ? whole(given) : given;
  const own = `Its output ${formatValue(chosen.output)} has`;
  if (found.axes.some((axis) => (rootOf(axis) as Together).of !== undefined))
    notes.add(`${own} examples and steps in one axis: here they are two, with the same numbers.`);
  const roles = found.axes.filter((axis) => !isSingle(axis)).map((axis) => rootOf(axis).role);
  if (roles.includes("features") && roles.at(-1) !== "features")
    notes.add(
      `${own} its features before its steps or examples: here they are last, so the numbers come in another order.`,
    );
  return found;
}

/** What a flow needs, each after what it reads. */
function inOrder(output: Flow, name: string): ReadonlySet<Draft> {
  const order = new Set<Draft>();
  const begun = new Set<Draft>();
  const visit = ({ draft, part }: Flow): void => {
    if (part !== undefined) draft.used.add(part);
    if (order.has(draft)) return;
    if (begun.has(draft)) {
      throw new FormatError(
        `${name}: in the body of a loop stands what becomes a layer of its own (${draft.label}): there, equations alone are read.`,
      );
    }
    begun.add(draft);
    if (begun.size > mostLayers) throw new FormatError(`${name}: it would be more than ${mostLayers} layers.`);
    for (const read of draft.reads) visit(read);
    order.add(draft);
  };
  visit(output);
  return order;
}

/** Layers here know which steps are behind the end of a sequence: none may count these as the file does. */
function checkMasks(order: ReadonlySet<Draft>, inputs: Reading["inputs"], name: string): void {
  const masked = new Set<Draft>([...inputs].filter(([, one]) => one.masked).map(([draft]) => draft));
  for (const draft of order) {
    if (!draft.reads.some(({ draft: read, part }) => masked.has(read) && !/^(last|states)/.test(part ?? ""))) continue;
    if (draft.countsAll !== undefined) {
      throw new FormatError(
        `${name}: the node ${formatValue(draft.countsAll)} cannot be said with layers: it counts the steps behind the end of a sequence, ` +
          "which has a length in another node. Give it the same lengths.",
      );
    }
    masked.add(draft);
  }
}

/** How many features an input has, or that it is tokens. */
function featuresOf({ label }: Draft, { value, flow }: ModelInput, name: string): "tokens" | number {
  if (label === "tokens") return "tokens";
  const axes = flow.axes.map(rootOf);
  const last = axes.at(-1);
  const found = axes.filter((axis) => axis.role === "features");
  if (found.length > 1) {
    throw new FormatError(
      `${name}: two axes of its input ${formatValue(value.name)} are taken for features. Layers have one.`,
    );
  }
  const own = found[0] ?? (last?.role === undefined ? last : undefined);
  // An axis of features of its own that came later: one number a step.
  if (own === undefined && last !== undefined) return 1;
  if (own?.size === undefined) {
    throw new FormatError(
      `${name}: the number of features of its input ${formatValue(value.name)} is not in the file.`,
    );
  }
  own.role = "features";
  return own.size;
}

function modelWith(
  specs: readonly LayerSpec[],
  single: "tokens" | number | undefined,
  parameters: ReadonlyMap<string, Float32Array>,
): Model {
  const layers = nameLayers(specs);
  const [first] = layers;
  const ofInput = first?.kind === "input" ? first.features : single;
  /** A constant that several layers have is each one's own, which training changes. */
  const taken = new Set<Float32Array>();
  return modelOf(layers, ofInput as Model["input"], ({ name: parameter, shape }) => {
    const found = parameters.get(parameter);
    const size = shape.reduce((a, b) => a * b, 1);
    if (found?.length !== size) throw new Error(`internal: ${parameter} needs ${size} values, got ${found?.length}`);
    if (taken.has(found)) return found.slice();
    taken.add(found);
    return found;
  });
}
