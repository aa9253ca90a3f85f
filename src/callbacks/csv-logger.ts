/** The numbers of each epoch as a table of comma-separated values, as Keras's CSVLogger. */
import { existsSync } from "node:fs";
import { decodeText } from "../formats/decode-text.ts";
import { appendToFile, readInput, writeFileAtomically } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, alias, checkArguments, flag, options as optionsOf, someText } from "../graph/schema.ts";
import type { Callback } from "../train/callbacks.ts";
import { createPatience } from "./patience.ts";

/** Options of `csvLogger`, with Keras's defaults. */
export type CsvLoggerOptions = {
  /** The character between two values. Default ",". */
  readonly separator?: string;
  /** Whether to append to an existing file. Default false: write a new one. */
  readonly append?: boolean;
};

export const csvLoggerArguments: Arguments = {
  path: someText,
  options: optionsOf<CsvLoggerOptions>({
    separator: alias(
      {
        expected: "one character that is in no number",
        accepts: (value) => typeof value === "string" && /^[^\w.+"\r\n-]$/u.test(value),
      },
      "sep",
      "delimiter",
    ),
    append: flag,
  }),
};

/** Written for a value that an epoch does not have, as Keras does; pandas and R read it as missing. */
const notAvailable = "NA";

/**
 * A callback that writes the logs of each epoch as a row of a CSV file: `epoch`, from 0 as in Keras, then the logs by name. A
 * name that appears later becomes a new last column. Keras's CSVLogger.
 * @param path the file
 * @param options `separator` (default ","), `append` (false)
 * @throws InputError for a separator that could be in a number, and if the file cannot be written
 * @example csvLogger("training.csv")
 */
export function csvLogger(path: string, options: CsvLoggerOptions = {}): Callback {
  checkArguments("csvLogger", { path, options }, csvLoggerArguments);
  const { separator = ",", append = false } = options;
  let columns: readonly string[] = [];
  const patience = createPatience("csvLogger");
  const line = (cells: readonly string[]): string => `${cells.join(separator)}\n`;

  /** Rewrite the file with more columns, which are empty in the existing rows. */
  const widen = (added: readonly string[]): void => {
    const wrong = added.find((name) => name.includes(separator) || /["\r\n]/.test(name));
    if (wrong !== undefined) {
      throw new InputError(`csvLogger: a column cannot be named ${JSON.stringify(wrong)}. Use another separator.`);
    }
    const rows = readRows(path);
    const [, ...old] = rows;
    const all = [...columns, ...added];
    const widened = old.map((row) => line([row, ...added.map(() => notAvailable)]));
    writeFileAtomically(path, new TextEncoder().encode(line(all) + widened.join("")));
    columns = all;
  };
  return {
    writes: true,
    onTrainBegin() {
      if (append && existsSync(path)) {
        const [header = ""] = readRows(path);
        columns = header === "" ? [] : header.split(separator);
        if (header === "" || columns[0] === "epoch") return appendToFile(path, "");
        throw new InputError(
          `${path}: its first column is not "epoch", so it is not a log to append to. Give another name.`,
        );
      }
      columns = [];
      writeFileAtomically(path, new Uint8Array());
    },
    onEpochEnd(epoch, logs) {
      const values: Readonly<Record<string, number>> = { epoch, ...logs };
      patience.write(() => {
        const added = Object.keys(values).filter((name) => !columns.includes(name));
        if (added.length > 0) widen(added);
        appendToFile(path, line(columns.map((name) => `${values[name] ?? notAvailable}`)));
      });
    },
    onTrainEnd: () => patience.end(),
  };
}

/** The lines of the file, without their ends. */
const readRows = (path: string): string[] => decodeText(readInput(path), path).split(/\r?\n/).filter(Boolean);
