/** `Reshape` and `Flatten`: axes that become one, or come apart again. */
import { InputError } from "../../graph/input-error.ts";
import { type Axis, listOf, rootOf, type Size } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import {
  axisAt,
  type Flow,
  isBackwards,
  isSingle,
  laidOut,
  numberOf,
  type Operands,
  type Reading,
  refused,
  role,
  type Stack,
  same,
  type Value,
} from "./flows.ts";

import { lateOf, stepByStep } from "./late.ts";
import { atTheEnd, concatenated, hasFeatures } from "./movements.ts";

/**
 * Axes side by side become one, or come apart again, as `Reshape` and `Flatten` say by sizes; at the end of a graph, where layers cannot say
 * it, the numbers stay as they are.
 */
export function reshaped(node: ReadNode, given: Operands, reading: Reading): Value {
  const from = laidOut(given[0]);
  const late = from.kind === "flow" ? lateOf(from) : 0;
  if (late > 0) return stepByStep(given, (own) => reshaped(node, own, reading)) as Value;
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
  const joined = from.kind === "flow" && groups.length === 2 ? sideBySide(from, groups) : undefined;
  if (joined !== undefined) return joined;
  if (wide.length > 1 || parts.some((axis) => rootOf(axis).role === "features")) {
    throw refused("it puts steps or examples together with features.");
  }
  const together: Together = { of: parts.map(rootOf) };
  return { ...from, axes: groups.map((group) => (group.length > 1 ? together : (group[0] as Axis))) };
}
/** The features of all steps, one step after the other, where it is that. */
function sideBySide(flow: Flow, groups: readonly (readonly Axis[])[]): Flow | undefined {
  const [[batch, ...others] = [], [time, last, ...more] = []] = groups;
  const fits =
    batch !== undefined && others.length === 0 && time !== undefined && last !== undefined && more.length === 0;
  if (!fits || flow.partial !== undefined || flow.turned === true || isBackwards(flow)) return undefined;
  const [steps, each] = [rootOf(time), rootOf(last)];
  if (each.role !== "features" || each.size === undefined || (steps.role !== undefined && steps.role !== "time"))
    return undefined;
  role(time, "time");
  const size = steps.size === undefined ? undefined : steps.size * each.size;
  return { ...flow, axes: [batch, { size }], partial: { each: each.size } };
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
  // All axes behind that of the examples become one.
  if (axis === 1 && from.axes.length === 3) return [from.axes[0] as Axis, -1];
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
