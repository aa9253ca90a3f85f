/** The graph of one time step of a whole model: every layer's operations in one graph, without a loss. */

import {
  type Axis,
  type Builder,
  createBuilder,
  type Graph,
  type NodeId,
  type Steps,
  stepsOf,
} from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { namesOf } from "./layers.ts";
import type { Layer, Model, ModelInput } from "./model.ts";
import {
  addBidirectional,
  addMerge,
  addRecurrent,
  type Flow,
  type Outside,
  type Padding,
  type Start,
  streamsEach,
} from "./recurrent.ts";

export type ModelNodes = {
  readonly output: NodeId;
  /** The output with its mask and direction. */
  readonly flow: Flow;
  /** The output of each layer, by its name. */
  readonly flows: ReadonlyMap<string, Flow>;
  readonly inputs: readonly ModelInput[];
  readonly paddings: readonly Padding[];
  readonly times: readonly string[];
  readonly steps: number | undefined;
  /** Named values, by layer and name. */
  readonly values: Readonly<Record<string, NodeId>>;
};

export type ModelGraphOptions = {
  /** Whether it is for training: dropout is left out otherwise. */
  readonly training: boolean;
  /** Whether a run may start in the middle of a sequence: then it does not start from the learned initial states. */
  readonly goesOn?: boolean;
  /** How many steps it will run for: it matters to cells that read all steps of a layer. Without it, the graph shows no more than its sizes. */
  readonly steps?: Steps;
  /** What computes layers instead of their equations; without it nothing does. */
  readonly outside?: Outside;
};

/** The inputs of a loss and of an optimiser, beside those of the model: names that no layer can have. */
export const lossInputs = {
  ...{ target: "loss.target", weight: "loss.weight", counts: "loss.counts" },
  ...{ gradient: "loss.gradient", decay: "loss.decay" },
} as const;

/** The graph of one time step of the whole model, without a loss. */
export function modelGraph(
  model: Pick<Model, "layers" | "input">,
  options: ModelGraphOptions,
): ModelNodes & { readonly graph: Graph } {
  const g = createBuilder();
  const nodes = addModel(g, model, options);
  return { graph: g.graph({ output: nodes.output }), ...nodes };
}

/**
 * Add one time step of the whole model to a graph under construction.
 * @throws InputError, with the layer's name, for a layer that does not fit the one that it reads
 */
