import { expect, test } from "vitest";
import { promotion, rungShares, type Standing } from "../../src/sweep/asha.ts";

/**
 * A sweep of curves that are known, with workers that each take a job and finish it in turn.
 * @returns the jobs in the order in which they were handed out, as "trial.rung", both from 0
 */
function handedOut(
  curves: readonly (readonly number[])[],
  rungs: number,
  reduction: number,
  workers: number,
): string[] {
  const trials: { losses: number[]; sent: number }[] = [];
  const [jobs, running]: [string[], number[]] = [[], []];
  for (;;) {
    while (running.length < workers) {
      const due = promotion(trials, rungs, reduction);
      if (due === undefined && trials.length === curves.length) break;
      const trial = due ?? trials.push({ losses: [], sent: 0 }) - 1;
      jobs.push(`${trial}.${(trials[trial] as { sent: number }).sent++}`);
      running.push(trial);
    }
    const trial = running.shift();
    if (trial === undefined) return jobs;
    const { losses } = trials[trial] as { losses: number[] };
    losses.push(curves[trial]?.[losses.length] as number);
  }
}

test("one worker: the schedule that was worked out by hand", () => {
  // Reduction 3. Of three at the bottom the best one goes on: trial 1. Of five it is trial 4, which is better; of six there are two, and
  // both have gone. With nine trial 6 is the third; then three are at the second rung, and the best of them, 4, goes to the end.
  const curves = [9, 5, 8, 7, 4, 6, 5.5, 7.5, 8.5].map((loss) => [loss, loss - 2, loss - 3]);
  const wanted = "0.0 1.0 2.0 1.1 3.0 4.0 4.1 5.0 6.0 7.0 8.0 6.1 4.2";
  expect(handedOut(curves, 3, 3, 1).join(" ")).toBe(wanted);
});

test("two workers: a promotion comes when the rung has enough, and a new trial begins meanwhile", () => {
  const curves = [3, 1, 2, 4, 5, 6].map((loss) => [loss, loss]);
  // Trial 3 is handed out before the third loss is known; then 1 is the best of three, and 2 with 1 of six.
  expect(handedOut(curves, 2, 3, 2)).toEqual(["0.0", "1.0", "2.0", "3.0", "1.1", "4.0", "5.0", "2.1"]);
});

test("a trial that diverged counts as measured, and never goes on", () => {
  const standing = (losses: readonly number[], sent = losses.length): Standing => ({ losses, sent });
  expect(promotion([standing([Number.NaN]), standing([Number.NaN])], 2, 2)).toBeUndefined();
  expect(promotion([standing([Number.NaN]), standing([5])], 2, 2)).toBe(1);
});

test("what is under way is not sent again, and of two rungs the higher comes first", () => {
  const trials: Standing[] = [
    { losses: [1], sent: 2 },
    { losses: [2], sent: 1 },
    { losses: [3], sent: 1 },
  ];
  expect(promotion(trials, 3, 3)).toBeUndefined();
  const both: Standing[] = [
    { losses: [1, 1], sent: 2 },
    { losses: [2, 2], sent: 2 },
    { losses: [0.5], sent: 1 },
    { losses: [9], sent: 1 },
  ];
  expect(promotion(both, 3, 2)).toBe(0);
});

test("a late result may put another one among the best: both have gone on then", () => {
  // Trial 0 was the best of two and went on; trials 2 and 3 are better, so both are due as soon as they are known.
  const trials: Standing[] = [
    { losses: [5], sent: 2 },
    { losses: [6], sent: 1 },
    { losses: [1], sent: 1 },
    { losses: [2], sent: 1 },
  ];
  expect(promotion(trials, 2, 2)).toBe(2);
});

test("rungs are powers of the reduction, the last the whole training", () => {
  expect(rungShares(3, 4)).toEqual([1 / 16, 1 / 4, 1]);
  expect(rungShares(1, 3)).toEqual([1]);
});
