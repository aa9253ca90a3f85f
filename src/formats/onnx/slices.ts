/** `Slice` and `Split`: parts of the steps and of the features. */
import { formatValue } from "../../graph/schema.ts";
import { type Axis, placesOf, rootOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import {
  axisAt,
  type Flow,
  features,
  flowOf,
  isSingle,
  laidOut,
  numberOf,
  type Operands,
  type Part,
  type Reading,
  refused,
  role,
  same,
  type Value,
} from "./flows.ts";

import { lateOf, stepsIn, whole } from "./late.ts";
import { termFlow, termOf } from "./loops.ts";
import { hasFeatures, listAt, taken } from "./movements.ts";
import { everyNth } from "./strides.ts";
import { slicedTerm } from "./terms.ts";

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
    const isAlong = made.kind === "stack" && same(at, made.along);
    const { size = most } = made.kind === "stack" && isAlong ? { size: made.parts.length } : at;
    if (start === 0 && step === 1 && end >= size) return;
    if (!isAlong && step === -1 && (start === -1 || start >= size - 1) && end < -size && at.role !== "features") {
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
        made =
          lateOf(flow) > 0
            ? (cutOff(flow, axis, start, end) as Flow)
            : { ...flowOf(flow), partial: isWithoutLast ? "without last" : "without first" };
        return;
      }
    }
    const cut = flow.kind === "flow" && step === 1 ? cutOff(flow, axis, start, end) : undefined;
    if (cut !== undefined) {
      made = cut;
      return;
    }
    const isLast = start === -1 && step === 1 && end >= size;
    const isFirst = start === 0 && step === 1 && end === 1;
    if (size === most && !isLast && !isFirst) throw refused("it takes a part of the steps or of the examples.");
    const places = isLast ? [-1] : isFirst ? [0] : placesOf(size, start, end, step);
    made = taken(node, made, axis, places, false, reading);
  });
  return made;
}

/** All steps but some of the first and the last; undefined where it is not that. */
function cutOff(flow: Flow, axis: number, start: number, end: number): Flow | undefined {
  const at = flow.axes[axis] as Axis;
  const { role: is, size } = rootOf(at);
  // Of three axes the one in the middle is time, unless a layer says otherwise.
  const isTime = is === "time" || (is === undefined && (size === undefined || (axis === 1 && flow.axes.length === 3)));
  if (!isTime || isSingle(at) || flow.turned === true) return undefined;
  const steps = stepsIn(flow, axis);
  const first = start >= 0 ? start : steps === undefined ? -1 : Math.max(0, start + steps);
  const last = end < 0 ? -end : end >= (steps ?? most) ? 0 : steps === undefined ? -1 : steps - end;
  const many = first + last;
  // One step alone is no sequence.
  if (first < 0 || last < 0 || many === 0 || many > mostCut || many >= (steps ?? many + 2) - 1) return undefined;
  role(at, "time");
  return { ...whole(flow), partial: { late: lateOf(flow) + many, back: last } };
}
/** The most steps that are cut off. */
const mostCut = 99;

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
