/** What the trials of a sweep come to. */
import type { SweepTrial } from "./folder.ts";

export type { SweepTrial } from "./folder.ts";

/** The trial with the lowest loss; of equal ones the first. */
export const bestOf = (trials: readonly SweepTrial[]): SweepTrial | undefined =>
  trials.reduce<SweepTrial | undefined>(
    (best, trial) => (trial.loss !== null && (best?.loss == null || trial.loss < best.loss) ? trial : best),
    undefined,
  );
