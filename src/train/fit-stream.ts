/**
 * `fitStream`: the training loop over a stream of tokens, with learning rate, validation, progress, callbacks, stopping, and
 * a state from which it resumes to the same bits.
 */

import type { HostOptions } from "../engines/engine.ts";
import { hostOf, hostRules } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  aSignal,
  callable,
  checkArguments,
  checkValue,
  inRange,
  isPlain,
  listOf,
  oneOf,
  options as optionsOf,
  type Schema,
  wholeNumber,
  withDefaults,
} from "../graph/schema.ts";
import { createYielder } from "../graph/yielding.ts";
import { size } from "../nn/layers.ts";
import type { Model } from "../nn/model.ts";
import { aModel, checkCarriesStates, checkReturnsSequences } from "../nn/model-checks.ts";
import { aSeed, createRandom, fromState, type RandomState } from "../nn/random.ts";
import { disposing, type Own } from "../runtime/disposable.ts";
import { copyOf, setValues } from "./built-in-callbacks.ts";
import { aCallback, type Callback, type Logs, type TrainingRun } from "./callbacks.ts";
import { checkIndices } from "./checks.ts";
import { createEvaluator } from "./evaluator.ts";
import { aRate, type LearningRateSchedule } from "./learning-rate-schedules.ts";
import { createNonFiniteGuard, NonFiniteLoss } from "./non-finite-guard.ts";
import { amount, share as aShare } from "./number-rules.ts";
import { type OptimizerName, optimizerOf, optimizerOrName } from "./optimizer-names.ts";
import { adam, type Optimizer } from "./optimizers.ts";
import { restoreCallbacks, statesOfCallbacks, withoutBatches } from "./resume.ts";
import { type CheckRun, countBatches, fingerprint, streamBatches } from "./stream.ts";
import { someTokens, type TokenSource, type Tokens, tokenRange, tokenSource } from "./token-source.ts";
import { createTrainer, stateRules, type TrainerState } from "./trainer.ts";
import { trainingRules } from "./training-plan.ts";

/** Good for text by characters on one core: many small updates beat long gradients. */
export const fitDefaults = {
  batch: 16,
  steps: 32,
  epochs: 6,
  learningRate: 0.008,
  clipNorm: 5,
  validationSplit: 0.05,
  validationTokens: 200_000,
  validations: 4,
  keep: "last",
} as const;

/** A good learning rate for character-level text, by optimiser. */
export const rateFor = (optimizer: OptimizerName): number =>
  optimizer === "sgd" || optimizer === "asgd" ? 8 : fitDefaults.learningRate;

/**
 * Options of `fitStream` and `trainLanguageModel`; also the host's: `engine`, `threads`, `fma`.
 */
export type FitStreamOptions = HostOptions & {
  /** Parts of the stream that are read in parallel. Default 16. */
  readonly batch?: number;
  /** Time steps per update, as far as gradients reach back (truncated backpropagation through time). Default 32. */
  readonly steps?: number;
  /** Passes over the training tokens, including those before a `resume`; not together with `minutes`. Default 6. */
  readonly epochs?: number;
  /** Instead of epochs: how long to train, in minutes, including the time before a `resume` and all validations. */
  readonly minutes?: number;
  /** For `minutes`: returns the milliseconds this run has used. By default the time since it began, without `onProgress`. */
  readonly clock?: () => number;
  /** The optimiser, or its name. Default Adam at a learning rate of 0.008. */
  readonly optimizer?: Optimizer | OptimizerName;
  /** A learning-rate schedule, from the number of steps so far. By default a cosine from the full rate to a tenth. */
  readonly learningRate?: LearningRateSchedule | undefined;
  /** Largest global norm of the gradients. Default 5. */
  readonly clipNorm?: number;
  /** Largest absolute value of each number of the gradients. By default none. */
  readonly clipValue?: number | undefined;
  /** Seed of the dropout masks and of where each pass begins. Default 0. */
  readonly seed?: number;
  /** Share of the tokens, at the end, that is kept for validation; 0 for none. Default 0.05. */
  readonly validationSplit?: number;
  /** Instead of a share: other tokens, at least 2. */
  readonly validationData?: Tokens | undefined;
  /** Largest number of validation tokens: the first ones are used; at least 2. Default 200,000. */
  readonly validationTokens?: number;
  /** Number of validations, spread evenly over the training; the last is at the end. Default 4. */
  readonly validations?: number;
  /** The values that the model ends with: those of the lowest validation loss, or the last. Default "last". */
  readonly keep?: "best" | "last";
  /** Callbacks, as in `fit`. If one has `onEpochEnd`, there is a validation at the end of each epoch too. */
  readonly callbacks?: readonly Callback[];
  /**
   * The state of an earlier training. With its `place`, and the same tokens, batch and steps, training continues to the
   * same bits; without it the tokens, the epochs and the learning rate start from the beginning.
   */
  readonly resume?: TrainerState | undefined;
  /** Ends training after the present update. A validation is broken off, and repeated on resume. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called about every half second and after each validation, when the model has the present values: it may be evaluated,
   * saved or generate text. Training awaits it, does not count its time, and gives the same bits with it. `checkpoint()`,
   * valid until it returns, makes the content to save: `writeLanguageModel({ ...lm, ...checkpoint() })`.
   */
  readonly onProgress?: (progress: Progress, checkpoint: () => Checkpoint) => unknown;
  /** Call `onProgress` at least after this many updates. */
  readonly progressEvery?: number | undefined;
};

