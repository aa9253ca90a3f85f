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
  InputError,
  type Model,
  masking,
  type Random,
  recurrent,
  sequential,
  type Trainer,
} from "unrolled";
import { type Chorales, keys, longestOf, type Piece, padding, rollsOf, stepsOf } from "./pieces.ts";

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
};

/** Chosen on the validation set; docs/log/recipes.md has what else was tried. */
export const defaults = { batch: 4, epochs: 500, patience: 10, dropout: 0.1 } as const;

/** Negative log-likelihoods in nats a step, summed over the keys, each step of each piece counted once. */
export type Losses = {
  /** Of all steps; what is known before the first is silence. */
  readonly all: number;
  /** Of all but the first of each piece. */
  readonly fromSecond: number;
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
  readonly elapsedMs: number;
};

/**
 * Train, keep the values of the best epoch, and judge them.
 * @throws InputError where there are fewer pieces than a batch has, or the loss is never finite
 */
export async function train(
  chorales: Chorales,
  { cell, units, seed, learningRate, batch, epochs, patience, dropout }: Settings,
  onEpoch: (epoch: Epoch) => void = () => {},
): Promise<Outcome> {
  const startMs = performance.now();
  if (chorales.train.length < batch) {
    throw new InputError(
      `${chorales.train.length} pieces to train on; a batch needs ${batch}. Choose a smaller batch.`,
    );
  }
  const layers = [
    masking({ maskValue: padding }),
    recurrent(cell, { units, returnSequences: true, dropout }),
    dense(keys),
  ];
  const model = sequential(layers, { input: keys, seed });
  const random = createRandom(seed);
  const classes = byLength(chorales.train, batch);
  const trainers: Trainer[] = [];
  for (const pieces of classes) {
    trainers.push(
      await createTrainer(model, {
        batch,
        steps: longestOf(pieces),
        optimizer: adam({ learningRate }),
        loss: binaryCrossentropy({ features: "sum" }),
        clipNorm: 1,
        seed,
        threads: 1,
      }),
    );
  }
  let trainer = trainers[0] as Trainer;
  const judgeValidation = await createJudge(model, chorales.valid);
  const judgeTest = await createJudge(model, chorales.test);

  let best = { epoch: 0, validation: { all: Number.POSITIVE_INFINITY, fromSecond: Number.NaN }, values: copy(model) };
  let epoch = 0;
  while (epoch < epochs && epoch < best.epoch + patience) {
    epoch++;
    const batches = shuffle(
      classes.flatMap((pieces, c) => inBatches(shuffle([...pieces], random), batch).map((of) => [c, of] as const)),
      random,
    );
    let loss = 0;
    for (const [c, pieces] of batches) {
      trainer = handOver(trainer, trainers[c] as Trainer, model);
      const { inputs, targets } = rollsOf(pieces, longestOf(classes[c] as Piece[]));
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
    elapsedMs: performance.now() - startMs,
  };
}

/** The list in an order of which each is as likely (Fisher and Yates). */
function shuffle<T>(list: T[], random: Random): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}

/** Pieces of about one length learn together, so that little of a batch is padding: four classes, or one of few pieces. */
function byLength(pieces: readonly Piece[], batch: number): Piece[][] {
  const sorted = [...pieces].sort((a, b) => a.length - b.length);
  const count = sorted.length < 16 * batch ? 1 : 4;
  const end = (k: number): number => Math.round((k * sorted.length) / count);
  return Array.from({ length: count }, (_, k) => sorted.slice(end(k), end(k + 1)));
}

/** Full batches; what is left waits for another order. */
const inBatches = (pieces: readonly Piece[], batch: number): Piece[][] =>
  Array.from({ length: Math.floor(pieces.length / batch) }, (_, k) => pieces.slice(k * batch, (k + 1) * batch));

/** A trainer of other sizes goes on where one stands: its parameters, its optimiser's states, its step. */
function handOver(from: Trainer, to: Trainer, { parameters }: Model): Trainer {
  if (to === from) return to;
  for (const { name } of parameters) to.program.setParameter(name, from.program.parameter(name));
  to.restore(from.state());
  return to;
}

const copy = ({ values }: Model): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(values).map(([name, numbers]) => [name, numbers.slice()]));

/** Losses of a model, as it is at each call, over pieces. */
export async function createJudge(model: Model, pieces: readonly Piece[]): Promise<() => Promise<Losses>> {
  const batch = pieces.length;
  const steps = longestOf(pieces);
  const { inputs, targets } = rollsOf(pieces, steps);
  const predictor = await createPredictor(model, { batch, steps, threads: 1 });
  return async () => {
    const logits = await predictor.predict(inputs);
    let [first, later] = [0, 0];
    pieces.forEach((piece, b) => {
      for (let t = 0; t < piece.length; t++) {
        const start = (t * batch + b) * keys;
        // softplus(z) - z * target, summed: of all log(1 + exp(-|z|)), one logarithm of their product, at most 2^keys.
        let [loss, product] = [0, 1];
        for (let at = start; at < start + keys; at++) {
          const z = logits[at] as number;
          loss += Math.max(z, 0) - z * (targets[at] as number);
          product *= 1 + Math.exp(-Math.abs(z));
        }
        loss += Math.log(product);
        if (t === 0) first += loss;
        else later += loss;
      }
    });
    const count = stepsOf(pieces);
    return { all: (first + later) / count, fromSecond: later / (count - batch) };
  };
}
