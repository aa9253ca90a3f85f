/** Measure a model of trajectories on tracks whose future is known, beside constant velocity. */
import { type Arguments, checkArguments, options as optionsOf } from "../../graph/schema.ts";
import { aTrajectoryModel } from "./checks.ts";
import { listOfTracks, oneOrManyTracks } from "./create.ts";
import { checkStep, type PredictTrajectoriesOptions, predictTrajectoriesRules, predictWindows } from "./predict.ts";
import { constantVelocity, type Scores, scoresOf } from "./scores.ts";
import type { TrajectoryModel } from "./settings.ts";
import type { Tracks } from "./tracks.ts";
import { checkWindows, windowsOf } from "./windows.ts";

/** How far a model's predictions are off, and constant velocity's. */
export type TrajectoryEvaluation = { readonly model: Scores; readonly constantVelocity: Scores };

export const evaluateTrajectoriesArguments: Arguments = {
  tm: aTrajectoryModel,
  tracks: oneOrManyTracks,
  options: optionsOf<PredictTrajectoriesOptions>(predictTrajectoriesRules),
};

/**
 * Measure a model of trajectories on every window of tracks: the mean distance over the predicted steps (ADE) and at the last
 * (FDE), the same of the best of the futures (minADE, minFDE), and the root mean squared distance at each step; and those of
 * constant velocity, which repeats the last displacement.
 * @param tm the model
 * @param tracks tracks with the step that the model was trained with, or a list of recordings
 * @param options those of `predictTrajectories`
 * @throws InputError for wrong options, for tracks of another step, and if no track is long enough for a window
 * @example const { model, constantVelocity } = await evaluateTrajectories(tm, tracks);
 */
export async function evaluateTrajectories(
  tm: TrajectoryModel,
  tracks: Tracks | readonly Tracks[],
  options: PredictTrajectoriesOptions = {},
): Promise<TrajectoryEvaluation> {
  const where = "evaluateTrajectories";
  checkArguments(where, { tm, tracks, options }, evaluateTrajectoriesArguments);
  const all = listOfTracks(tracks);
  checkStep(tm, all, where);
  const { seen, predicted } = tm.settings;
  const windows = all.flatMap((one) => windowsOf(one, tm.settings));
  checkWindows(windows, all, tm.settings, where);
  const found = await predictWindows(tm, windows, options);
  const straight = windows.map((window) => constantVelocity(window, seen, predicted));
  return {
    model: scoresOf(
      windows,
      seen,
      found.map(({ path }) => path),
      found.map(({ futures }) => futures),
    ),
    constantVelocity: scoresOf(windows, seen, straight),
  };
}
