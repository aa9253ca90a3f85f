/**
 * Add a cell to a model's graph as a layer: direction, masked steps, dropout, initial states, and which outputs it
 * returns; also both directions of a bidirectional layer, and merging.
 */
import { addCell, callsDropout } from "../graph/cell.ts";
import { type Axis, type Builder, type NodeId, sameAxis } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import type { CellSpec, MergeMode } from "./layers.ts";
import { inputsBetween } from "./sequence-cells.ts";

/** The output of a layer, which the next layer reads. */
export type Flow = {
  readonly value: NodeId;
  /** One number per step: 1 where it counts, 0 where it is padding. */
  readonly mask?: NodeId | undefined;
  /** The paddings that the mask is made from. */
  readonly maskedBy: readonly Padding[];
  /** Whether the values are in reverse order of time, after a layer with `goBackwards`. */
  readonly backwards: boolean;
  /** Of a sequence: its time axis. */
  readonly axis: Axis;
  /** The name of that time, for messages. */
  readonly time: string;
};
/** A step is padding if all numbers of this input equal this value. */
export type Padding = { readonly input: string; readonly value: number };

export type Named<T> = T & { readonly name: string };

export type RecurrentContext = {
  readonly training: boolean;
  /** Whether a run may start in the middle of a sequence: then it does not start from the learned initial states. */
  readonly goesOn: boolean;
  /** The first stream of random bits of its dropout masks: the layer owns `streamsEach` streams from here on. */
  readonly stream: number;
  /** The initial states that the layers of these names give. */
  readonly statesFrom: (names: string | readonly string[]) => readonly Start[];
  /** The output of the layer of this name, which comes before. */
  readonly find: (name: string) => Flow;
  /** How many steps there are of an axis. */
  readonly stepsOf: (axis: Axis) => number;
  /** What computes a layer instead of its equations. */
  readonly outside: Outside | undefined;
};
/** What a layer with states would read. */
export type OutsideLayer = {
  readonly layer: Named<CellSpec>;
  readonly x: NodeId;
  readonly axis: Axis;
  readonly reverse: boolean;
  /** The value that a state of so many numbers starts from; undefined: from zeros, or from outside. */
  readonly initial: (state: string, size: number) => NodeId | undefined;
};
/**
 * What computes a layer without masked steps instead of its equations, as a part of another program: nodes for its output at every step
 * and for each state after the last one; undefined where the equations are to be computed.
 */
export type Outside = (
  g: Builder,
  read: OutsideLayer,
) => { readonly output: NodeId; readonly finals: ReadonlyMap<string, NodeId> } | undefined;
/** An initial state: the final state of a layer, under the state's name; or the output vector of a layer, under the layer's. */
export type Start = { readonly name: string; readonly value: NodeId; readonly vector?: true };
export const streamsEach = 16;
/** Streams above all of these belong to the calls of `dropout` in equations. */
const [firstPlace, placesEach] = [2 ** 24, 64];
/** The longest way from one step of an axis to the next. */
const largestStride = 2 ** 20;
/** What a flow that is one vector per example has in place of a sequence's. */
const once = { maskedBy: [], backwards: false, axis: {} } as const;

/** The name of the parameter that holds a learned initial state. */
export const learnedState = (layer: string, state: string): string => `${layer}.initial_${state}`;

/** A layer in a graph: its output, its named values, and its states after their last step. */
export type Added = {
  readonly flow: Flow;
  readonly values: Readonly<Record<string, NodeId>>;
  readonly final: (state: string) => NodeId;
};

