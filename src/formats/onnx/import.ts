/**
 * ONNX graphs as models of ours. Each node makes a layer, or says where the numbers of one lie: which axis is time, which the batch and which
 * the features is found from what reads them. What cannot be said is refused, with the first node that does it.
 */
import { cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import { formatValue } from "../../graph/schema.ts";
import {
  add,
  bidirectional,
  concatenate,
  dense,
  embedding,
  globalAveragePooling1d,
  globalMaxPooling1d,
  input,
  isLayerName,
  type LayerSpec,
  layerNormalization,
  multiply,
  recurrent,
} from "../../nn/layers.ts";
import { type Model, modelOf, nameLayers } from "../../nn/model.ts";
import type { ImportedModel } from "../imported.ts";
import { FormatError } from "../safetensors.ts";
import { activationsOf, cellOf, type Direction, gateCount, literal, problemOf } from "./cells.ts";
import {
  type Axis,
  type Constant,
  fold,
  integersOf,
  isKnown,
  type Known,
  listOf,
  numbersOf,
  placesOf,
  type Role,
  rootOf,
  type Size,
} from "./constants.ts";
import type { ReadNode, ReadOnnx, ReadValue } from "./decode.ts";
import { normalizations } from "./normalizations.ts";

/** A layer to be. */
type Draft = {
  /** What it is called, unless others are called so. */
  readonly label: string;
  readonly reads: readonly Flow[];
  /** The layers, the last of which gives its output; `from` are the names of what it reads. */
  readonly make: (name: string, from: readonly string[], used: ReadonlySet<Part>) => readonly LayerSpec[];
  /** Parameters' values by their names, which begin with the layer's. */
  readonly values: (name: string) => Readonly<Record<string, Float32Array>>;
  /** Of a recurrent layer: the parts of it that are read. */
  readonly used: Set<Part>;
  /** Of a dense layer: what may still become part of it. */
  open?: { bias?: Float32Array; activation?: string } | undefined;
  /** Of a recurrent layer: whether it runs from the last step to the first. */
  readonly reverse?: boolean;
};
/** What is read of a recurrent layer: all steps or the last, of one direction or both together. */
type Part = `${"steps" | "last"} ${"forward" | "backward" | "both"}`;
/** Numbers that a layer gives. */
type Flow = {
  readonly kind: "flow";
  readonly axes: readonly Axis[];
  readonly draft: Draft;
  readonly part?: Part;
  /** Of the cell's states other than its output: which. */
  readonly state?: string;
};
/** Several flows along an axis: the directions of a layer, or the final states of several. */
type Stack = {
  readonly kind: "stack";
  readonly axes: readonly Axis[];
  readonly along: Axis;
  readonly parts: readonly Flow[];
};
type Value = Known | Flow | Stack;

const same = (a: Axis, b: Axis): boolean => rootOf(a) === rootOf(b);

/** Pointwise operators of `x`, as equations. */
const pointwise: Readonly<Record<string, string>> = {
  ...{ Sigmoid: "sigmoid(x)", Tanh: "tanh(x)", Relu: "relu(x)", Softplus: "softplus(x)", Exp: "exp(x)", Log: "log(x)" },
  ...{ Sqrt: "sqrt(x)", Abs: "abs(x)", Neg: "-x", Softsign: "x / (1 + abs(x))", Softmax: "softmax(x)" },
  ...{ LogSoftmax: "log(softmax(x))", Reciprocal: "1 / x" },
};
/** Those that a dense layer has as its activation. */
const activations: Readonly<Record<string, string>> = {
  ...{ Sigmoid: "sigmoid", Tanh: "tanh", Relu: "relu", Softplus: "softplus", Softmax: "softmax", Exp: "exp" },
};
const operators: Readonly<Record<string, string>> = { Add: "+", Sub: "-", Mul: "*", Div: "/" };

/** @throws FormatError with the first node that cannot be said */
export function importOnnx({ graph, opset, producer }: ReadOnnx, name: string): ImportedModel {
  const notes = new Set<string>();
  const values = new Map<string, Value>();
  const uses = new Map<string, number>();
  const count = (value: string): void => void uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of graph.nodes) for (const one of node.inputs) count(one);
  for (const one of graph.outputs) count(one.name);

  /** The inputs of the model, and those that only give lengths or initial states. */
  const inputs = new Map<Draft, { readonly value: ReadValue; readonly flow: Flow; masked: boolean }>();
  const stateInputs = new Set<Draft>();
  let node: ReadNode;

  function refused(why: string): FormatError {
    return new FormatError(
      `${name}: the node ${formatValue(node.name)} (${node.op}) cannot be said with layers: ${why}`,
    );
  }
  const attribute = (key: string): number | undefined => node.attributes.get(key)?.number;
  function valueAt(k: number): Value | undefined {
    const key = node.inputs[k];
    if (key === undefined || key === "") return undefined;
    const found = values.get(key);
    if (found === undefined) throw refused(`nothing gives its input ${formatValue(key)}. The file is damaged.`);
    return found;
  }
  const set = (value: Value, k = 0): void => {
    const key = node.outputs[k];
    if (key !== undefined && key !== "") values.set(key, value);
  };
  /** Whether the node is the only one that reads its k-th input. */
  const alone = (k: number): boolean => uses.get(node.inputs[k] as string) === 1;

  function inputFlow(value: ReadValue): Flow {
    const { dims, type } = value;
    const tokens = type !== 1 && type !== 10 && type !== 11 && type !== 16;
    if (dims === undefined) {
      throw new FormatError(
        `${name}: its input ${formatValue(value.name)} has no number of dimensions. Export it with a shape.`,
      );
    }
    const axes = dims.map((size): Axis => ({ size: typeof size === "number" && size > 0 ? size : undefined }));
    const draft: Draft = {
      label: tokens ? "tokens" : "x",
      reads: [],
      make: () => [],
      values: () => ({}),
      used: new Set(),
    };
    const flow: Flow = { kind: "flow", axes, draft };
    inputs.set(draft, { value, flow, masked: false });
    return flow;
  }

  function role(axis: Axis, wanted: Role): void {
    const root = rootOf(axis);
    if (root.role !== undefined && root.role !== wanted) {
      throw refused(`it takes for ${wanted} what is ${root.role === "features" ? "a feature" : root.role} elsewhere.`);
    }
    root.role = wanted;
  }
  function join(a: Axis, b: Axis): void {
    const [x, y] = [rootOf(a), rootOf(b)];
    if (x === y) return;
    if (x.role !== undefined && y.role !== undefined && x.role !== y.role)
      throw refused("its operands' axes do not fit.");
    if (x.size !== undefined && y.size !== undefined && x.size !== y.size)
      throw refused("its operands' sizes do not fit.");
    x.role ??= y.role;
    x.size ??= y.size;
    (y as { joined?: Axis }).joined = x;
  }
  const featuresOf = (flow: Flow): number => {
    const last = flow.axes.at(-1);
    if (last === undefined) throw refused("it reads a single number.");
    role(last, "features");
    const { size } = rootOf(last);
    if (size === undefined) throw refused("the number of features of what it reads is not in the file.");
    return size;
  };
  /** What must be given. */
  function there(value: Value | undefined): Value {
    if (value !== undefined) return value;
    throw refused("one of its operands is left out.");
  }
  /** Numbers of the input, which have axes. */
  function laidOut(value: Value | undefined): Flow | Stack {
    if (value?.kind === "flow" || value?.kind === "stack") return value;
    throw refused("it reads a constant where numbers of the input were expected.");
  }
  function axisAt(k: number, rank: number): number {
    const axis = k < 0 ? k + rank : k;
    if (!(Number.isInteger(axis) && axis >= 0 && axis < rank))
      throw refused(`of ${rank} axes it names the one at ${k}.`);
    return axis;
  }
  /** The flow that is needed here; what has one part alone is that part. */
  function flowOf(value: Value | undefined): Flow {
    if (value?.kind === "flow") return value;
    throw refused(
      value?.kind === "stack"
        ? "it reads several directions or layers side by side."
        : "it reads a constant where numbers of the input were expected.",
    );
  }

  /** A layer of one flow that keeps its axes but for the features. */
  function layer(
    label: string,
    reads: readonly Flow[],
    draft: Omit<Draft, "label" | "reads" | "used">,
    size?: number,
  ): Flow {
    const made: Draft = { label, reads, used: new Set(), ...draft };
    const [first] = reads as [Flow];
    const axes = size === undefined ? first.axes : [...first.axes.slice(0, -1), { role: "features" as const, size }];
    return { kind: "flow", axes, draft: made };
  }
  /** A cell without states, of further inputs y and constants. */
  function equation(
    label: string,
    text: string,
    reads: readonly Flow[],
    constants: Readonly<Record<string, Float32Array>> = {},
  ): Flow {
    const names = ["x", "z"].slice(0, reads.length);
    const of = cell(`y = ${text}`, { inputs: names });
    return layer(label, reads, {
      make: (own, from) => [
        recurrent(of, {
          ...{ label, name: own, reads: from[0] as string },
          ...(from.length > 1 && { inputs: { z: from[1] as string } }),
        }),
      ],
      values: (own) => Object.fromEntries(Object.entries(constants).map(([key, data]) => [`${own}.${key}`, data])),
    });
  }

  function read(): void {
    const value = result();
    if (value !== undefined) set(value);
  }
  /** What the node gives; nothing where it gives several values, and says so itself. */
  function result(): Value | undefined {
    if (node.domain !== "" && node.domain !== "ai.onnx") throw refused(`it is of ${formatValue(node.domain)}.`);
    const given = node.inputs.map((_, k) => valueAt(k));
    if (node.op === "Constant") return constant();
    if (node.op === "Shape") return shapeOf(given[0]);
    if (given.length > 0 && given.every((value) => value === undefined || isKnown(value))) {
      const made = fold(node, given as (Known | undefined)[]);
      if (made === undefined) throw refused("its constants cannot be computed here.");
      return made;
    }
    switch (node.op) {
      case "Identity":
      case "Dropout":
      case "Cast":
        return there(given[0]);
      case "Gather":
        return gather(given);
      case "Transpose":
        return transposed(laidOut(given[0]));
      case "Squeeze":
      case "Unsqueeze":
        return squeezed(given);
      case "Reshape":
      case "Flatten":
        return reshaped(given);
      case "Slice":
        return slice(given);
      case "Concat":
        return concat(given.map(there));
      case "Split":
        split(given);
        return undefined;
      case "MatMul":
      case "Gemm":
        return product(given);
      case "Add":
      case "Sub":
      case "Mul":
      case "Div":
        return combined(given);
      case "Softmax":
      case "LogSoftmax":
        checkLast(flowOf(given[0]));
        return activated(flowOf(given[0]));
      case "HardSigmoid": {
        const [alpha, beta] = [attribute("alpha") ?? 0.2, attribute("beta") ?? 0.5];
        const text = `max(0, min(1, ${literal(alpha)} * x + ${literal(beta)}))`;
        return equation("hard_sigmoid", text, [flowOf(given[0])]);
      }
      case "LeakyRelu":
        return equation("leaky_relu", `relu(x) - ${literal(attribute("alpha") ?? 0.01)} * relu(-x)`, [
          flowOf(given[0]),
        ]);
      case "Elu":
        return equation("elu", `relu(x) + ${literal(attribute("alpha") ?? 1)} * (exp(-relu(-x)) - 1)`, [
          flowOf(given[0]),
        ]);
      case "Pow": {
        const [power] = given[1]?.kind === "constant" ? numbersOf(given[1]) : [];
        if (power !== 2 && power !== 0.5) throw refused("its exponent is neither 2 nor 1/2.");
        return equation("pow", power === 2 ? "x * x" : "sqrt(x)", [flowOf(given[0])]);
      }
      case "LayerNormalization":
        return normalized(given);
      case "BatchNormalization":
        return batchNormalized(given);
      case "ReduceMean":
      case "ReduceMax":
        return pooled(given);
      case "Conv":
        return convolved(given);
      case "LSTM":
      case "GRU":
      case "RNN":
        recurrentLayer(node.op, given);
        return undefined;
      default:
        if (pointwise[node.op] !== undefined) return activated(flowOf(given[0]));
        throw refused("this operator is not read.");
    }
  }

  function constant(): Known {
    const { tensor, number, numbers } = node.attributes.get("value") ?? [...node.attributes.values()][0] ?? {};
    if (tensor !== undefined) return { kind: "constant", dims: tensor.dims, data: tensor.data };
    if (number !== undefined) return { kind: "constant", dims: [], data: Float64Array.of(number) };
    if (numbers !== undefined) return { kind: "constant", dims: [numbers.length], data: Float64Array.from(numbers) };
    throw refused("its value is not read.");
  }
  function shapeOf(value: Value | undefined): Known {
    if (value?.kind === "constant") return { kind: "sizes", list: value.dims };
    if (value === undefined || isKnown(value)) throw refused("it asks for the size of what has none.");
    const list = value.axes.map(
      (axis): Size => (rootOf(axis).role === "features" ? (rootOf(axis).size ?? axis) : axis),
    );
    const start = attribute("start") ?? 0;
    return { kind: "sizes", list: list.slice(start, attribute("end")) };
  }

  function checkLast({ axes }: Flow): void {
    const axis = axisAt(attribute("axis") ?? (opset < 13 ? 1 : -1), axes.length);
    // Before opset 13 it goes over all axes from the given one on, of which only the last may have more than one number.
    if (axis !== axes.length - 1) throw refused("it is not over the features.");
  }
  function activated(flow: Flow): Flow {
    const { open } = flow.draft;
    const activation = activations[node.op];
    if (activation !== undefined && open !== undefined && open.activation === undefined && alone(0)) {
      open.activation = activation;
      return flow;
    }
    featuresOf(flow);
    return equation(node.op.toLowerCase(), pointwise[node.op] as string, [flow]);
  }

  function gather(given: readonly (Value | undefined)[]): Value {
    const [from, index] = given;
    if (from?.kind === "constant" && index?.kind === "flow") {
      const [rows, features] = from.dims;
      if (from.dims.length !== 2 || (attribute("axis") ?? 0) !== 0)
        throw refused("its table is no matrix of one row a token.");
      const weight = Float32Array.from(numbersOf(from));
      const draft: Draft = {
        ...{ label: "embedding", reads: [index], used: new Set<Part>() },
        make: (own, [reads]) => [embedding(rows as number, features as number, { name: own, reads: reads as string })],
        values: (own) => ({ [`${own}.weight`]: weight }),
      };
      return { kind: "flow", axes: [...index.axes, { role: "features", size: features as number }], draft };
    }
    const places = integersOf(index);
    if (places === undefined || (from?.kind !== "flow" && from?.kind !== "stack"))
      throw refused("its indices are computed.");
    const axis = axisAt(attribute("axis") ?? 0, from.axes.length);
    const scalar =
      index?.kind === "constant" ? index.dims.length === 0 : index?.kind === "sizes" && index.scalar === true;
    return taken(from, axis, places, scalar);
  }
  /** Some places along an axis; `scalar`: one, and the axis goes. */
  function taken(from: Flow | Stack, axis: number, places: readonly number[], scalar: boolean): Value {
    const at = from.axes[axis] as Axis;
    const without = from.axes.toSpliced(axis, 1);
    if (from.kind === "stack" && same(at, from.along)) {
      const parts = places.map((place) => from.parts[place < 0 ? place + from.parts.length : place]);
      if (parts.some((part) => part === undefined)) throw refused("it takes a direction or a layer that is not there.");
      if (scalar) return { ...(parts[0] as Flow), axes: without };
      const along: Axis = { size: parts.length };
      return { kind: "stack", along, parts: parts as Flow[], axes: from.axes.with(axis, along) };
    }
    if (rootOf(at).size === 1 && rootOf(at).role === undefined && places.length === 1) {
      return scalar ? { ...from, axes: without } : from;
    }
    if (places.length === 1 && places[0] === -1 && rootOf(at).role === "time" && from.kind === "flow") {
      const last = lastOf(from, axis);
      return scalar ? last : { ...last, axes: last.axes.toSpliced(axis, 0, { size: 1 }) };
    }
    throw refused("it takes a part of the steps or of the features.");
  }
  /** Whether our layers have the steps of these numbers in reverse order, after a layer that runs from the last one. */
  function isBackwards({ draft, part }: Flow): boolean {
    if (part?.startsWith("last")) return false;
    return draft.reverse ?? draft.reads.some(isBackwards);
  }
  /** The values of the last step. */
  function lastOf(flow: Flow, axis: number): Flow {
    const goBackwards = isBackwards(flow);
    const of = cell("h' = x\nh : input");
    const made: Draft = {
      ...{ label: "last", reads: [flow], used: new Set<Part>() },
      make: (own, [reads]) => [recurrent(of, { name: own, label: "last", reads: reads as string, goBackwards })],
      values: () => ({}),
    };
    return { kind: "flow", axes: flow.axes.toSpliced(axis, 1), draft: made };
  }

  function transposed<V extends Flow | Stack>(from: V): V {
    const { length } = from.axes;
    const perm = node.attributes.get("perm")?.numbers ?? from.axes.map((_, axis) => length - 1 - axis);
    if (perm.length !== length || new Set(perm).size !== length)
      throw refused("its order of axes has not each of them once.");
    perm.forEach((axis) => axisAt(axis, length));
    return { ...from, axes: perm.map((axis) => from.axes[axis] as Axis) };
  }

  function squeezed(given: readonly (Value | undefined)[]): Value {
    const from = laidOut(given[0]);
    const asked = node.attributes.get("axes")?.numbers ?? integersOf(given[1]);
    if (node.op === "Unsqueeze") {
      const axes = [...from.axes];
      const rank = axes.length + (asked ?? []).length;
      for (const axis of (asked ?? []).map((one) => axisAt(one, rank)).toSorted((a, b) => a - b)) {
        axes.splice(axis, 0, { size: 1 });
      }
      return { ...from, axes };
    }
    const gone =
      asked?.map((axis) => axisAt(axis, from.axes.length)) ??
      from.axes.flatMap((axis, k) => (rootOf(axis).size === 1 ? [k] : []));
    let made: Flow | Stack = from;
    for (const axis of gone.toSorted((a, b) => b - a)) {
      const value: Value = taken(made, axis, [0], true);
      if (value.kind !== "flow" && value.kind !== "stack") throw refused("its axis is not of size 1.");
      made = value;
    }
    return made;
  }

  /** Axes side by side become one, or come apart again, as `Reshape` and `Flatten` say by sizes. */
  function reshaped(given: readonly (Value | undefined)[]): Value {
    const from = laidOut(given[0]);
    const target = node.op === "Flatten" ? flattened(from) : listOf(given[1]);
    if (target === undefined) throw refused("its shape is computed.");
    const copied = target.map((size, k): Size => (size === 0 ? (from.axes[k] ?? "unknown") : size));
    const groups = grouped(from.axes, copied);
    if (groups === undefined) {
      if (from.kind === "flow" && isLastNode()) {
        notes.add(
          `The last node ${formatValue(node.name)} gives the numbers another shape: here they stand as before it, in the same order.`,
        );
        return from;
      }
      throw refused("the axes that it makes are none of time, batch and features.");
    }
    if (from.kind === "stack") {
      // Its parts side by side are the features of all of them.
      const pair = groups.find((group) => group.some((axis) => same(axis, from.along)));
      const [along, last] = pair ?? [];
      if (pair?.length === 1) return { ...from, axes: groups.flat() };
      if (pair?.length !== 2 || !same(along as Axis, from.along) || rootOf(last as Axis).role !== "features") {
        throw refused("it puts directions together with something else than their features.");
      }
      const joined = concatenated(from.parts);
      const axes = groups.map((group) => (group === pair ? (joined.axes.at(-1) as Axis) : (group[0] as Axis)));
      return { ...joined, axes };
    }
    if (groups.every((group) => group.length === 1)) return { ...from, axes: groups.flat() };
    const wide = groups.filter((group) => group.length > 1);
    const parts = (wide[0] as Axis[]).map((axis) => rootOf(axis));
    if (wide.length > 1 || parts.some((axis) => axis.role === "features" && axis.size !== 1)) {
      throw refused("it puts steps or examples together with features.");
    }
    const together: Axis & { of?: readonly Axis[] } = { of: parts };
    return { ...from, axes: groups.map((group) => (group.length > 1 ? together : (group[0] as Axis))) };
  }
  function flattened(from: Flow | Stack): readonly Size[] {
    const axis = axisAt(attribute("axis") ?? 1, from.axes.length);
    return axis === from.axes.length - 1 && axis === 1 ? [from.axes[0] as Axis, from.axes[1] as Axis] : [-1, "unknown"];
  }
  const isLastNode = (): boolean =>
    graph.outputs.some((output) => output.name === node.outputs[0]) && uses.get(node.outputs[0] as string) === 1;
  /** Which axes each size of a shape stands for; undefined where that is not clear. Axes that were put together come apart. */
  function grouped(axes: readonly Axis[], target: readonly Size[]): Axis[][] | undefined {
    const all = axes.flatMap((axis) => (rootOf(axis) as Axis & { of?: readonly Axis[] }).of ?? [axis]);
    const fits = (axis: Axis, size: Size): boolean =>
      typeof size === "object" ? same(axis, size) : typeof size === "number" && rootOf(axis).size === size;
    const front: Axis[][] = [];
    const back: Axis[][] = [];
    let [from, to] = [0, all.length];
    let [first, last] = [0, target.length];
    const open = (size: Size): boolean => size === -1 || size === "unknown";
    /** A size that is that of one axis, or the product of several. */
    const take = (size: Size, place: number, way: 1 | -1): Axis[] | undefined => {
      const one = all[place];
      if (one === undefined) return undefined;
      if (fits(one, size)) return [one];
      if (typeof size !== "number") return undefined;
      const group: Axis[] = [];
      let product = 1;
      for (let k = place; k >= 0 && k < all.length && product < size; k += way) {
        const axis = all[k] as Axis;
        product *= rootOf(axis).size ?? Number.NaN;
        group.push(axis);
      }
      return product === size ? (way === 1 ? group : group.toReversed()) : undefined;
    };
    while (first < last && !open(target[first] as Size)) {
      const group = take(target[first] as Size, from, 1);
      if (group === undefined) return undefined;
      front.push(group);
      from += group.length;
      first++;
    }
    while (last > first && !open(target[last - 1] as Size)) {
      const group = take(target[last - 1] as Size, to - 1, -1);
      if (group === undefined) return undefined;
      back.unshift(group);
      to -= group.length;
      last--;
    }
    if (last - first > 1 || to < from) return undefined;
    if (first === last) return from === to ? [...front, ...back] : undefined;
    return to > from ? [...front, all.slice(from, to), ...back] : undefined;
  }

  function slice(given: readonly (Value | undefined)[]): Value {
    let made = laidOut(given[0]);
    const [starts, ends] = ["starts", "ends"].map(
      (key, k) => node.attributes.get(key)?.numbers ?? integersOf(given[1 + k]),
    );
    if (starts === undefined || ends === undefined) throw refused("its bounds are computed.");
    const axes = node.attributes.get("axes")?.numbers ?? integersOf(given[3]) ?? starts.map((_, axis) => axis);
    const steps = integersOf(given[4]) ?? starts.map(() => 1);
    axes.forEach((one, k) => {
      const axis = axisAt(one, made.axes.length);
      const at = rootOf(made.axes[axis] as Axis);
      const [start, end, step] = [starts[k] as number, ends[k] as number, steps[k] as number];
      const whole = start === 0 && step === 1 && end >= (at.size ?? 2 ** 31 - 1);
      if (whole) return;
      const isLast = start === -1 && step === 1 && end >= 2 ** 31 - 1;
      const size = made.kind === "stack" && same(at, made.along) ? made.parts.length : at.size;
      const places = isLast ? [-1] : size === undefined ? undefined : placesOf(size, start, end, step);
      if (places === undefined) throw refused("it takes a part of the steps or of the examples.");
      const value = taken(made, axis, places, false);
      if (value.kind !== "flow" && value.kind !== "stack") throw refused("it takes a part of a constant.");
      made = value;
    });
    return made;
  }

  function split(given: readonly (Value | undefined)[]): void {
    const from = laidOut(given[0]);
    const axis = axisAt(attribute("axis") ?? 0, from.axes.length);
    if (from.kind !== "stack" || !same(from.axes[axis] as Axis, from.along))
      throw refused("it splits features or steps.");
    const each = from.parts.length / node.outputs.length;
    node.outputs.forEach((_, k) => {
      set(
        taken(
          from,
          axis,
          Array.from({ length: each }, (__, j) => k * each + j),
          false,
        ),
        k,
      );
    });
  }

  /** Flows side by side as features; both directions of one layer, in their order, are its output as it is. */
  function concatenated(parts: readonly Flow[]): Flow {
    const [first, second] = parts as [Flow, Flow | undefined];
    const size = parts.map(featuresOf).reduce((a, b) => a + b, 0);
    const axes = [...first.axes.slice(0, -1), { role: "features" as const, size }];
    if (second === undefined) return first;
    const [when, way] = (first.part ?? "").split(" ");
    if (parts.length === 2 && first.draft === second.draft && way === "forward" && second.part === `${when} backward`) {
      return { kind: "flow", axes, draft: first.draft, part: `${when} both` as Part };
    }
    const draft: Draft = {
      ...{ label: "concatenate", reads: parts, used: new Set<Part>() },
      make: (own, from) => [concatenate(from, { name: own })],
      values: () => ({}),
    };
    return { kind: "flow", axes, draft };
  }
  function concat(given: readonly Value[]): Value {
    const flows = given.filter((value): value is Flow | Stack => value.kind === "flow" || value.kind === "stack");
    const [first] = flows as [Flow | Stack];
    if (flows.length !== given.length) throw refused("it puts constants beside numbers of the input.");
    const axis = axisAt(attribute("axis") ?? 0, first.axes.length);
    const at = first.axes[axis] as Axis;
    if (flows.every((one): one is Stack => one.kind === "stack" && same(one.axes[axis] as Axis, one.along))) {
      const parts = flows.flatMap((one) => one.parts);
      const along: Axis = { size: parts.length };
      return { kind: "stack", along, parts, axes: first.axes.with(axis, along) };
    }
    if (axis !== first.axes.length - 1 || !flows.every((one): one is Flow => one.kind === "flow")) {
      throw refused("it puts steps or examples one behind the other.");
    }
    role(at, "features");
    for (const other of flows.slice(1)) other.axes.slice(0, -1).forEach((one, k) => join(first.axes[k] as Axis, one));
    return concatenated(flows as Flow[]);
  }

  function product(given: readonly (Value | undefined)[]): Flow {
    const flow = flowOf(given[0]);
    const [, weights, third] = given;
    if (weights?.kind !== "constant" || weights.dims.length !== 2)
      throw refused("its second operand is no constant matrix.");
    const gemm = node.op === "Gemm";
    if (gemm && attribute("transA") === 1) throw refused("it transposes what it reads.");
    const turned = gemm && attribute("transB") === 1;
    const [rows, columns] = weights.dims as [number, number];
    const [depth, units] = turned ? [columns, rows] : [rows, columns];
    if (featuresOf(flow) !== depth)
      throw refused(`it has weights for ${depth} features and reads ${featuresOf(flow)}.`);
    const alpha = gemm ? (attribute("alpha") ?? 1) : 1;
    const beta = gemm ? (attribute("beta") ?? 1) : 1;
    const from = numbersOf(weights);
    const W = new Float32Array(units * depth);
    for (let j = 0; j < units; j++) {
      for (let k = 0; k < depth; k++)
        W[j * depth + k] = alpha * (from[turned ? j * depth + k : k * units + j] as number);
    }
    const open: NonNullable<Draft["open"]> = {};
    if (third !== undefined) open.bias = vectorOf(third, units).map((value) => beta * value);
    const made = layer(
      "dense",
      [flow],
      {
        make: (own, [reads]) => [
          dense(units, { name: own, reads: reads as string, activation: (open.activation ?? "linear") as "linear" }),
        ],
        values: (own) => ({ [`${own}.W`]: W, [`${own}.b`]: open.bias ?? new Float32Array(units) }),
        open,
      },
      units,
    );
    return made;
  }
  /** A constant as one number a feature. */
  function vectorOf(value: Value, size: number): Float32Array {
    if (value.kind === "fill") return new Float32Array(size).fill(value.value);
    if (value.kind !== "constant") throw refused("its other operand is computed.");
    const all = numbersOf(value);
    const last = value.dims.at(-1) ?? 1;
    if (all.length === 1) return new Float32Array(size).fill(all[0] as number);
    if (all.length !== last || last !== size) throw refused("its constant has other sizes than one number a feature.");
    return Float32Array.from(all);
  }

  function combined(given: readonly (Value | undefined)[]): Flow {
    const [a, b] = [there(given[0]), there(given[1])];
    const sign = operators[node.op] as string;
    const label = node.op.toLowerCase();
    if (a.kind === "flow" && b.kind === "flow") {
      const [more, less] = a.axes.length >= b.axes.length ? [a, b] : [b, a];
      const shift = more.axes.length - less.axes.length;
      if (shift > 0) throw refused("its operands have different numbers of axes.");
      less.axes.slice(0, -1).forEach((axis, k) => join(more.axes[k] as Axis, axis));
      const [left, right] = [featuresOf(a), featuresOf(b)];
      if (left !== right) {
        // One number for all features.
        if (right === 1) return equation(label, `x ${sign} sum(z)`, [a, b]);
        if (left === 1) return equation(label, `sum(z) ${sign} x`, [b, a]);
        throw refused("its operands' sizes do not fit.");
      }
      const merge = node.op === "Add" ? add : node.op === "Mul" ? multiply : undefined;
      if (merge !== undefined) {
        return layer(node.op === "Add" ? "add" : "multiply", [a, b], {
          make: (own, from) => [merge(from, { name: own })],
          values: () => ({}),
        });
      }
      return equation(label, `x ${sign} z`, [a, b]);
    }
    const [flow, other, first] = a.kind === "flow" ? [a, b, true] : [flowOf(b), a, false];
    const size = featuresOf(flow);
    const { open } = flow.draft;
    const numbers = other.kind === "constant" && other.data.length === 1 ? Number(other.data[0]) : undefined;
    if (
      node.op === "Add" &&
      open !== undefined &&
      open.activation === undefined &&
      open.bias === undefined &&
      alone(first ? 0 : 1)
    ) {
      open.bias = vectorOf(other, size);
      return flow;
    }
    const text = (value: string): string => (first ? `x ${sign} ${value}` : `${value} ${sign} x`);
    if (numbers !== undefined) return equation(label, text(literal(numbers)), [flow]);
    return equation(label, text("a"), [flow], { a: vectorOf(other, size) });
  }

  function normalized(given: readonly (Value | undefined)[]): Flow {
    const flow = flowOf(given[0]);
    const size = featuresOf(flow);
    if (axisAt(attribute("axis") ?? -1, flow.axes.length) !== flow.axes.length - 1)
      throw refused("it is not over the features.");
    const gain = vectorOf(there(given[1]), size);
    const bias = given[2] === undefined ? new Float32Array(size) : vectorOf(given[2], size);
    const epsilon = attribute("epsilon") ?? 1e-5;
    return layer("layer_normalization", [flow], {
      make: (own, [reads]) => [layerNormalization({ name: own, reads: reads as string, epsilon })],
      values: (own) => ({ [`${own}.gain`]: gain, [`${own}.b`]: bias }),
    });
  }
  function batchNormalized(given: readonly (Value | undefined)[]): Flow {
    const flow = flowOf(given[0]);
    // Features stand on axis 1; of (B,F) that is the last one.
    if (flow.axes.length !== 2) throw refused("it is not over the features.");
    const size = featuresOf(flow);
    const [scale, shift, mean, variance] = [1, 2, 3, 4].map((k) => vectorOf(there(given[k]), size)) as Float32Array[];
    const epsilon = attribute("epsilon") ?? 1e-5;
    const a = (scale as Float32Array).map((value, k) => value / Math.sqrt((variance?.[k] as number) + epsilon));
    const b = (shift as Float32Array).map((value, k) => value - (mean?.[k] as number) * (a[k] as number));
    return equation("batch_normalization", "a * x + b", [flow], { a, b });
  }

  function pooled(given: readonly (Value | undefined)[]): Flow {
    const flow = flowOf(given[0]);
    const axes = (node.attributes.get("axes")?.numbers ?? integersOf(given[1]) ?? []).map((axis) =>
      axisAt(axis, flow.axes.length),
    );
    const [axis] = axes;
    if (axes.length !== 1 || rootOf(flow.axes[axis as number] as Axis).role !== "time")
      throw refused("it is not over the steps.");
    const mean = node.op === "ReduceMean";
    const draft: Draft = {
      ...{ label: mean ? "global_average_pooling1d" : "global_max_pooling1d", reads: [flow], used: new Set<Part>() },
      make: (own, [reads]) => [
        (mean ? globalAveragePooling1d : globalMaxPooling1d)({ name: own, reads: reads as string }),
      ],
      values: () => ({}),
    };
    const kept = attribute("keepdims") ?? 1;
    return { kind: "flow", axes: flow.axes.toSpliced(axis as number, 1, ...(kept === 1 ? [{ size: 1 }] : [])), draft };
  }

  /** A convolution over the steps that reads each step at most once. */
  function convolved(given: readonly (Value | undefined)[]): Flow {
    const flow = flowOf(given[0]);
    const weights = given[1];
    if (flow.axes.length !== 3 || weights?.kind !== "constant" || weights.dims.length !== 3)
      throw refused("it is not over steps of vectors.");
    const [batch, features, time] = flow.axes as [Axis, Axis, Axis];
    role(batch, "batch");
    role(features, "features");
    role(time, "time");
    const [units, depth, size] = weights.dims as [number, number, number];
    const list = (key: string, usual: readonly number[]): readonly number[] =>
      node.attributes.get(key)?.numbers ?? usual;
    const [stride] = list("strides", [1]) as [number];
    const [before, after] = list("pads", [0, 0]) as [number, number];
    if ((attribute("group") ?? 1) !== 1 || list("dilations", [1])[0] !== 1)
      throw refused("it has groups or dilations.");
    if (!(before === 0 && after === 0 && size <= stride)) {
      throw refused("it reads steps more than once, or fills up before the first or behind the last.");
    }
    const all = numbersOf(weights);
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
    const draft: Draft = {
      ...{ label: "conv1d", reads: [flow], used: new Set<Part>() },
      make: (own, [reads]) => [
        recurrent(of, {
          units,
          label: "conv1d",
          name: own,
          reads: reads as string,
          ...(stride > 1 && { strides: stride }),
        }),
      ],
      values: (own) => ({
        ...Object.fromEntries(inputs.map((_, k) => [`${own}.W_${k}`, kernel(k)])),
        [`${own}.b`]: bias,
      }),
    };
    return {
      kind: "flow",
      axes: [batch, { role: "features", size: units }, stride === 1 ? time : { role: "time" }],
      draft,
    };
  }

  function recurrentLayer(op: Direction["op"], given: readonly (Value | undefined)[]): void {
    const x = flowOf(given[0]);
    if (attribute("layout") === 1) throw refused("it has layout 1, which runtimes refuse.");
    if (x.axes.length !== 3) throw refused("what it reads has no axes of steps, examples and features.");
    const [time, batch, features] = x.axes as [Axis, Axis, Axis];
    role(time, "time");
    role(batch, "batch");
    const matrix = (k: number, what: string): Constant => {
      const value = given[k];
      if (value?.kind !== "constant" || value.dims.length !== 3) throw refused(`its ${what} are computed.`);
      return value;
    };
    const [W, R] = [matrix(1, "weights"), matrix(2, "recurrent weights")];
    const gates = gateCount(op);
    const [directions, rows, depth] = W.dims as [number, number, number];
    const units = rows / gates;
    role(features, "features");
    const size = rootOf(features);
    size.size ??= depth;
    const fits = size.size === depth && R.dims.join() === [directions, rows, units].join();
    if (!fits || !Number.isInteger(units)) throw refused("its weights' sizes do not fit each other, or what it reads.");
    const way = node.attributes.get("direction")?.text ?? "forward";
    if (directions !== (way === "bidirectional" ? 2 : 1))
      throw refused("its weights are for another number of directions.");
    const vector = (k: number, length: number): Float64Array | undefined => {
      const value = given[k];
      if (value === undefined) return undefined;
      if (value.kind === "fill") return new Float64Array(directions * length).fill(value.value);
      if (value.kind !== "constant" || value.data.length !== directions * length)
        throw refused("its biases are computed, or of another size.");
      return Float64Array.from(numbersOf(value));
    };
    const [B, P] = [vector(3, 2 * rows), op === "LSTM" ? vector(7, 3 * units) : undefined];
    const usual = activationsOf[op];
    const names = node.attributes.get("activations")?.texts ?? Array.from({ length: directions }, () => usual).flat();
    if (names.length !== usual.length * directions) throw refused("it has another number of activations.");
    const numbersFor = (key: string, defaults: readonly string[]): (number | undefined)[] => {
      // Numbers go only to activations that take them.
      const rest = [...(node.attributes.get(key)?.numbers ?? [])];
      return names.map((one) => (defaults.includes(one.toLowerCase()) ? rest.shift() : undefined));
    };
    const alphas = numbersFor("activation_alpha", [
      "hardsigmoid",
      "leakyrelu",
      "elu",
      "affine",
      "scaledtanh",
      "thresholdedrelu",
    ]);
    const betas = numbersFor("activation_beta", ["hardsigmoid", "affine", "scaledtanh"]);
    const [WW, RR] = [numbersOf(W), numbersOf(R)];
    const part = <A extends ArrayLike<number>>(of: A | undefined, d: number): ArrayLike<number> | undefined =>
      of === undefined
        ? undefined
        : Array.prototype.slice.call(of, (d * of.length) / directions, ((d + 1) * of.length) / directions);
    const cells = Array.from({ length: directions }, (_, d) => {
      const own = names.slice(d * usual.length, (d + 1) * usual.length).map((one, k) => ({
        ...{ name: one, alpha: alphas[d * usual.length + k], beta: betas[d * usual.length + k] },
      }));
      const problem = own.map(problemOf).find((one) => one !== undefined);
      if (problem !== undefined) throw refused(`${problem}.`);
      return cellOf({
        ...{ op, units, features: depth, activations: own, clip: attribute("clip") },
        flag: attribute(op === "GRU" ? "linear_before_reset" : "input_forget") === 1,
        ...{ W: part(WW, d) as number[], R: part(RR, d) as number[], B: part(B, d), P: part(P, d) },
      });
    });
    const states = op === "LSTM" ? ["h", "c"] : ["h"];
    const start = startOf(states, given, directions, units);
    const masked = lengthsOf(given[4], x);

    // Ours goes the other way than what it reads.
    const goBackwards = (way === "reverse") !== isBackwards(x);
    const label = op === "RNN" ? "simple_rnn" : op.toLowerCase();
    const draft: Draft = {
      ...{ label, reads: [x, ...start.reads], used: new Set<Part>(), reverse: way === "reverse" },
      make: (own, [reads, ...from], used) => [layerOf(own, reads as string, from, used)],
      values: (own) =>
        Object.fromEntries(
          cells.flatMap(({ values: all }, d) => {
            const prefix = directions === 2 ? `${own}.${d === 0 ? "forward" : "backward"}` : own;
            const learned =
              start.learned === undefined
                ? []
                : states.map((state, s) => [`initial_${state}`, start.learned?.[s]?.[d]] as const);
            return [...Object.entries(all), ...learned].map(([key, data]) => [
              `${prefix}.${key}`,
              data as Float32Array,
            ]);
          }),
        ),
    };
    function layerOf(own: string, reads: string, from: readonly string[], used: ReadonlySet<Part>): LayerSpec {
      const parts = [...used];
      const [sequences, lasts] = ["steps", "last"].map((when) => parts.some((one) => one.startsWith(when)));
      const spec = (d: number) =>
        recurrent((cells[d] as (typeof cells)[number]).cell, {
          ...{
            units,
            label,
            returnSequences: sequences === true,
            zeroOutputForMask: masked,
            goBackwards: d === 0 && goBackwards,
          },
          ...(start.learned !== undefined && { initialState: "learned" as const }),
          ...(from.length > 0 && { initialState: { from: from.length === 1 ? (from[0] as string) : from } }),
        });
      if (directions === 1) return { ...spec(0), name: own, reads };
      const together = parts.every((one) => one.endsWith("both")) && !(sequences && lasts);
      const mergeMode = together ? "concat" : "none";
      return bidirectional(spec(0), { name: own, reads, backward: spec(1), mergeMode });
    }
    const seq: Flow[] = [];
    const [after, h] = [
      { role: "features" as const, size: units },
      { role: "features" as const, size: units },
    ];
    const ways = directions === 2 ? (["forward", "backward"] as const) : (["forward"] as const);
    for (const one of ways) seq.push({ kind: "flow", axes: [time, batch, after], draft, part: `steps ${one}` });
    const along: Axis = { size: directions };
    set({ kind: "stack", along, parts: seq, axes: [time, along, batch, after] });
    states.forEach((state, k) => {
      const parts = ways.map(
        (one): Flow => ({
          ...{ kind: "flow", axes: [batch, h], draft, part: `last ${one}` },
          ...(k > 0 && { state }),
        }),
      );
      const axis: Axis = { size: directions };
      set({ kind: "stack", along: axis, parts, axes: [axis, batch, h] }, 1 + k);
    });
  }

  /** What states start from: nothing for zeros, values that all examples share, or the final states of another layer. */
  function startOf(
    states: readonly string[],
    given: readonly (Value | undefined)[],
    directions: number,
    units: number,
  ) {
    const found = states.map((_, k) => given[5 + k]);
    const isZero = (value: Value | undefined): boolean =>
      value === undefined ||
      (value.kind === "fill" && value.value === 0) ||
      (value.kind === "constant" && numbersOf(value).every((one) => one === 0));
    if (found.every(isZero)) return { reads: [] };
    const fed = found.every(
      (value) => (value?.kind === "flow" || value?.kind === "stack") && inputDraftOf(value) !== undefined,
    );
    if (fed) {
      for (const value of found) stateInputs.add(inputDraftOf(value as Flow | Stack) as Draft);
      notes.add("Its initial states are inputs: here a session owns them, and sequences start from zeros.");
      return { reads: [] };
    }
    if (
      found.every((value): value is Constant => value?.kind === "constant" && value.data.length === directions * units)
    ) {
      const learned = found.map((value) =>
        Array.from({ length: directions }, (_, d) =>
          Float32Array.from(numbersOf(value).slice(d * units, (d + 1) * units)),
        ),
      );
      return { reads: [], learned };
    }
    const parts = found.map((value) =>
      value?.kind === "stack" ? value.parts : value?.kind === "flow" && value.part !== undefined ? [value] : undefined,
    );
    const [first] = parts;
    const from = first?.[0]?.draft;
    const whole = parts.every(
      (list, k) =>
        list?.length === directions &&
        list.every(
          (one, d) =>
            one.draft === from &&
            one.state === (k === 0 ? undefined : states[k]) &&
            one.part === `last ${["forward", "backward"][d]}`,
        ),
    );
    if (!whole || from === undefined)
      throw refused("its initial states are neither constant nor another layer's final states.");
    if (directions === 2) throw refused("both of its directions start from another layer's final states.");
    return { reads: [first?.[0] as Flow] };
  }
  function inputDraftOf(value: Flow | Stack): Draft | undefined {
    if (value.kind === "stack") return undefined;
    return inputs.has(value.draft) ? value.draft : undefined;
  }
  /** Whether sequences have lengths: then the input that it reads in the end has a mask. */
  function lengthsOf(value: Value | undefined, x: Flow): boolean {
    if (value === undefined) return false;
    if (value.kind !== "flow" || !inputs.has(value.draft)) throw refused("its sequences' lengths are computed.");
    stateInputs.add(value.draft);
    let from: Flow | undefined = x;
    while (from !== undefined && !inputs.has(from.draft)) from = from.draft.reads[0];
    const found = from && inputs.get(from.draft);
    if (found === undefined) throw refused("its sequences have lengths, and no input is seen that they are of.");
    found.masked = true;
    notes.add("Lengths of sequences are a mask here: 1 for steps that count, 0 for padding.");
    return true;
  }

  for (const [key, { dims, data }] of graph.tensors) values.set(key, { kind: "constant", dims, data });
  for (const value of graph.inputs) if (!graph.tensors.has(value.name)) values.set(value.name, inputFlow(value));

  for (node of normalizations(graph)) {
    try {
      read();
    } catch (error) {
      // What layers and cells say of sizes and names that they do not take.
      if (error instanceof InputError && !(error instanceof FormatError)) throw refused(error.message);
      throw error;
    }
  }

  try {
    return build();
  } catch (error) {
    // What layers say of each other.
    if (error instanceof InputError && !(error instanceof FormatError))
      throw new FormatError(`${name}: ${error.message}`);
    throw error;
  }

  /** The layers that the output needs, in order, and their values. */
  function build(): ImportedModel {
    const results = graph.outputs.map(({ name: output }) => ({ output, value: values.get(output) }));
    const isFlow = (value: Value | undefined): value is Flow => value?.kind === "flow";
    const chosen =
      results.find(({ value }) => isFlow(value) && value.state === undefined && !value.part?.startsWith("last")) ??
      results.find(({ value }) => isFlow(value) && value.state === undefined);
    const stacked = results.find(({ value }) => value?.kind === "stack")?.value as Stack | undefined;
    const output = (chosen?.value as Flow | undefined) ?? (stacked && concatenated(stacked.parts));
    if (output === undefined)
      throw new FormatError(`${name}: none of its outputs depends on its inputs in a way that layers can say.`);
    for (const one of results) {
      if (one !== chosen && chosen !== undefined)
        notes.add(`Its output ${formatValue(one.output)} is left out: a model has one, ${formatValue(chosen.output)}.`);
    }

    const order: Draft[] = [];
    const visit = (flow: Flow): void => {
      if (flow.part !== undefined) flow.draft.used.add(flow.part);
      if (order.includes(flow.draft)) return;
      for (const read of flow.draft.reads) visit(read);
      order.push(flow.draft);
    };
    visit(output);

    const wanted = [...inputs.keys()].filter((draft) => order.includes(draft));
    for (const [draft, { value }] of inputs) {
      if (!order.includes(draft) && !stateInputs.has(draft))
        notes.add(`Its input ${formatValue(value.name)} is not read.`);
    }
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
    let single: "tokens" | number | undefined;
    /** The axes of time, in the order of their first inputs; sequences of another one may have another length. */
    const times: Axis[] = [];
    for (const draft of wanted) {
      const { value, flow, masked } = inputs.get(draft) as { value: ReadValue; flow: Flow; masked: boolean };
      const tokens = draft.label === "tokens";
      const axes = flow.axes.map(rootOf);
      const last = axes.at(-1) as Axis;
      if (!tokens) last.role ??= "features";
      const features = tokens ? "tokens" : last.role === "features" ? last.size : undefined;
      if (features === undefined)
        throw new FormatError(
          `${name}: the number of features of its input ${formatValue(value.name)} is not in the file.`,
        );
      const sequence = axes.length > (tokens ? 1 : 2);
      const plain = value.name.replaceAll(/[^\p{L}\p{N}_]/gu, "_");
      const own = unique(wanted.length === 1 ? draft.label : isLayerName(plain) ? plain : draft.label);
      names.set(draft, own);
      const axis = axes.find((one) => one.role === "time");
      if (axis !== undefined && !times.includes(axis)) times.push(axis);
      const time = axis === undefined || times[0] === axis ? {} : { time: `T${times.indexOf(axis)}` };
      if (wanted.length === 1 && sequence && !masked) single = features;
      else specs.push(input(features, { name: own, sequence, mask: masked, ...time }));
    }
    /** The name of the layer that gives a flow. */
    const nameOf = ({ draft, part }: Flow): string => {
      const own = names.get(draft) as string;
      if (part === undefined) return own;
      const [when, way] = part.split(" ") as ["steps" | "last", "forward" | "backward" | "both"];
      return extra.get(`${own} ${when} ${way}`) ?? own;
    };
    const extra = new Map<string, string>();
    for (const draft of order) {
      if (inputs.has(draft)) continue;
      const own = unique(draft.label);
      names.set(draft, own);
      const made = draft.make(own, draft.reads.map(nameOf), draft.used);
      specs.push(...made);
      for (const [key, data] of Object.entries(draft.values(own))) parameters.set(key, data);
      parts(draft, own);
    }
    /** Layers for what is read of a recurrent layer beside its output: one direction, both, or the last step as well as all. */
    function parts(draft: Draft, own: string): void {
      const { used } = draft;
      if (used.size === 0) return;
      const main = specs.at(-1) as LayerSpec;
      const two = main.kind === "bidirectional";
      const both =
        [...used].some((part) => part.startsWith("steps")) && [...used].some((part) => part.startsWith("last"));
      if (two && main.mergeMode !== "none") return;
      const of = cell("h' = x\nh : input");
      const lastOf = (way: "forward" | "backward"): string => {
        const key = `${own} last ${way}`;
        const known = extra.get(key);
        if (known !== undefined) return known;
        const from = two ? `${own}.${way}` : own;
        const name = unique(`${own}_last${two ? `_${way}` : ""}`);
        specs.push(recurrent(of, { name, label: "last", reads: from, goBackwards: way === "backward" }));
        extra.set(key, name);
        return name;
      };
      for (const part of used) {
        const [when, way] = part.split(" ") as ["steps" | "last", "forward" | "backward" | "both"];
        if (!two) {
          if (when === "last" && both) lastOf("forward");
          continue;
        }
        const from = (one: "forward" | "backward"): string => (when === "last" && both ? lastOf(one) : `${own}.${one}`);
        if (way !== "both") {
          extra.set(`${own} ${part}`, from(way));
          continue;
        }
        const name = unique(`${own}_both`);
        specs.push(concatenate([from("forward"), from("backward")], { name }));
        extra.set(`${own} ${part}`, name);
      }
    }
    const last = nameOf(output);
    // The model's output is its last layer's.
    const place = specs.findIndex((spec) => spec.name === last);
    if (place >= 0 && place < specs.length - 1) specs.push(...specs.splice(place, 1));
    const model = made(specs, single, parameters);
    if (model.backwards) notes.add("The outputs are in reverse order of time: the file's are in order.");
    return { source: `ONNX, opset ${opset}${producer === "" ? "" : `, by ${producer}`}`, model, notes: [...notes] };
  }

  function made(
    specs: readonly LayerSpec[],
    single: "tokens" | number | undefined,
    parameters: ReadonlyMap<string, Float32Array>,
  ): Model {
    const layers = nameLayers(specs);
    const [first] = layers;
    const ofInput = first?.kind === "input" ? first.features : single;
    return modelOf(layers, ofInput as Model["input"], ({ name: parameter, shape }) => {
      const found = parameters.get(parameter);
      const size = shape.reduce((a, b) => a * b, 1);
      if (found?.length !== size) throw new Error(`internal: ${parameter} needs ${size} values, got ${found?.length}`);
      return found;
    });
  }
}
