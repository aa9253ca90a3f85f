/** Which engine trains a model fastest here: each makes some updates of the very model, with its own batch. */
import type { EngineName, HostOptions } from "../engines/engine.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  anArray,
  checkArguments,
  inRange,
  listOf,
  options as optionsOf,
  type Schema,
  withDefaults,
} from "../graph/schema.ts";
import type { Model } from "../nn/model.ts";
import { aModel } from "../nn/model-checks.ts";
import { type Inputs, sizesRules, someInputs } from "./checks.ts";
import { createTrainer } from "./trainer.ts";
import { type TrainerOptions, trainingRules } from "./training-plan.ts";

/** How fast a training is by an engine. */
export type TimedEngine = {
  readonly engine: EngineName;
  readonly updatesPerSecond: number;
};

/** Those of `createTrainer`, and what is timed for how long. */
export type TimeEnginesOptions = Omit<TrainerOptions, keyof HostOptions | "distributed" | "syncEvery"> & {
  /** Default "auto", which is WASM in a page, and "webgpu". */
  readonly engines?: readonly EngineName[];
  /** The time that all engines may take together, in milliseconds, but for what each compiles and one update. Default 800. */
  readonly budgetMs?: number;
};

const { engine, fma: _, threads: __, precision: ___, distributed: ____, ...timedRules } = trainingRules;
const defaults = { engines: ["auto", "webgpu"] as readonly EngineName[], budgetMs: 800 };
const rules: Schema<TimeEnginesOptions> = {
  ...timedRules,
  ...sizesRules,
  engines: listOf(engine, 1),
  budgetMs: inRange(1),
};
export const timeEnginesArguments: Arguments = {
  model: aModel,
  inputs: someInputs,
  targets: anArray,
  options: optionsOf(rules),
};

/**
 * Time updates of a training by each engine, as a page does to choose between the processor and the graphics card. The model does not
 * change; what engines compile for it they keep.
 * @param inputs a batch as `trainer.update` takes it: tokens (T,B), vectors (T,B,D), or arrays by the names of the inputs
 * @param targets (T,B), (T,B,D), or of the last step alone
 * @returns the engines, the fastest first; one that cannot run the model here is left out
 * @throws InputError if none can, or the batch is not right; a fault of an engine as it is
 * @example
 * const model = sequential([embedding(65, 64), lstm(128, { returnSequences: true }), dense(65)]);
 * const tokens = new Int32Array(32 * 16); // (T,B)
 * const [fastest] = await timeEngines(model, tokens, tokens, { batch: 16, steps: 32 });
 * console.log(fastest?.engine);
 */
export async function timeEngines(
  model: Model,
  inputs: Inputs,
  targets: ArrayLike<number>,
  options: TimeEnginesOptions,
): Promise<readonly TimedEngine[]> {
  checkArguments("timeEngines", { model, inputs, targets, options }, timeEnginesArguments);
  const { engines, budgetMs, ...training } = withDefaults(defaults, options);
  const timed: TimedEngine[] = [];
  let reason: unknown;
  for (const name of engines) {
    try {
      timed.push({ engine: name, updatesPerSecond: await updatesPerSecondOf(name) });
    } catch (error) {
      // It has no such device, or not enough memory.
      if (!(error instanceof InputError)) throw error;
      reason ??= error;
    }
  }
  if (timed.length === 0) throw reason;
  return timed.sort((a, b) => b.updatesPerSecond - a.updatesPerSecond);

  async function updatesPerSecondOf(name: EngineName): Promise<number> {
    const trainer = await createTrainer(model, { ...training, engine: name });
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
      return (1000 * updates) / ms;
    } finally {
      trainer.dispose();
    }
  }
}

/** So many are enough to tell engines apart. */
const mostUpdates = 30;
