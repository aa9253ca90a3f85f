/**
 * ONNX graphs as models of ours: its nodes are read in order, each by what knows its operator. What cannot be said is refused, with the first
 * node that does it.
 */
import { InputError } from "../../graph/input-error.ts";
import { formatValue } from "../../graph/schema.ts";
import type { ImportedModel } from "../imported.ts";
import { FormatError } from "../safetensors.ts";
import { chosen } from "./branches.ts";
import { build } from "./build.ts";
import { type Axis, type Constant, fold, isKnown, type Known, rootOf, type Size } from "./constants.ts";
import {
  floatTypes,
  type ReadAttribute,
  type ReadGraph,
  type ReadNode,
  type ReadOnnx,
  type ReadValue,
} from "./decode.ts";
import { batchNormalized, embedded, normalized, product } from "./dense.ts";
import {
  type Draft,
  type Flow,
  features,
  flowOf,
  laidOut,
  numberOf,
  type Operands,
  type Reading,
  refused,
  there,
  type Value,
} from "./flows.ts";
import { bent, isBent } from "./functions.ts";
import { isStepwise, stepByStep } from "./late.ts";
import { termFlow } from "./loops.ts";
import { concat, gathered, squeezed, transposed, unsqueezed } from "./movements.ts";
import { normalizations } from "./normalizations.ts";
import { activated, combined, expanded, isCombining, isFunction, oneHot, reduced, softmax } from "./pointwise.ts";
import { recurrentOutputs } from "./recurrent.ts";
import { reshaped } from "./reshapes.ts";
import { type ReadBody, scanned } from "./scan.ts";
import { weighed, weighedProduct, weighedSum } from "./shares.ts";
import { sliced, split } from "./slices.ts";
import { softmaxes } from "./softmaxes.ts";
import { closeStreams, streamState, streamsOf } from "./streams.ts";
import { padded } from "./strides.ts";
import { constantTerm, hintOf, isComparison } from "./terms.ts";
import { unrolledSteps } from "./unrolled.ts";
import { convolved, pooled, pooledParts } from "./windows.ts";

/** Before this one, operands were repeated over axes by attributes. */
const firstOpset = 7;

/** @throws FormatError with the first node that cannot be said */
export function importOnnx(file: ReadOnnx, name: string): ImportedModel {
  const { opset } = file;
  if (opset < firstOpset) {
    throw new FormatError(`${name}: it is of opset ${opset}, and ${firstOpset} and later are read. Export it again.`);
  }
  const plain = { ...file.graph, nodes: normalizations(file.graph) };
  const graph = { ...plain, nodes: softmaxes(plain) };
  const uses = usesOf(graph);
  const streams = streamsOf(graph);
  const reading: Reading = {
    ...{
      opset,
      notes: new Set(),
      inputs: new Map(),
      stateInputs: new Set(),
      streams: streams.length > 0,
      fed: new Map(),
      vocabulary: new Map(),
    },
    isLast: lastOf(graph, uses),
  };
  /** Reads nodes in order into `values`, where those lie that they may read. */
  function readNodes(nodes: readonly ReadNode[], values: Map<string, Value>): void {
    for (const node of nodes) {
      try {
        const given = node.inputs.map((key) => {
          const value = values.get(key);
          if (value === undefined && key !== "") {
            throw refused(`nothing gives its input ${formatValue(key)}. The file is damaged.`);
          }
          return value;
        });
        const body: ReadBody = (own, inputs) => {
          const inner = new Map([...values, ...constantsOf(own), ...inputs]);
          readNodes(softmaxes(own), inner);
          return own.outputs.map((output) => inner.get(output.name));
        };
        const results = [outputsOf(node, given, reading, body)].flat() as readonly (Value | undefined)[];
        results.forEach((value, k) => {
          const key = node.outputs[k] ?? "";
          if (key === "") return;
          if (value === undefined) throw refused(`nothing gives its output ${formatValue(key)}. The file is damaged.`);
          // A value that several read, or that comes out, stays as it is: nothing becomes part of its layer.
          if (value.kind === "flow" && (uses.get(key) ?? 0) > 1) value.draft.open = undefined;
          values.set(key, value);
        });
      } catch (error) {
        // What operators, and the layers and cells that they become, say of what they do not take.
        if (!(error instanceof InputError) || error instanceof FormatError) throw error;
        const steps = unrolledSteps(graph);
        const why =
          steps === undefined
            ? error.message
            : `it stands in a loop over ${steps} steps that was written out when the model was exported, and holds for ${steps} steps alone. ` +
              "Export the model with a layer (nn.LSTM, nn.GRU, nn.RNN) in place of a loop over cells, or one step of it with its states.";
        throw new FormatError(
          `${name}: the node ${formatValue(node.name)} (${node.op}) cannot be said with layers: ${why}`,
        );
      }
    }
  }

  const values = new Map<string, Value>(constantsOf(graph));
  const states = new Map(streams.map((one) => [one.input.name, one]));
  for (const value of graph.inputs) {
    if (graph.tensors.has(value.name)) continue;
    const stream = states.get(value.name);
    values.set(value.name, stream === undefined ? inputFlow(value, name, reading) : streamState(stream));
  }
  readNodes(graph.nodes, values);
  try {
    closeStreams(streams, values, reading);
    const rest = graph.outputs.filter((output) => !streams.some((one) => one.output === output.name));
    return build({ ...file, graph: { ...graph, outputs: rest } }, name, values, reading);
  } catch (error) {
    if (error instanceof InputError && error.message.includes("opposite direction")) {
      throw new FormatError(
        `${name}: it combines, step by step, a sequence with one in reverse order, which layers do not. Export the model without it.`,
      );
    }
    // What layers say of each other.
    if (error instanceof InputError && !(error instanceof FormatError))
      throw new FormatError(`${name}: ${error.message}`);
    throw error;
  }
}
const constantsOf = ({ tensors }: ReadGraph): [string, Value][] =>
  [...tensors].map(([key, { dims, data, whole }]) => [key, { kind: "constant", dims, data, whole }]);

