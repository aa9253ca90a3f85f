/**
 * What a graph's values are while it is read: constants, or numbers of a layer to be with axes, of which what reads them says which are
 * time, batch and features. What operators ask of their operands is here; what they make of them is not.
 */
import { cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import { type LayerSpec, recurrent } from "../../nn/layers.ts";
import { type Axis, type Known, type Role, rootOf } from "./constants.ts";
import type { ReadNode, ReadValue } from "./decode.ts";
import type { Hint, State, Term } from "./terms.ts";

/** A layer to be. */
export type Draft = {
  /** What it is called, unless others are called so. */
  readonly label: string;
  readonly reads: readonly Flow[];
  /** The layers, the last of which gives its output; `from` are the names of what it reads. */
  readonly make: (name: string, from: readonly string[], used: ReadonlySet<Part>) => readonly LayerSpec[];
  /** Parameters' values by their names, which begin with the layer's. */
  readonly values: (name: string) => Readonly<Record<string, Float32Array>>;
  /** Of a recurrent layer: the parts of it that are read. */
  readonly used: Set<Part>;
  /** Of a dense layer that nothing else reads: what may still become part of it. */
  open?:
    | { bias?: Float32Array; biasName?: string | undefined; activation?: string; hint?: Hint | undefined }
    | undefined;
  /** Whether our layer has its steps in the other order than the graph. */
  readonly reverse: boolean;
  /** What it is as an equation of what it reads, of what stands in equations: the same each time. */
  readonly term?: () => Term;
  /** Whether it is a layer only where another layer reads it: equations take it in. */
  readonly lazy?: boolean;
  /** Of equations, whose `reads` are known only when all is read: the terms that they are made of. */
  readonly behind?: readonly Term[];
  /** Of equations with states: what they are as a layer. */
  readonly loop?: { readonly reverse: boolean; readonly make: () => Loop };
  /** The node that counts all steps, also those behind the end of a sequence with a length: its name. */
  readonly countsAll?: string;
  /** Of a layer whose final states another one may start from, all together: their names. */
  readonly states?: readonly string[];
  /** Of what gives one of a layer's final states: that layer. */
  readonly stateOf?: Draft;
};
/** What is read of a recurrent layer: all steps or the last, of one direction or both together; or its states, to start from. */
export type Part = `${"steps" | "last" | "states"} ${"forward" | "backward" | "both"}`;
/** Numbers that a layer gives. */
export type Flow = {
  readonly kind: "flow";
  readonly axes: readonly Axis[];
  readonly draft: Draft;
  readonly part?: Part;
  /** Of the cell's states other than its output: which. */
  readonly state?: string;
  /** Whether the graph has turned its steps round. */
  readonly turned?: boolean;
  /** What it is a part of, if it is no value of its own: one of the initial states of an input, all steps but the last, but the first, a matrix. */
  readonly partial?:
    | "piece"
    | "setting"
    | "without last"
    | "without first"
    /** One number a step, without an axis for it. */
    | "single"
    /** The softmax over the steps of what it is. */
    | "shares"
    /** Each step times its share, by these scores. */
    | { readonly scores: Flow }
    | { readonly columns: number }
    | { readonly padded: number }
    /** Zeros before the first step and behind the last. */
    | { readonly filled: readonly [number, number] }
    /** The features of all steps side by side, so many of each. */
    | { readonly each: number }
    /** All steps but some: it begins so many late, and each number is that of so many steps ago. */
    | { readonly late: number; readonly back?: number };
};
/** Equations with states, as a recurrent layer. */
export type Loop = {
  readonly reads: readonly Flow[];
  readonly layer: (from: readonly string[]) => RecurrentSpec;
  readonly values: (name: string) => Readonly<Record<string, Float32Array>>;
};
type RecurrentSpec = ReturnType<typeof recurrent>;
/** Several flows along an axis: the directions of a layer, or the final states of several. */
export type Stack = {
  readonly kind: "stack";
  readonly axes: readonly Axis[];
  readonly along: Axis;
  readonly parts: readonly Flow[];
};
export type Value = Known | Flow | Stack;
/** A node's operands; undefined for those that are left out. */
export type Operands = readonly (Value | undefined)[];

/** What is found out about the model as a whole. */
export type Reading = {
  readonly opset: number;
  /** What a reader of the file might not expect. */
  readonly notes: Set<string>;
  readonly inputs: Map<Draft, ModelInput>;
  /** The inputs that only give lengths or initial states. */
  readonly stateInputs: Set<Draft>;
  /** How many tokens the tables for an input have. */
  readonly vocabulary: Map<Draft, number>;
  /** Whether it is one step of streams, whose states are inputs and outputs. */
  readonly streams: boolean;
  /** The states of streams that operators take, and what these must give for them. */
  readonly fed: Map<State, Flow>;
  /** Whether a node's output is the model's and nothing else reads it, but for operators that leave each number in its place. */
  readonly isLast: (node: ReadNode) => boolean;
};
export type ModelInput = { readonly value: ReadValue; readonly flow: Flow; masked: boolean };

/** Why a node cannot be said; its name is put before it where the nodes are read one by one. */
export const refused = (why: string): InputError => new InputError(why);
export const numberOf = ({ attributes }: ReadNode, key: string): number | undefined => attributes.get(key)?.number;
export const numbersAt = ({ attributes }: ReadNode, key: string): readonly number[] | undefined =>
  attributes.get(key)?.numbers;

export const same = (a: Axis, b: Axis): boolean => rootOf(a) === rootOf(b);
/** Whether an axis holds one number that no layer has asked for: it only makes sizes fit. */
export const isSingle = (axis: Axis): boolean => rootOf(axis).size === 1 && rootOf(axis).role === undefined;
export const features = (size: number): Axis => ({ role: "features", size });

/** @throws InputError where an axis that is one thing is taken for another */
export function role(axis: Axis, wanted: Role): void {
  const root = rootOf(axis);
  if (root.role !== undefined && root.role !== wanted) {
    throw refused(`it takes for ${wanted} what is ${root.role === "features" ? "a feature" : root.role} elsewhere.`);
  }
  root.role = wanted;
}
/** Axes that must be one. */
export function join(a: Axis, b: Axis): void {
  const [x, y] = [rootOf(a), rootOf(b)];
  if (x === y) return;
  if (x.role !== undefined && y.role !== undefined && x.role !== y.role)
    throw refused("its operands' axes do not fit.");
  if (x.size !== undefined && y.size !== undefined && x.size !== y.size) {
    throw refused("its operands' sizes do not fit.");
  }
  x.role ??= y.role;
  x.size ??= y.size;
  y.joined = x;
}
/** The axes of flows that are combined number by number, features apart: each is one axis, or a single number that is repeated. */
export function joined(a: readonly Axis[], b: readonly Axis[]): readonly Axis[] {
  const [more, less] = a.length >= b.length ? [a, b] : [b, a];
  const shift = more.length - less.length;
  return more.map((axis, k) => {
    const other = less[k - shift];
    if (other === undefined || k === more.length - 1) return axis;
    if (isSingle(other)) return axis;
    if (isSingle(axis)) return other;
    join(axis, other);
    return axis;
  });
}
export function featuresOf({ axes }: Pick<Flow, "axes">): number {
  const last = axes.at(-1);
  if (last === undefined) throw refused("it reads a single number.");
  role(last, "features");
  const { size } = rootOf(last);
  if (size === undefined) throw refused("the number of features of what it reads is not in the file.");
  return size;
}
/** What must be given. */
export function there<V>(value: V | undefined): V {
  if (value !== undefined) return value;
  throw refused("one of its operands is left out.");
}
/** Numbers of the input, which have axes. */
export function laidOut(value: Value | undefined): Flow | Stack {
  if (value?.kind === "flow" || value?.kind === "stack") return value;
  throw refused("it reads a constant where numbers of the input were expected.");
}
export function axisAt(k: number, rank: number): number {
  const axis = k < 0 ? k + rank : k;
  if (!(Number.isInteger(axis) && axis >= 0 && axis < rank)) throw refused(`of ${rank} axes it names the one at ${k}.`);
  return axis;
}
/** The flow that is needed here. */
export function flowOf(value: Value | undefined): Flow {
  const found = laidOut(value);
  if (found.kind === "stack") {
    const [alone, more] = found.parts as [Flow, Flow?];
    if (more === undefined) return flowOf({ ...alone, axes: found.axes });
    throw refused("it reads several directions or layers side by side.");
  }
  if (found.partial !== undefined) throw refused(partialReason(found.partial));
  return found;
}
/** Why a part of something is no value of its own. */
function partialReason(partial: NonNullable<Flow["partial"]>): string {
  if (partial === "single")
    return "it reads one number a step, whose axis was taken away before. Export the model with it.";
  if (partial === "shares" || (typeof partial === "object" && "scores" in partial)) {
    return "it reads a softmax over the steps, or steps times it, in another way than by weighing steps and adding them up.";
  }
  if (typeof partial === "object" && "each" in partial) {
    return "it reads all steps side by side, which a product with weights alone may. Take the last step, or their mean, before it.";
  }
  return "it takes a part of the steps or of the features.";
}

/** Whether it has steps. */
export const isTimed = ({ axes }: Flow): boolean => axes.some((axis) => rootOf(axis).role === "time");
/** Whether our layers have the steps of these numbers in the other order than the graph. */
export function isBackwards({ draft, part, turned = false }: Flow): boolean {
  if (part?.startsWith("last")) return false;
  return draft.reverse !== turned;
}
/** What a layer without time of its own reads, with all steps in the same order: what runs backwards is turned round where others do not. */
export function inOneOrder(reads: readonly Flow[]): readonly Flow[] {
  const timed = reads.filter(isTimed);
  if (new Set(timed.map(isBackwards)).size <= 1) return reads;
  return reads.map((flow) => {
    if (!isTimed(flow) || !isBackwards(flow)) return flow;
    // An input stands in the other order than itself.
    if (flow.draft.behind === undefined && flow.draft.reads.length === 0)
      throw refused("what it reads runs in opposite directions of time.");
    return inOrder(flow);
  });
}
/** A flow whose steps run backwards in the order of the graph's: a layer hands them on so. */
export function inOrder(flow: Flow): Flow {
  const known = ordered.get(flow.draft)?.get(flow.part);
  if (known !== undefined) return { ...known, axes: flow.axes };
  const draft: Draft = {
    ...{ label: "turned", reads: [behind(flow)], used: new Set<Part>(), reverse: false },
    make: (name, [reads]) => [
      recurrent(keepsLast, {
        ...{ name, label: "turned", reads: reads as string },
        ...{ goBackwards: true, returnSequences: true, zeroOutputForMask: true },
      }),
    ],
    values: () => ({}),
  };
  const made: Flow = { kind: "flow", axes: flow.axes, draft };
  ordered.set(flow.draft, (ordered.get(flow.draft) ?? new Map()).set(flow.part, made));
  return made;
}
const ordered = new WeakMap<Draft, Map<Part | undefined, Flow>>();

/** What gives the numbers of a flow, where equations only hand them on. */
export function behind(flow: Flow): Flow {
  const term = flow.draft.lazy === true && flow.part === undefined ? flow.draft.term?.() : undefined;
  const last = rootOf(flow.axes.at(-1) ?? {});
  if (term !== undefined && last.role === "features" && last.size !== term.width)
    throw refused("what it reads is one number that is repeated for each feature.");
  return term?.kind === "read" && term.every === undefined && flow.turned !== true ? term.flow : flow;
}
/** A layer that keeps the axes of what it reads, but for `size` features. */
export function layer(
  label: string,
  given: readonly Flow[],
  draft: Omit<Draft, "label" | "reads" | "used" | "reverse"> & { readonly reverse?: boolean },
  axes: readonly Axis[] = (given[0] as Flow).axes,
): Flow {
  const reads = inOneOrder(given.map(behind));
  return { kind: "flow", axes, draft: { label, reads, used: new Set(), reverse: reads.some(isBackwards), ...draft } };
}
/** What keeps the last step that it reads. */
export const keepsLast = cell("h' = x\nh : input");
/** The values of the last step of the graph's, or of the first. */
export function lastOf(flow: Flow, axis: number, node: string, first = false): Flow {
  const goBackwards = isBackwards(flow) !== first;
  const draft: Draft = {
    ...{
      label: first ? "first" : "last",
      reads: [behind(flow)],
      used: new Set<Part>(),
      reverse: false,
      countsAll: node,
    },
    make: (own, [reads]) => [recurrent(keepsLast, { name: own, label: "last", reads: reads as string, goBackwards })],
    values: () => ({}),
  };
  return { kind: "flow", axes: flow.axes.toSpliced(axis, 1), draft };
}
