/**
 * One layer of a cell learns to predict the next step of a piece from those before, stops when the validation set says so,
 * and is judged on the test set. Knows nothing about options or tables.
 */
import {
  adam,
  binaryCrossentropy,
  type Cell,
  countParameters,
  createPredictor,
  createRandom,
  createTrainer,
  dense,
  dropout,
  type EngineName,
  type HostOptions,
  InputError,
  type Model,
  masking,
  type Random,
  recurrent,
  sequential,
  type Trainer,
} from "unrolled";
import {
  apartIn,
  type Chorales,
  keys,
  longestOf,
  type Piece,
  padding,
  rollsOf,
  stepsOf,
  transposed,
  type Window,
  windowsOf,
} from "./pieces.ts";
import { mean } from "./statistics.ts";

export type Settings = {
  readonly cell: Cell;
  readonly units: number;
  readonly seed: number;
  readonly learningRate: number;
  /** Pieces side by side. */
  readonly batch: number;
  /** Passes over the training pieces at most, and how many of them may go by without a better validation loss. */
  readonly epochs: number;
  readonly patience: number;
  /** Rate of the inputs left out in training: the same keys in all steps of a piece. */
  readonly dropout: number;
  /** Recurrent layers. Default 1. */
  readonly layers?: number;
  /** Rate of the outputs of each layer left out in training, and of the state that a cell reads. Default 0. */
  readonly outputDropout?: number;
  readonly recurrentDropout?: number;
  /** Training pieces are cut into windows of at most so many steps. Default: they stay whole. */
  readonly window?: number;
  /** Each time that a window is read it is moved by up to so many semitones, up or down. Default 0. */
  readonly transpose?: number;
  /** Default "auto". */
  readonly engine?: EngineName;
};

/** Chosen on the validation set; docs/log/recipes.md has what else was tried. */
export const defaults = { batch: 4, epochs: 500, patience: 10, dropout: 0.1 } as const;

/** Negative log-likelihoods in nats a step, summed over the keys, each step of each piece counted once. */
export type Losses = {
  /** Of all steps; what is known before the first is silence. */
  readonly all: number;
  /** Of all but the first of each piece. */
  readonly fromSecond: number;
  /** Of all but the first of each piece, where pieces count alike, however long: the mean of their means. */
  readonly ofPieces: number;
};
export type Epoch = {
  readonly epoch: number;
  readonly loss: number;
  readonly validationLoss: number;
  readonly elapsedMs: number;
};
export type Outcome = {
  readonly parameters: number;
  /** The epoch with the best validation loss, whose model was judged. */
  readonly epoch: number;
  readonly epochs: number;
  readonly validation: Losses;
  readonly test: Losses;
  /** Of the test pieces in windows of their own, as the RRU's authors count: see `apartIn`. */
  readonly testInWindows: number;
  readonly elapsedMs: number;
};

/**
 * Train, keep the values of the best epoch, and judge them.
 * @throws InputError where there are fewer pieces than a batch has, or the loss is never finite
 */
export async function train(
  chorales: Chorales,
  settings: Settings,
  onEpoch: (epoch: Epoch) => void = () => {},
): Promise<Outcome> {
  const startMs = performance.now();
  const { seed, learningRate, batch, epochs, patience, window = Number.POSITIVE_INFINITY, transpose = 0 } = settings;
  const host = { threads: 1, ...(settings.engine !== undefined && { engine: settings.engine }) };
  if (chorales.train.length < batch) {
    throw new InputError(
      `${chorales.train.length} pieces to train on; a batch needs ${batch}. Choose a smaller batch.`,
    );
  }
  const model = modelOf(settings);
  const random = createRandom(seed);
  const classes = byLength(windowsOf(chorales.train, window), batch);
  const trainers: Trainer[] = [];
  for (const windows of classes) {
    trainers.push(
      await createTrainer(model, {
        batch,
        steps: longestWindow(windows),
        optimizer: adam({ learningRate }),
        loss: binaryCrossentropy({ features: "sum" }),
        clipNorm: 1,
        seed,
        ...host,
      }),
    );
  }
  let trainer = trainers[0] as Trainer;
  const judgeValidation = await createJudge(model, chorales.valid, host);
  const judgeTest = await createJudge(model, chorales.test, host);

  let best = { epoch: 0, validation: { ...none, all: Number.POSITIVE_INFINITY }, values: copy(model) };
  let epoch = 0;
  while (epoch < epochs && epoch < best.epoch + patience) {
    epoch++;
    const batches = shuffle(
      classes.flatMap((windows, c) => inBatches(shuffle([...windows], random), batch).map((of) => [c, of] as const)),
      random,
    );
    let loss = 0;
    for (const [c, windows] of batches) {
      trainer = handOver(trainer, trainers[c] as Trainer, model);
      const moved = windows.map((one) =>
        transpose === 0 ? one : transposed(one, random.integer(2 * transpose + 1) - transpose),
      );
      const { inputs, targets } = rollsOf(moved, longestWindow(classes[c] as Window[]));
      trainer.resetStates();
      loss += (await trainer.update(inputs, targets)) / batches.length;
    }
    trainer.save();
    const validation = await judgeValidation();
    if (validation.all < best.validation.all) best = { epoch, validation, values: copy(model) };
    onEpoch({ epoch, loss, validationLoss: validation.all, elapsedMs: performance.now() - startMs });
  }
  if (best.epoch === 0)
    throw new InputError("training: the loss is not finite after any epoch. Lower the learning rate.");
  for (const [name, values] of Object.entries(best.values)) model.values[name]?.set(values);
  return {
    parameters: countParameters(model),
    epoch: best.epoch,
    epochs: epoch,
    validation: best.validation,
    test: await judgeTest(),
    testInWindows: (await (await createJudge(model, apartIn(chorales.test, windowOfAuthors), host))()).ofPieces,
    elapsedMs: performance.now() - startMs,
  };
}

