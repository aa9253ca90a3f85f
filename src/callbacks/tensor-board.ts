/** The numbers of a training for TensorBoard, in the folders and under the tags of Keras's callback. */
import { hostname } from "node:os";
import { join } from "node:path";
import { appendToFile, makeFolder } from "../formats/files.ts";
import {
  type Arguments,
  checkArguments,
  either,
  oneOf,
  options as optionsOf,
  someText,
  wholeNumber,
} from "../graph/schema.ts";
import type { Callback, Logs, TrainingRun } from "../train/callbacks.ts";
import { type Event, eventRecord, fileVersion } from "./event-file.ts";
import { createPatience, type Patience } from "./patience.ts";

/** Options of `tensorBoard`. */
export type TensorBoardOptions = {
  /** "epoch" (default), "batch", or n: also write the logs of every batch, or of every n-th. */
  readonly updateFreq?: "epoch" | "batch" | number;
};

export const tensorBoardArguments: Arguments = {
  logDir: someText,
  options: optionsOf<TensorBoardOptions>({ updateFreq: either(oneOf("epoch", "batch"), wholeNumber(1)) }),
};

/**
 * A callback that writes event files for TensorBoard in `logDir`/train and `logDir`/validation, so that it draws both in one
 * chart: `epoch_loss` over the epochs, from 0 as in Keras; `batch_loss` over the updates. Names are Keras's: `valLoss` is
 * `epoch_loss` of the validation, `learningRate` is `epoch_learning_rate`. Each training adds its own files. Keras's
 * TensorBoard.
 * @param logDir the folder
 * @param options `updateFreq`: "epoch" (default), "batch" or a number of batches
 * @throws InputError for a wrong `updateFreq`, and if the files cannot be written
 * @example tensorBoard("logs/first") // then: tensorboard --logdir logs
 */
export function tensorBoard(logDir: string, options: TensorBoardOptions = {}): Callback {
  checkArguments("tensorBoard", { logDir, options }, tensorBoardArguments);
  const { updateFreq = "epoch" } = options;
  const every = updateFreq === "epoch" ? undefined : updateFreq === "batch" ? 1 : updateFreq;
  const patience = createPatience("tensorBoard");
  const open = (run: "train" | "validation", begin: Begin): EventWriter =>
    createEventWriter(join(logDir, run), patience, begin);
  let train: EventWriter | undefined;
  let validation: EventWriter | undefined;
  let batches = 0;
  return {
    writes: true,
    onTrainBegin() {
      [train, validation, batches] = [open("train", (work) => work()), undefined, 0];
    },
    ...(every !== undefined && {
      onBatchEnd(logs: Logs, { step }: TrainingRun) {
        if (++batches % every === 0) train?.({ step, scalars: tagged("batch", Object.entries(logs)) });
      },
    }),
    onEpochEnd(epoch, logs) {
      const numbers = Object.entries(logs);
      const isMeasured = ([name]: [string, number]): boolean => /^val[A-Z]/.test(name);
      const measured = numbers.filter(isMeasured).map(([name, value]) => [name.slice(3), value] as const);
      const own = numbers.filter((number) => !isMeasured(number));
      train?.({ step: epoch, scalars: tagged("epoch", own) });
      if (measured.length === 0) return;
      validation ??= open("validation", patience.write);
      validation({ step: epoch, scalars: tagged("epoch", measured) });
    },
    onTrainEnd: () => patience.end(),
  };
}

/** `learningRate` as `epoch_learning_rate`, `Loss` as `epoch_loss`. */
function tagged(prefix: string, numbers: readonly (readonly [string, number])[]): Logs {
  const words = (name: string): string => name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toLowerCase();
  return Object.fromEntries(numbers.map(([name, value]) => [`${prefix}_${words(name)}`, value]));
}

type EventWriter = (event: Omit<Event, "wallTimeSeconds">) => void;

/** A number in the names of the files of one process, which have to differ. */
let files = 0;

/** How the file is created: at once or with an error, or as soon as the disk allows it. */
type Begin = (work: () => void) => void;

/** A new file in a folder. Every event is in it when the call returns, unless the disk refused it. */
function createEventWriter(folder: string, patience: Patience, begin: Begin): EventWriter {
  const seconds = Math.floor(Date.now() / 1000);
  // TensorBoard reads every file with "tfevents" in its name, and orders those of a folder by name.
  const path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${files++}`);
  const record = (event: Parameters<EventWriter>[0]) => eventRecord({ wallTimeSeconds: Date.now() / 1000, ...event });
  const header = record({ fileVersion });
  begin(() => {
    makeFolder(folder);
    appendToFile(path, header);
  });
  return (event) => {
    const bytes = record(event);
    patience.write(() => appendToFile(path, bytes));
  };
}
