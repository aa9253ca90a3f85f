/**
 * Operators that only move numbers: they move axes, and make no layer, but where they take the last step or put features side by side.
 */
import { InputError } from "../../graph/input-error.ts";
import { formatValue } from "../../graph/schema.ts";
import { concatenate } from "../../nn/layers.ts";
import { type Axis, integersOf, listOf, placesOf, rootOf, type Size } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import {
  axisAt,
  type Draft,
  type Flow,
  features,
  featuresOf,
  flowOf,
  isSingle,
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
  role,
  type Stack,
  same,
  type Value,
} from "./flows.ts";

import { bothWays, lastOfTerm, termFlow, termOf } from "./loops.ts";
import { movedByOne } from "./scan.ts";
import { everyNth } from "./strides.ts";
import { concatTerm, gatheredTerm, hintOf, reachable, slicedTerm } from "./terms.ts";

/** Places along an axis that a node takes, or its axes: an attribute or, in later opsets, an input; undefined where it is left out. */
function listAt(node: ReadNode, key: string, given: Operands, k: number): readonly number[] | undefined {
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
const hasFeatures = (flow: Flow): boolean =>
  flow.draft.term !== undefined || rootOf(flow.axes.at(-1) as Axis).role === "features";
function taken(
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
  const { size, role: is } = rootOf(at);
  const [place, more] = places as [number?, number?];
  if (place !== undefined && more === undefined && (size === undefined || (place >= -size && place < size))) {
    if (isSingle(at)) return scalar ? { ...from, axes: without } : from;
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
      const one = stepOf(node, flowOf(from), axis, isLast);
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

const atTheEnd = ({ name, op }: ReadNode): string => `The node ${formatValue(name)} (${op}), at the end,`;
/**
 * Axes side by side become one, or come apart again, as `Reshape` and `Flatten` say by sizes; at the end of a graph, where layers cannot say
 * it, the numbers stay as they are.
 */
export function reshaped(node: ReadNode, given: Operands, reading: Reading): Value {
  const from = laidOut(given[0]);
  const isOutput = from.kind === "flow" && from.partial === undefined && reading.isLast(node);
  try {
    const made = regrouped(node, from, given);
    if (!isOutput || (made.kind === "flow" && made.partial === undefined)) return made;
  } catch (error) {
    if (!isOutput || !(error instanceof InputError)) throw error;
  }
  reading.notes.add(
    `${atTheEnd(node)} gives the numbers another shape: here they stand as before it, in the same order.`,
  );
  return from;
}
function regrouped(node: ReadNode, from: Flow | Stack, given: Operands): Flow | Stack {
  const target = node.op === "Flatten" ? flattened(node, from) : listOf(given[1]);
  if (target === undefined) throw refused("its shape is computed.");
  if (numberOf(node, "allowzero") === 1 && target.includes(0)) throw refused("it makes an axis of size 0.");
  const copied = target.map((size, k): Size => (size === 0 ? (from.axes[k] ?? "unknown") : size));
  const groups = grouped(from.axes, copied)?.map(withoutSingles);
  const matrix = from.kind === "flow" && groups === undefined ? asMatrix(from, copied) : undefined;
  if (matrix !== undefined) return matrix;
  if (groups === undefined) throw refused("the axes that it makes are none of time, batch and features.");
  if (from.kind === "stack") {
    // Its parts side by side are the features of all of them.
    const pair = groups.find((group) => group.some((axis) => same(axis, from.along)));
    const [along, last] = pair ?? [];
    if (pair?.length === 1) return { ...from, axes: groups.flat() };
    if (pair?.length !== 2 || !same(along as Axis, from.along) || rootOf(last as Axis).role !== "features") {
      throw refused("it puts directions together with something else than their features.");
    }
    const together = concatenated(from.parts);
    const axes = groups.map((group) => (group === pair ? (together.axes.at(-1) as Axis) : (group[0] as Axis)));
    return { ...together, axes };
  }
  const wide = groups.filter((group) => group.length > 1);
  const [parts] = wide;
  if (parts === undefined) return { ...from, axes: groups.flat() };
  if (wide.length > 1 || parts.some((axis) => rootOf(axis).role === "features")) {
    throw refused("it puts steps or examples together with features.");
  }
  const together: Together = { of: parts.map(rootOf) };
  return { ...from, axes: groups.map((group) => (group.length > 1 ? together : (group[0] as Axis))) };
}
/** Features as the numbers of a matrix. */
function asMatrix(flow: Flow, target: readonly Size[]): Flow | undefined {
  const [rows, columns] = target.slice(-2);
  const { axes } = flow;
  const rest = axes.slice(0, -1);
  const fits = target.length === axes.length + 1 && rest.every((axis, k) => sizeFits(axis, target[k] as Size));
  if (!fits || typeof rows !== "number" || typeof columns !== "number" || !hasFeatures(flow)) return undefined;
  if (rows * columns !== rootOf(axes.at(-1) as Axis).size) return undefined;
  return { ...flow, axes: [...rest, { size: rows }, { size: columns }], partial: { columns } };
}
const sizeFits = (axis: Axis, size: Size): boolean =>
  typeof size === "object" ? same(axis, size) : typeof size === "number" && rootOf(axis).size === size;
/** Axes that a reshape has made one. */
export type Together = Axis & { readonly of?: readonly Axis[] };
/** Axes of one number among others of a group are gone; of none there is a new one. */
function withoutSingles(group: readonly Axis[]): Axis[] {
  const kept = group.filter((axis) => !isSingle(axis));
  return kept.length > 0 ? kept : [group[0] ?? { size: 1 }];
}
function flattened(node: ReadNode, from: Flow | Stack): readonly Size[] {
  const axis = axisAt(numberOf(node, "axis") ?? 1, from.axes.length);
  return axis === from.axes.length - 1 && axis === 1 ? [from.axes[0] as Axis, from.axes[1] as Axis] : [-1, "unknown"];
}
/** Which axes each size of a shape stands for; undefined where that is not clear. Axes that were put together come apart. */
function grouped(axes: readonly Axis[], target: readonly Size[]): Axis[][] | undefined {
  const all = axes.flatMap((axis) => (rootOf(axis) as Together).of ?? [axis]);
  const front: Axis[][] = [];
  const back: Axis[][] = [];
  let [from, to] = [0, all.length];
  let [first, last] = [0, target.length];
  const open = (size: Size): boolean => size === -1 || size === "unknown";
  /** A size that is that of one axis, or the product of several; of 1 where no axis is of that size, a new one. */
  const take = (size: Size, place: number, way: 1 | -1): Axis[] | undefined => {
    const one = place >= from && place < to ? all[place] : undefined;
    if (one !== undefined && sizeFits(one, size)) return [one];
    if (typeof size !== "number") return undefined;
    const group: Axis[] = [];
    let product = 1;
    for (let k = place; k >= from && k < to && product < size; k += way) {
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
  if (last - first > 1) return undefined;
  if (first === last) return all.slice(from, to).every(isSingle) ? [...front, ...back] : undefined;
  return to > from ? [...front, all.slice(from, to), ...back] : undefined;
}

const most = 2 ** 31 - 1;
export function sliced(node: ReadNode, given: Operands, reading: Reading): Value {
  let made = laidOut(given[0]);
  if (made.kind === "flow" && typeof made.partial === "object" && "padded" in made.partial)
    return everyNth(node, made, given);
  const [starts, ends] = [listAt(node, "starts", given, 1), listAt(node, "ends", given, 2)];
  if (starts === undefined || ends === undefined) throw refused("its bounds are left out.");
  const axes = listAt(node, "axes", given, 3) ?? starts.map((_, axis) => axis);
  const steps = listAt(node, "steps", given, 4) ?? starts.map(() => 1);
  if ([starts, ends, steps].some(({ length }) => length !== axes.length))
    throw refused("its bounds are not as many as its axes.");
  axes.forEach((one, k) => {
    const axis = axisAt(one, made.axes.length);
    const at = rootOf(made.axes[axis] as Axis);
    const [start, end, step] = [starts[k] as number, ends[k] as number, steps[k] as number];
    const { size = most } = made.kind === "stack" && same(at, made.along) ? { size: made.parts.length } : at;
    if (start === 0 && step === 1 && end >= size) return;
    if (step === -1 && (start === -1 || start >= size - 1) && end < -size && at.role !== "features") {
      role(at, "time");
      made = { ...flowOf(made), turned: flowOf(made).turned !== true };
      return;
    }
    const flow = made;
    if (flow.kind === "flow" && axis === flow.axes.length - 1 && size !== most && step === 1 && hasFeatures(flow)) {
      const places = placesOf(size, start, end, step);
      if (places.length === 0) throw refused("it takes nothing.");
      made = partOf(node, flow, places[0] ?? 0, places.length, reading);
      return;
    }
    const isWithoutLast = start === 0 && (end === -1 || end === size - 1);
    const isWithoutFirst = start === 1 && end >= size;
    if (
      flow.kind === "flow" &&
      step === 1 &&
      (isWithoutLast || isWithoutFirst) &&
      at.role !== "features" &&
      !isSingle(at)
    ) {
      if (at.role === "time" || size === most) {
        role(at, "time");
        made = { ...flowOf(flow), partial: isWithoutLast ? "without last" : "without first" };
        return;
      }
    }
    const isLast = start === -1 && step === 1 && end >= size;
    const isFirst = start === 0 && step === 1 && end === 1;
    if (size === most && !isLast && !isFirst) throw refused("it takes a part of the steps or of the examples.");
    const places = isLast ? [-1] : isFirst ? [0] : placesOf(size, start, end, step);
    made = taken(node, made, axis, places, false, reading);
  });
  return made;
}

/** Features side by side: those of one direction of a layer, or others. */
function partOf(node: ReadNode, from: Flow, start: number, count: number, { notes }: Reading): Flow {
  const axes = [...from.axes.slice(0, -1), features(count)];
  const [when, way] = (from.part ?? "").split(" ");
  const size = rootOf(from.axes.at(-1) as Axis).size as number;
  if (way === "both" && 2 * count === size && start % count === 0) {
    return { ...from, axes, part: `${when} ${start === 0 ? "forward" : "backward"}` as Part };
  }
  const taken = slicedTerm(termOf(from), start, count);
  if (taken.kind === "product" && taken.selects) {
    notes.add(
      `${formatValue(node.name)} takes a part of the features: here a matrix of zeros and ones does, which training would change.`,
    );
  }
  return termFlow(node, taken, axes);
}

/** What each of a node's outputs is. */
export function split(node: ReadNode, given: Operands, reading: Reading): readonly Value[] {
  const from = laidOut(given[0]);
  const axis = axisAt(numberOf(node, "axis") ?? 0, from.axes.length);
  const { size = 0 } = rootOf(from.axes[axis] as Axis);
  const count = node.outputs.length;
  const each = Math.ceil(size / count);
  const sizes = listAt(node, "split", given, 1) ?? node.outputs.map((_, k) => Math.min(each, size - k * each));
  if (sizes.length !== count || sizes.some((one) => one < 1) || sizes.reduce((a, b) => a + b, 0) !== size)
    throw refused("its parts are not what it splits.");
  let start = 0;
  return sizes.map((length) => {
    start += length;
    const places = Array.from({ length }, (_, j) => start - length + j);
    if (from.kind === "flow" && axis === from.axes.length - 1 && hasFeatures(from)) {
      return partOf(node, from, start - length, length, reading);
    }
    return taken(node, from, axis, places, false, reading);
  });
}

/** Flows side by side as features; both directions of one layer, in their order, are its output as it is. */
function concatenated(parts: readonly Flow[]): Flow {
  const [first, second] = parts as [Flow, Flow | undefined];
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
