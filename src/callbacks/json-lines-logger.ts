/** The numbers of each epoch as a line of JSON. */
import { existsSync } from "node:fs";
import { appendToFile, writeFileAtomically } from "../formats/files.ts";
import { type Arguments, checkArguments, flag, options as optionsOf, someText } from "../graph/schema.ts";
import type { Callback } from "../train/callbacks.ts";
import { createPatience } from "./patience.ts";

/** By default a new file. */
export type JsonLinesLoggerOptions = {
  /** Go on with a file that is there, instead of a new one. */
  readonly append?: boolean;
};

export const jsonLinesLoggerArguments: Arguments = {
  path: someText,
  options: optionsOf<JsonLinesLoggerOptions>({ append: flag }),
};

/**
 * One object an epoch, written when it ends: `epoch`, from 0 as in Keras, `step`, the updates taken, and the logs. What
 * is infinite or NaN is null, for JSON has neither.
 * @throws InputError where the file cannot be written
 * @example jsonLinesLogger("training.jsonl") // {"epoch":0,"step":520,"loss":1.91,"valLoss":1.75}
 */
export function jsonLinesLogger(path: string, options: JsonLinesLoggerOptions = {}): Callback {
  checkArguments("jsonLinesLogger", { path, options }, jsonLinesLoggerArguments);
  const { append = false } = options;
  const patience = createPatience("jsonLinesLogger");
  return {
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
