/** Models as `.keras` files. Reading them is `importModel` of `imported.ts`. */
import { joined } from "../../graph/joined.ts";
import { type Arguments, checkArguments } from "../../graph/schema.ts";
import { checkFiniteValues } from "../../nn/finite-values.ts";
import type { Model } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { writeHdf5 } from "../containers/hdf5-write.ts";
import { writeZip } from "../containers/zip.ts";
import { kerasTree } from "./from-model.ts";
import { functionsOfKeras3, gateForKeras3 } from "./recognize.ts";
import type { Program } from "./tree.ts";
import { kerasConfig, kerasVersion, kerasWeights } from "./write.ts";

/** A model for Keras. */
export type KerasFile = {
  /** The file, `.keras`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The weights of it alone, `.weights.h5`, for a model that is there already. */
  readonly weights: Uint8Array<ArrayBuffer>;
  /** What differs in Keras, a line each. */
  readonly notes: readonly string[];
};

/** @internal */
export const writeKerasArguments: Arguments = { model: aModel };

const keras = (): Program => ({
  ...{ name: "Keras", call: "writeKeras", functions: functionsOfKeras3(), otherGate: gateForKeras3() },
  ...{ handsMasksOn: false, saysMasks: true, leaksMasks: false, resetAfter: true, heedsMasks: true },
  ...{ differentDirections: true, causal: true, functionLayers: ["LeakyReLU", "ELU", "ReLU"] },
});

/**
 * A model as a `.keras` file, as Keras 3.16 writes them: Sequential where each layer reads the one before it, else functional, with the
 * masks in the config. Needs the optional package h5wasm. Read back by `importModel`, the weights are the same bits; the same model gives
 * the same bytes.
 * @param model any model whose layers Keras has; the file gets the values that it has now
 * @returns `bytes`, `weights`, `notes`
 * @throws InputError for the first layer that Keras has not, or has not with these options, with its name and the reason, and for
 * weights that are not finite; FormatError where h5wasm is missing
 * @example writeFileSync("model.keras", (await writeKeras(model)).bytes);
 */
export async function writeKeras(model: Model): Promise<KerasFile> {
  checkArguments("writeKeras", { model }, writeKerasArguments);
  const { parts, ...written } = await kerasParts(model);
  return { bytes: joined(Uint8Array, parts), ...written };
}

/** The same in parts. @internal */
export async function kerasParts(
  model: Model,
): Promise<Omit<KerasFile, "bytes"> & { readonly parts: readonly Uint8Array[] }> {
  const tree = kerasTree(model, keras());
  checkFiniteValues(model, "writeKeras: the model");
  const { config, order } = kerasConfig(tree);
  const weights = await writeHdf5(kerasWeights(tree, order), "model.weights.h5");
  const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const parts = writeZip({
    // The date is the archive's first, as that of its members.
    "metadata.json": text({ keras_version: kerasVersion, date_saved: "1980-01-01@00:00:00" }),
    "config.json": text(config),
    "model.weights.h5": weights,
  });
  return { parts, weights, notes: tree.notes };
}