export function addRecurrent(
  g: Builder,
  layer: Named<CellSpec>,
  read: Flow,
  { training, goesOn, stream, statesFrom, find, stepsOf, outside }: RecurrentContext,
): Added {
  const { name, cell, initialState, shared } = layer;
  const given = Object.entries(layer.inputs ?? {}).map(([input, from]) => [input, find(from)] as const);
  const more = given.filter(([input]) => !cell.sequences.includes(input));
  const { between, counts, ...steps } = everyNth(g, layer, read);
  const flow = together(g, name, steps, more);
  const handed = layer.endsMask ? ({ mask: undefined, maskedBy: [] } as const) : { mask: counts(flow.mask) };
  const sequences = Object.fromEntries(
    given
      .filter(([input]) => cell.sequences.includes(input))
      .map(([input, one]) => [input, allSteps(g, `${name}.${input}`, one, flow, stepsOf)] as const),
  );
  const { mask, axis } = flow;
  const drop = (value: NodeId, rate: number, from: number): NodeId =>
    training && rate > 0
      ? g.mul(value, g.mask(g.shapeOf(value) as number, rate, from, { locked: true, ...axis }))
      : value;
  const final = (state: string): NodeId => g.final(`${name}.${state}`);
  const places = firstPlace + placesEach * stream;
  /** Where the equations say so, anew at each step. */
  const dropout = (value: NodeId, place: number): NodeId => {
    if (!training || layer.recurrentDropout === 0) return value;
    return g.mul(value, g.mask(g.shapeOf(value) as number, layer.recurrentDropout, places + place, axis));
  };
  const units = layer.units === undefined ? {} : { units: layer.units };
  const others = Object.fromEntries(more.map(([input, one]) => [input, atEachStep(g, `${name}.${input}`, one, flow)]));
  const inputs = { x: flow.value, ...between, ...others };
  const whole = Object.fromEntries(Object.entries(sequences).map(([input, { value }]) => [input, value]));
  if (cell.states.length === 0) {
    const made = addCell(g, cell, {
      layer: name,
      ...units,
      inputs: { ...inputs, ...whole },
      sequences,
      dropout,
      shared,
    });
    return { flow: { ...flow, value: made.output, ...handed }, values: made.values, final };
  }
  if (g.isPerSequence(flow.value)) {
    throw new InputError(
      `${name}: needs a sequence, but the layer before returns only its last output. ` +
        "Give that layer returnSequences: true.",
    );
  }
  const reverse = flow.backwards !== layer.goBackwards;
  // A masked step reads zeros and divides by 1, so that neither its values nor their derivatives can be NaN.
  const counted = (value: NodeId): NodeId => (mask === undefined ? value : g.where(mask, value));
  const safe = (value: NodeId): NodeId =>
    mask === undefined || g.shapeOf(value) === "number" ? value : g.add(counted(value), g.sub(g.constant(1), mask));
  /** `now`, or `before` if the step is masked. */
  const unlessMasked = (before: NodeId, now: NodeId): NodeId =>
    mask === undefined ? now : g.add(counted(now), g.where(g.sub(g.constant(1), mask), before));
  /** Zoneout: at random `now` or `before`. */
  const unlessKept = (state: string, before: NodeId, now: NodeId): NodeId => {
    const rate = typeof layer.zoneout === "number" ? layer.zoneout : (layer.zoneout[state] ?? 0);
    if (rate === 0) return now;
    const own = stream + 2 + cell.states.indexOf(state);
    // The kept numbers of a dropout mask are 1 / (1 - rate); `step` makes them 1.
    const share = training ? g.unary("step", g.mask(g.shapeOf(now) as number, rate, own, axis)) : g.constant(1 - rate);
    return mix(g, share, now, before);
  };
  const starts = typeof initialState === "string" ? undefined : startsOf(layer, statesFrom(initialState.from));
  const initial = (state: string, size: number): NodeId | undefined => {
    if (initialState === "learned") {
      const parameter = learnedState(name, state);
      g.declare(parameter, [size], { name: "zeros", values: [] });
      return goesOn ? undefined : g.parameter(parameter);
    }
    const value = starts?.get(state);
    const got = value === undefined ? size : g.shapeOf(value);
    if (got !== size) {
      throw new InputError(`${name}: initialState: state ${state} has ${size} features, got ${got}`);
    }
    if (value !== undefined && !g.isPerSequence(value)) {
      throw new InputError(
        `${name}: initialState: state ${state} starts from one vector per example, and that layer gives a sequence. Leave its returnSequences out.`,
      );
    }
    return value;
  };
  const outputState = cell.output.endsWith("'") ? cell.output.slice(0, -1) : undefined;
  const elsewhere = mask === undefined ? outside?.(g, { layer, x: flow.value, axis, reverse, initial }) : undefined;
  if (elsewhere !== undefined) {
    const { output, finals } = elsewhere;
    const last = (state: string): NodeId => finals.get(state) as NodeId;
    const value = layer.returnSequences
      ? { value: output, backwards: reverse }
      : { value: last(outputState as string), ...once };
    return { flow: { ...flow, ...value }, values: {}, final: last };
  }
  const dropped = callsDropout(cell) ? undefined : outputState;
  const { output, values } = addCell(g, cell, {
    ...{
      layer: name,
      ...units,
      inputs: {
        ...Object.fromEntries(
          Object.entries(inputs).map(([input, value]) => [
            input,
            counted(input === "x" ? drop(value, layer.dropout, stream) : value),
          ]),
        ),
        ...whole,
      },
      sequences,
      dropout,
      shared,
    },
    states: {
      reverse,
      axis,
      initial,
      read: (state, value) => counted(state === dropped ? drop(value, layer.recurrentDropout, stream + 1) : value),
      next: (state, before, now) => unlessMasked(before, unlessKept(state, before, now)),
      safe,
    },
  });
  const zeroed = layer.zeroOutputForMask && mask !== undefined;
  /** The output as a state, so that it can be read after the last step or at masked steps. */
  const kept = (): { readonly state: string; readonly value: NodeId } => {
    if (outputState !== undefined && !zeroed) return { state: `${name}.${outputState}`, value: output };
    const state = `${name}.${cell.output}`;
    const shape = g.shapeOf(output);
    const now = typeof shape === "number" ? output : g.broadcast(output, 1);
    const before = g.state(state, g.shapeOf(now) as number, { reverse, ...axis });
    const value = zeroed ? counted(now) : unlessMasked(before, now);
    g.next(state, value);
    return { state, value };
  };
  if (!layer.returnSequences) {
    return { flow: { ...flow, value: g.final(kept().state), mask: undefined, ...once }, values, final };
  }
  const value = mask === undefined ? output : zeroed ? counted(output) : kept().value;
  return { flow: { ...flow, value, ...handed, backwards: reverse }, values, final };
}