/** How often each value is read, by nodes of bodies too. */
function usesOf(graph: ReadGraph): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const add = ({ nodes, outputs }: ReadGraph): void => {
    for (const key of [...nodes.flatMap((node) => node.inputs), ...outputs.map((one) => one.name)])
      uses.set(key, (uses.get(key) ?? 0) + 1);
    for (const { attributes } of nodes) for (const { graph: body } of attributes.values()) if (body) add(body);
  };
  add(graph);
  return uses;
}

/** Operators that leave each number in its place. */
const inPlace = ["Identity", "Cast"];
function lastOf({ nodes, outputs }: ReadGraph, uses: ReadonlyMap<string, number>): Reading["isLast"] {
  const results = new Set(outputs.map((one) => one.name));
  const reader = new Map(nodes.map((node) => [node.inputs[0], node] as const));
  return (node) => {
    for (let at: ReadNode | undefined = node; at !== undefined; ) {
      const [output = ""]: readonly string[] = at.outputs;
      if (uses.get(output) !== 1) return false;
      if (results.has(output)) return true;
      at = reader.get(output);
      if (at !== undefined && !isFunction(at.op) && !isBent(at.op) && !inPlace.includes(at.op)) return false;
    }
    return false;
  };
}

function inputFlow(value: ReadValue, name: string, { inputs }: Reading): Flow {
  const { dims, type } = value;
  if (dims === undefined) {
    throw new FormatError(
      `${name}: its input ${formatValue(value.name)} has no number of dimensions. Export it with a shape.`,
    );
  }
  const axes = dims.map((size): Axis => ({ size: typeof size === "number" && size > 0 ? size : undefined }));
  const label = floatTypes.includes(type) ? "x" : "tokens";
  const draft: Draft = { label, reads: [], make: () => [], values: () => ({}), used: new Set(), reverse: false };
  const flow: Flow = { kind: "flow", axes, draft };
  inputs.set(draft, { value, flow, masked: false });
  return flow;
}

