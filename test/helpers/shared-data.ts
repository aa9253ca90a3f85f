/** Data that tests compare with and that are not in the repository: a folder beside it, or where UNROLLED_DATA says. */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ModelSource } from "../../src/formats/imported.ts";

export const sharedData = process.env.UNROLLED_DATA ?? join(import.meta.dirname, "../../../shared/data");

/** A file as a reader of models gets it, with what lies beside it. */
export function sourceOf(file: string): ModelSource {
  const beside = (name: string): Uint8Array | undefined => {
    try {
      return readFileSync(join(dirname(file), name));
    } catch {
      return undefined;
    }
  };
  return { bytes: new Uint8Array(readFileSync(file)), name: basename(file), beside };
}
