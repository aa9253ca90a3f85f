/** Predict where tracks go on: one path for each window, and several futures with their probabilities. */
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  flag,
  inRange,
  oneOf,
  options as optionsOf,
  type Schema,
  wholeNumber,
} from "../../graph/schema.ts";
import { aSeed, createRandom } from "../../nn/random.ts";
import { bindStep } from "../../nn/session.ts";
import type { Path } from "../../train/densities/paths.ts";
import { predict } from "../../train/predict.ts";
import { aTrajectoryModel } from "./checks.ts";
import { inputsOf, pathFrom, walkFrom } from "./coordinates.ts";
import { listOfTracks, oneOrManyTracks } from "./create.ts";
import type { Future } from "./scores.ts";
import { pathsOf, stepsOf, type TrajectoryModel } from "./settings.ts";
import type { Tracks } from "./tracks.ts";
import { lastWindows, type Window } from "./windows.ts";

/** Options of `predictTrajectories`; also the host's. */
export type PredictTrajectoriesOptions = InferenceOptions & {
  /** The number of futures for each track. Default 20. */
  readonly futures?: number;
  /**
   * For the form "direct": whether futures are drawn at random, also where there are as many modes as futures. Default false.
   * The form "step" always draws.
   */
  readonly sample?: boolean;
  /**
   * For the form "direct": whether the one path is the median of the futures, of the least expected distance (default), or
   * the mean, of the least expected squared distance. The form "step" follows the mean of each step.
   */
  readonly path?: "median" | "mean";
  /** For the form "step": see `BivariateSampleOptions`. Default 0. */
  readonly bias?: number;
  /** Seed of the draws. Default 0. */
  readonly seed?: number;
};
export const predictTrajectoriesRules: Schema<PredictTrajectoriesOptions> = {
  ...inferenceRules,
  futures: alias(wholeNumber(1, 10_000), "k", "samples"),
  sample: flag,
  path: oneOf("median", "mean"),
  bias: inRange(0, Infinity),
  seed: aSeed,
};
export const predictTrajectoriesArguments: Arguments = {
  tm: aTrajectoryModel,
  tracks: oneOrManyTracks,
  options: optionsOf<PredictTrajectoriesOptions>(predictTrajectoriesRules),
};

/** Where one track goes on. */
export type PredictedTrack = {
  readonly id: string;
  /** The frame of the last place that was seen; the predicted step t, from 0, is at `frame + (t + 1) * step`. */
  readonly frame: number;
  /** The places that were seen. */
  readonly seen: Path;
  /** One path, for who wants one: see the option `path`. */
  readonly path: Path;
  /** The futures, the likeliest first. */
  readonly futures: readonly Future[];
};

/**
 * Predict where each track goes on after its last steps. Tracks that are too short are left out.
 *
 * The form "direct" gives its likeliest modes, each with its probability, up to as many as it has; more futures, and those of
 * `sample` and of the form "step", are draws, each as likely as another.
 * @param tm the model
 * @param tracks tracks with the step that the model was trained with, or a list of recordings
 * @param options `futures` (default 20), `sample` (false), `bias` (0), `seed` (0); the host's options
 * @throws InputError for wrong options, for tracks of another step, and if no track has as many steps as the model sees
 * @example const [first] = await predictTrajectories(tm, tracks, { futures: 5 });
 */
export async function predictTrajectories(
  tm: TrajectoryModel,
  tracks: Tracks | readonly Tracks[],
  options: PredictTrajectoriesOptions = {},
): Promise<PredictedTrack[]> {
  checkArguments("predictTrajectories", { tm, tracks, options }, predictTrajectoriesArguments);
  const { seen } = tm.settings;
  const all = listOfTracks(tracks);
  checkStep(tm, all, "predictTrajectories");
  const windows = all.flatMap((one) => lastWindows(one, seen));
  if (windows.length === 0) {
    const longest = all.flatMap((one) => one.tracks).reduce((most, { x }) => Math.max(most, x.length), 0);
    throw new InputError(
      `predictTrajectories: no track has the ${seen} steps without a gap that the model sees; the longest has ${longest}. Give longer tracks.`,
    );
  }
  const predicted = await predictWindows(tm, windows, options);
  return windows.map(({ id, frame, x, y }, n) => {
    const { path, futures } = predicted[n] as Predicted;
    return { id, frame, seen: { x, y }, path, futures };
  });
}

