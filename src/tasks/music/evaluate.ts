/** Measure how well a model of music foresees pieces. */
import { type Piece, somePieces } from "../../data/piece.ts";
import type { InferenceOptions } from "../../engines/engine.ts";
import { inferenceRules } from "../../engines/registry.ts";
import { type Arguments, checkArguments, options as optionsOf } from "../../graph/schema.ts";
import { aMusicModel } from "./checks.ts";
import { forms } from "./forms.ts";
import type { MusicModel } from "./settings.ts";
import { notesToLearn } from "./train.ts";

/** How well a model foresees pieces. */
export type MusicEvaluation = {
  /** Mean negative log-likelihood in nats: of an event, or of a step, summed over the keys. */
  readonly loss: number;
  /** What that is a mean of: "event" or "step". */
  readonly unit: string;
  /** How many of them there are. */
  readonly count: number;
};
export const evaluateMusicArguments: Arguments = {
  mm: aMusicModel,
  pieces: somePieces,
  options: optionsOf<InferenceOptions>(inferenceRules),
};

/**
 * Measure how well a model of music foresees pieces. Rolls are read in windows of 256 steps, each from the model's initial state.
 * @param mm the model
 * @param pieces pieces that it was not trained on
 * @param options the host's: `engine`, `threads`, `fma`, `precision`, `quantize`
 * @throws InputError if no piece has a note that the model can write
 * @example const { loss, unit } = await evaluateMusic(mm, test);
 */
export async function evaluateMusic(
  mm: MusicModel,
  pieces: readonly Piece[],
  options: InferenceOptions = {},
): Promise<MusicEvaluation> {
  checkArguments("evaluateMusic", { mm, pieces, options }, evaluateMusicArguments);
  const form = forms[mm.settings.form];
  const { loss, count } = await form.evaluate(mm.model, notesToLearn("evaluateMusic", mm, pieces), options);
  return { loss, unit: form.unit, count };
}
