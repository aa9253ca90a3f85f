/** Train a model of trajectories on tracks: windows in a new order, turned and mirrored at random, epoch by epoch. */

import {
  type Arguments,
  alias,
  checkArguments,
  flag,
  inRange,
  listOf,
  options as optionsOf,
  type Schema,
  wholeNumber,
} from "../../graph/schema.ts";
import { createRandom, type Random } from "../../nn/random.ts";
import { shuffle } from "../../nn/shuffle.ts";
import type { ExampleBatch } from "../../train/batches.ts";
import { aCallback, type Callback } from "../../train/callbacks.ts";
import type { History } from "../../train/fit.ts";
import { learn, type TrainingHost, trainingHostOf, trainingTaskRules } from "../training.ts";
import { aTrajectoryModel } from "./checks.ts";
import { examplesOf } from "./coordinates.ts";
import { listOfTracks, oneOrManyTracks } from "./create.ts";
import { densityOf, type TrajectoryModel } from "./settings.ts";
import { splitInTime, type Tracks } from "./tracks.ts";
import { augmented, checkWindows, type Window, type WindowSizes, windowsOf } from "./windows.ts";

/** Options of `trainTrajectories`; also the host's. */
export type TrainTrajectoriesOptions = TrainingHost & {
  /** Passes over the windows. Default 30. */
  readonly epochs?: number;
  /** Windows per batch. Default 128. */
  readonly batchSize?: number;
  /** The learning rate of Adam at the beginning; it falls to 0 along a cosine. Default 0.002. */
  readonly learningRate?: number;
  /** Decoupled weight decay (AdamW). Default 0. */
  readonly weightDecay?: number;
  /** Tracks to validate on: the best epoch by their loss is kept. By default a share of the given ones. */
  readonly validation?: Tracks | readonly Tracks[];
  /**
   * The share of each recording's frames, the last ones, that is kept for validation. Default 0.1, or 0 where one of the two
   * parts would have no window: then `validationWindows` of the result is 0, and the model ends with the values of the last epoch.
   */
  readonly validationSplit?: number;
  /** Whether windows are turned by random angles; for models with `heading` that changes nothing. Default: as the model has no heading, false. */
  readonly rotations?: boolean;
  /** Whether half of the windows, at random, are mirrored. Default: whether the model has `heading`. */
  readonly flips?: boolean;
  /** Whether half of the windows, at random, run backwards. Default false. */
  readonly reversals?: boolean;
  /** Windows of a track begin this many steps apart. Default 1. */
  readonly stride?: number;
  /** Seed of the order and of the augmentation. Default 0. */
  readonly seed?: number;
  readonly callbacks?: readonly Callback[];
  /** Ends training after the present batch. */
  readonly signal?: AbortSignal;
};
export const trainTrajectoriesRules: Schema<TrainTrajectoriesOptions> = {
  ...trainingTaskRules,
  validation: alias(oneOrManyTracks, "validationData"),
  validationSplit: inRange(0, 1),
  rotations: flag,
  flips: flag,
  reversals: flag,
  stride: wholeNumber(1),
  callbacks: listOf(aCallback),
};
export const trainTrajectoriesArguments: Arguments = {
  tm: aTrajectoryModel,
  tracks: oneOrManyTracks,
  options: optionsOf<TrainTrajectoriesOptions>(trainTrajectoriesRules),
};

/** The result of `trainTrajectories`. */
export type TrainTrajectoriesResult = History & {
  /** Numbers of windows to train and to validate on. */
  readonly windows: number;
  readonly validationWindows: number;
};

/**
 * Train a model of trajectories; its values are changed. With validation windows the model ends with the values of its best
 * epoch. Same seed and tracks, same result.
 * @param tm the model
 * @param tracks the training's tracks, or a list of recordings
 * @param options see `TrainTrajectoriesOptions`
 * @returns the losses in nats by epoch, and the numbers of windows
 * @throws InputError for wrong options, and if no track is long enough for a window
 * @throws NonFiniteLoss if the loss or a parameter becomes infinite or NaN
 * @example const { history } = await trainTrajectories(tm, tracks, { epochs: 20 });
 */