const length = inRange(0, Infinity, "()");
export const fitStreamRules: Schema<FitStreamOptions> = {
  ...hostRules,
  batch: alias(size, "batchSize", "lanes"),
  steps: alias(size, "sequenceLength", "bptt"),
  epochs: alias(length, "epoch", "nEpochs", "numEpochs"),
  minutes: length,
  optimizer: optimizerOrName,
  learningRate: alias(aRate, "lr", "scheduler"),
  clipNorm: trainingRules.clipNorm,
  clipValue: trainingRules.clipValue,
  seed: aSeed,
  validationSplit: alias(aShare, "valSplit"),
  validationData: alias(someTokens, "valData"),
  validationTokens: wholeNumber(2),
  validations: inRange(0),
  keep: oneOf("best", "last"),
  callbacks: listOf(aCallback),
  clock: callable,
  resume: optionsOf<TrainerState>(stateRules),
  signal: aSignal,
  onProgress: callable,
  progressEvery: inRange(0, Infinity, "(]"),
};
export const fitStreamArguments: Arguments = {
  model: aModel,
  tokens: someTokens,
  options: optionsOf<FitStreamOptions>(fitStreamRules),
};

/** A model and the state to resume its training from: the content of its file. */
export type Checkpoint = {
  /** The model with the values to keep: the best so far, or the newest. */
  readonly model: Model;
  /** The state that `resume` takes. */
  readonly training: TrainerState;
};

/** The progress of a training, reported about every half second and after each validation. */
export type Progress = {
  /** Updates so far, including those before a resume. */
  readonly step: number;
  /** Epochs so far, as a fraction. */
  readonly epoch: number;
  /** Share of the training that is done, 0 to 1. */
  readonly done: number;
  /** Mean training loss since the last progress, in nats. */
  readonly loss: number;
  /** Whether it is a time of validation, even if there are no validation tokens. The last one is the end of training. */
  readonly milestone: boolean;
  /** The validation loss in nats, if it was just measured. */
  readonly validationLoss: number | null;
  readonly tokensPerSecond: number;
  readonly elapsedMs: number;
  readonly remainingMs: number;
};

/** The result of a training. */
export type FitStreamResult = {
  /** Updates, including those before a resume. */
  readonly steps: number;
  /** Epochs, as a fraction. */
  readonly epoch: number;
  /** Mean training loss, in nats, since the last progress report. */
  readonly loss: number;
  /** The validation loss in nats; null without validation, or if the last one did not finish in time or was aborted. */
  readonly validationLoss: number | null;
  /** With `keep: "best"`: the best validation, whose values the model has. */
  readonly best: Best | null;
  readonly tokensPerSecond: number;
  readonly elapsedMs: number;
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
  /** The state that `resume` takes. */
  readonly state: TrainerState;
};

/** A validation with a lower loss than all before it: the loss in nats, the update and the epoch. */
export type Best = { readonly loss: number; readonly step: number; readonly epoch: number };

