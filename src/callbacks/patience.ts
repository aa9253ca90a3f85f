/**
 * Writes that do not end a training when they fail: a refusal of the disk is reported as a warning, and the write is kept and
 * tried again with the next one. Knows nothing about what is written.
 */
import { InputError } from "../graph/input-error.ts";

export type Patience = {
  /** Write after the pending writes, in their order. With `instead`, the pending writes are dropped. */
  readonly write: (work: () => void, options?: { readonly instead?: boolean }) => void;
  /** At the end of training: try the pending writes once more. @throws InputError if one still fails */
  readonly end: () => void;
};

/** Create the pending writes of one callback, whose name `where` begins a warning. */
export function createPatience(where: string): Patience {
  let waiting: (() => void)[] = [];
  let failing = false;
  const attempt = (): InputError | undefined => {
    for (let work = waiting[0]; work !== undefined; work = waiting[0]) {
      try {
        work();
      } catch (error) {
        // An error of the disk has a cause; a mistake of the caller has none, and trying again would not help.
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
      // One warning each time that writes begin to fail: some callbacks write after every batch.
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
