/**
 * Read layers models of TensorFlow.js: `model.json` with the files of weights beside it. The layers are Keras's, the numbers lie one behind the
 * other, over as many files as there are. Knows nothing about graph models.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { joined } from "../../graph/joined.ts";
import { formatValue, isPlain } from "../../graph/schema.ts";
import type { ImportedModel, ModelSource } from "../imported.ts";
import type { Arrays } from "../keras/arrays.ts";
import { ConfigError } from "../keras/config.ts";
import { finish, understand } from "../keras/read.ts";
import { arraysOf, type KerasArray } from "../keras/weights.ts";
import { type Dtype, decodeTensor, elementBytes, FormatError } from "../safetensors.ts";

/** One array of the manifest. */
type Entry = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: { readonly dtype: string; readonly scale?: number; readonly min?: number };
};
type Group = { readonly paths: readonly string[]; readonly weights: readonly Entry[] };

/** Element types as they are stored. */
const types: ReadonlyMap<string, Dtype> = new Map([
  ["float32", "F32"],
  ["float16", "F16"],
  ["int32", "I32"],
  ["uint8", "U8"],
  ["uint16", "U16"],
  ["bool", "BOOL"],
]);
/** What arrays take in memory at most: so many times the files. */
const mostTimes = 4;

/** A model of its `model.json`. @throws FormatError, one line with the file's name */
export async function readTfjs(source: ModelSource): Promise<ImportedModel> {
  const { bytes, name } = source;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new FormatError(`${name}: it is no JSON: the file is damaged.`);
  }
  const { modelTopology, weightsManifest, format, generatedBy, convertedBy } = (isPlain(json) ? json : {}) as Record<
    string,
    unknown
  >;
  if (format === "graph-model" || (isPlain(modelTopology) && "node" in modelTopology)) {
    throw new FormatError(`${name}: it is a graph model, which has operators in place of layers. Give a layers model.`);
  }
  if (!isPlain(modelTopology))
    throw new FormatError(`${name}: its modelTopology is ${formatValue(modelTopology)}, no model.`);
  const { model_config: inner, keras_version: version } = modelTopology;
  // Its own layers are those of Keras 2; what a converter made was trained with the version that it names.
  const keras = typeof version === "string" && /^\d/.test(version) ? version : undefined;
  const own = keras === undefined && ({ tfjs: true } as const);
  const described = { config: inner ?? modelTopology, version: keras ?? "2.0.0", from: name, ...own };
  const understood = understand(described, name);
  const arrays = arraysIn(manifestOf(weightsManifest, name), source);
  const made = finish(understood, described, arraysFor(arrays), name);
  const by = [generatedBy, convertedBy].find((one) => typeof one === "string");
  return {
    ...made,
    source: `TensorFlow.js${keras === undefined ? "" : `, converted from Keras ${excerpt(keras)}`}${by === undefined ? "" : ` (${excerpt(by as string)})`}`,
  };
}

function manifestOf(manifest: unknown, name: string): readonly Group[] {
  const isEntry = (one: unknown): boolean =>
    isPlain(one) &&
    typeof one.name === "string" &&
    typeof one.dtype === "string" &&
    Array.isArray(one.shape) &&
    one.shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  const isGroup = (one: unknown): boolean =>
    isPlain(one) &&
    Array.isArray(one.paths) &&
    one.paths.every((path) => typeof path === "string") &&
    Array.isArray(one.weights) &&
    one.weights.every(isEntry);
  if (Array.isArray(manifest) && manifest.every(isGroup)) return manifest as readonly Group[];
  throw new FormatError(`${name}: its weightsManifest does not list files and arrays: the file is damaged.`);
}

/** The arrays of all files, by their names, in the manifest's order. */
function arraysIn(groups: readonly Group[], { name, beside }: ModelSource): ReadonlyMap<string, KerasArray> {
  const arrays = new Map<string, KerasArray>();
  for (const { paths, weights } of groups) {
    const parts = paths.map((path) => {
      if (path === "" || path === "." || path === ".." || /[/\\:]/.test(path)) {
        throw new FormatError(
          `${name}: weights lie in ${formatValue(path)}, which is no file's name in the same folder: it is not read.`,
        );
      }
      const part = beside?.(path);
      if (part === undefined)
        throw new FormatError(`${name}: its weights lie in ${formatValue(path)}, which is not beside it.`);
      return part;
    });
    const all = parts.length === 1 ? (parts[0] as Uint8Array) : joined(Uint8Array, parts);
    let from = 0;
    let left = mostTimes * all.length + 2 ** 20;
    for (const entry of weights) {
      const stored = types.get(entry.quantization?.dtype ?? entry.dtype);
      const what = `the array ${formatValue(entry.name)}`;
      if (stored === undefined) {
        throw new FormatError(
          `${name}: ${what} has the element type ${formatValue(entry.quantization?.dtype ?? entry.dtype)}, which is not read.`,
        );
      }
      if (arrays.has(entry.name)) throw new FormatError(`${name}: two arrays are named ${formatValue(entry.name)}.`);
      const count = entry.shape.reduce((a, b) => a * b, 1);
      const size = count * elementBytes(stored);
      left -= 4 * count;
      if (!(from + size <= all.length) || left < 0) {
        throw new FormatError(
          `${name}: ${what} needs ${size} bytes, and its files have ${Math.max(0, all.length - from)} more.`,
        );
      }
      const { data } = decodeTensor(all.subarray(from, from + size), stored, entry.shape);
      from += size;
      const { scale, min } = entry.quantization ?? {};
      const numbers = data as ArrayLike<number>;
      const values = scale === undefined ? numbers : Float32Array.from(numbers, (value) => value * scale + (min ?? 0));
      arrays.set(entry.name, { shape: entry.shape, data: values, name: entry.name });
    }
    if (from < all.length)
      throw new FormatError(`${name}: its files of weights have ${all.length - from} bytes more than it lists.`);
  }
  return arrays;
}
/**
 * The arrays of each layer: those whose names have it before a stroke; of a layer in two directions, which converters leave out of the
 * names, those of the directions' own names. They order layers as they like.
 */
function arraysFor(arrays: ReadonlyMap<string, KerasArray>): Arrays {
  const named = (wanted: (parts: readonly string[]) => boolean): KerasArray[] =>
    [...arrays].flatMap(([key, array]) => (wanted(key.split("/")) ? [array] : []));
  const taken = new Set<KerasArray>();
  return (layer, groups) => {
    // Of a layer within a model, the manifest has its own name alone.
    const called = layer.split("/").at(-1) as string;
    const own = named((parts) => parts.slice(0, -1).includes(called));
    return groups.map(({ form, path, inner }) => {
      const wanted = arraysOf(form);
      const way = /^(forward|backward)/.exec(path)?.[1];
      const inWay = (name: string): boolean => name.split("/").some((part) => part.startsWith(`${way}_`));
      const from =
        way === undefined
          ? own
          : own.length > 0
            ? own.filter(({ name }) => inWay(name))
            : named(([first]) => first === inner);
      const rest = from.filter((array) => !taken.has(array));
      const found = wanted.map((what) => rest.find(({ name }) => name.split("/").at(-1)?.replace(/:0$/, "") === what));
      const missing = found.indexOf(undefined);
      if (missing >= 0) {
        throw new ConfigError(
          `the layer ${excerpt(JSON.stringify(layer), 60)} has no array ${wanted[missing]} in the manifest`,
        );
      }
      for (const array of found) taken.add(array as KerasArray);
      return found as KerasArray[];
    });
  };
}
