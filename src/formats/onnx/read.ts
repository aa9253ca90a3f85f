/** ONNX files as models: bytes to data, data to layers. */
import type { ImportedModel, ModelSource } from "../imported.ts";
import { decodeOnnx } from "./decode.ts";
import { importOnnx } from "./import.ts";

/** @throws FormatError, one line, for a damaged file, and for the first node that layers cannot say */
export async function readOnnx({ bytes, name, beside }: ModelSource): Promise<ImportedModel> {
  return importOnnx(decodeOnnx(bytes, name, beside), name);
}
