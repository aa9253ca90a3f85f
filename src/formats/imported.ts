/** Models that other programs wrote: one reader a format, and what reads any of them. Knows nothing about disks. */
import {
  type Arguments,
  anything,
  callable,
  checkArguments,
  options as optionsOf,
  required,
  someText,
} from "../graph/schema.ts";
import type { Model } from "../nn/model.ts";
import { isHdf5 } from "./containers/hdf5.ts";
import { isManifest, isWordBreaks } from "./dumps/kind.ts";
import { isKerasArchive, isKerasConfig, isNamedKeras } from "./keras/archive.ts";
import { isOnnx } from "./onnx/kind.ts";
import { isNamedPytorch, isPytorch } from "./pytorch/kinds.ts";
import { FormatError, someBytes } from "./safetensors.ts";
import { isTfjs } from "./tfjs/kind.ts";

/** A model of another program, as one of ours. */
export type ImportedModel = {
  /** What wrote it, as far as its file tells: "Keras 3.16.0". */
  readonly source: string;
  readonly model: Model;
  /** How many steps its input has, where the file says it. Our models take any number. */
  readonly steps?: number;
  /** The token of each of its numbers, null of one without, where the file has them. */
  readonly vocabulary?: readonly (string | null)[];
  /** Of a model with several outputs: each as a model of its own, with the same arrays of values; the first is `model`. */
  readonly outputs?: readonly { readonly name: string; readonly model: Model }[];
  /** What a reader of the file might not expect, a line each. */
  readonly notes: readonly string[];
};

/** The file that was named, and those beside it, which some formats need. */
export type ModelSource = {
  readonly bytes: Uint8Array;
  /** The file's name, for messages, and where its ending tells what its content does not. */
  readonly name: string;
  /** The bytes of another file in the same folder; undefined where there is none. */
  readonly beside?: ((name: string) => Uint8Array | undefined) | undefined;
  /**
   * For a file of tensors alone, which does not say how they are wired: its layers, as JSON holds them. See `PytorchMapping` of
   * `pytorch/mapping.ts`.
   */
  readonly mapping?: unknown;
};

/** A format of another program. */
export type ForeignFormat = {
  /** For messages: "a Keras model". */
  readonly title: string;
  /** Whether its content is such a file's. */
  readonly accepts: (bytes: Uint8Array) => boolean;
  /** Whether its name says so, where the content is of no format: reading it says what is wrong. */
  readonly named?: (source: ModelSource) => boolean;
  /** Whether its files may hold tensors alone, which a mapping wires. */
  readonly mapped?: true;
  /** @throws FormatError, one line, for what is damaged, and for the first thing that our layers cannot say, with its name */
  readonly read: (source: ModelSource) => Promise<ImportedModel>;
};

/** The formats, each loaded when it is needed. */
const formats: readonly ForeignFormat[] = [
  {
    title: "a PyTorch model",
    mapped: true,
    accepts: isPytorch,
    named: ({ bytes, name }) => isNamedPytorch(bytes, name),
    read: async (source) => (await import("./pytorch/read.ts")).readPytorch(source),
  },
  {
    title: "an ONNX model",
    accepts: isOnnx,
    named: ({ name }) => /\.onnx$/i.test(name),
    read: async (source) => (await import("./onnx/read.ts")).readOnnx(source),
  },
  {
    title: "a TensorFlow.js model",
    accepts: isTfjs,
    read: async (source) => (await import("./tfjs/read.ts")).readTfjs(source),
  },
  {
    title: "a Keras model",
    accepts: (bytes) => isHdf5(bytes) || isKerasArchive(bytes) || isKerasConfig(bytes),
    named: ({ bytes, name }) => isNamedKeras(bytes, name),
    read: async (source) => (await import("./keras/read.ts")).readKeras(source),
  },
  {
    title: "a checkpoint of TensorFlow 1 as raw numbers",
    accepts: isManifest,
    read: async (source) => (await import("./dumps/checkpoint.ts")).readCheckpoint(source),
  },
  {
    title: "a model of word breaks of ICU",
    accepts: isWordBreaks,
    read: async (source) => (await import("./dumps/word-breaks.ts")).readWordBreaks(source),
  },
];

const formatOf = (source: ModelSource): ForeignFormat | undefined =>
  formats.find(({ accepts }) => accepts(source.bytes)) ?? formats.find(({ named }) => named?.(source));
/** Whether it is a file of one of these formats. @internal */
export const isForeignModel = (source: ModelSource): boolean => formatOf(source) !== undefined;

/** @internal */
export const importModelArguments: Arguments = {
  source: optionsOf<ModelSource>({
    bytes: required(someBytes),
    name: required(someText),
    beside: callable,
    mapping: anything,
  }),
};

/**
 * Read a model that another program wrote, as one of ours, by its content: of Keras, PyTorch, ONNX, TensorFlow.js, a checkpoint of
 * TensorFlow 1 with a manifest, a model of word breaks of ICU. Runs no code from the file, and follows no link out of it. HDF5 files need the optional package h5wasm.
 * @param source `bytes` of the file; its `name`, for messages and where its ending tells more; `beside`, which gives the bytes of another
 *   file of the same folder: weights without an architecture need it
 * @returns `source`, what wrote it; `model`; `steps` and `vocabulary` where the file has them; of a model with several outputs `outputs`, each as a model with the same values; `notes`
 * @throws FormatError, one line that begins with the file's name, for a file of no known format, for a damaged one, and for what our layers
 * cannot say
 * @example const { model, notes } = await importModel({ bytes: readFileSync("model.keras"), name: "model.keras" });
 */
export async function importModel(source: ModelSource): Promise<ImportedModel> {
  checkArguments("importModel", { source }, importModelArguments);
  const format = formatOf(source);
  if (format === undefined) {
    throw new FormatError(
      `${source.name}: it is no model file of a known format. Give one of ours, or of Keras, PyTorch, ONNX or TensorFlow.js.`,
    );
  }
  if (source.mapping !== undefined && format.mapped === undefined) {
    throw new FormatError(
      `${source.name}: it is ${format.title}, which says how its layers are wired. Leave the mapping out.`,
    );
  }
  return await format.read(source);
}