export async function trainTrajectories(
  tm: TrajectoryModel,
  tracks: Tracks | readonly Tracks[],
  options: TrainTrajectoriesOptions = {},
): Promise<TrainTrajectoriesResult> {
  checkArguments("trainTrajectories", { tm, tracks, options }, trainTrajectoriesArguments);
  const { model, settings } = tm;
  const { epochs = 30, batchSize = 128, learningRate = 0.002, weightDecay = 0, seed = 0, signal } = options;
  const { rotations = false, flips = settings.heading, reversals = false, callbacks = [] } = options;
  const all = listOfTracks(tracks);
  const { windows, kept } = partsOf(all, settings, options);
  const random = createRandom(seed);
  const steps = Math.ceil(windows.length / batchSize);
  const how = { rotations, flips, reversals };
  const { epoch, history, stopped } = await learn(model, batchesOf(windows, { how, batchSize, random, settings }), {
    ...trainingHostOf(options),
    ...{ epochs, learningRate, weightDecay, patience: epochs, callbacks, updates: steps },
    ...{ stepsPerEpoch: steps, seed, loss: densityOf(settings), clipNorm: 1 },
    ...(kept.length > 0 && { validationData: validationBatches(kept, tm) }),
    ...(signal !== undefined && { signal }),
  });
  const ended = { epoch, history, ...(stopped !== undefined && { stopped }) };
  return { ...ended, windows: windows.length, validationWindows: kept.length };
}

type Parts = { readonly windows: readonly Window[]; readonly kept: readonly Window[] };
/** Windows to train on, and those kept for validation. @throws InputError if there is none to train on */
function partsOf(all: readonly Tracks[], settings: WindowSizes, options: TrainTrajectoriesOptions): Parts {
  const { validation, validationSplit: share, stride = 1 } = options;
  const [windowsIn, where] = [
    (some: readonly Tracks[]) => some.flatMap((one) => windowsOf(one, settings)),
    "trainTrajectories",
  ];
  const windows = all.flatMap((one) => windowsOf(one, settings, stride));
  checkWindows(windows, all, settings, where);
  if (validation !== undefined) return { windows, kept: windowsIn(listOfTracks(validation)) };
  const { earlier, later } = splitInTime(all, share ?? 0.1);
  const parts = { windows: earlier.flatMap((one) => windowsOf(one, settings, stride)), kept: windowsIn(later) };
  if (share === undefined && (parts.windows.length === 0 || parts.kept.length === 0)) return { windows, kept: [] };
  checkWindows(parts.windows, earlier, settings, where, {
    without: `the last ${Number((100 * (share ?? 0)).toPrecision(3))} % of the frames, which are kept for validation,`,
    advice: "a smaller validationSplit, 0 for no validation",
  });
  return parts;
}

type Drawing = {
  readonly how: Parameters<typeof augmented>[1];
  readonly batchSize: number;
  readonly random: Random;
  readonly settings: TrajectoryModel["settings"];
};
/** Batches without an end: the windows in a new order in each pass, each changed at random. */
function* batchesOf(
  windows: readonly Window[],
  { how, batchSize, random, settings }: Drawing,
): Generator<ExampleBatch> {
  for (;;) {
    const order = shuffle([...windows], random);
    for (let from = 0; from < order.length; from += batchSize) {
      yield examplesOf(
        order.slice(from, from + batchSize).map((one) => augmented(one, how, random)),
        settings,
      );
    }
  }
}

/** Batches of equal size, so that one program measures them all. */
function validationBatches(windows: readonly Window[], { settings }: TrajectoryModel): ExampleBatch[] {
  const size = Math.ceil(windows.length / Math.ceil(windows.length / 512));
  return Array.from({ length: Math.ceil(windows.length / size) }, (_, k) =>
    examplesOf(windows.slice(k * size, (k + 1) * size), settings),
  );
}
