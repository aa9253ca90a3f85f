/** Models as layers models of TensorFlow.js. Reading them is `importModel` of `imported.ts`. */
import { joined } from "../../graph/joined.ts";
import { type Arguments, checkArguments, options as optionsOf, type Rule } from "../../graph/schema.ts";
import { checkFiniteValues } from "../../nn/finite-values.ts";
import type { Model } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { kerasTree } from "../keras/from-model.ts";
import { functionsOfTfjs, gateForTfjs } from "../keras/recognize.ts";
import type { Program } from "../keras/tree.ts";
import { tfjsTopology, tfjsWeights, withTensorNames } from "./write.ts";

/** A model for TensorFlow.js. */
export type TfjsFiles = {
  /** `model.json`: the layers, and where the weights are. */
  readonly json: Uint8Array<ArrayBuffer>;
  /** The file of the weights, which lies beside it under the name that was given. */
  readonly weights: Uint8Array<ArrayBuffer>;
  /** What differs in TensorFlow.js, a line each. */
  readonly notes: readonly string[];
};
/** Options of `writeTfjs`. */
export type WriteTfjsOptions = {
  /** The name of the file of the weights. Default "model.weights.bin". */
  readonly weights?: string;
};
const fileName: Rule = {
  expected: "the name of a file, without a folder",
  accepts: (value) => typeof value === "string" && value !== "" && !/^\.\.?$|[/\\:]/.test(value),
};
/** @internal */
export const writeTfjsArguments: Arguments = {
  model: aModel,
  options: optionsOf<WriteTfjsOptions>({ weights: fileName }),
};

const tfjs = (): Program => ({
  ...{ name: "TensorFlow.js", call: "writeTfjs", functions: functionsOfTfjs(), otherGate: gateForTfjs() },
  ...{ handsMasksOn: true, saysMasks: false, leaksMasks: true, resetAfter: false, heedsMasks: false },
  ...{ differentDirections: false, causal: false, functionLayers: ["LeakyReLU", "ReLU"] },
});

/**
 * A model as a layers model of TensorFlow.js 4, whose layers are those of Keras 2. Every option is in the file, as TensorFlow.js has other
 * defaults. Read back by `importModel`, the weights are the same bits.
 * @param model any model whose layers TensorFlow.js has; the files get the values that it has now
 * @param options `weights`: the name of the second file
 * @returns `json`, `weights`, `notes`
 * @throws InputError for the first layer that TensorFlow.js has not, or computes in another way, with its name and the reason, and for
 * weights that are not finite
 * @example const { json, weights } = writeTfjs(model);
 */
export function writeTfjs(model: Model, options: WriteTfjsOptions = {}): TfjsFiles {
  checkArguments("writeTfjs", { model, options }, writeTfjsArguments);
  const { weights: path = "model.weights.bin" } = options;
  const tree = withTensorNames(kerasTree(model, tfjs()));
  checkFiniteValues(model, "writeTfjs: the model");
  const arrays = tfjsWeights(tree);
  const manifest = arrays.map(({ name, shape }) => ({ name, shape, dtype: "float32" }));
  const json = {
    ...{ format: "layers-model", generatedBy: "Unrolled", convertedBy: null, modelTopology: tfjsTopology(tree) },
    weightsManifest: [{ paths: [path], weights: manifest }],
  };
  return {
    json: new TextEncoder().encode(JSON.stringify(json)),
    weights: joined<Uint8Array<ArrayBuffer>>(
      Uint8Array,
      arrays.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    ),
    notes: tree.notes,
  };
}
