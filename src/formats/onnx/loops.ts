/** Terms as flows: a layer with their equations, where another layer reads them. */
import { InputError } from "../../graph/input-error.ts";
import { formatValue } from "../../graph/schema.ts";
import { bidirectional, isLayerName, recurrent } from "../../nn/layers.ts";
import { type Axis, type Constant, isKnown, rootOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import { type Equations, equationsOf } from "./equations.ts";
import {
  behind,
  type Draft,
  type Flow,
  featuresOf,
  flowOf,
  inOneOrder,
  isBackwards,
  isTimed,
  type Loop,
  type Part,
  refused,
  type Value,
} from "./flows.ts";
import { startingStates } from "./starts.ts";
import {
  constantTerm,
  type Hint,
  hintOf,
  isLoopState,
  numberTerm,
  type Product,
  reachable,
  readTerm,
  type Term,
} from "./terms.ts";

/** A value as a term: equations, or something to read. */
export function termOf(value: Value | undefined, name?: string): Term {
  if (value?.kind === "constant") return constantTerm(value, hintOf(name));
  if (value?.kind === "fill") return numberTerm(value.value);
  const flow = flowOf(value);
  const own = flow.part === undefined && flow.turned !== true ? flow.draft.term?.() : undefined;
  return own ?? readTerm(flow, widthOf(flow));
}
/** How many features a value has, wherever their axis is. */
export function widthOf(flow: Flow): number {
  const [axis, more] = flow.axes.filter((one) => rootOf(one).role === "features");
  if (more !== undefined) throw refused("two axes of what it reads are taken for features.");
  return axis === undefined ? featuresOf(flow) : featuresOf({ axes: [axis] });
}
/** Whether equations take a value in: it has states, or is combined anyway. */
export const isLazy = (value: Value | undefined): value is Flow => value?.kind === "flow" && value.draft.lazy === true;
export const isConstant = (value: Value | undefined): value is Constant => isKnown(value);

/** What a layer's numbers come from, also while not all is read. */
export function sourcesOf(draft: Draft): readonly Flow[] {
  if (draft.behind === undefined) return draft.reads;
  return [...reachable(draft.behind)].flatMap((term) => (term.kind === "read" ? [term.flow] : []));
}
/** Terms that are layers of their own where they stand in no loop. */
const layers = new WeakMap<Term, Flow>();
/** A layer that stands in equations where these have states. */
export function alsoTerm(flow: Flow, make: () => Term): Flow {
  let made: Term | undefined;
  const term = (): Term => {
    if (made === undefined) {
      made = make();
      layers.set(made, flow);
    }
    return made;
  };
  Object.assign(flow.draft, { term });
  return flow;
}

/** What gives a value. */
type Origin = Pick<ReadNode, "op" | "name">;
/** A term as a flow. */
export function termFlow(node: Origin, term: Term, axes: readonly Axis[]): Flow {
  const equations = once(() => withLayers(node, term));
  const { reverse, backwards = false } = term;
  const draft: Draft = {
    label: labelOf(term, node.op.toLowerCase()),
    get reads() {
      return equations().reads;
    },
    make: (name, from) => [{ ...equations().layer(from, true), name, reads: from[0] as string }],
    values: (name) => equations().values(name),
    ...{ used: new Set<Part>(), reverse: reverse ?? backwards, lazy: true, term: () => term, behind: [term] },
    ...(reverse !== undefined && { loop: { reverse, make: () => loopOf(equations(), true) }, countsAll: node.name }),
  };
  return { kind: "flow", axes, draft };
}
/** The value of a term after the last step of its loop. */
export function lastOfTerm(node: Origin, term: Term, axes: readonly Axis[]): Flow {
  const equations = once(() => withLayers(node, term));
  const draft: Draft = {
    label: labelOf(term, node.op.toLowerCase()),
    get reads() {
      return equations().reads;
    },
    make: (name, from) => [{ ...equations().layer(from, false), name, reads: from[0] as string }],
    values: (name) => equations().values(name),
    ...{
      used: new Set<Part>(),
      reverse: false,
      behind: [term],
      countsAll: node.name,
      loop: { reverse: term.reverse === true, make: () => loopOf(equations(), false) },
    },
  };
  return { kind: "flow", axes, draft };
}
const loopOf = ({ reads, layer, values }: Layered, sequences: boolean): Loop => ({
  ...{ reads, values, layer: (from) => layer(from, sequences) },
});

/** Both directions of loops that read the same, as one layer; the flows of each. */
export function bothWays(there: Flow, back: Flow): readonly [Flow, Flow] | undefined {
  const [forward, backward] = [there.draft.loop, back.draft.loop];
  if (forward === undefined || backward === undefined || forward.reverse || !backward.reverse) return undefined;
  const steps = there.draft.term !== undefined;
  if (steps !== (back.draft.term !== undefined) || there.turned === true || back.turned === true) return undefined;
  const known = pairs.get(there.draft)?.get(back.draft);
  const draft = known ?? pairOf(there.draft, back.draft);
  if (known === undefined) pairs.set(there.draft, (pairs.get(there.draft) ?? new Map()).set(back.draft, draft));
  const when = steps ? "steps" : "last";
  return [
    { ...there, draft, part: `${when} forward` },
    { ...back, draft, part: `${when} backward` },
  ];
}
/** Operands, of which loops of opposite directions are those of one layer: equations run in one. */
export function asDirections(given: readonly Value[]): readonly Value[] {
  const loop = (reverse: boolean): Flow | undefined =>
    given.find((one): one is Flow => isLazy(one) && one.draft.term?.().reverse === reverse);
  const [there, back] = [loop(false), loop(true)];
  if (there === undefined || back === undefined || ![there, back].every(isFinished)) return given;
  const [one, other] = bothWays(there, back) ?? [there, back].map(asLayer);
  return given.map((value) => (value === there ? (one as Flow) : value === back ? (other as Flow) : value));
}
/** What equations give, as a layer that others read. */
const asLayer = (flow: Flow): Flow =>
  termFlow({ op: flow.draft.label, name: "" }, readTerm(flow, widthOf(flow)), flow.axes);
/** Whether no loop that it needs is still being read. */
const isFinished = ({ draft }: Flow): boolean =>
  [...reachable([draft.term?.() as Term])].every((one) => one.kind !== "state" || one.state.next !== undefined);
const pairs = new WeakMap<Draft, Map<Draft, Draft>>();
function pairOf(there: Draft, back: Draft): Draft {
  const pair = once(() => {
    const [a, b] = [(there.loop as LoopOf).make(), (back.loop as LoopOf).make()];
    if (a.reads[0]?.draft !== b.reads[0]?.draft) {
      throw refused(
        `of its loops over the steps, one forwards and one backwards, the first reads ${labelsOf(a)} and the second ` +
          `${labelsOf(b)}: both directions of a layer read the same sequence first. Give them the same input.`,
      );
    }
    return { a, b };
  });
  return {
    label: "bidirectional",
    get reads() {
      return [...pair().a.reads, ...pair().b.reads];
    },
    make: (name, from, used) => {
      const { a, b } = pair();
      const own = a.reads.length;
      const [reads] = from as [string];
      const backward = { ...b.layer(from.slice(own)), goBackwards: false };
      const mergeMode = [...used].every((part) => part.endsWith("both")) ? "concat" : "none";
      return [bidirectional(a.layer(from.slice(0, own)), { name, reads, backward, mergeMode })];
    },
    values: (name) => ({ ...pair().a.values(`${name}.forward`), ...pair().b.values(`${name}.backward`) }),
    ...{ used: new Set<Part>(), reverse: false, countsAll: there.countsAll as string },
    behind: [...(there.behind ?? []), ...(back.behind ?? [])],
  };
}
type LoopOf = NonNullable<Draft["loop"]>;
const labelsOf = ({ reads }: Loop): string => reads.map(({ draft }) => draft.label).join(" and ");

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
/** A name for a layer: that of its states or of its output in the file, else what the graph calls the operator. */
function labelOf(term: Term, label: string): string {
  const hints: (Hint | undefined)[] = [term.kind === "call" ? term.hint : undefined];
  if (term.kind === "state") hints.push(term.state.hint);
  const found = hints.find((one) => one !== undefined)?.layer.replaceAll(/\W/g, "_");
  return found !== undefined && isLayerName(found) ? found : label;
}

type Layered = {
  readonly reads: readonly Flow[];
  readonly layer: (from: readonly string[], sequences: boolean) => ReturnType<typeof recurrent>;
  readonly values: (name: string) => Readonly<Record<string, Float32Array>>;
};
/** Equations as a layer; what they read that is a layer of its own stays one. */
function withLayers(node: Origin, root: Term): Layered {
  try {
    return layered(root);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw refused(
      `the node ${formatValue(node.name)} (${node.op}) cannot be said with layers: as equations, ${error.message}`,
    );
  }
}
function layered(root: Term): Layered {
  const equations = paired(equationsOf(root, cutsOf(root)));
  const { cell, units, inputs, states, strides } = equations;
  if (equations.reads.length === 0) throw refused("a loop of the graph reads nothing of its inputs.");
  const reads = inOneOrder(equations.reads);
  const starts = startsOf(equations, reads[0] as Flow);
  const reverse = [...states.values()][0]?.reverse ?? false;
  const goBackwards = states.size > 0 && reverse !== isBackwards(reads[0] as Flow);
  const learned = [...states].map(([name, { initial, width }]) => [
    `initial_${name}`,
    initial instanceof Float32Array ? initial : new Float32Array(width),
  ]);
  return {
    reads: [...reads, ...starts.reads],
    layer: (from, sequences) =>
      recurrent(cell, {
        units,
        ...(strides > 1 && { strides }),
        ...(states.size > 0 && { returnSequences: sequences, goBackwards }),
        ...(inputs.length > 0 && {
          inputs: Object.fromEntries(inputs.map((name, k) => [name, from[k + 1] as string])),
        }),
        ...(starts.learned && { initialState: "learned" as const }),
        ...(starts.reads.length > 0 && { initialState: { from: from[reads.length] as string } }),
      }),
    values: (name) =>
      Object.fromEntries(
        [...Object.entries(equations.values), ...(starts.learned ? learned : [])].map(([key, data]) => [
          `${name}.${key}`,
          data as Float32Array,
        ]),
      ),
  };
}
/** Equations whose reads all have their steps in one order: both directions of a loop are one layer. */
function paired(equations: Equations): Equations {
  const reads = [...equations.reads];
  for (const back of equations.reads.filter((flow) => isTimed(flow) && isBackwards(flow))) {
    const place = reads.findIndex((flow) => isTimed(flow) && !isBackwards(flow) && bothWays(flow, back) !== undefined);
    const both = place < 0 ? undefined : bothWays(reads[place] as Flow, back);
    if (both !== undefined) [reads[place], reads[reads.indexOf(back)]] = both;
  }
  return { ...equations, reads };
}
function startsOf({ states }: Equations, x: Flow): { readonly reads: readonly Flow[]; readonly learned: boolean } {
  const initials = [...states.values()].map(({ initial }) => initial);
  const flows = initials.filter((one): one is Flow => one !== undefined && !(one instanceof Float32Array));
  if (flows.length === 0) return { reads: [], learned: initials.some((one) => one !== undefined) };
  if (initials.length === 1) return { reads: flows.map(behind), learned: false };
  const firsts = [...states.values()].map(({ initial, width }) => initial ?? new Float32Array(width));
  return { reads: [startingStates([...states.keys()], firsts, x)], learned: false };
}

/**
 * The values within equations that stay other layers': without states, dense layers; with states, what is multiplied by weights and needs
 * states, but not the value of that product.
 */
function cutsOf(root: Term): ReadonlyMap<Term, Flow> {
  const cuts = new Map<Term, Flow>();
  const all = [...reachable([root])];
  const loops = new Set(all.filter(isLoopState));
  if (!all.some((term) => term.kind === "state")) {
    for (const term of all) {
      const flow = term === root ? undefined : layers.get(term);
      if (flow !== undefined) cuts.set(term, flow);
    }
    return cuts;
  }
  for (const term of all) {
    if (term.kind !== "product") continue;
    const { of, flow } = term as Product;
    if (of.kind === "read" || of === root || of.reverse === undefined) continue;
    const needs = reachable([of]);
    if ([...needs].some((one) => loops.has(one)) && !needs.has(term)) cuts.set(of, flow);
  }
  return cuts;
}
