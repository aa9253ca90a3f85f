/** The numbers of each epoch as a line of JSON. */
import { existsSync } from "node:fs";
import { appendToFile, writeFileAtomically } from "../formats/files.ts";
import { type Arguments, checkArguments, flag, options as optionsOf, someText } from "../graph/schema.ts";
import type { Callback } from "../train/callbacks.ts";
import { createPatience } from "./patience.ts";

/** Options of `jsonLinesLogger`. */
export type JsonLinesLoggerOptions = {
  /** Whether to append to an existing file. Default false: write a new one. */
  readonly append?: boolean;
};

export const jsonLinesLoggerArguments: Arguments = {
  path: someText,
  options: optionsOf<JsonLinesLoggerOptions>({ append: flag }),
};

/**
 * A callback that writes the logs of each epoch as a line of JSON: `epoch`, from 0 as in Keras, `step`, the updates so far,
 * and the logs by name. Infinite and NaN values are written as null.
 * @param path the file
 * @param options `append` (default false)
 * @throws InputError if the file cannot be written
 * @example jsonLinesLogger("training.jsonl") // {"epoch":0,"step":520,"loss":1.91,"valLoss":1.75}
 */
export function jsonLinesLogger(path: string, options: JsonLinesLoggerOptions = {}): Callback {
  checkArguments("jsonLinesLogger", { path, options }, jsonLinesLoggerArguments);
  const { append = false } = options;
  const patience = createPatience("jsonLinesLogger");
  return {
    writes: true,
    onTrainBegin() {
      if (append && existsSync(path)) appendToFile(path, "");
      else writeFileAtomically(path, new Uint8Array());
    },
    onEpochEnd(epoch, logs, { step }) {
      patience.write(() => appendToFile(path, `${JSON.stringify({ epoch, step, ...logs })}\n`));
    },
    onTrainEnd: () => patience.end(),
  };
}
