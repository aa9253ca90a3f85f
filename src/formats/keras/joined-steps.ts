/**
 * All steps of a sequence side by side, as Keras's Flatten gives them to a Dense: our layer is a convolution that is as wide as the
 * sequence, of which the last output is read.
 */
import { dropout, recurrent } from "../../nn/layers.ts";
import { convolution } from "../../nn/sequence-cells.ts";
import { activationCell } from "./cells.ts";
import { unmasked } from "./masks.ts";
import { type AddLayer, emittedCell, type SimpleCall } from "./stepwise-layers.ts";
import { functionOf, oneVector, rateOf, refuse, unitsOf, type Value } from "./translation.ts";

/** The most steps that are put side by side: the equations have a matrix for each. */
const mostSteps = 99;

const flattened = ({ layer }: Pick<SimpleCall, "layer">, of: Value): Value => ({
  ...oneVector,
  flow: () =>
    refuse(
      layer,
      "it puts all steps side by side, which ours do for a Dense behind it alone. Leave it out, or read the last step",
    ),
  joined: of,
});

/** All steps side by side; one vector is that already. */
export const flatten: AddLayer = (given) => {
  const { translation, layer, x } = given;
  if (!x.sequence) return x;
  if (x.tokens) return refuse(layer, "it reads tokens");
  if (x.steps === undefined) {
    return refuse(
      layer,
      "it joins all steps of a sequence of any length. Say the number of steps in the shape of the model's input",
    );
  }
  if (x.steps > mostSteps) return refuse(layer, `it joins ${x.steps} steps, and at most ${mostSteps} are read so`);
  translation.note(
    `${translation.ours.get(layer.name)} puts ${x.steps} steps side by side: of longer sequences the last ${x.steps} are read.`,
  );
  return flattened(given, x);
};

const dense: AddLayer = (given) => {
  const { translation, layer, config, x } = given;
  const of = x.joined as Value;
  const size = of.steps as number;
  const units = unitsOf(layer, config.units);
  const bias = config.use_bias !== false;
  const linear = config.activation === undefined || config.activation === null || config.activation === "linear";
  const spec = recurrent(convolution(size, "linear"), { units, label: "dense", reads: unmasked(translation, of) });
  const value = emittedCell(given, spec, { kind: "convolution", size, bias, flat: true }, oneVector);
  if (linear) return value;
  const name = translation.free(`${translation.ours.get(layer.name)}_activation`);
  const applied = activationCell(functionOf(translation, layer, config.activation));
  translation.emit(recurrent(applied, { label: "activation", reads: value.flow() }), name);
  return { ...value, flow: () => name };
};

const drop: AddLayer = (given) => {
  const { translation, layer, config, x } = given;
  const of = x.joined as Value;
  if (Array.isArray(config.noise_shape)) return refuse(layer, "it has a noise_shape, for steps side by side");
  const name = translation.free(layer.name);
  translation.emit(dropout(rateOf(config.rate), { reads: of.flow() }), name);
  return flattened(given, { ...of, flow: () => name });
};

/** Layers that read steps side by side, by class. */
export const joinedLayers: ReadonlyMap<string, AddLayer> = new Map([
  ["Dense", dense],
  ["Dropout", drop],
]);
