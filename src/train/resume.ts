/** What going on with a training takes besides its numbers: where `fit` stood, and what callbacks remember. */
import { InputError } from "../graph/input-error.ts";
import { isPlain } from "../graph/schema.ts";
import type { Callback } from "./callbacks.ts";
import type { TrainerState } from "./trainer.ts";

/** What each callback remembers, under its name. */
export const statesOfCallbacks = (callbacks: readonly Callback[]): readonly unknown[] =>
  callbacks.flatMap(({ name, state }) => (state === undefined ? [] : [{ name, state: state() }]));

/** The same back to those of the same names, after they were told that the training begins. */
export function restoreCallbacks(callbacks: readonly Callback[], states: readonly unknown[] = []): void {
  const left = [...callbacks];
  for (const one of states) {
    const { name, state } = isPlain(one) ? one : {};
    const at = left.findIndex((callback) => callback.restore !== undefined && callback.name === name);
    if (at >= 0 && isPlain(state)) left.splice(at, 1)[0]?.restore?.(state);
  }
}

/** A state for batches of other sizes and other examples: without what the last ones left. */
export function withoutBatches({ step, slots, runs }: TrainerState): TrainerState {
  const { gathered: _, ...own } = slots;
  return { step, slots: own, ...(runs !== undefined && { runs }) };
}

/** Where `fit` stands: epochs that are done, and batches of the one after them. */
export type FitPlace = {
  readonly epoch: number;
  readonly batches: number;
  readonly learningRate: number;
  readonly callbacks: readonly unknown[];
};

/**
 * Where a state of `fit`'s is; nothing where it is to begin a new training, or is an older one.
 * @throws InputError for a state that is not at the beginning of this epoch
 */
export function placeInFit({ place }: TrainerState, initialEpoch: number | undefined): FitPlace | undefined {
  if (initialEpoch === undefined || !isPlain(place) || !isPlain(place.fit)) return undefined;
  const own = place.fit as FitPlace;
  const good = [own.epoch, own.batches, own.learningRate].every((one) => typeof one === "number");
  if (!good || !Array.isArray(own.callbacks)) {
    throw new InputError("fit: the place that the state to go on from has is damaged. Leave out initialEpoch.");
  }
  if (own.batches > 0) {
    throw new InputError(
      `fit: the state to go on from is within epoch ${own.epoch}, after ${own.batches} batches. Give one of an epoch's end; ` +
        "or leave out initialEpoch, for a new training with it.",
    );
  }
  if (own.epoch !== initialEpoch) {
    throw new InputError(
      `fit: the state to go on from is at the beginning of epoch ${own.epoch}, and initialEpoch is ${initialEpoch}. ` +
        "Give the same; or leave it out, for a new training with it.",
    );
  }
  return own;
}