/** What a node gives: a value, or one for each of its outputs. */
function outputsOf(node: ReadNode, given: Operands, reading: Reading, read: ReadBody): Value | readonly Value[] {
  const { op, domain } = node;
  if (domain !== "" && domain !== "ai.onnx") throw refused(`it is of ${formatValue(domain)}.`);
  if (op === "Constant") return constant(node);
  if (given.length === 0) throw refused("its operands are left out.");
  if (op === "Shape") return shapeOf(node, given[0]);
  if (op === "If") return chosen(node, given, reading, read);
  if (
    given.length > 0 &&
    op !== "Scan" &&
    op !== "Loop" &&
    given.every((value) => value === undefined || isKnown(value))
  ) {
    const made = fold(node, given as readonly (Known | undefined)[]);
    if (made !== undefined) return made;
    // What is learned may stand in equations.
    if (!isFunction(op) && !isCombining(op)) throw refused("its constants cannot be computed here.");
    const flows = given.map((value, k) => (value?.kind === "constant" ? constantFlow(node, value, k) : value));
    if (!flows.some((value) => value?.kind === "flow")) throw refused("its constants cannot be computed here.");
    return isFunction(op) ? activated(node, flowOf(flows[0])) : combined(node, flows);
  }
  const shared = weighed(node, given) ?? weighedProduct(node, given);
  if (shared !== undefined) return shared;
  const alongFeatures = op === "Concat" && isOverFeatures(node, given);
  if (isStepwise(op) || isFunction(op) || isCombining(op) || isBent(op) || alongFeatures) {
    const made = stepByStep(given, (own) => outputsOf(node, own, reading, read));
    if (made !== undefined) return made;
  }
  switch (op) {
    case "Identity":
      return there(given[0]);
    case "Dropout":
      if (given[2]?.kind === "constant" && Number(given[2].data[0]) !== 0) throw refused("it is for training.");
      return there(given[0]);
    case "Cast":
      return converted(node, there(given[0]));
    case "Gather":
      return given[0]?.kind === "constant" && given[1]?.kind === "flow"
        ? embedded(node, given[0], flowOf(given[1]), reading)
        : gathered(node, given, reading);
    case "Transpose":
      return transposed(node, laidOut(given[0]));
    case "Squeeze":
      return squeezed(node, given, reading);
    case "Unsqueeze":
      return unsqueezed(node, given);
    case "Reshape":
    case "Flatten":
      return reshaped(node, given, reading);
    case "Slice":
      return sliced(node, given, reading);
    case "Concat":
      return concat(node, given.map(there), reading);
    case "Split":
      return split(node, given, reading);
    case "MatMul":
    case "Gemm":
      return product(node, given, reading);
    case "Softmax":
    case "LogSoftmax":
      return softmax(node, laidOut(given[0]), reading);
    case "LayerNormalization":
      return normalized(node, given);
    case "BatchNormalization":
      return batchNormalized(node, given);
    case "ReduceSum":
      return weighedSum(node, given) ?? reduced(node, given) ?? pooled(node, given);
    case "ReduceMean":
    case "ReduceMax":
    case "GlobalAveragePool":
    case "GlobalMaxPool":
      return reduced(node, given) ?? pooled(node, given);
    case "ReduceMin":
    case "ReduceL1":
    case "ReduceL2":
    case "ReduceSumSquare":
      return reduced(node, given) ?? overFeatures();
    case "Expand":
      return expanded(node, given, reading);
    case "Pad":
      return padded(node, given);
    case "Scan":
      return scanned(node, given, reading, read);
    case "Conv":
      return convolved(node, given, reading);
    case "MaxPool":
    case "AveragePool":
      return pooledParts(node, given, reading);
    case "LSTM":
    case "GRU":
    case "RNN":
      return recurrentOutputs({ ...node, op }, given, reading);
    default:
      if (isCombining(op)) return oneHot(node, given, reading) ?? combined(node, given);
      if (isFunction(op)) return activated(node, flowOf(given[0]));
      if (isBent(op)) return bent(node, given);
      throw refused(
        `this operator is not read. ${advice[op] ?? ""}Cut the file before or behind it, or export the model without it.`,
      );
  }
}

/** Whether it puts features side by side. */
function isOverFeatures(node: ReadNode, given: Operands): boolean {
  const [first] = given;
  const rank = first?.kind === "flow" ? first.axes.length : 0;
  const axis = numberOf(node, "axis") ?? 0;
  return rank > 0 && (axis === -1 || axis === rank - 1);
}

/** What operators do that people's models have and layers cannot say. */
const advice: Readonly<Record<string, string>> = {
  Loop: "It runs its body as often as it is told: a time loop is read as a Scan, or as LSTM, GRU and RNN. ",
  TopK: "Where it sorts sequences by their lengths, export the model with sorted ones: enforce_sorted=True. ",
  STFT: "Compute it before the model. ",
  DynamicQuantizeLSTM: "Its numbers depend on those of other steps: export the model in 32 bits. ",
};
function overFeatures(): never {
  throw refused("it is not over the features.");
}
const constantFlow = (node: ReadNode, value: Constant, k: number): Flow =>
  termFlow(node, constantTerm(value, hintOf(node.inputs[k])), [
    ...value.dims.slice(0, -1).map((size): Axis => ({ size })),
    ...value.dims.slice(-1).map(features),
  ]);
/** Whole numbers as they are; numbers with a point stay such. */
function converted(node: ReadNode, value: Value): Value {
  const isWhole = value.kind === "flow" && (value.draft.label === "tokens" || isComparison(value.draft.term?.()));
  if (value.kind === "flow" && !isWhole && !floatTypes.includes(numberOf(node, "to") ?? 0))
    throw refused("it rounds to whole numbers.");
  return value;
}
function constant({ attributes }: ReadNode): Known {
  const [[key, { tensor, number, numbers }] = ["", {} as ReadAttribute]] = attributes;
  const whole = key.startsWith("value_int");
  if (tensor !== undefined) return { kind: "constant", dims: tensor.dims, data: tensor.data, whole: tensor.whole };
  if (number !== undefined) return { kind: "constant", dims: [], data: Float64Array.of(number), whole };
  if (numbers !== undefined)
    return { kind: "constant", dims: [numbers.length], data: Float64Array.from(numbers), whole };
  throw refused("its value is not read.");
}
function shapeOf(node: ReadNode, value: Value | undefined): Known {
  if (value?.kind === "constant") return { kind: "sizes", list: value.dims };
  if (value === undefined || isKnown(value)) throw refused("it asks for the size of what has none.");
  const list = value.axes.map((axis): Size => (rootOf(axis).role === "features" ? (rootOf(axis).size ?? axis) : axis));
  return { kind: "sizes", list: list.slice(numberOf(node, "start") ?? 0, numberOf(node, "end")) };
}
