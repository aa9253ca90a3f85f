/** Make an untrained model of trajectories: its layers, and the scales of its training data. */
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments, either, listOf, options as optionsOf } from "../../graph/schema.ts";
import { dense, dropout, gru } from "../../nn/layers.ts";
import { sequential } from "../../nn/model.ts";
import { scalesOf } from "./coordinates.ts";
import { outputSizeOf, type TrajectoryModel, type TrajectoryOptions, trajectoryRules } from "./settings.ts";
import { someTracks, type Tracks } from "./tracks.ts";
import { checkWindows, windowsOf } from "./windows.ts";

export const oneOrManyTracks = {
  ...either(someTracks, listOf(someTracks, 1)),
  expected: "tracks, as readTracks returns them, or a list of them",
};
export const trajectoryModelArguments: Arguments = {
  tracks: oneOrManyTracks,
  options: optionsOf<TrajectoryOptions>(trajectoryRules),
};
export const listOfTracks = (tracks: Tracks | readonly Tracks[]): readonly Tracks[] =>
  "tracks" in tracks ? [tracks] : tracks;

/**
 * Create an untrained model that predicts where things go from where they were. It reads displacements, turned and scaled,
 * and predicts how the future differs from going on at constant velocity. Scales are those of the tracks, which should be
 * the training's alone.
 * @param tracks the training's tracks, or a list of recordings
 * @param options `seen` (default 8), `predicted` (12), `form` ("direct"), `modes` (20), `units` (32), `hidden` (32), `dropout`
 *   (0), `heading` (true), `seed` (0)
 * @throws InputError for wrong options, for recordings of unequal steps, and if no track is long enough
 * @example const tm = trajectoryModel(readTracks(text), { seen: 8, predicted: 12 });
 */
export function trajectoryModel(tracks: Tracks | readonly Tracks[], options: TrajectoryOptions = {}): TrajectoryModel {
  checkArguments("trajectoryModel", { tracks, options }, trajectoryModelArguments);
  const { seen = 8, predicted = 12, form = "direct", heading = true } = options;
  const { units = 32, hidden = 32, dropout: rate = 0, seed = 0, modes = form === "direct" ? 20 : 5 } = options;
  const all = listOfTracks(tracks);
  const [{ step }] = all as [Tracks];
  const other = all.find((one) => one.step !== step);
  if (other !== undefined) {
    throw new InputError(
      `trajectoryModel: the recordings have steps of ${step} and ${other.step}, expected one step. Train a model for each.`,
    );
  }
  const windows = all.flatMap((one) => windowsOf(one, { seen, predicted }));
  checkWindows(windows, all, { seen, predicted }, "trajectoryModel");
  const given = { seen, predicted, form, modes, heading, step };
  const settings = { ...given, ...scalesOf(windows, given) };
  if (![settings.scale, ...settings.spread].every(Number.isFinite)) {
    throw new InputError(
      "trajectoryModel: the tracks have places too large to be squared. Give them in a larger unit.",
    );
  }
  const drop = rate > 0 ? [dropout(rate)] : [];
  const between = form === "direct" && hidden > 0 ? [dense(hidden, { activation: "relu" })] : [];
  const layers = [gru(units, { returnSequences: form === "step" }), ...drop, ...between, dense(outputSizeOf(settings))];
  return { model: sequential(layers, { input: 2, seed }), settings };
}