/**
 * What a layer with strides reads: every n-th step, and, for its cell's inputs x_1, x_2, ..., the steps after it (`between`). Masked
 * steps are zeros; the cell passes over those where all that it reads is masked. `counts`: the mask of its output, which counts
 * where the step that is kept does.
 */
function everyNth(
  g: Builder,
  { name, cell, strides = 1 }: Named<CellSpec>,
  read: Flow,
): Flow & {
  readonly between: Readonly<Record<string, NodeId>>;
  readonly counts: (mask: NodeId | undefined) => NodeId | undefined;
} {
  if (strides === 1) return { ...read, between: {}, counts: (mask) => mask };
  if (g.isPerSequence(read.value)) {
    throw new InputError(
      `${name}: has strides, so it needs a sequence, but the layer before gives one vector. Give that layer returnSequences: true.`,
    );
  }
  checkVectors(g, name, read.value);
  if (read.backwards) {
    throw new InputError(
      `${name}: has strides, which count from the first step, but reads a sequence from its end. Leave goBackwards out.`,
    );
  }
  const stride = (read.axis.stride ?? 1) * strides;
  if (stride > largestStride) {
    throw new InputError(
      `${name}: with the strides before it there would be one step in ${stride}, at most ${largestStride}`,
    );
  }
  const { mask } = read;
  const at = (value: NodeId, offset: number): NodeId => g.downsample(value, strides, offset);
  const counted = mask === undefined ? read.value : g.where(mask, read.value);
  const later = inputsBetween(strides)
    .map((input, u) => [input, u + 1] as const)
    .filter(([input]) => cell.inputs.includes(input));
  const own = mask === undefined ? undefined : at(mask, 0);
  const any = mask && own && later.reduce((most, [, offset]) => g.binary("max", most, at(mask, offset)), own);
  return {
    ...read,
    value: at(counted, 0),
    mask: any,
    axis: { ...read.axis, stride },
    between: Object.fromEntries(later.map(([input, offset]) => [input, at(counted, offset)])),
    counts: (all) => (all === undefined || own === undefined ? all : g.mul(all, own)),
  };
}
const stepsInWords = ({ axis: { stride = 1 }, time }: Flow): string =>
  `${stride === 1 ? "every step" : `one step in ${stride}`} of ${time}`;

