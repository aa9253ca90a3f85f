/**
 * Read Keras models: `.keras` of Keras 3, `.weights.h5` with a config beside it, and the HDF5 files of Keras 1, 2 and 3, whole models or
 * weights with the config as JSON beside them. What a file holds beside layers and weights (the optimizer, losses) is left alone.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { InputError } from "../../graph/input-error.ts";
import { type Model, modelOf } from "../../nn/model.ts";
import { type Hdf5File, isHdf5, readHdf5 } from "../containers/hdf5.ts";
import { type ZipMember, zipMembers } from "../containers/zip.ts";
import type { ImportedModel, ModelSource } from "../imported.ts";
import { FormatError } from "../safetensors.ts";
import { isKerasConfig } from "./archive.ts";
import { type Arrays, listed, newArrays, newRoots, oldArrays } from "./arrays.ts";
import { ConfigError, type KerasModel } from "./config.ts";
import { handsMasksOnBy } from "./masks.ts";
import { readWholeConfig } from "./nested-models.ts";
import { type Dialect, type Translated, translate } from "./translate.ts";
import { fill, type KerasArray } from "./weights.ts";

/** A config and what is known of the program that wrote it. */
export type Described = {
  readonly config: unknown;
  readonly version: string | undefined;
  /** The file that it is in, where it is another. */
  readonly from: string;
  /** Whether TensorFlow.js made it. */
  readonly tfjs?: true;
};

/** A model from its bytes. @throws FormatError, one line with the file's name */
export async function readKeras(source: ModelSource): Promise<ImportedModel> {
  const { bytes, name } = source;
  if (isHdf5(bytes)) return readHdf5(bytes, name, (file) => readFile(file, source));
  if (isKerasConfig(bytes)) {
    throw new FormatError(
      `${name}: it holds an architecture and no weights. Give the file of its weights (.weights.h5, .h5) with this one beside it, of the same name.`,
    );
  }
  const members = zipMembers(bytes, name, true);
  const described = configOf(members, name);
  const [translated, model] = understand(described, name);
  const weights = members.get("model.weights.h5")?.read();
  if (weights === undefined) throw new FormatError(`${name}: it holds no model.weights.h5: the file is not whole.`);
  return readHdf5(weights, name, (file) =>
    finish([translated, model], described, newArrays(file, model, translated, name), name),
  );
}

/** Config and version of a `.keras`. */
function configOf(members: ReadonlyMap<string, ZipMember>, name: string): Described {
  const text = (member: string): unknown => {
    const bytes = members.get(member)?.read();
    if (bytes === undefined)
      throw new FormatError(`${name}: it holds no ${member}: it is no Keras model, or not whole.`);
    return json(new TextDecoder().decode(bytes), `${name}: ${member}`);
  };
  const { keras_version: version } = (text("metadata.json") ?? {}) as Record<string, unknown>;
  return { config: text("config.json"), version: typeof version === "string" ? version : undefined, from: name };
}

/** An HDF5 file: a whole model, or weights for which there is a config beside it. */
function readFile(file: Hdf5File, source: ModelSource): ImportedModel {
  const { name } = source;
  const own = file.attribute("/", "model_config")?.[0];
  const version = file.attribute("/", "keras_version")?.[0];
  const root = newRoots.find((one) => file.kind(one) === "group");
  if (
    own === undefined &&
    root === undefined &&
    file.kind("/model_weights") === undefined &&
    listed(file, "/", "layer_names") === undefined
  ) {
    throw new FormatError(
      `${name}: it is an HDF5 file, but no Keras model: it has neither a model_config nor layer_names.`,
    );
  }
  const described =
    own === undefined
      ? beside(source, version)
      : { config: json(own, `${name}: its model_config`), version, from: name };
  const [translated, model] = understand(described, name);
  const { major } = dialectOf(described, model);
  const arrays =
    own === undefined && root !== undefined
      ? newArrays(file, model, translated, name)
      : oldArrays(file, model, translated, { name, major });
  return finish([translated, model], described, arrays, name);
}

/** The config that lies beside a file of weights. */
function beside({ name, beside: find }: ModelSource, version: string | undefined): Described {
  const file = name.split(/[\\/]/).at(-1) as string;
  const stem = file.replace(/\.(h5|hdf5|keras)$/i, "");
  const short = stem.replace(/[._]weights$/i, "");
  const candidates = [...new Set([`${short}.keras`, `${stem}.json`, `${short}.json`, "config.json"])].filter(
    (one) => one !== file,
  );
  for (const candidate of candidates) {
    const bytes = find?.(candidate);
    if (bytes === undefined) continue;
    if (candidate.endsWith(".keras")) return configOf(zipMembers(bytes, candidate, true), candidate);
    const config = json(new TextDecoder().decode(bytes), candidate);
    const written = (config as Record<string, unknown> | null)?.keras_version;
    return { config, version: version ?? (typeof written === "string" ? written : undefined), from: candidate };
  }
  throw new FormatError(
    `${name}: it holds weights and no architecture. Put the model's to_json() beside it as ${stem}.json, or the model as ${short}.keras.`,
  );
}

