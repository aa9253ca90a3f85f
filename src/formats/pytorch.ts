/**
 * PyTorch's files: tensors by name out of what `torch.save` wrote (and out of safetensors and .npz), and models written for PyTorch. A
 * whole model is read by `importModel` of `imported.ts`. Runs no code from a file.
 */
import { type Arguments, checkArguments, string } from "../graph/schema.ts";
import { readTensors } from "./pytorch/read.ts";
import { elementBytes, FormatError, someBytes, type Tensor } from "./safetensors.ts";

export type { MappedLayer, MappedOutput, PytorchMapping, TensorPart } from "./pytorch/mapping.ts";
export { type PytorchFiles, writePytorch } from "./pytorch/write.ts";

/** @internal */
export const readPytorchTensorsArguments: Arguments = { bytes: someBytes, file: string };

/** What the tensors take in memory at most: so many times the file, and so many bytes more. */
const [mostTimes, mostMore] = [4, 16 * 2 ** 20];

/**
 * The tensors of a file by name, as `state_dict()` names them: of `.pt` and `.pth` (all formats of `torch.save`: a state dictionary, one
 * within a checkpoint, whole modules), of `.safetensors` and of `.npz`. What PyTorch's wrappers put before every name ("module.",
 * "_orig_mod.") is left out. The record has no prototype.
 * @param bytes the content of the file; tensors of f32 may be parts of it
 * @param file the file's name, for messages. Default "model.pt"
 * @returns tensors with values in row-major order; `Tensor` says what becomes of each type
 * @throws FormatError of one line for a file that is damaged or in another format, and for the first tensor that cannot be read
 * (quantised, sparse), with its name
 */
export function readPytorchTensors(bytes: Uint8Array, file = "model.pt"): Readonly<Record<string, Tensor>> {
  checkArguments("readPytorchTensors", { bytes, file }, readPytorchTensorsArguments);
  const found = Object.create(null) as Record<string, Tensor>;
  let left = mostTimes * bytes.length + mostMore;
  for (const [name, tensor] of readTensors(bytes, file).tensors) {
    if ("problem" in tensor) throw new FormatError(`${file}: ${name} ${tensor.problem}.`);
    left -= Math.max(4, elementBytes(tensor.dtype)) * tensor.shape.reduce((a, b) => a * b, 1);
    if (left < 0)
      throw new FormatError(
        `${file}: its tensors share their numbers so much that they would take far more than the file.`,
      );
    found[name] = tensor.read();
  }
  return found;
}
