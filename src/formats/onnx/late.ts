/**
 * Flows that have fewer steps in the file than here, as slices of the steps and convolutions without padding give them: they begin late,
 * see `late-steps.ts`. What works step by step takes them as they are; what goes over the steps says what it makes of them.
 */
import { recurrent } from "../../nn/layers.ts";
import { delayed } from "../late-steps.ts";
import { rootOf } from "./constants.ts";
import { type Draft, type Flow, isBackwards, isTimed, layer, type Operands, refused, type Value } from "./flows.ts";

/** How many steps late a value begins; 0 for none. */
export function lateOf(value: Value | undefined): number {
  if (value?.kind === "stack") return Math.max(0, ...value.parts.map(lateOf));
  if (value?.kind !== "flow" || value.partial === undefined) return 0;
  if (value.partial === "without first" || value.partial === "without last") return 1;
  return typeof value.partial === "object" && "late" in value.partial ? value.partial.late : 0;
}

/** The flow with all steps that it has here: of one whose last steps are cut off, each so many later. */
export function whole(value: Flow): Flow {
  const { partial, ...flow } = value;
  if (lateOf(value) === 0) return value;
  if (isBackwards(flow)) throw refused("it takes a part of steps that run backwards.");
  const back =
    partial === "without last" ? 1 : typeof partial === "object" && "late" in partial ? (partial.back ?? 0) : 0;
  if (back === 0) return flow;
  const draft: Pick<Draft, "make" | "values"> = {
    make: (own, [reads]) => [
      recurrent(delayed(back), { name: own, label: "delayed", reads: reads as string, returnSequences: true }),
    ],
    values: () => ({}),
  };
  return layer("delayed", [flow], draft);
}
/** A flow that begins so many steps late. */
export const beginning = (flow: Flow, late: number): Flow => (late === 0 ? flow : { ...flow, partial: { late } });

/** Operators that work step by step, whatever steps there are. */
const stepwise = [
  ...["MatMul", "Gemm", "BatchNormalization", "LayerNormalization", "Softmax", "LogSoftmax", "Transpose", "Squeeze"],
  ...["Unsqueeze", "Identity", "Cast", "Dropout"],
];
export const isStepwise = (op: string): boolean => stepwise.includes(op);

/**
 * What a node that works step by step makes of values that begin late: what it makes of all their steps, which begins as late.
 * @returns undefined where none begins late
 */
export function stepByStep(
  given: Operands,
  make: (given: Operands) => Value | readonly Value[],
): Value | readonly Value[] | undefined {
  const late = Math.max(0, ...given.map(lateOf));
  if (late === 0) return undefined;
  const own = given.map((value) => {
    if (value?.kind === "stack" && value.parts.every((part) => lateOf(part) === late)) {
      return { ...value, parts: value.parts.map(whole) };
    }
    if (value?.kind !== "flow") return value;
    const is = lateOf(value);
    if (is !== late && (is > 0 || isTimed(value))) {
      throw refused(`it combines steps of which some begin ${Math.abs(late - is)} later. Cut off as many of both.`);
    }
    return whole(value);
  });
  const again = (value: Value): Value => {
    if (value.kind === "stack") return { ...value, parts: value.parts.map((part) => beginning(part, late)) };
    return value.kind === "flow" && isTimed(value) ? beginning(value, late) : value;
  };
  const made = make(own);
  return Array.isArray(made) ? (made as readonly Value[]).map(again) : again(made as Value);
}

/** The number of steps that a flow has in the file, where it is known. */
export const stepsIn = (flow: Flow, axis: number): number | undefined => {
  const { size } = rootOf(flow.axes[axis] ?? {});
  return size === undefined ? undefined : size - lateOf(flow);
};
