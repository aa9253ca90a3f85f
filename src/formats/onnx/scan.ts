/** `Scan`, and steps that are moved by one: loops over equations. */
import { type Axis, type Constant, numbersOf, rootOf } from "./constants.ts";
import type { ReadGraph, ReadNode } from "./decode.ts";
import {
  axisAt,
  type Flow,
  features,
  flowOf,
  isSingle,
  join,
  numberOf,
  numbersAt,
  type Operands,
  type Reading,
  refused,
  role,
  type Value,
} from "./flows.ts";
import { lastOfTerm, termFlow, termOf } from "./loops.ts";
import { hintOf, type State, stateTerm, type Term } from "./terms.ts";

/** Reads a body: its results, by the values that its inputs have. */
export type ReadBody = (body: ReadGraph, inputs: ReadonlyMap<string, Value>) => readonly (Value | undefined)[];

/** Bodies of loops are small. */
const mostNodes = 2000;

export function scanned(node: ReadNode, given: Operands, reading: Reading, read: ReadBody): readonly Value[] {
  const body = node.attributes.get("body")?.graph;
  const many = numberOf(node, "num_scan_inputs") ?? 0;
  const count = given.length - many;
  if ((body?.nodes.length ?? 0) > mostNodes) throw refused(`its body has more than ${mostNodes} nodes.`);
  if (reading.opset < 9) throw refused("before opset 9 it has another form.");
  if (body === undefined || !(many >= 1 && count >= 0) || body.inputs.length !== given.length)
    throw refused("its inputs are not those of its body.");
  if (body.outputs.length !== node.outputs.length || body.outputs.length < count)
    throw refused("its outputs are not those of its body.");
  const listed = (key: string, length: number): readonly number[] =>
    numbersAt(node, key) ?? Array.from({ length }, () => 0);
  const directions = listed("scan_input_directions", many);
  const inputAxes = listed("scan_input_axes", many);
  if (new Set(directions).size > 1) throw refused("it reads its inputs in different directions.");
  const reverse = directions[0] === 1;

  let time: Axis | undefined;
  const scans = given.slice(count).map((value, k): Value => {
    // The same at each step.
    if (value?.kind === "fill") return value;
    const flow = flowOf(value);
    const axis = axisAt(inputAxes[k] ?? 0, flow.axes.length);
    const own = flow.axes[axis] as Axis;
    role(own, "time");
    if (time === undefined) time = own;
    else join(time, own);
    return termFlow(node, termOf(flow), flow.axes.toSpliced(axis, 1));
  });
  const steps: Axis = time ?? { role: "time" };
  const states = given.slice(0, count).map((initial, k): State => {
    const { name = "", dims } = body.inputs[k] ?? {};
    const size = dims?.at(-1);
    const width = typeof size === "number" ? size : widthOfInitial(initial);
    if (!(width > 0)) throw refused("the size of one of its states is not in the file.");
    return { hint: hintOf(name), width, initial: initialOf(initial, width, reading), reverse };
  });
  const batch: Axis = {};
  const inputs = new Map<string, Value>();
  states.forEach((state, k) => {
    inputs.set(body.inputs[k]?.name ?? "", termFlow(node, stateTerm(state), [batch, features(state.width)]));
  });
  scans.forEach((flow, k) => {
    inputs.set(body.inputs[count + k]?.name ?? "", flow);
  });
  const results = read(body, inputs);
  states.forEach((state, k) => {
    state.next = ofWidth(termOf(results[k], body.outputs[k]?.name), state.width);
  });
  const finals = states.map(({ next, width }) => lastOfTerm(node, next as Term, [batch, features(width)]));
  const outputDirections = listed("scan_output_directions", results.length - count);
  const outputAxes = listed("scan_output_axes", results.length - count);
  const series = results.slice(count).map((value, k): Flow => {
    if (value?.kind !== "flow") throw refused("it gives the same at each step.");
    const flow = ofLoop(node, flowOf(value));
    const axis = axisAt(outputAxes[k] ?? 0, flow.axes.length + 1);
    // Outputs come in the order of the steps, unless they are put in front.
    const turned = ((outputDirections[k] === 1) !== reverse) !== (flow.turned === true);
    return { ...flow, axes: flow.axes.toSpliced(axis, 0, steps), ...(turned && { turned }) };
  });
  return [...finals, ...series];
}

/** A product of weights in a loop is no layer of its own. */
export function ofLoop(node: Parameters<typeof termFlow>[0], flow: Flow): Flow {
  const term = flow.draft.lazy === false ? flow.draft.term?.() : undefined;
  return term?.reverse === undefined ? flow : termFlow(node, term, flow.axes);
}
function widthOfInitial(value: Value | undefined): number {
  if (value?.kind === "constant") return value.dims.at(-1) ?? 0;
  return value?.kind === "flow" ? (rootOf(value.axes.at(-1) ?? {}).size ?? 0) : 0;
}
function ofWidth(term: Term, width: number): Term {
  if (term.width !== width && term.kind !== "number") throw refused("one of its states changes its size.");
  return term;
}
/** What a state starts from. */
function initialOf(value: Value | undefined, width: number, { inputs, stateInputs, notes }: Reading): State["initial"] {
  if (value === undefined || (value.kind === "fill" && value.value === 0)) return undefined;
  if (value.kind === "fill") return new Float32Array(width).fill(value.value);
  if (value.kind === "constant") return sharedBy(value, width);
  const flow = flowOf(value);
  if (!inputs.has(flow.draft)) return flow;
  stateInputs.add(flow.draft);
  notes.add("Its initial states are inputs: here a session owns them, and sequences start from zeros.");
  return undefined;
}
function sharedBy(value: Constant, width: number): Float32Array | undefined {
  const all = numbersOf(value);
  if (all.length % width !== 0 || all.some((one, k) => one !== all[k % width]))
    throw refused("its initial states are not the same for all examples.");
  return all.every((one) => one === 0) ? undefined : Float32Array.from(all.slice(0, width));
}

/** A start and all steps but one: each step's value is that of the step before. */
export function movedByOne(node: ReadNode, given: readonly Value[], axis: number, reading: Reading): Flow | undefined {
  if (given.length !== 2) return undefined;
  const [first, second] = given as [Value, Value];
  const reverse = first.kind === "flow" && first.partial === "without first";
  const [start, rest] = reverse ? [second, first] : [first, second];
  if (rest.kind !== "flow" || rest.partial !== (reverse ? "without first" : "without last")) return undefined;
  const { partial: _, ...whole } = rest;
  const own = whole.axes[axis];
  if (own === undefined || rootOf(own).role !== "time" || !isStart(start, axis)) return undefined;
  const next = termOf(whole);
  const initial = initialOf(start, next.width, reading);
  const state: State = { hint: hintOf(node.outputs[0]), width: next.width, initial, reverse, next };
  return termFlow(node, stateTerm(state), whole.axes);
}
const isStart = (value: Value, axis: number): boolean =>
  value.kind === "fill" ||
  (value.kind === "constant" && value.dims[axis] === 1) ||
  (value.kind === "flow" && value.axes[axis] !== undefined && isSingle(value.axes[axis] as Axis));
