/**
 * Writing that a training does not end for: what the disk refuses is said at once, kept, and tried again at the next
 * moment. Knows nothing about what is written.
 */
import { InputError } from "../graph/input-error.ts";

export type Patience = {
  /** In their order, those that are still to be written first. `instead`: in the place of what is still to be written. */
  readonly write: (work: () => void, options?: { readonly instead?: boolean }) => void;
  /** At the training's end: once more. @throws InputError where it still cannot be written */
  readonly end: () => void;
};

/** `where` is the callback that a warning names. */
export function createPatience(where: string): Patience {
  let waiting: (() => void)[] = [];
  let failing = false;
  const attempt = (): InputError | undefined => {
    for (let work = waiting[0]; work !== undefined; work = waiting[0]) {
      try {
        work();
      } catch (error) {
        // What the disk says has a cause; a mistake of the caller's has none, and is no better later.
        if (error instanceof InputError && error.cause !== undefined) return error;
        throw error;
      }
      waiting.shift();
    }
    return undefined;
  };
  return {
    write(work, { instead = false } = {}) {
      waiting = instead ? [work] : [...waiting, work];
      const error = attempt();
      // Once for each time that it begins to fail: some write after every batch.
      if (error !== undefined && !failing) {
        process.emitWarning(`${where}: ${error.message} Training goes on, and writing is tried again.`);
      }
      failing = error !== undefined;
    },
    end() {
      const error = attempt();
      if (error !== undefined) throw error;
    },
  };
}
