/** Rules and checks of models: whether a value is a model, and whether a model can do what an entry needs. */
import type { Parameter } from "../graph/graph.ts";
import { lengthOf, type Steps } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { isPlain, type Rule } from "../graph/schema.ts";
import { aLayer } from "./layers.ts";
import type { Model } from "./model.ts";
import { cellsOf } from "./model-states.ts";

/** Whether a value has the layers of a model. */
const someLayers = (value: unknown): boolean =>
  isPlain(value) &&
  Array.isArray(value.layers) &&
  value.layers.length > 0 &&
  Array.from(value.layers).every(aLayer.accepts);
export const layersOfModel: Rule = { expected: "a model, as sequential makes it", accepts: someLayers };
/** Whether a value has the parameters of a model. */
const someParameters = (value: unknown): boolean =>
  isPlain(value) &&
  Array.isArray(value.parameters) &&
  Array.from(value.parameters).every((one) => isPlain(one) && Array.isArray(one.shape));
export const parametersOfModel: Rule = { ...layersOfModel, accepts: someParameters };
/** A model. Of its parts only the number of values is checked. */
export const aModel: Rule = {
  ...layersOfModel,
  accepts: (value) =>
    someLayers(value) &&
    someParameters(value) &&
    isPlain(value) &&
    isPlain(value.values) &&
    [value.inputs, value.paddings, value.maskedBy, value.times].every(Array.isArray),
  look(where, value) {
    const { parameters, values } = value as Model;
    const fits = ({ name, shape }: Parameter): boolean =>
      values[name] instanceof Float32Array && values[name].length === shape.reduce((a, b) => a * b, 1);
    const wrong = parameters.find((one) => !fits(one));
    if (wrong)
      throw new InputError(`${where}: ${wrong.name} needs ${wrong.shape.join(" x ")} values in a Float32Array`);
  },
};

/** @throws InputError for a model that does not have an output at every step */
export function checkReturnsSequences({ layers, returnsSequences, strides }: Model, where: string): void {
  if (returnsSequences && strides === 1) return;
  if (returnsSequences) {
    const layer = layers.find((one) => one.kind === "cell" && one.strides !== undefined);
    throw new InputError(
      `${where}: needs an output at every step, but with the strides of ${layer?.name} there is one for ${strides} steps. Leave them out.`,
    );
  }
  const last = layers.findLast(
    (layer) => layer.kind === "cell" && !layer.returnSequences && layer.cell.states.length > 0,
  );
  throw new InputError(
    `${where}: needs an output at every step, but ${last?.name} returns only its last. ` +
      "Give it returnSequences: true.",
  );
}

/** @throws InputError for sequences of another length than `repeatVector` fixes, and for lengths of more or fewer times than there are */
export function checkSteps({ steps, times, layers }: Model, all: Steps, where: string): void {
  if (typeof all !== "number" && all.length !== times.length) {
    throw new InputError(
      `${where}: steps: needs a number for each time of the model (${times.join(", ")}), got ${all.length}`,
    );
  }
  const given = lengthOf(all);
  if (steps === undefined || steps === given) return;
  const layer = layers.find(({ kind }) => kind === "repeat_vector");
  throw new InputError(
    `${where}: ${layer?.name} repeats a vector ${steps} times, so sequences need ${steps} steps, got ${given}`,
  );
}

/** @throws InputError for a model that cannot run one step at a time: it needs whole sequences, or several inputs */
export function checkReadsForward({ layers, inputs }: Model, where: string): void {
  const [, second] = inputs;
  if (second !== undefined) {
    throw new InputError(`${where}: needs a model with one input; this one also has ${second.name}. ${instead()}`);
  }
  for (const layer of layers) {
    const problem = notAStep(layer);
    if (problem === undefined) continue;
    const more = layer.kind === "cell" && layer.cell.sequences.length > 0 ? "" : undefined;
    throw new InputError(`${where}: runs one step at a time, but ${layer.name} ${problem}. ${instead(more)}`);
  }
}
/** What to do instead: layers that read all steps of another one are in no ONNX file. */
const instead = (more = " or as an ONNX file of these"): string =>
  `Run the model on whole sequences, with createPredictor${more}.`;
/** Why a layer needs a whole sequence, if it does. */
function notAStep(layer: Model["layers"][number]): string | undefined {
  if (layer.kind === "bidirectional") return "starts at the last step";
  if (layer.kind === "repeat_vector") return "starts after another sequence has ended";
  if (layer.kind !== "cell") return undefined;
  const [all] = layer.cell.sequences;
  if (layer.goBackwards) return "starts at the last step";
  if (all !== undefined) return `reads all steps of its input ${all}`;
  if (layer.strides !== undefined) return `has strides: it reads ${layer.strides} at a time`;
  return typeof layer.initialState === "object" ? "starts after another sequence has ended" : undefined;
}

/** @throws InputError for a model whose states start from `initialState` in each run */
export function checkCarriesStates({ layers }: Model, where: string): void {
  const found = layers.flatMap(cellsOf).find(([, { initialState }]) => initialState !== "zeros");
  if (found === undefined) return;
  throw new InputError(
    `${where}: keeps the states from batch to batch, but ${found[0]} has an initialState. Leave it out, or use fit.`,
  );
}
