/**
 * A training's file while the training goes on: the whole file each time, or the old one stays. What cannot be written is
 * said at once and tried again. A file that something else has written there meanwhile stays too. Knows nothing about when.
 */
import { existsSync, statSync } from "node:fs";
import { format, parse } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { digestOf, FileTaken, saveFileAtomically } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";

export type Saving = {
  /** Gives whether it was written. `step` is the update of the model. An InputError where it had to go elsewhere. */
  readonly save: (bytes: Uint8Array, step: number) => Promise<boolean>;
  /** The same at the end of all: a few tries, then an InputError that says what the file holds. */
  readonly finish: (bytes: Uint8Array, step: number | undefined) => Promise<void>;
  /** The update of the model in the file; nothing where this training has written none, or where the last try failed. */
  readonly saved: () => number | undefined;
  /** Since the last try. */
  readonly sinceMs: () => number;
};

const lastTriesMs = [1000, 2000, 4000];

/** What is at the path before. */
export type Before = {
  /** The update of the model that is there, where the training goes on with it. */
  readonly step?: number | undefined;
  /** What may be replaced, as `saveFileAtomically` has it. */
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
      const room = `The model needs ${bytes.length.toLocaleString("en-US")} bytes, beside the file that is there.`;
      warn(`${error.message} ${room} Training goes on, and saving is tried again.`);
      return false;
    },
    async finish(bytes, step) {
      let error = await attempt(bytes, step);
      for (const ms of lastTriesMs) {
        if (error === undefined) return;
        warn(`${error.message} Saving is tried again.`);
        await wait(ms);
        error = await attempt(bytes, step);
      }
      if (error === undefined) return;
      const left =
        held === undefined || !statSync(path, { throwIfNoEntry: false })?.isFile()
          ? "Nothing is saved."
          : `The file has that of update ${held.toLocaleString("en-US")}.`;
      throw new InputError(`${error.message} The model${ofUpdate(step)} could not be saved. ${left}`);
    },
    saved: () => (failing ? undefined : held),
    sinceMs: () => performance.now() - lastMs,
  };
}

const ofUpdate = (step: number | undefined): string =>
  step === undefined ? "" : ` of update ${step.toLocaleString("en-US")}`;

/** Gives the name of the file that it is in where another one than at `path`. */
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
    `${path}: another file has appeared there meanwhile, and stays. The model${ofUpdate(step)} was saved as ${aside} instead: ` +
      `go on with it by --resume --out ${aside}.`,
  );