export function addModel(
  g: Builder,
  { layers, input }: Pick<Model, "layers" | "input">,
  { training, goesOn = false, steps: given, outside }: ModelGraphOptions,
): ModelNodes {
  const values: Record<string, NodeId> = {};
  const flows = new Map<string, Flow>();
  const inputs: ModelInput[] = [];
  const paddings: Padding[] = [];
  let steps: number | undefined;
  /** States of recurrent layers after their last step, by layer. */
  const finals = new Map<string, () => readonly Start[]>();

  /** The names of the times, in the order of their first inputs. */
  const times: string[] = [];
  const timeOf = (name: string): number => {
    if (!times.includes(name)) times.push(name);
    return times.indexOf(name);
  };
  const addInput = (name: string, features: ModelInput["features"], at: { time: number } | undefined): NodeId => {
    inputs.push({ name, features, sequence: at !== undefined, ...(at?.time && at) });
    const when = at ?? { perSequence: true };
    return features === "tokens" ? g.index(name, when) : g.input(name, features === "mask" ? "scalar" : features, when);
  };
  const find = (layer: Layer, name: string): Flow => {
    const found = flows.get(name);
    if (found !== undefined) return found;
    throw new InputError(
      `${layer.name}: reads "${name}", but no layer before it has that name. There are ${[...flows.keys()].join(", ")}.`,
    );
  };
  const keep = (name: string, made: ModelNodes["values"]): void => {
    for (const [key, id] of Object.entries(made)) values[`${name}.${key}`] = id;
  };
  /** Record what a layer tells about the input it reads: the number of tokens, or the value of padding. */
  const readAs = (layer: Layer, { value }: Flow, use: (input: ModelInput) => ModelInput): string => {
    const node = g.node(value);
    const k = inputs.findIndex((one) => (node.op === "input" || node.op === "index") && one.name === node.name);
    if (k < 0) throw new InputError(`${layer.name}: ${layer.kind} reads an input of the model, so it must come first`);
    inputs[k] = use(inputs[k] as ModelInput);
    return (inputs[k] as ModelInput).name;
  };

  const first = layers[0] as Layer;
  let flow: Flow | undefined;
  if (first.kind !== "input") {
    const name = input === "tokens" ? "tokens" : "x";
    const at = { time: timeOf("T") };
    flow = { value: addInput(name, input, at), maskedBy: [], backwards: false, axis: at, time: "T" };
    flows.set(name, flow);
  }
  layers.forEach((layer, k) => {
    const { name } = layer;
    const context = {
      ...{ training, goesOn, outside },
      stream: firstRecurrentStream + 2 * streamsEach * k,
      find: (from: string): Flow => find(layer, from),
      stepsOf: (axis: Axis): number => stepsOf(axis, given ?? times.map((_, time) => someSteps + 2 * time)),
      statesFrom: (from: string | readonly string[]): readonly Start[] =>
        namesOf(from).flatMap(
          (one) => finals.get(one)?.() ?? [{ name: one, value: find(layer, one).value, vector: true }],
        ),
    };
    const read = (): Flow => {
      const found = layer.reads === undefined ? flow : find(layer, layer.reads);
      if (found === undefined)
        throw new InputError(`${name}: the layer before it gives two sequences. Choose one: { reads: "NAME.forward" }`);
      return found;
    };
    const made = ((): Flow | undefined => {
      switch (layer.kind) {
        case "input": {
          const time = layer.time ?? "T";
          const at = layer.sequence ? { time: timeOf(time) } : undefined;
          const value = addInput(name, layer.features, at);
          const unmasked: Flow = { value, maskedBy: [], backwards: false, axis: at ?? {}, time };
          if (!layer.mask) return unmasked;
          const mask = addInput(`${name}.mask`, "mask", at);
          return withMask(unmasked, mask, { input: `${name}.mask`, value: 0 });
        }
        case "embedding": {
          const from = read();
          if (g.shapeOf(from.value) !== "index")
            throw new InputError(
              `${name}: an embedding reads tokens, so it must be the first layer, or come after input("tokens")`,
            );
          const { inputDim, outputDim, maskZero } = layer;
          const source = readAs(layer, from, (one) => ({ ...one, count: Math.min(one.count ?? inputDim, inputDim) }));
          const parameter = `${name}.weight`;
          g.declare(parameter, [inputDim, outputDim], { name: "random_uniform", values: [-0.05, 0.05] });
          const value = g.gather(parameter, from.value);
          if (!maskZero) return { ...from, value };
          const mask = g.sub(g.constant(1), g.sum(g.oneHot(from.value, 1)));
          return withMask({ ...from, value }, mask, { input: source, value: 0 });
        }
        case "cell": {
          const added = addRecurrent(g, layer, read(), context);
          keep(name, added.values);
          if (layer.cell.states.length > 0)
            finals.set(name, () => layer.cell.states.map((s) => ({ name: s, value: added.final(s) })));
          return added.flow;
        }
        case "bidirectional": {
          const { mergeMode, forward, backward } = layer;
          const added = addBidirectional(g, layer, read(), context);
          keep(name, added.values);
          const both = (s: string): NodeId[] => added.final.map((last) => last(s));
          const common = forward.cell.states.filter((s) => backward.cell.states.includes(s));
          finals.set(name, () => common.map((s) => ({ name: s, value: g.concat(both(s)) })));
          const [there, back] = added.flows;
          flows.set(`${name}.forward`, there).set(`${name}.backward`, back);
          return mergeMode === "none" ? undefined : addMerge(g, name, mergeMode, added.flows);
        }
        case "merge":
          return addMerge(
            g,
            name,
            layer.mergeMode,
            layer.of.map((of) => find(layer, of)),
          );
        case "repeat_vector": {
          const { value } = read();
          if (!g.isPerSequence(value))
            throw new InputError(
              `${name}: needs one vector per example, but the layer before gives one at every step. Leave returnSequences out there.`,
            );
          if (steps !== undefined && steps !== layer.n)
            throw new InputError(`${name}: a model has one number of steps, got ${steps} and ${layer.n}`);
          steps = layer.n;
          return { value: g.spread(value, {}), maskedBy: [], backwards: false, axis: {}, time: times[0] ?? "T" };
        }
        case "masking": {
          const from = read();
          const source = readAs(layer, from, (one) => one);
          const differs = g.unary("step", g.unary("abs", g.sub(from.value, g.constant(layer.maskValue))));
          const mask = g.reduce("max_of", differs);
          const padding = { input: source, value: Math.fround(layer.maskValue) };
          return withMask({ ...from, value: g.mul(from.value, mask) }, mask, padding);
        }
        case "dropout": {
          const from = read();
          if (!training || layer.rate === 0) return from;
          const once = g.isPerSequence(from.value);
          const mask = g.mask(g.shapeOf(from.value) as number, layer.rate, k, {
            ...(once ? { perSequence: once } : from.axis),
            ...(layer.locked && !once && { locked: true }),
          });
          return { ...from, value: g.mul(from.value, mask) };
        }
      }
    })();
    if (made !== undefined) flows.set(name, made);
    flow = made;
  });
  function withMask(from: Flow, mask: NodeId, padding: Padding): Flow {
    paddings.push(padding);
    return {
      ...from,
      mask: from.mask === undefined ? mask : g.mul(from.mask, mask),
      maskedBy: [...from.maskedBy, padding],
    };
  }
  if (flow === undefined)
    throw new InputError(`${layers.at(-1)?.name}: mergeMode "none" gives two sequences. Merge them in a later layer.`);
  return {
    output: flow.value,
    flow,
    flows,
    inputs,
    paddings,
    times: times.length === 0 ? ["T"] : times,
    steps,
    values,
  };
}

/** Numbers of steps that differ between times, and after strides, where nobody has said how many there are. */
const someSteps = 101;
/** Streams of random bits below this belong to dropout layers, by position. */
const firstRecurrentStream = 2 ** 16;
