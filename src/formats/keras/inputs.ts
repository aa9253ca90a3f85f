/** The inputs of a Keras model as ours. */
import { input } from "../../nn/layers.ts";
import type { KerasLayer } from "./config.ts";
import { refuse, type Translation, type Value } from "./translation.ts";

/** An input. Those that an Embedding reads are tokens. */
export function addInput(translation: Translation, layer: KerasLayer): Value {
  const { model, ours, lengths, times, emit, note } = translation;
  const readers = model.layers.filter(({ calls }) =>
    calls.some(({ inputs }) => inputs.some(([of]) => of === layer.name)),
  );
  const tokens = readers.some(({ operation, className }) => !operation && className === "Embedding");
  if (tokens && readers.some(({ operation, className }) => !operation && className !== "Embedding")) {
    refuse(layer, "an Embedding and another layer read it");
  }
  const { batch_shape: batchShape, shape: withoutBatch } = layer.config;
  const shape = Array.isArray(batchShape)
    ? batchShape
    : Array.isArray(withoutBatch)
      ? [null, ...withoutBatch]
      : undefined;
  if (shape === undefined) return refuse(layer, "it has no shape");
  const [batch, ...axes] = shape as readonly unknown[];
  const [steps, features] = tokens ? [axes, undefined] : [axes.slice(0, -1), axes.at(-1)];
  if (steps.length > 1) {
    const all = shape.map((size) => size ?? "any").join(", ");
    return refuse(layer, `it has the shape (${all}); sequences of vectors have three axes`);
  }
  if (!tokens && !(typeof features === "number" && features >= 1)) {
    return refuse(layer, "the number of its features is open");
  }
  const sequence = steps.length === 1;
  const name = ours.get(layer.name) as string;
  emit(input(tokens ? "tokens" : (features as number), { sequence }), name);
  const [length] = steps;
  if (typeof length === "number") lengths.set(name, length);
  if (typeof batch === "number") note(`Its batches had ${batch} examples; here they have any number.`);
  if (sequence) times.set(name, name);
  return {
    flow: () => name,
    sequence,
    ...(tokens && { tokens }),
    mask: undefined,
    time: sequence ? name : undefined,
    ...(typeof length === "number" && { steps: length }),
  };
}
