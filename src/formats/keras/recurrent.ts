/** Keras's recurrent layers of one direction as ours: LSTM, GRU, SimpleRNN, and RNN over a cell or several. */
import { type CellSpec, recurrent } from "../../nn/layers.ts";
import { lateCell } from "../late-steps.ts";
import { recurrentCell } from "./cells.ts";
import { type Config, isTrainable, type KerasCall, type KerasLayer, nested } from "./config.ts";
import { snakeCase } from "./folders.ts";
import { endedBy, lostBy, masked, maskNow, type OutputMask, outputMask } from "./masks.ts";
import { cellOf, checkReversed, readRecurrent } from "./recurrent-options.ts";
import { startsOf, statesOf } from "./states.ts";
import {
  type Entry,
  nameOfCall,
  prompt,
  refuse,
  sharedWith,
  stepsOf,
  type Translation,
  type Value,
} from "./translation.ts";
import type { WeightGroup } from "./weights.ts";

/** A call of a recurrent layer. */
export type RecurrentCall = {
  /** Which of the layer's calls it is. */
  readonly index: number;
  readonly call: KerasCall;
  readonly x: Value;
  /** What its states start from; none for zeros. */
  readonly starts: readonly Value[];
};

/** A recurrent layer: its output, and its final states where it returns them. */
export function addRecurrent(translation: Translation, layer: KerasLayer, at: RecurrentCall): readonly Value[] {
  const { index, call, x, starts } = at;
  const { className, config } = cellOf(layer, layer.className, layer.config);
  if (className === "StackedRNNCells") return addStacked(translation, layer, at, config);
  const read = readRecurrent(translation, layer, className, config);
  const { returnSequences } = read.options;
  const name = nameOfCall(translation, layer, index);
  const { names, from } = startsOf(translation, read.states, starts, layer);
  const { reads, mask } = masked(translation, layer, call, x);
  checkReversed(translation, layer, mask, read.options);
  const { late = 0 } = x;
  if (late > 0 && (read.options.goBackwards || from !== undefined)) prompt(layer, x);
  const handed = outputMask(translation, mask, returnSequences);
  const make = (output?: string): CellSpec =>
    recurrent(lateCell(recurrentCell({ ...read.form, states: names, output }), late), {
      ...{ units: read.units, label: read.label, reads, ...read.options, ...read.rates, returnState: read.returnState },
      ...(from !== undefined && { initialState: { from }, stateful: false }),
    });
  const spec = make();
  const shared = { shared: sharedWith(spec, translation.ours.get(layer.name) as string) };
  const ends = handed.ended !== undefined && ({ endsMask: true } as const);
  const entry = translation.emit({ ...spec, ...ends, ...(index > 0 && shared) }, name);
  if (index === 0) {
    const trainable = [isTrainable(config)];
    translation.weights.set(layer.name, [{ form: read.weightForm, to: name, path: "cell", trainable }]);
  }
  const before = maskNow(x);
  // With initial states it heeds no mask, and hands it on all the same.
  const passed = call.mask === undefined && mask === undefined && returnSequences && translation.dialect.handsMasksOn;
  const main: Value = {
    ...{ flow: () => name, sequence: returnSequences, mask: handed.mask },
    ...{ ...(returnSequences ? stepsOf(x) : { time: undefined }), ...endedBy(entry, handed) },
    ...(passed && before !== undefined && lostBy(layer, before)),
  };
  if (!read.returnState) return [main];
  const copy = (state: string, made: string): void => {
    const output = names[read.states.indexOf(state)] as string;
    const one = make(state === "h" ? undefined : output);
    // The state of a masked step is that before it, also where its output is zeros.
    const options = { returnSequences: false, returnState: false, zeroOutputForMask: false };
    translation.emit({ ...one, ...options, ...shared }, made);
  };
  const states = statesOf(translation, name, read.states, undefined, copy);
  // A decoder would get the count of steps, too.
  return [main, ...(late === 0 ? states : states.map(({ state: _, ...value }) => value))];
}

/** Cells one on the other are layers one on the other, of which all but the last return sequences and hand masks on. */
function addStacked(
  translation: Translation,
  layer: KerasLayer,
  { index, call, x, starts }: RecurrentCall,
  config: Config,
): readonly Value[] {
  if (!Array.isArray(config.cells) || config.cells.length === 0) return refuse(layer, "it has no cells");
  if (starts.length > 0) return refuse(layer, "its stacked cells start from given states");
  if (index > 0) return refuse(layer, "it is called twice");
  const cells = config.cells.map((one) => nested(one) ?? refuse(layer, "one of its cells has no class and options"));
  const { reads, mask } = masked(translation, layer, call, prompt(layer, x));
  const own = translation.ours.get(layer.name) as string;
  const counts = new Map<string, number>();
  const groups: WeightGroup[] = [];
  let from = reads;
  let last: { readonly entry: Entry; readonly returnSequences: boolean; readonly handed: OutputMask } | undefined;
  cells.forEach(({ className, config: one }, k) => {
    const end = k === cells.length - 1;
    const read = readRecurrent(translation, layer, className, { ...layer.config, ...one });
    const folder = snakeCase(className);
    const count = counts.get(folder) ?? 0;
    counts.set(folder, count + 1);
    const name = end ? own : translation.free(`${own}_${k + 1}`);
    checkReversed(translation, layer, mask, read.options);
    const { returnSequences } = read.options;
    const handed = outputMask(translation, mask, returnSequences);
    const spec = recurrent(recurrentCell({ ...read.form, states: ["h", "c"] }), {
      ...{ units: read.units, label: read.label, reads: from, ...read.options, ...read.rates },
      // The cells after the first read in the order of the first's outputs.
      ...(k > 0 && { goBackwards: false }),
      ...(!end && { returnSequences: true }),
    });
    const entry = translation.emit({ ...spec, ...(end && handed.ended !== undefined && { endsMask: true }) }, name);
    last = { entry, returnSequences, handed };
    const path = `cell/cells/${folder}${count === 0 ? "" : `_${count}`}`;
    groups.push({ form: read.weightForm, to: name, path, trainable: [isTrainable(config), isTrainable(one)] });
    from = name;
  });
  translation.weights.set(layer.name, groups);
  const { entry, returnSequences, handed } = last as NonNullable<typeof last>;
  const main: Value = {
    ...{ flow: () => own, sequence: returnSequences, mask: handed.mask },
    ...{ ...(returnSequences ? stepsOf(x) : { time: undefined }), ...endedBy(entry, handed) },
  };
  if (layer.config.return_state !== true) return [main];
  const unsaid = (): never => refuse(layer, "the states of its stacked cells are read");
  const state: Value = { flow: unsaid, sequence: false, mask: undefined, time: undefined };
  return [main, ...cells.flatMap(() => [state, state])];
}
