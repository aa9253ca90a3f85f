/**
 * A cell as a layer of a model: its direction, masked steps, dropout, and which outputs it gives. Knows nothing about
 * other layers.
 */
import { addCell } from "../graph/cell.ts";
import type { Builder, NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import type { CellSpec, MergeMode } from "./layers.ts";

/** What goes from layer to layer. */
export type Flow = {
  readonly value: NodeId;
  /** One number a step: 1 where it counts, 0 where it is padding. */
  readonly mask?: NodeId | undefined;
  /** What the mask is made from. */
  readonly maskedBy: readonly Padding[];
  /** The first in order is the last in time, after a layer that went backwards. */
  readonly backwards: boolean;
};
/** A step is padding where all numbers of an input are this value. */
export type Padding = { readonly input: string; readonly value: number };

export type Named<T> = T & { readonly name: string };

export type RecurrentContext = {
  readonly training: boolean;
  /** Whether a run may be the middle of a sequence: then learned states do not start it. */
  readonly goesOn: boolean;
  /** Of its masks of random bits: this one and the next `streamsEach` are this layer's own. */
  readonly stream: number;
  /** What the layers of these names give as states to start from. */
  readonly statesFrom: (names: string | readonly string[]) => readonly Start[];
};
/** A state of a layer after its last step, by its own name; or the vector that a layer gives, by the layer's. */
export type Start = { readonly name: string; readonly value: NodeId; readonly vector?: true };
export const streamsEach = 16;

/** The parameter that a state of a layer starts from, where training learns it. */
export const learnedState = (layer: string, state: string): string => `${layer}.initial_${state}`;

export function addRecurrent(
  g: Builder,
  layer: Named<CellSpec>,
  flow: Flow,
  { training, goesOn, stream, statesFrom }: RecurrentContext,
): { readonly flow: Flow; readonly values: Readonly<Record<string, NodeId>> } {
  const { name, cell, initialState, shared } = layer;
  const { mask } = flow;
  const drop = (value: NodeId, rate: number, from: number): NodeId =>
    training && rate > 0 ? g.mul(value, g.mask(g.shapeOf(value) as number, rate, from, { locked: true })) : value;
  const units = layer.units === undefined ? {} : { units: layer.units };
  const inputs = { [cell.inputs[0] as string]: flow.value };
  if (cell.states.length === 0) {
    const made = addCell(g, cell, { layer: name, ...units, inputs, shared });
    return { flow: { ...flow, value: made.output }, values: made.values };
  }
  if (g.isOnce(flow.value)) {
    throw new InputError(
      `${name}: it reads a sequence, and the layer before gives one vector: its last. ` +
        "Give that layer returnSequences: true.",
    );
  }
  const reverse = flow.backwards !== layer.goBackwards;
  // A masked step reads zeros, and divides by 1: what comes of it goes on to nothing, nor does its derivative.
  const counted = (value: NodeId): NodeId => (mask === undefined ? value : g.where(mask, value));
  const safe = (value: NodeId): NodeId =>
    mask === undefined || g.shapeOf(value) === "number" ? value : g.add(counted(value), g.sub(g.constant(1), mask));
  /** `now`, or `before` where the step is masked. */
  const unlessMasked = (before: NodeId, now: NodeId): NodeId =>
    mask === undefined ? now : g.add(counted(now), g.where(g.sub(g.constant(1), mask), before));
  /** Zoneout: `now`, or `before`, by chance. */
  const unlessKept = (state: string, before: NodeId, now: NodeId): NodeId => {
    const rate = typeof layer.zoneout === "number" ? layer.zoneout : (layer.zoneout[state] ?? 0);
    if (rate === 0) return now;
    const own = stream + 2 + cell.states.indexOf(state);
    // A dropout mask's numbers are not 1: take the step of them.
    const share = training ? g.unary("step", g.mask(g.shapeOf(now) as number, rate, own)) : g.constant(1 - rate);
    return mix(g, share, now, before);
  };
  const given = typeof initialState === "string" ? undefined : startsOf(layer, statesFrom(initialState.from));
  const initial = (state: string, size: number): NodeId | undefined => {
    if (initialState === "learned") {
      const parameter = learnedState(name, state);
      g.declare(parameter, [size], { name: "zeros", values: [] });
      return goesOn ? undefined : g.parameter(parameter);
    }
    const value = given?.get(state);
    const got = value === undefined ? size : g.shapeOf(value);
    if (got !== size) {
      throw new InputError(`${name}: initialState: its state ${state} has ${size} features, got ${got}`);
    }
    return value;
  };
  const outputState = cell.output.endsWith("'") ? cell.output.slice(0, -1) : undefined;
  const { output, values } = addCell(g, cell, {
    ...{
      layer: name,
      ...units,
      inputs: { [cell.inputs[0] as string]: counted(drop(flow.value, layer.dropout, stream)) },
      shared,
    },
    states: {
      reverse,
      initial,
      read: (state, value) => counted(state === outputState ? drop(value, layer.recurrentDropout, stream + 1) : value),
      next: (state, before, now) => unlessMasked(before, unlessKept(state, before, now)),
      safe,
    },
  });
  const zeroed = layer.zeroOutputForMask && mask !== undefined;
  /** The output as a state, to be read after the last step or where a step is masked. */
  const kept = (): { readonly state: string; readonly value: NodeId } => {
    if (outputState !== undefined && !zeroed) return { state: `${name}.${outputState}`, value: output };
    const state = `${name}.${cell.output}`;
    const shape = g.shapeOf(output);
    const now = typeof shape === "number" ? output : g.broadcast(output, 1);
    const before = g.state(state, g.shapeOf(now) as number, { reverse });
    const value = zeroed ? counted(now) : unlessMasked(before, now);
    g.next(state, value);
    return { state, value };
  };
  if (!layer.returnSequences) {
    return { flow: { value: g.final(kept().state), maskedBy: [], backwards: false }, values };
  }
  const value = mask === undefined ? output : zeroed ? counted(output) : kept().value;
  return { flow: { ...flow, value, backwards: reverse }, values };
}

/** What each state starts from: the one of its name. A cell of one state may start from the vector of any layer. */
function startsOf({ name, cell }: Named<CellSpec>, given: readonly Start[]): ReadonlyMap<string, NodeId> {
  const [first] = given;
  const alone = given.length === 1 && cell.states.length === 1 && first?.vector;
  const starts = new Map(given.map((one) => [alone ? (cell.states[0] as string) : one.name, one.value]));
  if (given.length === starts.size && starts.size === cell.states.length && cell.states.every((s) => starts.has(s))) {
    return starts;
  }
  throw new InputError(
    `${name}: initialState: its states are ${cell.states.join(", ")}, and what it is to start from are ` +
      `${given.map((one) => one.name).join(", ")}. Give both the same names.`,
  );
}

/** `a` where the share is 1, `b` where it is 0. */
const mix = (g: Builder, share: NodeId, a: NodeId, b: NodeId): NodeId =>
  g.add(g.mul(share, a), g.mul(g.sub(g.constant(1), share), b));

/**
 * Both directions over one sequence: the output of each, in the order of time, or its last one. A masked step gives zeros
 * in both, and the last output is that of the last step that counts, whatever the layers say of it: Keras's rule.
 */
export function addBidirectional(
  g: Builder,
  { name, forward, backward }: { readonly name: string; readonly forward: CellSpec; readonly backward: CellSpec },
  flow: Flow,
  context: RecurrentContext,
): { readonly flows: readonly [Flow, Flow]; readonly values: Readonly<Record<string, NodeId>> } {
  const add = (layer: CellSpec, direction: string, goBackwards: boolean, stream: number) => {
    const { returnSequences } = layer;
    const one = { ...layer, name: `${name}.${direction}`, goBackwards, zeroOutputForMask: returnSequences };
    return addRecurrent(g, one, flow, { ...context, stream });
  };
  const there = add(forward, "forward", forward.goBackwards, context.stream);
  const back = add(backward, "backward", !forward.goBackwards, context.stream + streamsEach);
  const under = (prefix: string, values: Readonly<Record<string, NodeId>>): [string, NodeId][] =>
    Object.entries(values).map(([key, id]) => [`${prefix}.${key}`, id]);
  return {
    flows: [there.flow, { ...back.flow, backwards: there.flow.backwards }],
    values: Object.fromEntries([...under("forward", there.values), ...under("backward", back.values)]),
  };
}

/** Values put together, feature by feature or side by side. A step counts where it does in all of them. */
export function addMerge(g: Builder, name: string, mergeMode: MergeMode, flows: readonly Flow[]): Flow {
  const [first, ...others] = flows as [Flow, ...Flow[]];
  const values = flows.map(({ value }) => value);
  if (others.some(({ value }) => g.isOnce(value) !== g.isOnce(first.value))) {
    throw new InputError(
      `${name}: it merges a sequence with one vector an example. Give all, or none, returnSequences: true.`,
    );
  }
  if (others.some(({ backwards }) => backwards !== first.backwards)) {
    throw new InputError(
      `${name}: it merges sequences of opposite directions. Leave goBackwards out, or use bidirectional.`,
    );
  }
  const sizes = values.map((value) => g.shapeOf(value));
  const odd = sizes.find((size) => typeof size !== "number" || (mergeMode !== "concat" && size !== sizes[0]));
  if (odd !== undefined) {
    throw new InputError(
      `${name}: mergeMode "${mergeMode}" needs ${mergeMode === "concat" ? "vectors" : "equal units"}, got ${sizes.join(" and ")}`,
    );
  }
  const masks = [...new Set(flows.flatMap(({ mask }) => (mask === undefined ? [] : [mask])))];
  const merged = {
    concat: () => g.concat(values),
    sum: () => values.reduce(g.add),
    mul: () => values.reduce(g.mul),
    ave: () => g.mul(values.reduce(g.add), g.constant(1 / values.length)),
  } satisfies Record<MergeMode, () => NodeId>;
  return {
    value: merged[mergeMode](),
    mask: masks.length === 0 ? undefined : masks.reduce(g.mul),
    maskedBy: [...new Map(flows.flatMap(({ maskedBy }) => maskedBy).map((one) => [JSON.stringify(one), one])).values()],
    backwards: first.backwards,
  };
}
