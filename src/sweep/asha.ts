/**
 * Early stopping by successive halving, asynchronously: L. Li et al., "A System for Massively Parallel Hyperparameter Tuning" (2018),
 * arXiv 1810.05934, algorithm 2. Says which trial goes on to its next rung. Knows neither trainings nor workers.
 */

/** What is known of a trial: its loss at each rung that it has reached, not a number where it diverged; and whether it is under way. */
export type Standing = {
  readonly losses: readonly number[];
  /** The rungs that it has been sent to: more than `losses` has while it is under way. */
  readonly sent: number;
};

/**
 * The trial that is due for its next rung: of those that have been measured at a rung, the best 1 / `reduction` go on, the highest rung
 * first. Undefined if none is due: then a new trial begins.
 * @param rungs how many there are; without early stopping 1
 */
export function promotion(trials: readonly Standing[], rungs: number, reduction: number): number | undefined {
  for (let rung = rungs - 2; rung >= 0; rung--) {
    const measured = trials
      .flatMap(({ losses, sent }, trial) => {
        const loss = losses[rung];
        return loss === undefined ? [] : [{ trial, loss: Number.isNaN(loss) ? Infinity : loss, sent }];
      })
      // Of equal losses the earlier trial, so that the order does not depend on the engine's sort.
      .sort((a, b) => a.loss - b.loss || a.trial - b.trial);
    const best = measured.slice(0, Math.floor(measured.length / reduction));
    const due = best.find(({ loss, sent }) => sent === rung + 1 && loss < Infinity);
    if (due !== undefined) return due.trial;
  }
  return undefined;
}

/** The lengths of the rungs as shares of a training, the last one whole: 1/9, 1/3, 1 for three with a reduction of 3. */
export const rungShares = (rungs: number, reduction: number): readonly number[] =>
  Array.from({ length: rungs }, (_, k) => reduction ** (k - rungs + 1));