/** What a layer reads, with the mask of all that its cell reads at every step: a step counts if it counts in each of them. */
function together(g: Builder, name: string, read: Flow, more: readonly (readonly [string, Flow])[]): Flow {
  const flows = [read, ...more.map(([, flow]) => flow)].filter(({ value }) => !g.isPerSequence(value));
  const odd = more.find(([, flow]) => flows.includes(flow) && flow.backwards !== read.backwards);
  if (odd !== undefined) {
    throw new InputError(
      `${name}: its input ${odd[0]} is a sequence of the opposite direction. Leave goBackwards out.`,
    );
  }
  const apart = more.find(
    ([, flow]) => flows.includes(flow) && flows.includes(read) && !sameAxis(flow.axis, read.axis),
  );
  if (apart !== undefined) {
    throw new InputError(
      `${name}: its input ${apart[0]} has ${stepsInWords(apart[1])}, and x has ${stepsInWords(read)}. Read sequences of one length.`,
    );
  }
  const late = more.find(([, flow]) => flows.includes(flow) && g.isPerSequence(read.value));
  if (late !== undefined) {
    throw new InputError(
      `${name}: its input ${late[0]} is a sequence, but it reads one vector per example. Give the sequence as x.`,
    );
  }
  return { ...read, ...maskOf(g, flows) };
}
/** @throws InputError for tokens and single numbers, where a cell reads vectors */
function checkVectors(g: Builder, name: string, value: NodeId): void {
  const shape = g.shapeOf(value);
  if (typeof shape === "number") return;
  throw new InputError(
    shape === "index"
      ? `${name}: reads tokens; a cell reads vectors. Add an embedding.`
      : `${name}: reads one number, as sum(x) gives it; a cell reads vectors. Add a vector to it: sum(x) + b.`,
  );
}
/** The value of a further input at every step, also of what is one per example. */
function atEachStep(g: Builder, name: string, { value }: Flow, read: Flow): NodeId {
  checkVectors(g, name, value);
  return g.isPerSequence(value) && !g.isPerSequence(read.value) ? g.spread(value, read.axis) : value;
}
/** All steps of a further input, once or at every step; padding is zeros. */
function allSteps(
  g: Builder,
  name: string,
  { value, mask, axis }: Flow,
  read: Flow,
  stepsOf: (axis: Axis) => number,
): { readonly value: NodeId; readonly steps: number; readonly mask?: NodeId } {
  if (g.isPerSequence(value)) {
    throw new InputError(
      `${name}: reads all steps of a sequence, but that layer gives one vector per example. Give it returnSequences: true.`,
    );
  }
  checkVectors(g, name, value);
  const steps = stepsOf(axis);
  const spread = (one: NodeId): NodeId => (g.isPerSequence(read.value) ? one : g.spread(one, read.axis));
  return {
    ...{ value: spread(g.stack(mask === undefined ? value : g.where(mask, value), steps)), steps },
    ...(mask !== undefined && { mask: spread(g.stack(g.broadcast(mask, 1), steps)) }),
  };
}
/** The mask of several sequences: a step counts if it counts in all of them. */
const maskOf = (g: Builder, flows: readonly Flow[]): Pick<Flow, "mask" | "maskedBy"> => {
  const masks = [...new Set(flows.flatMap(({ mask }) => (mask === undefined ? [] : [mask])))];
  const all = flows.flatMap(({ maskedBy }) => maskedBy).map((one) => [JSON.stringify(one), one] as const);
  return {
    mask: masks.length === 0 ? undefined : masks.reduce(g.mul),
    maskedBy: [...new Map(all).values()],
  };
};

