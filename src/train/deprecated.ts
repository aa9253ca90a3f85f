/** Names of before, which work for one minor version. */
import type { TrainingRun } from "./callbacks.ts";
import type { LearningRateSchedule } from "./learning-rate-schedules.ts";
import { createNonFiniteGuard, type NonFiniteGuard } from "./non-finite-guard.ts";

/** @deprecated Use `createNonFiniteGuard`, which this is. */
export const createWatch: typeof createNonFiniteGuard = createNonFiniteGuard;
/** @deprecated Use `NonFiniteGuard`. */
export type Watch = NonFiniteGuard;
/** @deprecated Use `LearningRateSchedule`. */
export type Rate = LearningRateSchedule;
/** @deprecated Use `TrainingRun`. */
export type Run = TrainingRun;
