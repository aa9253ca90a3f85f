/**
 * Operators that only move numbers: they move axes, and make no layer, but where they take the last step or put features side by side.
 */
import { formatValue } from "../../graph/schema.ts";
import { concatenate, recurrent } from "../../nn/layers.ts";
import { firstFrom } from "../late-steps.ts";
import { type Axis, integersOf, rootOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import {
  axisAt,
  type Draft,
  type Flow,
  features,
  featuresOf,
  flowOf,
  isSingle,
  isTimed,
  joined,
  laidOut,
  lastOf,
  layer,
  numberOf,
  numbersAt,
  type Operands,
  type Part,
  type Reading,
  refused,
  type Stack,
  same,
  type Value,
} from "./flows.ts";

import { beginning, lateOf, whole } from "./late.ts";
import { bothWays, lastOfTerm, termFlow, termOf } from "./loops.ts";
import { movedByOne } from "./scan.ts";
import { concatTerm, gatheredTerm, hintOf, reachable } from "./terms.ts";

/** Places along an axis that a node takes, or its axes: an attribute or, in later opsets, an input; undefined where it is left out. */
export function listAt(node: ReadNode, key: string, given: Operands, k: number): readonly number[] | undefined {
  const list = numbersAt(node, key) ?? integersOf(given[k]);
  if (list === undefined && given[k] !== undefined) throw refused(`its ${key} are computed.`);
  return list;
}

/** Some places along an axis, by an index of a node; `scalar`: one, and the axis goes. */
export function gathered(node: ReadNode, given: Operands, reading: Reading): Value {
  const [from, index] = given;
  const places = integersOf(index);
  if (places === undefined || (from?.kind !== "flow" && from?.kind !== "stack"))
    throw refused("its indices are computed.");
  const axis = axisAt(numberOf(node, "axis") ?? 0, from.axes.length);
  const scalar =
    index?.kind === "constant" ? index.dims.length === 0 : index?.kind === "sizes" && index.scalar === true;
  if (from.kind === "flow" && axis === from.axes.length - 1 && !scalar && hasFeatures(from)) {
    return termFlow(node, gatheredTerm(termOf(from), places), [...from.axes.slice(0, -1), features(places.length)]);
  }
  return taken(node, from, axis, places, scalar, reading);
}
/** Whether its last axis is its features: it is known to be, or it is what equations gave. */
export const hasFeatures = (flow: Flow): boolean =>
  flow.draft.term !== undefined || rootOf(flow.axes.at(-1) as Axis).role === "features";
export function taken(
  node: ReadNode,
  from: Flow | Stack,
  axis: number,
  places: readonly number[],
  scalar: boolean,
  { inputs, streams, notes, isLast: isAtTheEnd }: Reading,
): Flow | Stack {
  const at = from.axes[axis] as Axis;
  const without = from.axes.toSpliced(axis, 1);
  if (from.kind === "stack" && same(at, from.along)) {
    const parts = places.map((place) => from.parts[place < 0 ? place + from.parts.length : place]);
    if (parts.length === 0 || parts.some((part) => part === undefined))
      throw refused("it takes a direction or a layer that is not there.");
    if (scalar) return { ...(parts[0] as Flow), axes: without };
    const along: Axis = { size: parts.length };
    return { kind: "stack", along, parts: parts as Flow[], axes: from.axes.with(axis, along) };
  }
  const { role: is } = rootOf(at);
  const late = is === "time" ? lateOf(from) : 0;
  const size = rootOf(at).size === undefined ? undefined : (rootOf(at).size as number) - late;
  const [place, more] = places as [number?, number?];
  if (place !== undefined && more === undefined && (size === undefined || (place >= -size && place < size))) {
    if (isSingle(at)) return scalar ? { ...from, axes: without } : from;
    if (is === "features" && size === 1 && from.kind === "flow" && scalar && !isAtTheEnd(node) && isTimed(from)) {
      return { ...flowOf(from), axes: without, partial: "single" };
    }
    if (is === "features" && size === 1 && from.kind === "flow" && (!scalar || isAtTheEnd(node))) {
      if (scalar) {
        notes.add(
          `${atTheEnd(node)} takes the axis of the one feature away: here it stays, with the same numbers in the same order.`,
        );
      }
      return from;
    }
    const isLast = place === -1 || place + 1 === size;
    const isFirst = place === 0 || place === -(size ?? Number.NaN);
    // One step of a stream.
    if (is === "time" && from.kind === "flow" && size === 1 && streams) {
      return scalar ? { ...from, axes: without } : from;
    }
    if (is === "time" && from.kind === "flow" && (isLast || isFirst)) {
      const all = whole(from);
      const one = late > 0 && isFirst ? firstOf(node, all, axis, late) : stepOf(node, flowOf(all), axis, isLast);
      return scalar ? one : { ...one, axes: one.axes.toSpliced(axis, 0, { size: 1 }) };
    }
    // One of several layers' initial states, which an input holds together.
    if (from.kind === "flow" && inputs.has(from.draft) && is === undefined && size !== undefined) {
      return { ...from, axes: scalar ? without : from.axes.with(axis, { size: 1 }), partial: "piece" };
    }
  }
  if (from.kind === "flow" && inputs.has(from.draft) && is === undefined && size !== undefined && places.length > 1)
    return { ...from, axes: from.axes.with(axis, { size: places.length }), partial: "piece" };
  throw refused("it takes a part of the steps or of the features.");
}

/** The first step of what begins late. */
function firstOf(node: ReadNode, flow: Flow, axis: number, late: number): Flow {
  const draft: Pick<Draft, "make" | "values" | "reverse" | "countsAll"> = {
    make: (own, [reads]) => [recurrent(firstFrom(late), { name: own, label: "first", reads: reads as string })],
    values: () => ({}),
    reverse: false,
    countsAll: node.name,
  };
  return layer("first", [flow], draft, flow.axes.toSpliced(axis, 1));
}
/** The last step, or the first. */
function stepOf(node: ReadNode, flow: Flow, axis: number, isLast: boolean): Flow {
  const term = flow.turned === true ? undefined : flow.draft.loop && flow.draft.term?.();
  return term !== undefined && term.reverse !== isLast
    ? lastOfTerm(node, term, flow.axes.toSpliced(axis, 1))
    : lastOf(flow, axis, node.name, !isLast);
}

export function transposed<V extends Flow | Stack>(node: ReadNode, from: V): V {
  const { length } = from.axes;
  const perm = numbersAt(node, "perm") ?? from.axes.map((_, axis) => length - 1 - axis);
  if (perm.length !== length || new Set(perm).size !== length)
    throw refused("its order of axes has not each of them once.");
  return { ...from, axes: perm.map((axis) => from.axes[axisAt(axis, length)] as Axis) };
}

export function unsqueezed(node: ReadNode, given: Operands): Value {
  const from = laidOut(given[0]);
  const asked = listAt(node, "axes", given, 1);
  if (asked === undefined) throw refused("the axes that it makes are left out.");
  const axes = [...from.axes];
  const rank = axes.length + asked.length;
  const places = asked.map((one) => axisAt(one, rank));
  if (new Set(places).size < places.length) throw refused("it makes an axis twice.");
  for (const axis of places.toSorted((a, b) => a - b)) axes.splice(axis, 0, { size: 1 });
  return { ...from, axes };
}
export function squeezed(node: ReadNode, given: Operands, reading: Reading): Value {
  const from = laidOut(given[0]);
  const gone =
    listAt(node, "axes", given, 1)?.map((axis) => axisAt(axis, from.axes.length)) ??
    from.axes.flatMap((axis, k) => (rootOf(axis).size === 1 ? [k] : []));
  let made: Flow | Stack = from;
  for (const axis of [...new Set(gone)].toSorted((a, b) => b - a)) {
    const { size = 1 } = rootOf(made.axes[axis] as Axis);
    if (size !== 1) throw refused(`it takes away an axis of size ${size}.`);
    made = taken(node, made, axis, [0], true, reading);
  }
  return made;
}

export const atTheEnd = ({ name, op }: ReadNode): string => `The node ${formatValue(name)} (${op}), at the end,`;
/** Flows side by side as features; both directions of one layer, in their order, are its output as it is. */
export function concatenated(parts: readonly Flow[]): Flow {
  const [first, second] = parts as [Flow, Flow | undefined];
  const late = lateOf(first);
  if (late > 0 && parts.every((part) => lateOf(part) === late)) return beginning(concatenated(parts.map(whole)), late);
  const size = parts.map(featuresOf).reduce((a, b) => a + b, 0);
  if (second === undefined) return first;
  const axes = parts.map((part) => part.axes).reduce(joined);
  const wide = [...axes.slice(0, -1), features(size)];
  const [when, way] = (first.part ?? "").split(" ");
  if (parts.length === 2 && first.draft === second.draft && way === "forward" && second.part === `${when} backward`) {
    return { kind: "flow", axes: wide, draft: first.draft, part: `${when} both` as Part };
  }
  const draft: Pick<Draft, "make" | "values"> = {
    make: (own, from) => [concatenate(from, { name: own })],
    values: () => ({}),
  };
  return layer("concatenate", parts, draft, wide);
}
/** The parts of a stack as one flow. */
export const unstacked = ({ parts }: Stack): Flow => concatenated(parts);

export function concat(node: ReadNode, given: readonly Value[], reading: Reading): Value {
  const timed = given.find((value): value is Flow => value.kind === "flow" && value.partial !== undefined);
  const moved = timed && movedByOne(node, given, axisAt(numberOf(node, "axis") ?? 0, timed.axes.length), reading);
  if (moved !== undefined) return moved;
  const flows = given.filter((value): value is Flow | Stack => value.kind === "flow" || value.kind === "stack");
  const [first] = flows as [Flow | Stack];
  if (flows.length !== given.length) throw refused("it puts constants beside numbers of the input.");
  const rank = first.axes.length;
  if (flows.some(({ axes }) => axes.length !== rank)) throw refused("its operands have different numbers of axes.");
  const axis = axisAt(numberOf(node, "axis") ?? 0, rank);
  const isAlong = (one: Flow | Stack): boolean =>
    one.kind === "stack" ? same(one.axes[axis] as Axis, one.along) : isSingle(one.axes[axis] as Axis);
  if (flows.every(isAlong) && axis < rank - 1) {
    const parts = flows.flatMap((one) =>
      one.kind === "stack" ? one.parts : [{ ...flowOf(one), axes: one.axes.toSpliced(axis, 1) }],
    );
    const along: Axis = { size: parts.length };
    return { kind: "stack", along, parts, axes: first.axes.with(axis, along) };
  }
  if (axis !== rank - 1) throw refused("it puts steps or examples one behind the other.");
  const parts = flows.map(flowOf);
  const [there, back, more] = parts as [Flow, Flow?, Flow?];
  const size = parts.map(featuresOf).reduce((a, b) => a + b, 0);
  const wide = [
    ...parts
      .map((part) => part.axes)
      .reduce(joined)
      .slice(0, -1),
    features(size),
  ];
  const both = back !== undefined && more === undefined ? bothWays(there, back) : undefined;
  if (both !== undefined) return concatenated(both);
  if (parts.some(isUnfinished))
    return termFlow(
      node,
      concatTerm(
        parts.map((part) => termOf(part)),
        hintOf(node.outputs[0]),
      ),
      wide,
    );
  return concatenated(parts);
}
/** Whether it needs a state of a loop whose body is being read. */
function isUnfinished({ draft }: Flow): boolean {
  const term = draft.term?.();
  return term?.reverse !== undefined && [...reachable([term])].some((one) => one.kind === "state" && !one.state.next);
}
