/** What a model of trajectories is: the sizes of its windows, how it reads and writes them, and how large it is. */
import { alias, flag, inRange, oneOf, type Schema, wholeNumber } from "../../graph/schema.ts";
import type { Model } from "../../nn/model.ts";
import { aSeed } from "../../nn/random.ts";
import { type BivariateMixture, bivariateMixture } from "../../train/densities/bivariate.ts";
import { type PathMixture, pathMixture } from "../../train/densities/paths.ts";

/**
 * How futures are made. "direct": the last state gives several whole futures at once, with a probability each. "step": each
 * step gives a density of the next displacement, from which futures are drawn step by step (A. Graves, 2013; Social LSTM).
 */
export type TrajectoryForm = "direct" | "step";

/** Options of `trajectoryModel`. */
export type TrajectoryOptions = {
  /** Steps that are seen. Default 8. */
  readonly seen?: number;
  /** Steps to predict. Default 12. */
  readonly predicted?: number;
  /** Default "direct". */
  readonly form?: TrajectoryForm;
  /** Futures of the form "direct" (default 20), Gaussians of the form "step" (default 5). */
  readonly modes?: number;
  /** Units of the recurrent layer, a GRU. Default 32. */
  readonly units?: number;
  /** Units of a dense layer between the last state and the futures, for the form "direct"; 0 for none. Default 32. */
  readonly hidden?: number;
  /** Dropout rate after the recurrent layer. Default 0. */
  readonly dropout?: number;
  /**
   * Whether every window is turned so that its last displacement points along x. Default true: nothing depends on where
   * north is. False where directions matter, as on a road along y.
   */
  readonly heading?: boolean;
  /** Seed of the initial values. Default 0. */
  readonly seed?: number;
};
const count = wholeNumber(1);
export const trajectoryRules: Schema<TrajectoryOptions> = {
  seen: alias(wholeNumber(2, 10_000), "observed", "history"),
  predicted: alias(wholeNumber(1, 10_000), "predict", "horizon"),
  form: oneOf("direct", "step"),
  modes: alias(count, "components", "mixtures"),
  units: alias(count, "hiddenSize"),
  hidden: wholeNumber(0),
  dropout: inRange(0, 1),
  heading: alias(flag, "rotate"),
  seed: aSeed,
};

/** What a model's numbers mean: the data of its task. */
export type TrajectorySettings = {
  readonly seen: number;
  readonly predicted: number;
  readonly form: TrajectoryForm;
  readonly modes: number;
  readonly heading: boolean;
  /** The step between frames that it was trained with. */
  readonly step: number;
  /** Displacements are divided by this: their root mean square in the training windows. */
  readonly scale: number;
  /**
   * What it predicts is divided by these: for "direct" one number for each predicted step, the root mean square of how far
   * constant velocity is off; for "step" one, that of how much displacements change.
   */
  readonly spread: readonly number[];
};

/** A model of trajectories: plain data, the content of its file. */
export type TrajectoryModel = { readonly model: Model; readonly settings: TrajectorySettings };

export const pathsOf = ({ modes, predicted }: TrajectorySettings): PathMixture =>
  pathMixture({ modes, steps: predicted });
export const stepsOf = ({ modes }: TrajectorySettings): BivariateMixture => bivariateMixture({ components: modes });
/** The loss that a model is trained with. */
export const densityOf = (settings: TrajectorySettings): PathMixture | BivariateMixture =>
  settings.form === "direct" ? pathsOf(settings) : stepsOf(settings);
/** The numbers that a model gives. */
export const outputSizeOf = (settings: TrajectorySettings): number => densityOf(settings).outputSize;
