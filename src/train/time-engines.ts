/** Which engine trains a model fastest here: each makes some updates of the very model, with its own batch. */
import type { EngineName, HostOptions } from "../engines/engine.ts";
import type { Model } from "../nn/model.ts";
import type { Inputs } from "./checks.ts";
import { createTrainer } from "./trainer.ts";
import type { TrainerOptions } from "./training-plan.ts";

export type TimedEngine = {
  readonly engine: EngineName;
  readonly updatesPerSecond: number;
};

/** What is timed: a batch as `trainer.update` takes it, and the time that all engines may take together, in milliseconds. */
export type Timing = { readonly inputs: Inputs; readonly targets: ArrayLike<number>; readonly budgetMs?: number };

/**
 * Time updates of a training by each engine. The model does not change; what engines compile for it they keep.
 * @param engines names; one that cannot run the model here is left out
 * @returns the engines, the fastest first
 */
export async function timeEngines(
  model: Model,
  options: Omit<TrainerOptions, keyof HostOptions>,
  engines: readonly EngineName[],
  { inputs, targets, budgetMs = 800 }: Timing,
): Promise<readonly TimedEngine[]> {
  const timed: TimedEngine[] = [];
  for (const engine of engines) {
    try {
      const trainer = await createTrainer(model, { ...options, engine });
      try {
        // The first update prepares what the others find ready: it counts only where there is no time for another.
        let [updates, ms] = [0, 0];
        for (let first = true; ms < budgetMs / engines.length && updates < mostUpdates; first = false) {
          const fromMs = performance.now();
          await trainer.update(inputs, targets);
          const took = performance.now() - fromMs;
          if (first && took < budgetMs / engines.length) continue;
          ms += took;
          updates++;
        }
        timed.push({ engine, updatesPerSecond: (1000 * updates) / ms });
      } finally {
        trainer.dispose();
      }
    } catch {
      // It has no such device, or not enough memory.
    }
  }
  return timed.sort((a, b) => b.updatesPerSecond - a.updatesPerSecond);
}

/** So many are enough to tell engines apart. */
const mostUpdates = 30;
