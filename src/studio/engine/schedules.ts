/** Learning-rate schedules by name: those of the library, which are Keras's. */
import {
  constantRate,
  cosineDecay,
  exponentialDecay,
  inverseTimeDecay,
  type LearningRateSchedule,
  polynomialDecay,
} from "../../train/learning-rate-schedules.ts";

export type ScheduleName = "constant" | "cosineDecay" | "exponentialDecay" | "inverseTimeDecay" | "polynomialDecay";

/** `decaySteps` are updates; values that a schedule does not use are ignored. */
export type Schedule = { readonly name: ScheduleName; readonly decaySteps: number; readonly decayRate: number };

/** @throws InputError for the same reasons as the library's schedules */
export function rateOf({ name, decaySteps, decayRate }: Schedule, initialLearningRate: number): LearningRateSchedule {
  const decay = { initialLearningRate, decaySteps };
  switch (name) {
    case "constant":
      return constantRate(initialLearningRate);
    case "cosineDecay":
      return cosineDecay(decay);
    case "exponentialDecay":
      return exponentialDecay({ ...decay, decayRate });
    case "inverseTimeDecay":
      return inverseTimeDecay({ ...decay, decayRate });
    case "polynomialDecay":
      return polynomialDecay(decay);
  }
}
