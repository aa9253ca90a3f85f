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
  /** The first in order is the last in time, after a layer that went backwards. */
  readonly backwards: boolean;
};

export type Named<T> = T & { readonly name: string };

export type RecurrentContext = {
  readonly training: boolean;
  /** Of its dropout masks: it and the next one are this layer's own. */
  readonly stream: number;
};

export function addRecurrent(
  g: Builder,
  layer: Named<CellSpec>,
  flow: Flow,
  { training, stream }: RecurrentContext,
): { readonly flow: Flow; readonly values: Readonly<Record<string, NodeId>> } {
  const { name, cell } = layer;
  const { mask } = flow;
  const drop = (value: NodeId, rate: number, from: number): NodeId =>
    training && rate > 0 ? g.mul(value, g.mask(g.shapeOf(value) as number, rate, from, { locked: true })) : value;
  const units = layer.units === undefined ? {} : { units: layer.units };
  const inputs = { [cell.inputs[0] as string]: flow.value };
  if (cell.states.length === 0) {
    const made = addCell(g, cell, { layer: name, ...units, inputs });
    return { flow: { ...flow, value: made.output }, values: made.values };
  }
  if (g.isOnce(flow.value)) {
    throw new InputError(
      `${name}: it reads a sequence, and the layer before gives one vector: its last. ` +
        "Give that layer returnSequences: true.",
    );
  }
  const reverse = flow.backwards !== layer.goBackwards;
  /** `now`, or `before` where the step is masked. */
  const unlessMasked = (before: NodeId, now: NodeId): NodeId =>
    mask === undefined ? now : g.add(g.mul(mask, now), g.mul(g.sub(g.constant(1), mask), before));
  const outputState = cell.output.endsWith("'") ? cell.output.slice(0, -1) : undefined;
  const { output, values } = addCell(g, cell, {
    ...{ layer: name, ...units, inputs: { [cell.inputs[0] as string]: drop(flow.value, layer.dropout, stream) } },
    states: {
      reverse,
      read: (state, value) => (state === outputState ? drop(value, layer.recurrentDropout, stream + 1) : value),
      next: (_, before, now) => unlessMasked(before, now),
    },
  });
  /** The output as a state, to be read after the last step or where a step is masked. */
  const kept = (): { readonly state: string; readonly value: NodeId } => {
    if (outputState !== undefined) return { state: `${name}.${outputState}`, value: output };
    const state = `${name}.${cell.output}`;
    const shape = g.shapeOf(output);
    const now = typeof shape === "number" ? output : g.broadcast(output, 1);
    const value = unlessMasked(g.state(state, g.shapeOf(now) as number, { reverse }), now);
    g.next(state, value);
    return { state, value };
  };
  if (!layer.returnSequences) return { flow: { value: g.final(kept().state), backwards: false }, values };
  const value = mask === undefined ? output : layer.zeroOutputForMask ? g.mul(mask, output) : kept().value;
  return { flow: { value, mask, backwards: reverse }, values };
}

/** Both directions over one sequence, put together at each step, or their last outputs. */
export function addBidirectional(
  g: Builder,
  layer: {
    readonly name: string;
    readonly forward: CellSpec;
    readonly backward: CellSpec;
    readonly mergeMode: MergeMode;
  },
  flow: Flow,
  context: RecurrentContext,
): { readonly flow: Flow; readonly values: Readonly<Record<string, NodeId>> } {
  const { name, mergeMode } = layer;
  const [forward, backward] = [
    addRecurrent(g, { ...layer.forward, name: `${name}.forward` }, flow, context),
    addRecurrent(g, { ...layer.backward, name: `${name}.backward`, goBackwards: true }, flow, {
      ...context,
      stream: context.stream + 2,
    }),
  ];
  const [a, b] = [forward.flow.value, backward.flow.value];
  const value = ((): NodeId => {
    if (mergeMode === "concat") return g.concat([a, b]);
    const [m, n] = [g.shapeOf(a), g.shapeOf(b)];
    if (m !== n) throw new InputError(`${name}: mergeMode "${mergeMode}" needs equal units, got ${m} and ${n}`);
    if (mergeMode === "mul") return g.mul(a, b);
    return mergeMode === "sum" ? g.add(a, b) : g.mul(g.add(a, b), g.constant(0.5));
  })();
  const under = (prefix: string, values: Readonly<Record<string, NodeId>>): [string, NodeId][] =>
    Object.entries(values).map(([key, id]) => [`${prefix}.${key}`, id]);
  return {
    flow: { ...forward.flow, value },
    values: Object.fromEntries([...under("forward", forward.values), ...under("backward", backward.values)]),
  };
}