/** The position of a training in its stream. It contains no times, unless `minutes` are counted. */
type Place = {
  /** Identifies the tokens and the batches. */
  readonly stream: string;
  /** Updates so far, the next batch of the pass, and the token at which the pass begins. */
  readonly taken: number;
  readonly batch: number;
  readonly offset: number;
  readonly random: RandomState;
  /** The sum of the losses of the pass so far, and their number. */
  readonly losses: readonly [sum: number, count: number];
  /** When the last validation was, in updates or milliseconds and in updates, and its result. */
  readonly validated: readonly [at: number, taken: number];
  readonly validationLoss: number | null;
  /** Present if the model's values are those of this validation. */
  readonly best?: Best;
  /** The learning rate that a callback has set. */
  readonly learningRate?: number;
  /** Milliseconds used, if `minutes` are counted. */
  readonly usedMs?: number;
  /** The reason that a callback gave to stop, until training has stopped. */
  readonly stopped?: string;
  /** The states of the callbacks. */
  readonly callbacks: readonly unknown[];
  /** The length of the training, in updates or milliseconds, once it has been completed. */
  readonly ended?: number;
};

/** Check a position that comes from a file. */
function readPlace(given: unknown): Place | undefined {
  if (given === undefined) return undefined;
  const place = given as Place;
  const amount = (value: unknown): boolean => typeof value === "number" && value >= 0;
  const optional = (value: unknown): boolean => value === undefined || amount(value);
  const pair = (value: unknown): boolean =>
    Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === "number");
  const good =
    isPlain(given) &&
    typeof place.stream === "string" &&
    [place.taken, place.batch, place.offset].every((one) => amount(one) && Number.isSafeInteger(one)) &&
    pair(place.losses) &&
    pair(place.validated) &&
    (place.validationLoss === null || typeof place.validationLoss === "number") &&
    [place.learningRate, place.usedMs, place.ended].every(optional) &&
    Array.isArray(place.callbacks) &&
    ["string", "undefined"].includes(typeof place.stopped) &&
    (place.best === undefined ||
      (isPlain(place.best) &&
        [place.best.loss, place.best.step, place.best.epoch].every((one) => typeof one === "number")));
  if (good) return place;
  throw new InputError(
    "fitStream: resume.place is not a position in a stream. Leave it out to start the tokens from the beginning.",
  );
}

/** Identifies the tokens and batches of a training: it resumes only with the same. */
function streamOf(
  { training, validation }: Parts,
  options: FitStreamOptions,
  check?: (what: string) => CheckRun,
): string {
  const { batch, steps } = withDefaults(fitDefaults, options);
  return `${batch} x ${steps} of ${fingerprint(training, check?.("token"))}, ${fingerprint(validation, check?.("validation token"))}`;
}

/** The length of a training, in updates or milliseconds. */
function lengthOf(training: number, options: FitStreamOptions): number {
  const { epochs, batch, steps } = withDefaults(fitDefaults, options);
  if (options.minutes !== undefined) return 60_000 * options.minutes;
  return Math.max(1, Math.round(epochs * countBatches(training, { batch, steps })));
}

/** Where a training state stands in a training of these tokens: before, at or past its end; or what differs if it is another training. */
export type Stand = {
  readonly where: "under way" | "ended" | "past" | "no place" | "other batches" | "other text" | "other validation";
  /** The epochs or minutes so far, whichever are counted. */
  readonly had: number;
  readonly epoch: number;
  readonly best: Best | undefined;
  readonly validationLoss: number | null;
};

export function standOf(state: TrainerState | undefined, tokens: Tokens, options: FitStreamOptions = {}): Stand {
  const place = readPlace(state?.place);
  if (place === undefined) return { where: "no place", had: 0, epoch: 0, best: undefined, validationLoss: null };
  const parts = split(tokens, options, { where: "fitStream", asked: false });
  const { stream, taken, usedMs = 0, ended = 0, best, validationLoss } = place;
  const here = streamOf(parts, options);
  const total = lengthOf(parts.training.length, options);
  const inMinutes = options.minutes !== undefined;
  const same = (separator: string, part: number) => stream.split(separator)[part] === here.split(separator)[part];
  let where: Stand["where"] = "under way";
  if (stream !== here) where = same(", ", 0) ? "other validation" : same(" of ", 1) ? "other batches" : "other text";
  else if (ended >= total) where = "ended";
  else if ((inMinutes ? usedMs : taken) > total) where = "past";
  const epoch = taken / Math.max(1, countBatches(parts.training.length, withDefaults(fitDefaults, options)));
  return { where, had: inMinutes ? usedMs / 60_000 : epoch, epoch, best, validationLoss };
}

