/**
 * Trainings whose memory is a device's: their values are copied to the host before somebody reads them, not after each update. Of an
 * update's copies, which are several times the parameters, most would be read by nobody.
 */
import { InputError } from "../graph/input-error.ts";
import type { Trainer } from "./trainer.ts";

/**
 * Let a trainer's updates leave their values on the device, where it can also keep what an update starts from. The caller fetches them.
 * Several processes read the values of each update, so there nothing changes.
 */
export function fetchLater(trainer: Trainer): Trainer {
  trainer.fetches =
    trainer.options.distributed !== undefined || trainer.program.executable.keepParameters === undefined;
  return trainer;
}

/** Whether the host has a training's present values, and what brings them. */
export type Fetching = {
  /** Copy them to the host, unless they are there. */
  readonly now: () => Promise<void>;
  /** An update has changed them. */
  readonly updated: () => void;
  /** @throws InputError where they are not there: a callback's `run` was kept, and is used while an update runs */
  readonly check: () => void;
};

/** @param trainerNow the trainer that has the values */
export function createFetching(trainerNow: () => Trainer): Fetching {
  let isThere = true;
  return {
    async now() {
      const { program, fetches } = trainerNow();
      if (!isThere && !fetches) await program.fetch();
      isThere = true;
    },
    updated() {
      isThere = false;
    },
    check() {
      if (isThere || trainerNow().fetches) return;
      throw new InputError(
        "training: the values are on the device. Call run.save and run.state within a callback, before it is done.",
      );
    },
  };
}
