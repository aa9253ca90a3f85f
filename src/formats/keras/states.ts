/** States of Keras's recurrent layers as values: those that they start from, and those that they end with. */
import { type LayerSpec, recurrent } from "../../nn/layers.ts";
import { sameCell } from "./cells.ts";
import type { KerasLayer } from "./config.ts";
import { refuse, type Translation, type Value } from "./translation.ts";

/** Where states start: the final states of one layer; or a vector for each, from layers with the states' names. */
export function startsOf(
  translation: Translation,
  states: readonly string[],
  given: readonly Value[],
  layer: KerasLayer,
): { readonly names: readonly [string, string]; readonly from?: string | readonly string[] } {
  const { entries, ours, isTaken, free, emit } = translation;
  const usual = ["h", "c"] as const;
  if (given.length === 0) return { names: usual };
  if (given.length !== states.length) {
    return refuse(layer, `it starts from ${given.length} values and has ${states.length} states`);
  }
  if (given.some(({ sequence, tokens }) => sequence || tokens)) return refuse(layer, "it starts from a sequence");
  const of = given[0]?.state?.of ?? given[0]?.parts?.[0]?.state?.of;
  const isState = (value: Value | undefined, name: string, half?: string): boolean =>
    value?.state?.of === of &&
    value?.state?.name === name &&
    value?.state?.half === half &&
    value?.state?.all === states.length;
  const whole = given.every((value, k) => isState(value, states[k] as string));
  const joined = given.every(
    ({ parts }, k) =>
      parts?.length === 2 &&
      isState(parts[0], states[k] as string, "forward") &&
      isState(parts[1], states[k] as string, "backward"),
  );
  if (of !== undefined && (whole || joined)) return { names: usual, from: of };
  const flows = given.map((value) => value.flow());
  // A recurrent layer would give its final states in place of its output.
  const recurrentOnes = new Set(entries.filter(({ spec }) => hasStates(spec)).map(({ spec }) => spec.name));
  const direct = flows.every((flow, k) => flow === states[k] && !recurrentOnes.has(flow));
  if (direct || (flows.length === 1 && !recurrentOnes.has(flows[0] as string))) return { names: usual, from: flows };
  // So there are layers of the states' names between; where a name is taken, the states have another.
  const own = states.map((state) => free(isTaken(state) ? `${ours.get(layer.name)}_${state}` : state));
  own.forEach((name, k) => {
    emit(recurrent(sameCell, { label: "state", reads: flows[k] as string }), name);
  });
  return { names: [own[0] as string, own[1] ?? "c"], from: own };
}
const hasStates = (spec: LayerSpec): boolean =>
  spec.kind === "bidirectional" || (spec.kind === "cell" && spec.cell.states.length > 0);

/** One of the two directions of a layer. */
export type Half = "forward" | "backward";

/**
 * The final states of a layer as values; as layers of their own only where something reads them so.
 * @param copy makes a layer whose output is this state
 */
export const statesOf = (
  { free }: Translation,
  of: string,
  states: readonly string[],
  half: Half | undefined,
  copy: (state: string, name: string) => void,
): Value[] =>
  states.map((state) => {
    let made: string | undefined;
    const flow = (): string => {
      if (made === undefined) {
        made = free([of, half, state].filter((part) => part !== undefined).join("_"));
        copy(state, made);
      }
      return made;
    };
    return {
      ...{ flow, sequence: false, mask: undefined, time: undefined },
      state: { of, name: state, all: states.length, ...(half !== undefined && { half }) },
    };
  });
