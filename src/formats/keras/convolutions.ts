/** Keras's convolutions over time, pooling of parts of it, and what is added to or cut off its ends, as ours. */
import { cell } from "../../graph/cell.ts";
import { excerpt } from "../../graph/excerpt.ts";
import { activations, bidirectional, recurrent } from "../../nn/layers.ts";
import { convolution, inputsBetween } from "../../nn/sequence-cells.ts";
import { delayed, fitsOf, tapsCell, type Window, windowOf, zerosBefore } from "../late-steps.ts";
import { activationCell } from "./cells.ts";
import { unmasked } from "./masks.ts";
import { type AddLayer, emitted, emittedCell, type SimpleCall, sequenceOf } from "./stepwise-layers.ts";
import { functionOf, refuse, sharedWith, unitsOf, type Value } from "./translation.ts";

/** The widest convolution that is read, in steps: its equations have a matrix or a state for each. */
const mostSteps = 99;
const masksEnd = { mask: undefined, ended: undefined } as const;

/** One number of an option that is one, or a list of one. */
const single = (given: unknown): unknown => (Array.isArray(given) && given.length === 1 ? given[0] : given);
function wholeOf({ layer, config }: SimpleCall, option: string, otherwise: number): number {
  const found = single(config[option]) ?? otherwise;
  if (!Number.isInteger(found) || (found as number) < 1) {
    return refuse(layer, "its kernel_size and strides are no whole numbers from 1");
  }
  return found as number;
}

/** What a layer with a window reads, how it moves, and where it stands. */
function windowIn(
  given: SimpleCall,
  size: number,
  strides: number,
  dilation: number,
): { readonly x: Value; readonly window: Window } {
  const { layer, config } = given;
  const x = sequenceOf(given);
  const { padding = "valid", data_format: format } = config;
  if (format === "channels_first") return refuse(layer, "it has the features before the steps (channels_first)");
  if ((size - 1) * dilation >= mostSteps || strides > mostSteps)
    return refuse(layer, `it is wider than ${mostSteps} steps`);
  const width = (size - 1) * dilation;
  const { steps } = x;
  const padded =
    padding === "same" && strides > 1 && steps !== undefined
      ? Math.max(0, (Math.ceil(steps / strides) - 1) * strides + width + 1 - steps)
      : width;
  if (padding !== "valid" && padding !== "same" && padding !== "causal") {
    return refuse(layer, `its padding is ${excerpt(String(padding))}`);
  }
  if (padding === "same" && strides > 1 && steps === undefined && size > 1) {
    return refuse(
      layer,
      'where it begins depends on the number of steps (padding "same" with strides), which the model leaves open. Say the shape of its input',
    );
  }
  const left = padding === "valid" ? 0 : padding === "causal" ? width : Math.floor(padded / 2);
  const right = padding === "same" ? padded - left : 0;
  const window = windowOf(size, { left, right, strides, dilation, late: x.late ?? 0 });
  if (window === undefined) {
    return refuse(
      layer,
      `its strides of ${strides} do not begin with the first step of what it reads, which begins ${x.late} steps late`,
    );
  }
  checkEnd(given, x, { width: width + 1, strides, left, right, window });
  return { x: left > 0 && x.late !== undefined ? withZeros(given, x) : x, window };
}

/** Whether there are as many outputs as there, where it takes steps of several: the last may lack some. */
function checkEnd(
  { translation, layer }: SimpleCall,
  { steps, late = 0 }: Value,
  {
    width,
    strides,
    left,
    right,
    window,
  }: { width: number; strides: number; left: number; right: number; window: Window },
): void {
  if (strides === 1) return;
  const name = translation.ours.get(layer.name);
  if (steps === undefined) {
    const fits = fitsOf(window, { width, left, right, strides, late });
    if (fits === "none")
      refuse(layer, "it makes another number of steps than ours would, which take several at a time");
    if (fits === "all") return;
    translation.note(
      `${name} takes ${strides} steps at a time: give it a number of steps that is a multiple; of another one the last are read with zeros behind them.`,
    );
    return;
  }
  const there = Math.floor((steps + left + right - width) / strides) + 1;
  const here = Math.ceil((steps + late) / strides) - window.late;
  if (there !== here) {
    refuse(
      layer,
      `of ${steps} steps it makes ${there} in Keras and ${here} here. Give the model a number of steps that it takes whole, without padding`,
    );
  }
}

