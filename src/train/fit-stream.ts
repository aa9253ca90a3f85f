/**
 * The training loop over a stream of tokens: batches in order, the learning rate, validation, progress, stopping.
 * Knows nothing about text or files.
 */
import { checkCarriesStates, checkReturnsSequences, type Model } from "../nn/model.ts";
import { createRandom } from "../nn/random.ts";
import type { LoadOptions } from "../runtime/program.ts";
import { createEvaluator } from "./evaluator.ts";
import { createWatch } from "./non-finite.ts";
import { adam, type Optimizer } from "./optimizers.ts";
import type { Rate } from "./rates.ts";
import { streamBatches } from "./stream.ts";
import { type TokenSource, type Tokens, tokenRange, tokenSource } from "./token-source.ts";
import { createTrainer, type TrainerState } from "./trainer.ts";
import { breathe, createTurns } from "./turns.ts";

/** Good for text by characters on one core: many small updates beat long gradients. */
export const fitDefaults = {
  batch: 16,
  steps: 32,
  epochs: 6,
  learningRate: 0.008,
  clipNorm: 5,
  validationSplit: 0.05,
  validations: 4,
} as const;

/** Defaults: 16 lanes of 32 steps, 6 epochs, Adam at 0.008, clipping at 5, a twentieth for 4 validations, seed 0. */
export type FitStreamOptions = {
  readonly batch?: number;
  /** Time steps that the gradient reaches back. */
  readonly steps?: number;
  /** Passes over the training tokens. */
  readonly epochs?: number;
  /** Instead of epochs: how long to train, in minutes. */
  readonly minutes?: number;
  readonly optimizer?: Optimizer;
  /** The rate of each update from the steps taken before it, instead of the cosine. */
  readonly learningRate?: Rate | undefined;
  readonly clipNorm?: number;
  readonly clipValue?: number | undefined;
  readonly seed?: number;
  /** Share of the tokens at the end that is kept for validation; 0 for none. */
  readonly validationSplit?: number;
  /** Validations spread over the training, the one at the end included. */
  readonly validations?: number;
  /** Where an earlier training stopped. */
  readonly resume?: TrainerState | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Called with where the training is, when the model has the values of that moment: it may be measured, saved, or write a
   * text. Training waits for a promise that it gives, and does not count that time; it changes no bit of the result.
   */
  readonly onProgress?: (progress: Progress) => unknown;
  /** How the programs run: see LoadOptions. */
  readonly fma?: boolean | undefined;
  readonly threads?: number | undefined;
};

/** Where a training is: told about every half second, and after each validation. */
export type Progress = {
  /** Steps in all, those of a resumed training included. */
  readonly step: number;
  readonly epoch: number;
  /** Share of the work that is done, 0 to 1. */
  readonly done: number;
  /** Mean training loss since the last progress, in nats. */
  readonly loss: number;
  /** One of the moments of validation, though no tokens may be kept for it; the last is the end, unless it came early. */
  readonly milestone: boolean;
  /** Validation loss, where it was just measured. */
  readonly validationLoss: number | null;
  readonly tokensPerSecond: number;
  readonly elapsedMs: number;
  readonly remainingMs: number;
};

/** What a training came to. */
export type FitStreamResult = {
  readonly steps: number;
  readonly loss: number;
  readonly validationLoss: number | null;
  readonly tokensPerSecond: number;
  readonly elapsedMs: number;
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
  readonly state: TrainerState;
};

const progressEveryMs = 500;

/**
 * Train on a stream of tokens; the model's values are the trained ones when it resolves, also after an abort. The
 * learning rate falls from its full value to a tenth along a cosine (I. Loshchilov and F. Hutter, 2016, without
 * restarts), unless a schedule is given.
 * @throws InputError for a model without an output at every step, and for tokens that make no batch
 * @throws NonFiniteLoss where the loss or a parameter is no longer a number; the model keeps its last good values
 * @example const { validationLoss } = await fitStream(model, tokens, { epochs: 3 });
 */