/** Layers of the cell, whose states a judge carries from a stretch of a piece to the next, and a logit for each key. */
function modelOf({ cell, units, seed, dropout: rate, ...more }: Settings): Model {
  const { layers = 1, outputDropout = 0, recurrentDropout = 0 } = more;
  const drop = outputDropout > 0 ? [dropout(outputDropout)] : [];
  const stack = Array.from({ length: layers }, (_, k) => [
    recurrent(cell, { units, returnSequences: true, stateful: true, recurrentDropout, dropout: k === 0 ? rate : 0 }),
    ...drop,
  ]);
  return sequential([masking({ maskValue: padding }), ...stack.flat(), dense(keys)], { input: keys, seed });
}

/** The list in an order of which each is as likely (Fisher and Yates). */
function shuffle<T>(list: T[], random: Random): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}

const longestWindow = (windows: readonly Window[]): number => longestOf(windows.map(({ steps }) => steps));

/** Windows of about one length learn together, so that little of a batch is padding: four classes, or one of few windows. */
function byLength(windows: readonly Window[], batch: number): Window[][] {
  const sorted = [...windows].sort((a, b) => a.steps.length - b.steps.length);
  const count = sorted.length < 16 * batch ? 1 : 4;
  const end = (k: number): number => Math.round((k * sorted.length) / count);
  return Array.from({ length: count }, (_, k) => sorted.slice(end(k), end(k + 1)));
}

/** Full batches; what is left waits for another order. */
const inBatches = (windows: readonly Window[], batch: number): Window[][] =>
  Array.from({ length: Math.floor(windows.length / batch) }, (_, k) => windows.slice(k * batch, (k + 1) * batch));

/** A trainer of other sizes goes on where one stands: its parameters, its optimiser's states, its step. */
function handOver(from: Trainer, to: Trainer, { parameters }: Model): Trainer {
  if (to === from) return to;
  for (const { name } of parameters) to.program.setParameter(name, from.program.parameter(name));
  to.restore(from.state());
  return to;
}

const copy = ({ values }: Model): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(values).map(([name, numbers]) => [name, numbers.slice()]));

const none: Losses = { all: Number.NaN, fromSecond: Number.NaN, ofPieces: Number.NaN };
/** Steps that the RRU's authors predict at once: https://github.com/LUMII-Syslab/RRU. */
const windowOfAuthors = 200;

/** The longest stretch that a judge reads at once. */
const stretch = 256;

/** Losses of a model, as it is at each call, over whole pieces. Its recurrent layers are stateful. */
export async function createJudge(
  model: Model,
  pieces: readonly Piece[],
  host: HostOptions = { threads: 1 },
): Promise<() => Promise<Losses>> {
  // The longest first, so that pieces that are at their end are the last ones.
  const sorted = [...pieces].sort((a, b) => b.length - a.length);
  const steps = Math.min(stretch, longestOf(pieces));
  const groups = Array.from({ length: Math.ceil(sorted.length / 32) }, (_, k) => sorted.slice(32 * k, 32 * (k + 1)));
  const judges = await Promise.all(groups.map((group) => createGroupJudge(model, group, steps, host)));
  return async () => {
    const sums: Sums[] = [];
    for (const judge of judges) sums.push(...(await judge()));
    const [first, later] = [sum(sums.map((one) => one.first)), sum(sums.map((one) => one.later))];
    const count = stepsOf(pieces);
    const longer = sums.flatMap((one, k) => {
      const { length } = sorted[k] as Piece;
      return length > 1 ? [one.later / (length - 1)] : [];
    });
    return { all: (first + later) / count, fromSecond: later / (count - pieces.length), ofPieces: mean(longer) };
  };
}

/** Of a piece: nats of its first step, and of all later ones. */
type Sums = { first: number; later: number };
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

async function createGroupJudge(model: Model, pieces: readonly Piece[], steps: number, host: HostOptions) {
  const batch = pieces.length;
  const predictor = await createPredictor(model, { batch, steps, ...host });
  return async () => {
    const sums: Sums[] = pieces.map(() => ({ first: 0, later: 0 }));
    predictor.resetStates();
    for (let from = 0; from < longestOf(pieces); from += steps) {
      const parts = pieces.map((piece) => ({ steps: piece.slice(from, from + steps), before: piece[from - 1] ?? [] }));
      const { inputs, targets } = rollsOf(parts, steps);
      const logits = await predictor.predict(inputs);
      parts.forEach(({ steps: { length } }, b) => {
        for (let t = 0; t < length; t++) {
          const start = (t * batch + b) * keys;
          // softplus(z) - z * target, summed: of all log(1 + exp(-|z|)), one logarithm of their product, at most 2^keys.
          let [loss, product] = [0, 1];
          for (let at = start; at < start + keys; at++) {
            const z = logits[at] as number;
            loss += Math.max(z, 0) - z * (targets[at] as number);
            product *= 1 + Math.exp(-Math.abs(z));
          }
          loss += Math.log(product);
          (sums[b] as Sums)[from + t === 0 ? "first" : "later"] += loss;
        }
      });
    }
    return sums;
  };
}