/** What begins late, with zeros before. */
function withZeros({ translation, layer }: SimpleCall, x: Value): Value {
  const name = translation.free(`${translation.ours.get(layer.name)}_zeros`);
  const spec = recurrent(zerosBefore(x.late as number), {
    label: "zeros",
    reads: unmasked(translation, x),
    returnSequences: true,
  });
  translation.emit(spec, name);
  return { ...x, flow: () => name, ...masksEnd };
}
const laterBy = (
  { steps }: Value,
  { late }: Window,
  strides: number,
  there?: number,
): Pick<Value, "late" | "steps"> => ({
  late: late === 0 ? undefined : late,
  steps: there ?? (steps === undefined ? undefined : Math.ceil(steps / strides)),
});

const convolve: AddLayer = (given) => {
  const { translation, layer, config, index } = given;
  const units = unitsOf(layer, config.filters);
  const [size, strides, dilation] = [
    wholeOf(given, "kernel_size", 1),
    wholeOf(given, "strides", 1),
    wholeOf(given, "dilation_rate", 1),
  ];
  if ((config.groups ?? 1) !== 1) return refuse(layer, "it has groups");
  const { x, window } = windowIn(given, size, strides, dilation);
  const bias = config.use_bias !== false;
  const reads = unmasked(translation, x);
  const { steps } = x;
  const there = steps === undefined ? undefined : outputsOf(given, steps, size, strides, dilation);
  const changed = { ...masksEnd, ...laterBy(x, window, strides, there) };
  const activation = config.activation ?? "linear";
  // Where our layer is the same, it is that.
  const { major } = translation.dialect;
  const ours =
    (activations as readonly unknown[]).includes(activation) && (activation !== "hard_sigmoid" || major >= 3);
  const causal =
    dilation === 1 &&
    window.ahead === 0 &&
    window.places.every(({ delay, offset }, k) => offset - delay * strides === k - size + 1);
  const options = { units, label: "conv1d", returnSequences: true, strides, reads };
  if (causal) {
    const spec = recurrent(convolution(size, ours ? (activation as string) : "linear", strides), options);
    const value = emittedCell(given, spec, { kind: "convolution", size, bias }, changed);
    return ours ? value : activated(given, value, activation);
  }
  const value = window.ahead > 0 ? inBothDirections() : alone();
  return activation === "linear" ? value : activated(given, value, activation);

  function alone(): Value {
    const taps = window.places.map(({ delay, offset }, k) => ({
      weight: `W_${k}`,
      delay,
      input: offset === 0 ? "x" : `x_${offset}`,
    }));
    const names = { matrices: taps.map(({ weight }) => weight), bias: "b" };
    return emittedCell(
      given,
      recurrent(tapsCell(taps, bias), options),
      { kind: "convolution", size, bias, names },
      changed,
    );
  }
  /** What it reads behind the step of its output comes from a layer that runs from the last step to the first. */
  function inBothDirections(): Value {
    const taps = window.places.map(({ delay }, k) => ({
      weight: `W_${k}`,
      input: "x",
      delay: Math.abs(delay),
      back: delay < 0,
    }));
    const there = taps.filter(({ back }) => !back);
    const behind = taps.filter(({ back }) => back);
    const matrices = taps.map(({ weight, back }) => `${back ? "backward" : "forward"}.${weight}`);
    const direction = (all: typeof taps, half: "forward" | "backward") => {
      const spec = recurrent(tapsCell(all, bias && half === "forward", true), {
        units,
        label: "conv1d",
        returnSequences: true,
      });
      return index === 0 ? spec : { ...spec, shared: sharedWith(spec, `${translation.ours.get(layer.name)}.${half}`) };
    };
    const make = (name: string): void => {
      translation.emit(
        bidirectional(direction(there, "forward"), {
          backward: direction(behind, "backward"),
          mergeMode: "sum",
          reads,
        }),
        name,
      );
      if (index > 0) return;
      const form = { kind: "convolution", size, bias, names: { matrices, bias: "forward.b" } } as const;
      translation.weights.set(layer.name, [{ form, to: name, path: given.path }]);
    };
    return emitted(given, make, changed);
  }
};
/** How many steps a layer with a window makes of so many, in Keras. */
function outputsOf({ config }: SimpleCall, steps: number, size: number, strides: number, dilation: number): number {
  const cut = (config.padding ?? "valid") === "valid" ? (size - 1) * dilation : 0;
  return Math.ceil((steps - cut) / strides);
}
/** A function behind a layer, as one of its own. */
function activated({ translation, layer }: SimpleCall, value: Value, activation: unknown): Value {
  const name = translation.free(`${translation.ours.get(layer.name)}_activation`);
  const of = activationCell(functionOf(translation, layer, activation));
  translation.emit(recurrent(of, { label: "activation", reads: value.flow() }), name);
  return { ...value, flow: () => name };
}

