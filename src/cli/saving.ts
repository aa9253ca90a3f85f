/**
 * Save a training's file while the training runs: each save replaces the whole file, or leaves the old one. An error is
 * reported at once, and saving is tried again. A file that another program has written there meanwhile is not replaced.
 */
import { existsSync } from "node:fs";
import { format, parse } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { digestOf, FileTaken, saveFileAtomically, statOf, writeFileAtomically } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";

export type Saving = {
  /**
   * Save the file; returns whether it was written. `step` is the number of the model's update. Throws an InputError if
   * the file had to be saved under another name.
   */
  readonly save: (bytes: Uint8Array, step: number) => Promise<boolean>;
  /**
   * Save the file at the end of the training: try a few times, then throw an InputError that says what the file holds.
   */
  readonly finish: (bytes: Uint8Array, step: number | undefined) => Promise<void>;
  /** The update of the model in the file; undefined if this training has written none, or the last try failed. */
  readonly saved: () => number | undefined;
  /** The time since the last try, in milliseconds. */
  readonly sinceMs: () => number;
};

const lastTriesMs = [1000, 2000, 4000];

/** The file at the path before the training. */
export type Before = {
  /** The update of the model in the file, if the training continues from it. */
  readonly step?: number | undefined;
  /** The file that may be replaced, as in `saveFileAtomically`. */
  readonly over: string | null | undefined;
};

export function createSaving(path: string, before: Before, warn: (warning: string) => void): Saving {
  let { step: held, over } = before;
  let failing = false;
  let lastMs = performance.now();

  async function attempt(bytes: Uint8Array, step: number | undefined): Promise<InputError | undefined> {
    try {
      const aside = await saveOrAside(path, bytes, over);
      if (aside !== undefined) throw moved(path, aside, step);
      [held, failing, over] = [step, false, digestOf(bytes)];
    } catch (error) {
      failing = true;
      if (!(error instanceof InputError) || error instanceof FileTaken) throw error;
      return error;
    } finally {
      lastMs = performance.now();
    }
    return undefined;
  }
  return {
    async save(bytes, step) {
      const error = await attempt(bytes, step);
      if (error === undefined) return true;
      const room = `The model needs ${bytes.length.toLocaleString("en-US")} bytes in addition to the existing file.`;
      warn(`${error.message} ${room} Training continues, and saving will be tried again.`);
      return false;
    },
    async finish(bytes, step) {
      let error = await attempt(bytes, step);
      for (const ms of lastTriesMs) {
        if (error === undefined) return;
        warn(`${error.message} Saving will be tried again.`);
        await wait(ms);
        error = await attempt(bytes, step);
      }
      if (error === undefined) return;
      const left =
        held === undefined || !statOf(path)?.isFile()
          ? "Nothing is saved."
          : `The file has the model of update ${held.toLocaleString("en-US")}.`;
      throw new InputError(`${error.message} The model${ofUpdate(step)} could not be saved. ${left}`);
    },
    saved: () => (failing ? undefined : held),
    sinceMs: () => performance.now() - lastMs,
  };
}

const ofUpdate = (step: number | undefined): string =>
  step === undefined ? "" : ` of update ${step.toLocaleString("en-US")}`;

/** Returns the name of the file, if it is not the one at `path`. */
async function saveOrAside(
  path: string,
  bytes: Uint8Array,
  over: string | null | undefined,
): Promise<string | undefined> {
  const { name, ext, dir } = parse(path);
  for (let k = 1; ; k++) {
    const file = k === 1 ? path : format({ dir, name: `${name}-${k}`, ext });
    if (k > 1 && existsSync(file)) continue;
    try {
      await saveFileAtomically(file, bytes, { over: k === 1 ? over : null });
      return k === 1 ? undefined : file;
    } catch (error) {
      if (!(error instanceof FileTaken)) throw error;
    }
  }
}

const moved = (path: string, aside: string, step: number | undefined): FileTaken =>
  new FileTaken(
    `${path}: another program has written this file meanwhile, so it was not replaced. The model${ofUpdate(step)} was saved as ${aside} instead: ` +
      `continue from it with --resume --out ${aside}.`,
  );

/**
 * Write a model after each epoch that is the best so far, so that what ends the process at once loses no more than the epochs since. Call
 * it with the epoch's validation loss; without validation each epoch is the best. What cannot be written is told, and tried again.
 */
export function savingBest(
  path: string,
  bytes: () => Uint8Array,
  warn: (warning: string) => void,
): (validationLoss: number | undefined) => void {
  let lowest = Number.POSITIVE_INFINITY;
  return (validationLoss) => {
    if (validationLoss !== undefined && !(validationLoss < lowest)) return;
    lowest = validationLoss ?? lowest;
    try {
      writeFileAtomically(path, bytes());
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      warn(`${error.message} Saving is tried again after the next epoch that is better, and at the end.`);
    }
  };
}