/** The name of the entry in errors; further content of the model's file; whether validation was asked for. */
export type StreamTraining = {
  readonly where: string;
  readonly extra?: TrainingRun["extra"];
  readonly asked?: boolean | undefined;
};
/** Whether validation was asked for: without that, too few tokens to validate on are no error. */
export const asksFor = ({ validationSplit, keep }: Pick<FitStreamOptions, "validationSplit" | "keep">): boolean =>
  validationSplit !== undefined || keep === "best";

/** The training tokens, and the validation tokens, which are held in memory since they are read repeatedly. */
type Parts = { readonly training: TokenSource; readonly validation: Int32Array };

function split(tokens: Tokens, options: FitStreamOptions, { where, asked = asksFor(options) }: StreamTraining): Parts {
  const { validationSplit, validationTokens, validationData } = withDefaults(fitDefaults, options);
  const source = tokenSource(tokens);
  const from = source.length - Math.floor(source.length * validationSplit);
  const first = (all: TokenSource): Int32Array => {
    const held = new Int32Array(Math.min(all.length, validationTokens));
    all.read(0, held);
    return held;
  };
  const atLeast = "2 are needed to predict one";
  if (validationData === undefined) {
    const validation = first(tokenRange(source, from, source.length));
    if (validation.length < 2 && validationSplit > 0 && asked) {
      throw new InputError(
        `${where}: validationSplit ${validationSplit} of ${tokens.length} tokens keeps ${validation.length} to validate ` +
          `on, and ${atLeast}. Give a larger share, or 0 for none.`,
      );
    }
    return { training: tokenRange(source, 0, from), validation };
  }
  if ((options.validationSplit ?? 0) > 0) {
    throw new InputError(
      `${where}: validationSplit and validationData are two ways to do one thing. Give one of them.`,
    );
  }
  const validation = first(tokenSource(validationData));
  if (validation.length > 1) return { training: source, validation };
  throw new InputError(
    `${where}: validationData has ${validation.length === 1 ? "1 token" : "no tokens"}, and ${atLeast}. Give a longer text.`,
  );
}

const progressEveryMs = 500;
/** Predicting a token takes at most this share of the time of training on it. */
const predictionShare = 0.5;

/**
 * Train on a stream of tokens by truncated backpropagation through time. When the promise resolves, also after an abort,
 * the model has the trained values. The learning rate falls along a cosine from its full value to a tenth over all epochs or
 * minutes (I. Loshchilov and F. Hutter, 2016, without restarts), unless `learningRate` is given or a callback sets it.
 *
 * For callbacks, an epoch is one pass over the tokens; the last one may be shorter. The logs are those of `fit`: `loss`,
 * `learningRate`, and `valLoss` if there are validation tokens.
 * @param model a model that reads tokens and has an output at every step
 * @param tokens the stream: an Int32Array, or a `TokenSource` that reads from elsewhere
 * @param options see `FitStreamOptions` for all and their defaults
 * @returns the losses in nats, the speed, and the state to resume from
 * @throws InputError for a model without an output at every step; for too few tokens for one batch, or tokens out of range;
 *   for fewer than 2 validation tokens if validation was asked for; for a `resume` of another model, optimiser or stream
 * @throws NonFiniteLoss if the loss or a parameter becomes infinite or NaN; the model keeps its last finite values or, with
 *   `keep: "best"`, its best ones
 * @example const { validationLoss } = await fitStream(model, tokens, { epochs: 3 });
 */
export const fitStream = (model: Model, tokens: Tokens, options: FitStreamOptions = {}): Promise<FitStreamResult> =>
  fitStreamAs({ where: "fitStream" }, model, tokens, options);

/** `fitStream` as a part of another entry, which errors name. */
export const fitStreamAs = (
  as: StreamTraining,
  model: Model,
  tokens: Tokens,
  options: FitStreamOptions,
): Promise<FitStreamResult> => disposing((own) => fitStreamWith(own, as, model, tokens, options));

