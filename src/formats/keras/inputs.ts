/** The inputs of a Keras model as ours, and what joins several values to one. */
import { input, type MergeMode } from "../../nn/layers.ts";
import type { KerasLayer } from "./config.ts";
import { endedTogether } from "./masks.ts";
import { joinTimes, refuse, type Translation, type Value } from "./translation.ts";

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
  return { flow: () => name, sequence, ...(tokens && { tokens }), mask: undefined, time: sequence ? name : undefined };
}

/** What joins values, such as Concatenate. */
export function addMerge(
  translation: Translation,
  layer: KerasLayer,
  mergeMode: MergeMode,
  given: readonly Value[],
): Value {
  const { ours, free, emit } = translation;
  const name = ours.get(layer.name) ?? free(layer.name);
  if (given.length < 2) return refuse(layer, "it merges fewer than two values");
  if (given.some(({ tokens }) => tokens)) return refuse(layer, "it merges tokens");
  const [{ sequence }] = given as [Value];
  if (given.some((value) => value.sequence !== sequence)) {
    return refuse(layer, "it merges sequences with what is one vector for all steps");
  }
  const masks = [...new Set(given.flatMap(({ mask }) => (mask === undefined ? [] : [mask])))];
  let made = false;
  const flow = (): string => {
    if (!made) emit({ kind: "merge", of: given.map((value) => value.flow()), mergeMode }, name);
    made = true;
    return name;
  };
  // Joined states are needed as a layer only where another layer than a decoder reads them.
  if (!given.every(({ state }) => state !== undefined)) flow();
  return {
    ...{ flow, sequence, mask: masks.length === 0 ? undefined : masks.sort().join(" and ") },
    ...{ time: joinTimes(translation, given), ...(mergeMode === "concat" && { parts: given }) },
    ended: endedTogether(given),
  };
}