/** @throws InputError for tracks whose frames are further apart than those of the training */
export function checkStep({ settings }: TrajectoryModel, all: readonly Tracks[], where: string): void {
  const other = all.find(({ step }) => Math.abs(step - settings.step) > 1e-6 * settings.step);
  if (other === undefined) return;
  throw new InputError(
    `${where}: the tracks have a step of ${other.step}, the model was trained on a step of ${settings.step}. ` +
      "Give tracks with frames as far apart, or train a model on such tracks.",
  );
}

export type Predicted = { readonly path: Path; readonly futures: readonly Future[] };

/**
 * The futures of windows, of which only the seen steps are read.
 * @throws InputError for places that are too far apart for numbers of 32 bits
 */
export async function predictWindows(
  tm: TrajectoryModel,
  windows: readonly Window[],
  options: PredictTrajectoriesOptions,
): Promise<Predicted[]> {
  const { data } = inputsOf(windows, tm.settings);
  const odd = data.findIndex((value) => !Number.isFinite(Math.fround(value)));
  const window = windows[Math.floor(odd / (2 * (tm.settings.seen - 1)))];
  if (window !== undefined) {
    throw new InputError(
      `predictTrajectories: track ${window.id} up to frame ${window.frame} has places too far apart for the model. Correct them, or give ` +
        "them in the unit of the training.",
    );
  }
  return tm.settings.form === "direct" ? predictPaths(tm, windows, options) : walkSteps(tm, windows, options);
}

async function predictPaths(
  { model, settings }: TrajectoryModel,
  windows: readonly Window[],
  options: PredictTrajectoriesOptions,
): Promise<Predicted[]> {
  const { futures: count = 20, sample = false, seed = 0, path = "median" } = options;
  const { data } = await predict(model, inputsOf(windows, settings), { batchSize: 256, ...hostOf(options) });
  const density = pathsOf(settings);
  const random = createRandom(seed);
  const size = density.outputSize;
  return windows.map((window, n) => {
    const row = data.subarray(n * size, (n + 1) * size);
    const back = (one: Path): Path => pathFrom(window, one, settings);
    const drawn = sample || count > settings.modes;
    const futures = drawn
      ? Array.from({ length: count }, () => ({ ...back(density.sample(row, random)), probability: 1 / count }))
      : density
          .paths(row)
          .slice(0, count)
          .map((one) => ({ ...back(one), probability: one.probability }));
    return { path: back(density[path](row)), futures };
  });
}

/** Rows of a batch: one that follows the means, then the draws. */
async function walkSteps(
  tm: TrajectoryModel,
  windows: readonly Window[],
  options: PredictTrajectoriesOptions,
): Promise<Predicted[]> {
  const { model, settings } = tm;
  const { futures: count = 20, bias = 0, seed = 0 } = options;
  const density = stepsOf(settings);
  const random = createRandom(seed);
  const together = Math.max(1, Math.min(windows.length, Math.floor(512 / (count + 1))));
  const rows = together * (count + 1);
  const program = await bindStep(model, rows, hostOf(options), { owner: "predictTrajectories" });
  try {
    const inputs = new Float32Array(rows * 2);
    const outputs = new Float32Array(rows * density.outputSize);
    const step = (): void => {
      program.setInput("x", inputs);
      program.runSync();
      program.advanceStates();
      program.output("output", outputs);
    };
    const all: Predicted[] = [];
    for (let from = 0; from < windows.length; from += together) {
      const some = windows.slice(from, from + together);
      program.resetStates();
      const { data: seen } = inputsOf(some, settings);
      const steps = settings.seen - 1;
      // The last of the seen displacements is what the walks begin with.
      for (let k = 0; k < steps - 1; k++) {
        inputs.fill(0);
        for (let row = 0; row < some.length * (count + 1); row++) {
          const n = Math.floor(row / (count + 1));
          for (const axis of [0, 1]) inputs[2 * row + axis] = seen[2 * (n * steps + k) + axis] as number;
        }
        step();
      }
      const walks = some.flatMap((window) => Array.from({ length: count + 1 }, () => walkFrom(window, settings)));
      for (let t = 0; t < settings.predicted; t++) {
        walks.forEach((walk, row) => {
          inputs.set(walk.input(), 2 * row);
        });
        step();
        walks.forEach((walk, row) => {
          const output = outputs.subarray(row * density.outputSize, (row + 1) * density.outputSize);
          walk.go(row % (count + 1) === 0 ? density.mean(output) : density.sample(output, random, { bias }));
        });
      }
      some.forEach((_, n) => {
        const paths = walks.slice(n * (count + 1), (n + 1) * (count + 1)).map((walk) => walk.path());
        const futures = paths.slice(1).map((path) => ({ ...path, probability: 1 / count }));
        all.push({ path: paths[0] as Path, futures });
      });
    }
    return all;
  } finally {
    program.dispose();
  }
}