async function fitStreamWith(
  own: Own,
  as: StreamTraining,
  model: Model,
  tokens: Tokens,
  options: FitStreamOptions,
): Promise<FitStreamResult> {
  const { where, extra } = as;
  checkArguments(where, { model, tokens, options }, fitStreamArguments);
  if (options.minutes !== undefined && options.epochs !== undefined) {
    throw new InputError(`${where}: minutes and epochs exclude each other. Give one of the two.`);
  }
  const { batch, steps, epochs, clipNorm, validations, keep } = withDefaults(fitDefaults, options);
  const optimizer = optimizerOf(options.optimizer ?? adam({ learningRate: fitDefaults.learningRate }));
  const { minutes, seed = 0, signal, onProgress, resume, clipValue } = options;
  const { callbacks = [], progressEvery = Number.POSITIVE_INFINITY } = options;
  const host = hostOf(options);
  checkReturnsSequences(model, where);
  checkCarriesStates(model, where);

  const parts = split(tokens, options, as);
  const { training, validation } = parts;
  const known = Math.min(model.inputs[0]?.count ?? Infinity, model.outputSize);
  const check = (what: string) => (run: Int32Array, from: number) =>
    checkIndices(`${where}: ${what}`, run, known, (k) => `at ${from + k}`);
  const stream = streamOf(parts, options, check);
  const before = readPlace(resume?.place);
  if (before !== undefined && before.stream !== stream) {
    throw new InputError(
      `${where}: resume.place is in a stream of batches of ${before.stream}; this one is of ${stream}. ` +
        "Leave out resume.place to start these tokens from the beginning.",
    );
  }
  const batches = streamBatches(training, { batch, steps });
  const trainer = own(
    await createTrainer(model, {
      ...{ batch, steps, optimizer, clipNorm, seed, ...host },
      ...(clipValue !== undefined && { clipValue }),
    }),
  );
  if (resume !== undefined) trainer.restore(before === undefined ? withoutBatches(resume) : resume);
  const watch = own(createNonFiniteGuard(trainer));
  const evaluate =
    validation.length > 1 ? await validator(own, model, validation, { batch, steps, ...host }) : undefined;

  const total = lengthOf(training.length, options);
  const random = before === undefined ? createRandom(seed + trainer.step) : fromState(before.random);
  // Updates of this training, and those of them in this run.
  let [taken, updates] = [before?.taken ?? 0, 0];
  let [k, offset] = [before?.batch ?? 0, before?.offset ?? 0];
  let [losses, count] = before?.losses ?? [0, 0];
  let validated = before?.validated ?? ([0, 0] as const);
  let validationLoss = before?.validationLoss ?? null;
  let rate = before?.learningRate;
  let ended = before?.ended !== undefined && before.ended >= total ? before.ended : undefined;
  const first = trainer.step;
  let best = before?.best && keep === "best" ? { ...before.best, values: copyOf(model.values) } : undefined;
  let stopped = before?.stopped;
  let left = false;

  const startMs = performance.now();
  const yieldNow = createYielder();
  let [pausedMs, validationMs, reportMs] = [0, undefined as number | undefined, 0];
  let [lastProgressMs, lossSince, stepsSince] = [startMs, 0, 0];
  let latest = Number.NaN;
  let measuredMs = 0;
  const clock = options.clock ?? ((): number => performance.now() - startMs - pausedMs + measuredMs);
  const fromMs = clock();
  checkValue(`${where}: what clock gives`, fromMs, amount);
  const usedMs = (): number => (before?.usedMs ?? 0) + clock();
  const trainingMs = (): number => performance.now() - startMs - pausedMs;
  /** The progress in updates, or in milliseconds. */
  const position = (): number => (minutes === undefined ? taken : usedMs());
  const share = (at = position()): number => Math.min(1, at / total);
  const doneBefore = share();
  const aborted = (): boolean => signal?.aborted === true;
  /** An upper estimate of the time for one more update, the last validation and its report. */
  const reserveMs = (): number => {
    const updateMs = (clock() - fromMs) / Math.max(1, updates);
    const predictionMs = (validation.length * predictionShare * updateMs) / (batch * steps);
    return updateMs + 1.2 * ((validationMs ?? predictionMs) + reportMs);
  };
  const isOver = (at: number): boolean =>
    stopped !== undefined || (taken > 0 && at + (minutes === undefined ? 0 : reserveMs()) >= total);

  /** The state for a model with the `kept` values. */
  const state = (kept: typeof best): TrainerState => ({
    ...trainer.state(kept?.values),
    place: {
      ...{
        stream,
        taken,
        batch: k,
        offset,
        random: random.state(),
        losses: [losses, count],
        validated,
        validationLoss,
      },
      ...(kept && { best: { loss: kept.loss, step: kept.step, epoch: kept.epoch } }),
      ...(rate !== undefined && { learningRate: rate }),
      ...(minutes !== undefined && { usedMs: usedMs() }),
      callbacks: statesOfCallbacks(callbacks),
      ...(ended !== undefined && { ended }),
      ...(stopped !== undefined && !left && { stopped }),
    } satisfies Place,
  });
  const checkpoint = (): Checkpoint => ({
    model: best === undefined ? model : { ...model, values: best.values },
    training: state(best),
  });
  const report = async (milestone: boolean, over = false): Promise<void> => {
    const [now, done, ms, from] = [performance.now(), over ? 1 : share(), trainingMs(), clock()];
    if (stepsSince > 0) latest = lossSince / stepsSince;
    await onProgress?.(
      {
        step: trainer.step,
        epoch: taken / batches.count,
        done,
        loss: latest,
        milestone,
        validationLoss: milestone ? validationLoss : null,
        tokensPerSecond: (1000 * updates * batch * steps) / ms,
        elapsedMs: now - startMs,
        remainingMs:
          minutes !== undefined
            ? Math.max(0, total - usedMs())
            : done > doneBefore
              ? (ms * (1 - done)) / (done - doneBefore)
              : Number.NaN,
      },
      checkpoint,
    );
    [lastProgressMs, lossSince, stepsSince] = [performance.now(), 0, 0];
    pausedMs += lastProgressMs - now;
    if (milestone) reportMs = clock() - from;
  };
  const cosine = (): number => optimizer.learningRate * (0.1 + 0.45 * (1 + Math.cos(Math.PI * share())));
  /** Returns whether it was completed: a signal breaks it off, and so does the end of the minutes. */
  const validate = async (at: number): Promise<boolean> => {
    await watch.save();
    if (evaluate !== undefined) {
      const [from, fromClock] = [performance.now(), clock()];
      const late = (): boolean => minutes !== undefined && updates > 0 && usedMs() + reportMs >= total;
      const measured = await evaluate(() => aborted() || late());
      const ms = performance.now() - from;
      pausedMs += ms;
      measuredMs += ms;
      if (measured === undefined && aborted()) return false;
      if (measured !== undefined) validationMs = clock() - fromClock;
      validationLoss = measured ?? null;
      if (keep === "best" && Number.isFinite(measured) && !((measured as number) >= (best?.loss ?? Infinity))) {
        best = {
          ...{ loss: measured as number, step: trainer.step, epoch: taken / batches.count },
          values: copyOf(model.values),
        };
      }
    }
    validated = [at, taken];
    return true;
  };

  const checkRate = (rate: number): void =>
    checkValue(`${where}: the learning rate of step ${trainer.step}`, rate, amount);
  let used = optimizer.learningRate;
  const run: TrainingRun = {
    model,
    extra,
    epochs: Math.ceil(minutes === undefined ? epochs : Number.POSITIVE_INFINITY),
    get step() {
      return trainer.step;
    },
    get learningRate() {
      return options.learningRate === undefined ? (rate ?? cosine()) : options.learningRate(trainer.step);
    },
    set learningRate(chosen: number) {
      if (options.learningRate !== undefined) {
        throw new InputError(
          `${where}: a callback and learningRate both set the learning rate. Leave one of them out.`,
        );
      }
      checkRate(chosen);
      rate = chosen;
    },
    save: () => watch.trySave(),
    state: () => state(undefined),
    stop(reason) {
      stopped ??= reason;
    },
  };
  const byEpoch = callbacks.some(({ onEpochEnd }) => onEpochEnd !== undefined);
  let logs: Logs = {};
  const endEpoch = async (): Promise<void> => {
    const measured = validated[1] === taken && validationLoss !== null && { valLoss: validationLoss };
    // A schedule may return no rate for the step after the last.
    logs = { loss: losses / count, ...measured, learningRate: run.learningRate ?? used };
    [losses, count] = [0, 0];
    const epoch = Math.ceil(taken / batches.count) - 1;
    for (const callback of callbacks) await callback.onEpochEnd?.(epoch, logs, run);
  };

  /** Train to the end, or until the signal or a callback ends it. It can be left and resumed between any two updates. */
  const train = async (): Promise<void> => {
    while (!aborted()) {
      const at = position();
      const over = isOver(at);
      const passed = count > 0 && (taken % batches.count === 0 || over);
      const due = Math.floor(share(at) * validations) > Math.floor(share(validated[0]) * validations);
      const measures = validated[1] < taken && (over || due || (passed && byEpoch));
      if (measures && !(await validate(at))) return;
      if (over && stopped === undefined) ended = total;
      if (passed && (over || !aborted())) await endEpoch();
      if (measures) await report(true, ended !== undefined);
      else if (
        stepsSince > 0 &&
        (performance.now() - lastProgressMs > progressEveryMs || trainer.step % progressEvery === 0)
      ) {
        await watch.save();
        await report(false);
      }
      if (over) return;
      if (stopped !== undefined) continue;

      if (count === 0) {
        for (const callback of callbacks) await callback.onEpochBegin?.(Math.floor(taken / batches.count), run);
        if (stopped !== undefined) continue;
      }
      if (k === 0) {
        trainer.resetStates();
        // A pass that starts later has one batch fewer.
        offset = batches.count > 1 ? random.integer(steps) : 0;
      }
      const { learningRate } = run;
      checkRate(learningRate);
      used = learningRate;
      const loss = await watch.update(batches.at(k, offset), learningRate);
      taken++;
      updates++;
      lossSince += loss;
      stepsSince++;
      losses += loss;
      count++;
      k = (k + 1) % Math.max(1, batches.count - (offset > 0 ? 1 : 0));
      if (callbacks.length > 0) {
        const sofar = { loss: losses / count, learningRate };
        for (const callback of callbacks) await callback.onBatchEnd?.(sofar, run);
      }
      // With worker threads, this thread yields to the event loop while it waits for them.
      if (trainer.program.threads === 1) await yieldNow();
    }
  };

  for (const callback of callbacks) await callback.onTrainBegin?.(run);
  restoreCallbacks(callbacks, before?.callbacks);
  try {
    if (ended === undefined) await train();
    await watch.save();
    if (ended === undefined && aborted()) await report(false);
    left = true;
  } catch (error) {
    if (best === undefined || !(error instanceof NonFiniteLoss)) throw error;
    setValues(model, best.values);
    throw new NonFiniteLoss(error, { good: best.step, first });
  }
  if (best !== undefined) setValues(model, best.values);
  for (const callback of callbacks) await callback.onTrainEnd?.(logs, run);
  const ms = trainingMs();
  return {
    steps: trainer.step,
    epoch: taken / batches.count,
    loss: latest,
    validationLoss,
    best: best === undefined ? null : { loss: best.loss, step: best.step, epoch: best.epoch },
    tokensPerSecond: (1000 * updates * batch * steps) / ms,
    elapsedMs: performance.now() - startMs,
    stopped: ended === undefined && aborted(),
    state: state(best && { ...best, values: model.values }),
  };
}

async function validator(
  own: Own,
  model: Model,
  tokens: Int32Array,
  { batch, steps, ...host }: HostOptions & { batch: number; steps: number },
): Promise<(stop: () => boolean) => Promise<number | undefined>> {
  // Parts of at least 200 tokens, so that few tokens are predicted without context.
  const lanes = Math.max(1, Math.min(batch, Math.floor(tokens.length / 200)));
  const evaluator = own(await createEvaluator(model, { batch: lanes, steps, ...host }));
  const brokenOff = Symbol("broken off");
  return async (stop) => {
    const yieldNow = createYielder();
    const pause = async (): Promise<void> => {
      await yieldNow();
      if (stop()) throw brokenOff;
    };
    try {
      return await evaluator.loss(tokens, pause);
    } catch (error) {
      if (error === brokenOff) return undefined;
      throw error;
    }
  };
}
