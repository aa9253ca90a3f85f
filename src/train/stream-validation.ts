/** The validation of `fitStream`, which may be broken off. */

import type { HostOptions } from "../engines/engine.ts";
import { yieldNow } from "../graph/yielding.ts";
import type { Model } from "../nn/model.ts";
import type { Own } from "../runtime/disposable.ts";
import type { Communicator } from "./communicator.ts";
import { createEvaluator } from "./evaluator.ts";

export async function validator(
  own: Own,
  model: Model,
  tokens: Int32Array,
  { batch, steps, ...more }: HostOptions & { batch: number; steps: number; distributed?: Communicator | undefined },
): Promise<(stop: () => boolean) => Promise<number | undefined>> {
  // Parts of at least 200 tokens, so that few tokens are predicted without context.
  const parts = Math.max(1, Math.min(batch, Math.floor(tokens.length / 200)));
  const evaluator = own(await createEvaluator(model, { batch: parts, steps, ...more }));
  const brokenOff = Symbol("broken off");
  return async (stop) => {
    const pause = async (): Promise<void> => {
      await yieldNow();
      // Several processes end it together, or not at all.
      if (more.distributed === undefined && stop()) throw brokenOff;
    };
    try {
      return await evaluator.loss(tokens, pause);
    } catch (error) {
      if (error === brokenOff) return undefined;
      throw error;
    }
  };
}
