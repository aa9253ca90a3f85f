/**
 * Models of PyTorch: of files that `torch.save` wrote, of safetensors that are not ours, and of NumPy's archives of arrays. Tensors
 * first, then how they are wired (by a mapping, or by what the file leaves no doubt about), then the model.
 */
import { InputError } from "../../graph/input-error.ts";
import { isNpy, readNpy, readNpz } from "../containers/npy.ts";
import { isTar, readTar } from "../containers/tar.ts";
import { isZip, zipMembers } from "../containers/zip.ts";
import type { ImportedModel, ModelSource } from "../imported.ts";
import { type Dtype, FormatError, storedTensors } from "../safetensors.ts";
import { readTorchArchive } from "./archive.ts";
import { chainOf } from "./chain.ts";
import { isForeignSafetensors, isNpz, isTorchArchive } from "./kinds.ts";
import { checkMapping, type PytorchMapping } from "./mapping.ts";
import { modelFromTensors } from "./model.ts";
import { type TensorTable, tensorsIn, unwrapped } from "./state.ts";
import { type NamedTensor, stored } from "./tensors.ts";
import { vocabulariesIn } from "./vocabulary.ts";

/** The name under which exported weights carry their mapping. */
export const mappingKey = "pytorch.mapping";

/** Files of tensors. */
type Container = {
  readonly accepts: (bytes: Uint8Array) => boolean;
  readonly read: (
    bytes: Uint8Array,
    name: string,
  ) => {
    readonly source: string;
    readonly table: TensorTable;
    /** The mapping that came with them. */
    readonly mapping?: unknown;
    /** The vocabularies that lie beside them. */
    readonly vocabularies?: readonly (readonly string[])[];
  };
};
const containers: readonly Container[] = [
  {
    accepts: isTorchArchive,
    read(bytes, name) {
      const archive = readTorchArchive(bytes, name);
      const table = tensorsIn(archive, name, bytes.length);
      return { source: archive.source, table, vocabularies: vocabulariesIn(archive.value) };
    },
  },
  {
    accepts: isNpz,
    read(bytes, name) {
      const tensors = [...readNpz(bytes, name)].map(([own, tensor]): [string, NamedTensor] => [
        own,
        { shape: tensor.shape, dtype: tensor.dtype as Dtype, read: () => tensor },
      ]);
      return { source: "NumPy", table: plainTable(tensors, true) };
    },
  },
  {
    accepts: isForeignSafetensors,
    read(bytes, name) {
      const { tensors, metadata } = storedTensors(bytes, name);
      const table = plainTable(
        tensors.map((tensor) => [tensor.name, stored(tensor.content, tensor.dtype, tensor.shape)]),
        false,
      );
      return { source: "safetensors", table, mapping: mappingIn(metadata[mappingKey], name) };
    },
  },
];

/** Tensors of a file that has each but once. */
const plainTable = (tensors: readonly (readonly [string, NamedTensor])[], ordered: boolean): TensorTable => ({
  ...{ tensors: new Map(tensors), modules: new Map(), ordered, states: [], notes: [] },
});

function mappingIn(text: string | undefined, name: string): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatError(`${name}: its metadata "${mappingKey}" is not JSON: the file is damaged.`);
  }
}

/**
 * The tensors of a file by name: of a file that `torch.save` wrote, of a safetensors file or of an .npz.
 * @param name the file's name, for messages
 * @throws FormatError of one line for what is damaged, cut off or in another format
 */
export const readTensors = (bytes: Uint8Array, name: string): TensorTable => unwrapped(contentOf(bytes, name).table);

function contentOf(bytes: Uint8Array, name: string): ReturnType<Container["read"]> {
  const container = containers.find(({ accepts }) => accepts(bytes));
  if (container !== undefined) return container.read(bytes, name);
  // What is damaged says so.
  if (isZip(bytes)) zipMembers(bytes, name);
  if (isTar(bytes)) readTar(bytes, name);
  if (isNpy(bytes)) {
    readNpy(bytes, name);
    throw new FormatError(`${name}: it holds one array, and a model has several. Give an .npz of them.`);
  }
  throw new FormatError(`${name}: it is no file of PyTorch, no safetensors file and no .npz.`);
}

/**
 * Read a model.
 * @param source its `mapping`, checked here, says how the tensors are wired; without one it is made of names and shapes
 * @throws FormatError of one line for a damaged file, and for what is missing, left over or not to be said; InputError for what is not a
 * mapping
 */
export function readPytorch({ bytes, name, mapping: given }: ModelSource): ImportedModel {
  const { source, mapping: own, vocabularies, ...content } = contentOf(bytes, name);
  const table = unwrapped(content.table);
  const mapping: unknown = given ?? own;
  if (mapping !== undefined) checkMapping("mapping", mapping);
  else if (isNpz(bytes) && [...table.tensors.keys()].every((one) => /^arr_\d+$/.test(one))) {
    throw new FormatError(
      `${name}: its arrays have no names, as numpy.savez gives those of Keras's model.get_weights(). Load them into the model (model.set_weights) and save it as .keras; or give a mapping.`,
    );
  }
  const chain = mapping === undefined ? chainOf(table, name) : { mapping: mapping as PytorchMapping, notes: [] };
  try {
    const { model, notes } = modelFromTensors(table, chain.mapping, name, bytes.length);
    const inputs = model.input === "tokens" ? model.inputs[0]?.count : model.input;
    // One of another size, or of a model that gives something else, is of something else.
    const vocabulary = vocabularies?.find(({ length }) => length === model.outputSize && length === inputs);
    return { source, model, notes: [...table.notes, ...chain.notes, ...notes], ...(vocabulary && { vocabulary }) };
  } catch (error) {
    // Layers that do not fit together, and equations that do not parse.
    if (!(error instanceof InputError) || error instanceof FormatError) throw error;
    throw new FormatError(`${name}: ${error.message.split("\n")[0]}`);
  }
}
