/** What files of trained arrays that programs wrote in a form of their own look like from outside. */
import { isPlain } from "../../graph/schema.ts";

/** A file of JSON, if it is an object. */
export function objectIn(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  if (bytes[bytes.findIndex((byte) => byte > 0x20)] !== 0x7b) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isPlain(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is the list of the files that hold the arrays of a checkpoint of TensorFlow 1, as ml5.js reads it. */
export function isManifest(bytes: Uint8Array): boolean {
  const entries = Object.values(objectIn(bytes) ?? {});
  return (
    entries.length > 0 &&
    entries.every((one) => isPlain(one) && typeof one.filename === "string" && Array.isArray(one.shape))
  );
}

/** Whether it is a model of word breaks, as ICU's data have them. */
export function isWordBreaks(bytes: Uint8Array): boolean {
  const { model, dic, mat1, mat9 } = objectIn(bytes) ?? {};
  return typeof model === "string" && isPlain(dic) && isPlain(mat1) && isPlain(mat9);
}