/** The initial value of each state, matched by name. A cell with one state may start from the vector of any layer. */
function startsOf({ name, cell }: Named<CellSpec>, given: readonly Start[]): ReadonlyMap<string, NodeId> {
  const [first] = given;
  const alone = given.length === 1 && cell.states.length === 1 && first?.vector;
  const starts = new Map(given.map((one) => [alone ? (cell.states[0] as string) : one.name, one.value]));
  if (given.length === starts.size && starts.size === cell.states.length && cell.states.every((s) => starts.has(s))) {
    return starts;
  }
  throw new InputError(
    `${name}: initialState needs one vector for each state (${cell.states.join(", ")}), got ` +
      `${given.map((one) => one.name).join(", ")}`,
  );
}

/** `a` if the share is 1, `b` if it is 0, between them a mixture. */
const mix = (g: Builder, share: NodeId, a: NodeId, b: NodeId): NodeId =>
  g.add(g.mul(share, a), g.mul(g.sub(g.constant(1), share), b));

/**
 * Add both directions over one sequence: the output of each at every step, in the same order, or its last one. A masked
 * step gives zeros in both, and the last output is that of the last step that is not masked, whatever the layers' options
 * are: Keras's rule.
 */
export function addBidirectional(
  g: Builder,
  { name, forward, backward }: { readonly name: string; readonly forward: CellSpec; readonly backward: CellSpec },
  flow: Flow,
  context: RecurrentContext,
): {
  readonly flows: readonly [Flow, Flow];
  readonly values: Added["values"];
  readonly final: readonly Added["final"][];
} {
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
    final: [there.final, back.final],
  };
}

/** Merge values elementwise, or concatenate them. A step counts if it counts in all of them. */
export function addMerge(g: Builder, name: string, mergeMode: MergeMode, flows: readonly Flow[]): Flow {
  const [first, ...others] = flows as [Flow, ...Flow[]];
  const values = flows.map(({ value }) => value);
  if (others.some(({ value }) => g.isPerSequence(value) !== g.isPerSequence(first.value))) {
    throw new InputError(
      `${name}: merges a sequence with one vector per example. Give all, or none, returnSequences: true.`,
    );
  }
  const apart = others.find(({ axis, value }) => !g.isPerSequence(value) && !sameAxis(axis, first.axis));
  if (apart !== undefined) {
    throw new InputError(
      `${name}: merges sequences of different lengths: one has ${stepsInWords(first)}, another ${stepsInWords(apart)}. ` +
        "Merge sequences of one length.",
    );
  }
  if (others.some(({ backwards }) => backwards !== first.backwards)) {
    throw new InputError(
      `${name}: merges sequences of opposite directions. Leave goBackwards out, or use bidirectional.`,
    );
  }
  const sizes = values.map((value) => g.shapeOf(value));
  const odd = sizes.find((size) => typeof size !== "number" || (mergeMode !== "concat" && size !== sizes[0]));
  if (odd !== undefined) {
    throw new InputError(
      `${name}: mergeMode "${mergeMode}" needs ${mergeMode === "concat" ? "vectors" : "equal units"}, got ${sizes.join(" and ")}`,
    );
  }
  const merged = {
    concat: () => g.concat(values),
    sum: () => values.reduce(g.add),
    mul: () => values.reduce(g.mul),
    ave: () => g.mul(values.reduce(g.add), g.constant(1 / values.length)),
  } satisfies Record<MergeMode, () => NodeId>;
  return { ...first, value: merged[mergeMode](), ...maskOf(g, flows) };
}