export async function fitStream(
  model: Model,
  tokens: Tokens,
  options: FitStreamOptions = {},
): Promise<FitStreamResult> {
  const { batch, steps, epochs, clipNorm, validationSplit, validations } = { ...fitDefaults, ...options };
  const { optimizer = adam(fitDefaults), minutes, seed = 0, signal, onProgress, resume, clipValue } = options;
  const host = { fma: options.fma, threads: options.threads };
  checkReturnsSequences(model, "fitStream");
  checkCarriesStates(model, "fitStream");

  const source = tokenSource(tokens);
  const held = Math.floor(source.length * validationSplit);
  const training = tokenRange(source, 0, source.length - held);
  const validation = tokenRange(source, source.length - held, source.length);
  const batches = streamBatches(training, { batch, steps });
  const trainer = await createTrainer(model, {
    ...{ batch, steps, optimizer, clipNorm, seed, ...host },
    ...(clipValue !== undefined && { clipValue }),
  });
  if (resume !== undefined) trainer.restore(resume);
  const watch = createWatch(trainer);
  const evaluate = held > 1 ? await validator(model, validation, { batch, steps, ...host }) : undefined;

  const stepsInAll = Math.max(1, Math.round(epochs * batches.count));
  const random = createRandom(seed + trainer.step);
  const startMs = performance.now();
  const turns = createTurns();
  let pausedMs = 0;
  let [lastProgressMs, lossSince, stepsSince, taken] = [startMs, 0, 0, 0];
  let [k, offset, validated] = [0, 0, 0];
  let latest = Number.NaN;
  let validationLoss: number | null = null;
  const trainingMs = (): number => performance.now() - startMs - pausedMs;
  const share = (): number =>
    Math.min(1, minutes === undefined ? taken / stepsInAll : trainingMs() / (60_000 * minutes));
  const report = async (milestone: boolean): Promise<void> => {
    const [now, done, ms] = [performance.now(), share(), trainingMs()];
    if (stepsSince > 0) latest = lossSince / stepsSince;
    await onProgress?.({
      step: trainer.step,
      epoch: taken / batches.count,
      done,
      loss: latest,
      milestone,
      validationLoss: milestone ? validationLoss : null,
      tokensPerSecond: (1000 * taken * batch * steps) / ms,
      elapsedMs: now - startMs,
      remainingMs: done > 0 ? (ms * (1 - done)) / done : Number.NaN,
    });
    [lastProgressMs, lossSince, stepsSince] = [performance.now(), 0, 0];
    pausedMs += lastProgressMs - now;
  };
  const cosine = (): number => optimizer.learningRate * (0.1 + 0.45 * (1 + Math.cos(Math.PI * share())));
  const validate = async (): Promise<void> => {
    await watch.save();
    if (evaluate === undefined) return;
    const from = performance.now();
    validationLoss = await evaluate();
    pausedMs += performance.now() - from;
  };

  while (share() < 1 && signal?.aborted !== true) {
    if (k === 0) {
      trainer.resetStates();
      // One batch fewer where the start moves, so that the pass still ends in time.
      offset = batches.count > 1 ? random.integer(steps) : 0;
    }
    const loss = await watch.update(batches.at(k, offset), options.learningRate?.(trainer.step) ?? cosine());
    taken++;
    lossSince += loss;
    stepsSince++;
    k = (k + 1) % Math.max(1, batches.count - (offset > 0 ? 1 : 0));
    const now = performance.now();
    // Where workers train, this thread has its turns while it waits for them.
    if (trainer.program.threads === 1) await turns();
    const due = Math.floor(share() * validations);
    if (due > validated && share() < 1) {
      validated = due;
      await validate();
      await report(true);
    } else if (now - lastProgressMs > progressEveryMs) {
      await watch.save();
      await report(false);
    }
  }
  const stopped = signal?.aborted === true;
  if (stopped) await watch.save();
  else await validate();
  await report(!stopped);
  const ms = trainingMs();
  return {
    steps: trainer.step,
    loss: latest,
    validationLoss,
    tokensPerSecond: (1000 * taken * batch * steps) / ms,
    elapsedMs: performance.now() - startMs,
    stopped,
    state: trainer.state(),
  };
}

async function validator(
  model: Model,
  tokens: TokenSource,
  { batch, steps, ...host }: LoadOptions & { batch: number; steps: number },
): Promise<() => Promise<number>> {
  // Lanes of at least 200 tokens, so that few of them are read without what comes before.
  const lanes = Math.max(1, Math.min(batch, Math.floor(tokens.length / 200)));
  const evaluator = await createEvaluator(model, { batch: lanes, steps, ...host });
  return () => evaluator.loss(tokens, breathe);
}
