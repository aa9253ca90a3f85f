/** The validation of `fitStream`, which may be broken off. */

import type { HostOptions } from "../engines/engine.ts";
import { yieldNow } from "../graph/yielding.ts";
import type { Model } from "../nn/model.ts";
import type { Own } from "../runtime/disposable.ts";
import { createEvaluator } from "./evaluator.ts";

export async function validator(
  own: Own,
  model: Model,
  tokens: Int32Array,
  { batch, steps, ...host }: HostOptions & { batch: number; steps: number },
): Promise<(stop: () => boolean) => Promise<number | undefined>> {
  // Parts of at least 200 tokens, so that few tokens are predicted without context.
  const parts = Math.max(1, Math.min(batch, Math.floor(tokens.length / 200)));
  const evaluator = own(await createEvaluator(model, { batch: parts, steps, ...host }));
  const brokenOff = Symbol("broken off");
  return async (stop) => {
    const pause = async (): Promise<void> => {
      await yieldNow();
      if (stop()) throw brokenOff;
    };
    try {
      return await evaluator.loss(tokens, pause);
    } catch (error) {
      if (error === brokenOff) return undefined;
      throw error;
    }
  };
}
