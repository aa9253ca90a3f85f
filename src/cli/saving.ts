/**
 * A training's file while the training goes on: the whole file each time, or the old one stays. What cannot be written is
 * said at once and tried again. Knows nothing about when.
 */
import { setTimeout as wait } from "node:timers/promises";
import { saveFileAtomically } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";

export type Saving = {
  /** Gives whether it was written. */
  readonly save: (bytes: Uint8Array, step: number) => Promise<boolean>;
  /** The same at the end of all: a few tries, then an InputError that says what the file holds. */
  readonly finish: (bytes: Uint8Array, step: number) => Promise<void>;
  /** The update of the model in the file; nothing where this training has written none, or where the last try failed. */
  readonly saved: () => number | undefined;
  /** Since the last try. */
  readonly sinceMs: () => number;
};

const lastTriesMs = [1000, 2000, 4000];

/** `before` is the update of the model that is at `path`, where the training goes on with it. */
export function createSaving(path: string, before: number | undefined, warn: (warning: string) => void): Saving {
  let held = before;
  let failing = false;
  let lastMs = performance.now();

  async function attempt(bytes: Uint8Array, step: number): Promise<InputError | undefined> {
    try {
      await saveFileAtomically(path, bytes);
      [held, failing] = [step, false];
    } catch (error) {
      failing = true;
      if (!(error instanceof InputError)) throw error;
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
      const count = step.toLocaleString("en-US");
      const left =
        held === undefined ? "Nothing is saved." : `The file has that of update ${held.toLocaleString("en-US")}.`;
      throw new InputError(`${error.message} The model of update ${count} could not be saved. ${left}`);
    },
    saved: () => (failing ? undefined : held),
    sinceMs: () => performance.now() - lastMs,
  };
}