const poolParts: AddLayer = (given) => {
  const { translation, layer, className } = given;
  const size = wholeOf(given, "pool_size", 2);
  const strides = given.config.strides === null ? size : wholeOf(given, "strides", size);
  if (size > strides) return refuse(layer, `its windows of ${size} steps overlap: they are ${strides} apart`);
  const { x, window } = windowIn(given, size, strides, 1);
  const { steps } = x;
  // What stands behind the end counts as zeros here, and not at all there.
  if (
    given.config.padding === "same" &&
    steps !== undefined &&
    (Math.ceil(steps / strides) - 1) * strides + size > steps
  ) {
    return refuse(
      layer,
      `its last window reaches behind the last of ${steps} steps (padding "same"). Give the model a number of steps that it takes whole`,
    );
  }
  if (window.places.some(({ delay }) => delay > 0)) return refuse(layer, "it fills up before the first step");
  const inputs = ["x", ...inputsBetween(strides)].slice(0, size);
  const all =
    className === "MaxPooling1D" ? inputs.reduce((a, b) => `max(${a}, ${b})`) : `(${inputs.join(" + ")}) / ${size}`;
  const label = className === "MaxPooling1D" ? "max_pooling1d" : "average_pooling1d";
  const spec = recurrent(cell(`y = ${all}`, { inputs }), { label, strides, reads: unmasked(translation, x) });
  const there = x.steps === undefined ? undefined : outputsOf(given, x.steps, size, strides, 1);
  return emittedCell(given, spec, undefined, { ...masksEnd, ...laterBy(x, window, strides, there) });
};

const crop: AddLayer = (given) => {
  const { translation, layer, config } = given;
  const x = sequenceOf(given);
  const [first, last] = (Array.isArray(config.cropping) ? config.cropping : [config.cropping, config.cropping]) as [
    unknown,
    unknown,
  ];
  if (![first, last].every((one) => Number.isInteger(one) && (one as number) >= 0 && (one as number) < mostSteps)) {
    return refuse(layer, "its cropping is no pair of whole numbers");
  }
  const [a, b] = [first, last] as [number, number];
  const late = (x.late ?? 0) + a + b;
  const steps = x.steps === undefined ? undefined : x.steps - a - b;
  const changed = { ...masksEnd, late: late === 0 ? undefined : late, steps };
  const reads = unmasked(translation, x);
  // Without the last steps each comes so many later.
  return emittedCell(
    given,
    recurrent(delayed(b), { label: "cropping1d", reads, ...(b > 0 && { returnSequences: true }) }),
    undefined,
    changed,
  );
};

/** By class. */
export const windowLayers: ReadonlyMap<string, AddLayer> = new Map([
  ["Conv1D", convolve],
  ["MaxPooling1D", poolParts],
  ["AveragePooling1D", poolParts],
  ["Cropping1D", crop],
]);
