/** Train a model of music on pieces: some of them are kept for validation, the others moved up and down. */

import { type Piece, somePieces } from "../../data/piece.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  alias,
  callable,
  checkArguments,
  inRange,
  options as optionsOf,
  type Schema,
  wholeNumber,
} from "../../graph/schema.ts";
import { type TrainingHost, trainingHostOf, trainingTaskRules } from "../training.ts";
import { aMusicModel } from "./checks.ts";
import { forms } from "./forms.ts";
import { gridOf, transposedNotes } from "./grid.ts";
import type { GridNote, MusicModel } from "./settings.ts";

/** Options of `trainMusic`; also the host's. */
export type TrainMusicOptions = TrainingHost & {
  /** Passes over the music. Default 30. */
  readonly epochs?: number;
  /** Windows side by side. Default 16. */
  readonly batchSize?: number;
  /** Steps (events) that are learnt at once. Default 64. */
  readonly steps?: number;
  /** The learning rate of Adam. Default 0.002. */
  readonly learningRate?: number;
  /** The share of the pieces, the last ones, that is kept for validation: the best epoch by their loss is kept. Default 0.1. */
  readonly validationSplit?: number;
  /** Each training piece is learnt moved by each of so many semitones, up and down. Default 0. */
  readonly transpose?: number;
  /** Seed of the order. Default 0. */
  readonly seed?: number;
  /** Ends training after the present batch. */
  readonly signal?: AbortSignal;
  /** Told after each pass; losses in nats, of an event or a step. */
  readonly onEpoch?: (progress: MusicEpoch) => void;
};
/** What is told of a pass. */
export type MusicEpoch = {
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly validationLoss?: number;
};
const trainMusicRules: Schema<TrainMusicOptions> = {
  ...trainingTaskRules,
  steps: alias(wholeNumber(1, 10_000), "window"),
  validationSplit: inRange(0, 1),
  transpose: wholeNumber(0, 12),
  onEpoch: callable,
};
export const trainMusicArguments: Arguments = {
  mm: aMusicModel,
  pieces: somePieces,
  options: optionsOf<TrainMusicOptions>(trainMusicRules),
};

/** The result of `trainMusic`. */
export type TrainMusicResult = {
  /** Losses in nats by epoch: of an event (form "events"), or of a step, summed over the keys (form "roll"). */
  readonly loss: readonly number[];
  readonly validationLoss: readonly number[];
  /** How many pieces were trained and validated on. */
  readonly pieces: number;
  readonly validationPieces: number;
};

/**
 * Train a model of music; its values are changed. With pieces to validate on, it ends with the values of its best epoch. Same seed and
 * pieces, same result.
 * @param mm the model
 * @param pieces the training's pieces
 * @param options see `TrainMusicOptions`
 * @throws InputError for wrong options, and if no piece has a note that the model can write
 * @throws NonFiniteLoss if the loss or a parameter becomes infinite or NaN
 * @example const { validationLoss } = await trainMusic(mm, pieces, { epochs: 50, transpose: 3 });
 */
export async function trainMusic(
  mm: MusicModel,
  pieces: readonly Piece[],
  options: TrainMusicOptions = {},
): Promise<TrainMusicResult> {
  checkArguments("trainMusic", { mm, pieces, options }, trainMusicArguments);
  const { epochs = 30, batchSize = 16, steps = 64, learningRate = 0.002, seed = 0, signal, onEpoch } = options;
  const { validationSplit = 0.1, transpose = 0 } = options;
  const form = forms[mm.settings.form];
  const all = notesToLearn("trainMusic", mm, pieces);
  const kept = Math.min(all.length - 1, Math.round(validationSplit * all.length));
  const training = all.slice(0, all.length - kept);
  const moves = Array.from({ length: 2 * transpose + 1 }, (_, k) => k - transpose);
  const moved = moves.flatMap((by) => training.map((notes) => transposedNotes(notes, by, form.range)));
  const { loss, validationLoss } = await form.train(
    mm.model,
    moved.filter(({ length }) => length > 0),
    all.slice(all.length - kept),
    {
      ...{ epochs, batchSize, steps, learningRate, seed, signal, host: trainingHostOf(options) },
      onEpoch: (epoch, own, held) =>
        onEpoch?.({ epoch, epochs, loss: own, ...(held !== undefined && { validationLoss: held }) }),
    },
  );
  return { loss, validationLoss, pieces: training.length, validationPieces: kept };
}

/** The notes of pieces on the model's grid; of those that have some. @throws InputError if none has */
export function notesToLearn(where: string, { settings }: MusicModel, pieces: readonly Piece[]): GridNote[][] {
  const { form } = settings;
  const { range } = forms[form];
  const all = pieces
    .map((piece) => transposedNotes(gridOf(piece, settings.stepsPerQuarter), 0, range))
    .filter(({ length }) => length > 0);
  if (all.length > 0) return all;
  throw new InputError(
    `${where}: the pieces have no note from ${range[0]} to ${range[1]} besides drums. Give others${form === "roll" ? ', or the form "events"' : ""}.`,
  );
}