function json(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new FormatError(`${where} is not JSON: the file is damaged.`);
  }
}

/** What a version of Keras does. */
function dialectOf({ version, config, tfjs }: Described, model: KerasModel): Dialect & { readonly assumed: boolean } {
  const [, first, second] = /^(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  // Only Keras 3 says in which module a class is; Keras 1 and 2 are alike in what matters where they do not say it.
  const modules = typeof config === "object" && config !== null && "module" in config;
  const major = first === undefined ? (modules ? 3 : 2) : Number(first);
  // to_json() of Keras 3 does not say of which 3 it is, unless its masks do: most models are of one before 3.16.
  const said = major === 3 && first === undefined ? handsMasksOnBy(model) : undefined;
  const handsMasksOn = said ?? (major < 3 || (major === 3 && Number(second ?? 0) < 16));
  return {
    major,
    handsMasksOn,
    tfjs: tfjs === true,
    assumed: major === 3 && first === undefined && said === undefined,
  };
}

/** The config in our layers. @throws FormatError for what they cannot say */
export function understand(described: Described, name: string): [Translated, KerasModel] {
  const { config, from } = described;
  return telling(
    name,
    () => {
      const model = readWholeConfig(config);
      return [translate(model, dialectOf(described, model)), model];
    },
    from === name ? "" : `by ${excerpt(from)}, `,
  );
}
/** Reasons of a config and of our layers as errors of the file. */
export function telling<T>(name: string, make: () => T, where = ""): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof FormatError) throw error;
    if (error instanceof ConfigError) throw new FormatError(`${name}: ${where}${error.message}.`);
    if (error instanceof InputError)
      throw new FormatError(`${name}: ${where}${(error.message.split("\n")[0] as string).replace(/\.$/, "")}.`);
    throw error;
  }
}

/** The models, with their values. */
export function finish(
  [translated, keras]: [Translated, KerasModel],
  described: Described,
  arrays: Arrays,
  name: string,
): ImportedModel {
  const { version } = described;
  const { layers, sequential } = keras;
  const first = layers.find(({ className }) => className === "InputLayer");
  const [, steps] = Array.isArray(first?.config.batch_shape) ? (first.config.batch_shape as readonly unknown[]) : [];
  const values = new Map<string, Float32Array>();
  telling(name, () => {
    for (const [layer, groups] of translated.weights) {
      const found = arrays(layer, groups);
      groups.forEach((group, k) => {
        fill(group, found[k] as readonly KerasArray[], (parameter, numbers) => values.set(parameter, numbers));
      });
    }
  });
  const build = ({ layers, input }: Translated["outputs"][number]): Model =>
    telling(name, () =>
      modelOf(layers, input, ({ name: parameter, shape }) => {
        const copied = translated.copies.get(parameter);
        const found = values.get(copied ?? parameter);
        if (found?.length === shape.reduce((a, b) => a * b, 1)) return copied === undefined ? found : found.slice();
        throw new ConfigError(
          `${parameter} has ${found?.length ?? "no"} values, and its layer has ${shape.join(" x ")}: its weights are of another model`,
        );
      }),
    );
  const outputs = translated.outputs.map((one) => ({ name: one.name, model: build(one) }));
  const [{ model }] = outputs as [(typeof outputs)[number]];
  const masked =
    model.layers.some(({ kind }) => kind === "masking") || model.maskedBy.length + model.paddings.length > 0;
  const nested = layers.some(({ group }) => group !== undefined);
  const assumed = masked && (sequential || nested) && dialectOf(described, keras).assumed;
  const notes = [
    ...translated.notes,
    ...(assumed
      ? [
          "Nothing says which Keras 3 it is of: recurrent layers hand masks on here, as before 3.16. Put the .keras file beside the weights.",
        ]
      : []),
  ];
  return {
    source: version === undefined ? "Keras of an unknown version" : `Keras ${excerpt(version)}`,
    model,
    ...(typeof steps === "number" && model.inputs[0]?.sequence && { steps }),
    ...(outputs.length > 1 && { outputs }),
    notes,
  };
}
