/** Keras's Bidirectional as ours. */
import { excerpt } from "../../graph/excerpt.ts";
import { bidirectional, type CellSpec, type MergeMode, mergeModes, recurrent } from "../../nn/layers.ts";
import { lastStep } from "../foreign-cells.ts";
import { firstFrom, lateCell } from "../late-steps.ts";
import { recurrentCell } from "./cells.ts";
import { type Config, isTrainable, type KerasLayer, nested } from "./config.ts";
import { endedBy, masked, outputMask } from "./masks.ts";
import type { RecurrentCall } from "./recurrent.ts";
import { cellOf, checkReversed, type RecurrentOptions, readRecurrent } from "./recurrent-options.ts";
import { type Half, statesOf } from "./states.ts";
import {
  nameOfCall,
  oneVector,
  prompt,
  refuse,
  sharedWith,
  stepsOf,
  type Translation,
  type Value,
} from "./translation.ts";
import type { WeightGroup } from "./weights.ts";

/** A layer in two directions: its output, or one of each where they are not merged, and the final states of both where it returns them. */
export function addBidirectional(
  translation: Translation,
  layer: KerasLayer,
  { index, call, x, starts }: RecurrentCall,
): readonly Value[] {
  const { config } = layer;
  const there = nested(config.layer);
  if (there === undefined) return refuse(layer, "it has no layer");
  if (starts.length > 0) return refuse(layer, "its directions start from given states");
  const mode = config.merge_mode === null ? "none" : (config.merge_mode ?? "concat");
  const mergeMode = [...mergeModes, "none" as const].find((one) => one === mode);
  if (mergeMode === undefined) return refuse(layer, `its merge_mode is ${excerpt(String(mode))}`);
  const own = nameOfCall(translation, layer, index);
  const { reads, mask } = masked(translation, layer, call, x);
  const readOf = (given: NonNullable<typeof there>): RecurrentOptions => {
    const { className, config: own } = cellOf(layer, given.className, given.config);
    return readRecurrent(translation, layer, className, own);
  };
  const back = nested(config.backward_layer) ?? there;
  const [forward, backward] = [readOf(there), readOf(back)];
  const { returnSequences, goBackwards } = forward.options;
  const { late = 0 } = x;
  // Of what begins late the way back ends at a step before the last that it would read: then its output there is taken.
  const picked = late > 0 && !returnSequences;
  if (late > 0 && (goBackwards || forward.returnState || (picked && index > 0))) prompt(layer, x);
  const name = picked ? translation.free(`${own}_steps`) : own;
  checkReversed(translation, layer, mask, forward.options);
  const handed = outputMask(translation, mask, returnSequences);
  const zeroed = mask !== undefined && returnSequences;
  const { tfjs, major } = translation.dialect;
  if (zeroed && major < 3) {
    translation.note(
      tfjs
        ? `${name}: masked steps of a Bidirectional are zeros here; in TensorFlow.js one direction repeats its output there.`
        : `${name}: masked steps of a Bidirectional are zeros here, as since Keras 2.4; earlier versions repeat the step before.`,
    );
  }
  const make = (read: RecurrentOptions, output?: string): CellSpec =>
    recurrent(recurrentCell({ ...read.form, states: ["h", "c"], output }), {
      ...{ units: read.units, label: read.label, ...read.options, ...read.rates, goBackwards: false },
      returnState: read.returnState,
    });
  const owner = translation.ours.get(layer.name) as string;
  const direction = (read: RecurrentOptions, half: Half): CellSpec => {
    const spec = make(read);
    const cell = half === "forward" ? lateCell(spec.cell, late) : spec.cell;
    return {
      ...{ ...spec, cell, goBackwards: half === "forward" && goBackwards },
      ...(picked && { returnSequences: true }),
      ...(handed.ended !== undefined && { endsMask: true }),
      ...(index > 0 && { shared: sharedWith(spec, `${owner}.${half}`) }),
    };
  };
  const entry = translation.emit(
    bidirectional(direction(forward, "forward"), {
      backward: direction(backward, "backward"),
      mergeMode: picked ? "none" : mergeMode,
      reads,
    }),
    name,
  );
  if (index === 0) {
    const partOf = ({ weightForm: form }: RecurrentOptions, half: Half, config: Config): WeightGroup => ({
      ...{ form, to: `${name}.${half}`, path: `${half}_layer/cell` },
      trainable: [isTrainable(config), isTrainable(nested(config.cell)?.config ?? config)],
      ...(typeof config.name === "string" && {
        inner: `${half}_${config.name.replace(/^(forward|backward)_/, "")}`,
      }),
    });
    translation.weights.set(layer.name, [
      partOf(forward, "forward", there.config),
      partOf(backward, "backward", back.config),
    ]);
  }
  if (picked) return lastOfBoth(translation, own, name, late, mergeMode);
  const outputOf = (flow: string): Value => ({
    ...{ flow: () => flow, sequence: returnSequences, mask: handed.mask },
    ...(zeroed && tfjs && { zeroed: layer.name }),
    ...{ ...(returnSequences ? stepsOf(x) : { time: undefined }), ...endedBy(entry, handed) },
  });
  const outputs = mergeMode === "none" ? [outputOf(`${name}.forward`), outputOf(`${name}.backward`)] : [outputOf(name)];
  if (!forward.returnState) return outputs;
  const statesOfHalf = (read: RecurrentOptions, half: Half): Value[] =>
    statesOf(translation, name, read.states, half, (state, made) => {
      const one = make(read, state === "h" ? undefined : state);
      const backwards = (half === "backward") !== goBackwards;
      const shared = sharedWith(one, `${owner}.${half}`);
      // The state of a masked step is that before it, where the output is zeros.
      const options = { returnSequences: false, returnState: false, zeroOutputForMask: false };
      translation.emit({ ...one, ...options, reads, goBackwards: backwards, shared }, made);
    });
  return [...outputs, ...statesOfHalf(forward, "forward"), ...statesOfHalf(backward, "backward")];
}

/** What both directions give last, where the way back ends behind so many steps. */
function lastOfBoth(
  { free, emit }: Translation,
  own: string,
  steps: string,
  late: number,
  mergeMode: MergeMode | "none",
): readonly Value[] {
  const halves = (["forward", "backward"] as const).map((half) => {
    const name = free(`${own}_${half}`);
    const of = half === "forward" ? lastStep : firstFrom(late);
    emit(recurrent(of, { label: `last_${half}`, reads: `${steps}.${half}` }), name);
    return name;
  });
  if (mergeMode !== "none") emit({ kind: "merge", of: halves, mergeMode }, own);
  return (mergeMode === "none" ? halves : [own]).map((name) => ({ ...oneVector, flow: () => name }));
}
