/** Every n-th step, as this library writes it: zeros behind the last step, and a slice whose end is computed. */
import { type Axis, integersOf, rootOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import { axisAt, type Flow, flowOf, isSingle, type Operands, refused, role } from "./flows.ts";
import { termFlow, widthOf } from "./loops.ts";

/** `Pad` with zeros behind the last step, or for a convolution also before the first. */
export function padded(node: ReadNode, given: Operands): Flow {
  const flow = flowOf(given[0]);
  const pads = node.attributes.get("pads")?.numbers ?? integersOf(given[1]);
  const mode = node.attributes.get("mode")?.text ?? "constant";
  const filled = given[2]?.kind === "constant" ? Number(given[2].data[0]) : 0;
  const rank = flow.axes.length;
  const places = (pads ?? []).flatMap((many, k) => (many === 0 ? [] : [k]));
  const [place = 0] = places;
  if (pads !== undefined && places.length === 0) return flow;
  const ends = new Set(places.map((one) => one % rank));
  const before = pads?.[place % rank] ?? 0;
  // For a convolution, which reads it.
  const inFront = before > 0 && pads?.every((many) => many >= 0) && flow.axes.length === 3 && ends.size === 1;
  const axis = flow.axes[inFront ? place % rank : place - rank];
  if (
    pads?.length !== 2 * rank ||
    mode !== "constant" ||
    filled !== 0 ||
    (places.length !== 1 && !inFront) ||
    axis === undefined ||
    isSingle(axis) ||
    rootOf(axis).role === "features"
  ) {
    throw refused(
      "it adds steps or features to those that there are. Give the model sequences that have them, cut the file before or behind it, " +
        "or export the model without it.",
    );
  }
  role(axis, "time");
  if (inFront) return { ...flow, partial: { filled: [before, pads[(place % rank) + rank] as number] } };
  return { ...flow, partial: { padded: pads[place] as number } };
}

/** One of `by` steps of what was padded by as many, from `offset` on. */
export function everyNth(node: ReadNode, padded: Flow, given: Operands): Flow {
  const { partial, ...flow } = padded;
  const [[offset], [at], [by]] = [given[1], given[3], given[4]].map((one) => integersOf(one) ?? []) as [
    number[],
    number[],
    number[],
  ];
  const axis = axisAt(at ?? 0, flow.axes.length);
  const steps = flow.axes[axis] as Axis;
  const room = typeof partial === "object" && "padded" in partial ? partial.padded : 0;
  if (
    by === undefined ||
    offset === undefined ||
    rootOf(steps).role !== "time" ||
    by !== room ||
    !(by > 1 && offset >= 0 && offset < by)
  )
    throw refused("it takes a part of what was filled up.");
  const width = widthOf(flow);
  const fewer = strided(rootOf(steps), by);
  return termFlow(node, { kind: "read", flow, width, every: { by, offset } }, flow.axes.with(axis, fewer));
}
/** The axis of every n-th step of another: always the same. */
function strided(axis: Axis, by: number): Axis {
  const known = axes.get(axis) ?? new Map<number, Axis>();
  axes.set(axis, known);
  const made = known.get(by) ?? { role: "time" as const };
  known.set(by, made);
  return made;
}
const axes = new WeakMap<Axis, Map<number, Axis>>();
