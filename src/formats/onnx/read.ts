/** ONNX files as models: bytes to data, data to layers. */
import type { ImportedModel, ModelSource } from "../imported.ts";
import { FormatError } from "../safetensors.ts";
import { decodeOnnx } from "./decode.ts";
import { importOnnx } from "./import.ts";

/** @throws FormatError, one line, for a damaged file, and for the first node that layers cannot say */
export async function readOnnx({ bytes, name, beside }: ModelSource): Promise<ImportedModel> {
  try {
    return importOnnx(decodeOnnx(bytes, name, beside), name);
  } catch (error) {
    // Nodes that follow each other in thousands are more than equations can nest.
    if (error instanceof RangeError && error.message.includes("call stack"))
      throw new FormatError(`${name}: its nodes depend on each other more deeply than can be read.`);
    throw error;
  }
}
