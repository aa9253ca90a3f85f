/** Resuming a training: the position of `fit`, and the states of callbacks. */
import { InputError } from "../graph/input-error.ts";
import { isPlain } from "../graph/schema.ts";
import type { Callback } from "./callbacks.ts";
import type { TrainerState } from "./trainer.ts";

/** The state of each callback, with its name. */
export const statesOfCallbacks = (callbacks: readonly Callback[]): readonly unknown[] =>
  callbacks.flatMap(({ name, state }) => (state === undefined ? [] : [{ name, state: state() }]));

/** Restore the states of callbacks by their names, after `onTrainBegin`. */
export function restoreCallbacks(callbacks: readonly Callback[], states: readonly unknown[] = []): void {
  const left = [...callbacks];
  for (const one of states) {
    const { name, state } = isPlain(one) ? one : {};
    const at = left.findIndex((callback) => callback.restore !== undefined && callback.name === name);
    if (at >= 0 && isPlain(state)) left.splice(at, 1)[0]?.restore?.(state);
  }
}

/** A state for other batches: without the states and gathered gradients of the last ones. */
export function withoutBatches({ step, slots, runs }: TrainerState): TrainerState {
  const { gathered: _, ...own } = slots;
  return { step, slots: own, ...(runs !== undefined && { runs }) };
}

/** The position of `fit`: completed epochs, and batches of the next one. */
export type FitPlace = {
  readonly epoch: number;
  readonly batches: number;
  readonly learningRate: number;
  readonly callbacks: readonly unknown[];
};

/**
 * The position in a training state; undefined for a new training, or a state without a position.
 * @throws InputError for a state that is not at the beginning of `initialEpoch`
 */
export function placeInFit({ place }: TrainerState, initialEpoch: number | undefined): FitPlace | undefined {
  if (initialEpoch === undefined || !isPlain(place) || !isPlain(place.fit)) return undefined;
  const own = place.fit as FitPlace;
  const good = [own.epoch, own.batches, own.learningRate].every((one) => typeof one === "number");
  if (!good || !Array.isArray(own.callbacks)) {
    throw new InputError("fit: resume.place is damaged. Leave out initialEpoch.");
  }
  if (own.batches > 0) {
    throw new InputError(
      `fit: resume is within epoch ${own.epoch}, after ${own.batches} batches. Give the state of an epoch's end, or leave ` +
        "out initialEpoch to start a new training from it.",
    );
  }
  if (own.epoch !== initialEpoch) {
    throw new InputError(
      `fit: resume is at the beginning of epoch ${own.epoch}, but initialEpoch is ${initialEpoch}. ` +
        "Give the same epoch, or leave out initialEpoch to start a new training from it.",
    );
  }
  return own;
}
