/**
 * `fitStream`: the training loop over a stream of tokens, with learning rate, validation, progress, callbacks, stopping, and
 * a state from which it resumes to the same bits.
 */

import { engineFor, hostOf } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import { checkArguments, checkValue, withDefaults } from "../graph/schema.ts";
import { yieldNow } from "../graph/yielding.ts";
import type { Model } from "../nn/model.ts";
import { checkCarriesStates, checkReturnsSequences } from "../nn/model-checks.ts";
import { createRandom, fromState } from "../nn/random.ts";
import { disposing, type Own } from "../runtime/disposable.ts";
import { copyOf, setValues } from "./built-in-callbacks.ts";
import { callbacksOf, type Logs, type TrainingRun } from "./callbacks.ts";
import { checkIndices } from "./checks.ts";
import type { Communicator } from "./communicator.ts";
import { createFetching, fetchLater } from "./fetching.ts";
import {
  type Best,
  type Checkpoint,
  type FitStreamOptions,
  fitDefaults,
  fitStreamArguments,
} from "./fit-stream-options.ts";
import { createNonFiniteGuard, NonFiniteLoss } from "./non-finite-guard.ts";
import { amount } from "./number-rules.ts";
import { optimizerOf } from "./optimizer-names.ts";
import { adam } from "./optimizers.ts";
import { restoreCallbacks, statesOfCallbacks, withoutBatches } from "./resume.ts";
import { streamBatches } from "./stream.ts";
import { lengthOf, type Place, readPlace, streamOf } from "./stream-place.ts";
import { type StreamTraining, split } from "./stream-split.ts";
import { validator } from "./stream-validation.ts";
import { partsAtTexts } from "./text-starts.ts";
import type { Tokens } from "./token-source.ts";
import { createTrainer, type TrainerState } from "./trainer.ts";

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
  const { endOfText: end, minutes, seed = 0, signal, onProgress, resume, clipValue } = options;
  const { progressEvery = Number.POSITIVE_INFINITY, distributed, syncEvery = 1 } = options;
  const callbacks = callbacksOf(options.callbacks ?? [], distributed);
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
  if (distributed !== undefined && syncEvery > 1 && callbacks.some(({ onBatchEnd }) => onBatchEnd !== undefined)) {
    throw new InputError(
      `${where}: syncEvery: a callback has onBatchEnd, and between exchanges the processes have different losses. Leave out one of them.`,
    );
  }
  const several = distributed && (await import("./ranks.ts"));
  if (several !== undefined) {
    const { name, isa } = await engineFor(options);
    await several.checkSame(distributed as Communicator, where, {
      tokens: stream,
      parameters: several.factsOfModel(model),
      engine: [name, isa, options.precision],
      ...{ epochs, minutes, endOfText: end, clipNorm, clipValue, seed, validations, keep, progressEvery, syncEvery },
      optimizer: [optimizer.name, optimizer.learningRate],
      resume: several.digestOfState(resume),
    });
    await several.shareValues(distributed as Communicator, model.values);
  }
  const batches = streamBatches(training, { batch, steps });
  /** The batches of a pass, and by how many tokens they are moved. */
  const passFrom = (offset: number) =>
    end === undefined
      ? { batches, moved: offset }
      : { batches: streamBatches(partsAtTexts(training, { parts: batch, end, offset }), { batch, steps }), moved: 0 };
  const trainer = fetchLater(
    own(
      await createTrainer(model, {
        ...{ batch, steps, optimizer, clipNorm, seed, distributed, syncEvery, ...host },
        ...(clipValue !== undefined && { clipValue }),
      }),
    ),
  );
  const fetching = createFetching(() => trainer);
  /** Bring here what a callback or a report may read. */
  const gather = async (): Promise<void> => {
    await fetching.now();
    await trainer.gatherStates();
  };
  if (resume !== undefined) trainer.restore(before === undefined ? withoutBatches(resume) : resume);
  const guard = own(createNonFiniteGuard(trainer));
  const evaluate =
    validation.length > 1 ? await validator(own, model, validation, { batch, steps, distributed, ...host }) : undefined;

  const total = lengthOf(training.length, options);
  const random = before === undefined ? createRandom(seed + trainer.step) : fromState(before.random);
  // Updates of this training, and those of them in this run.
  let [taken, updates] = [before?.taken ?? 0, 0];
  let [k, offset] = [before?.batch ?? 0, before?.offset ?? 0];
  let pass = passFrom(offset);
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
  let [pausedMs, validationMs, reportMs] = [0, undefined as number | undefined, 0];
  let [lossSince, stepsSince] = [0, 0];
  let latest = Number.NaN;
  let measuredMs = 0;
  const ownClock = options.clock ?? ((): number => performance.now() - startMs - pausedMs + measuredMs);
  checkValue(`${where}: what clock gives`, ownClock(), amount);
  const agreement = await several?.createAgreement(distributed as Communicator, { signal, clock: ownClock });
  const clock = agreement?.clock ?? ownClock;
  const nowMs = agreement?.now ?? ((): number => performance.now());
  let lastProgressMs = nowMs();
  const fromMs = clock();
  const usedMs = (): number => (before?.usedMs ?? 0) + clock();
  const trainingMs = (): number => performance.now() - startMs - pausedMs;
  /** The progress in updates, or in milliseconds. */
  const position = (): number => (minutes === undefined ? taken : usedMs());
  const share = (at = position()): number => Math.min(1, at / total);
  const doneBefore = share();
  const aborted = agreement?.aborted ?? ((): boolean => signal?.aborted === true);
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
    await gather();
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
    lastProgressMs = nowMs();
    [lossSince, stepsSince] = [0, 0];
    pausedMs += performance.now() - now;
    if (milestone) reportMs = clock() - from;
  };
  const cosine = (): number => optimizer.learningRate * (0.1 + 0.45 * (1 + Math.cos(Math.PI * share())));
  /** With several processes that make updates of their own: the sums of losses, which each has of its own part, become those of all. */
  const settle = async (): Promise<void> => {
    await trainer.settle();
    if (distributed === undefined || syncEvery === 1) return;
    const sums = Float64Array.of(lossSince, losses) as Float64Array<ArrayBuffer>;
    await distributed.sum(sums);
    [lossSince, losses] = [(sums[0] as number) / distributed.size, (sums[1] as number) / distributed.size];
  };
  /** Returns whether it was completed: a signal breaks it off, and so does the end of the minutes. */
  const validate = async (at: number): Promise<boolean> => {
    await settle();
    await fetching.now();
    await guard.save();
    if (evaluate !== undefined) {
      const [from, fromClock] = [performance.now(), clock()];
      const late = (): boolean => minutes !== undefined && updates > 0 && usedMs() + reportMs >= total;
      const measured = await evaluate(() => aborted() || late());
      await agreement?.exchange();
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
    gradientNorm() {
      fetching.check();
      return trainer.gradientNorm();
    },
    save() {
      fetching.check();
      return guard.trySave();
    },
    state() {
      fetching.check();
      return state(undefined);
    },
    stop(reason) {
      stopped ??= reason;
    },
  };
  const byEpoch = callbacks.some(({ onEpochEnd }) => onEpochEnd !== undefined);
  let logs: Logs = {};
  const endEpoch = async (): Promise<void> => {
    await gather();
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
      if (passed && !measures && syncEvery > 1) await settle();
      if (passed && (over || !aborted())) await endEpoch();
      if (measures) await report(true, ended !== undefined);
      else if (stepsSince > 0 && (nowMs() - lastProgressMs > progressEveryMs || trainer.step % progressEvery === 0)) {
        await settle();
        await fetching.now();
        await guard.save();
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
        const places = end === undefined ? steps : Math.floor(training.length / batch);
        offset = batches.count > 1 ? random.integer(places) : 0;
        pass = passFrom(offset);
      }
      const { learningRate } = run;
      checkRate(learningRate);
      used = learningRate;
      // Between exchanges of what they learn, processes go on without each other.
      const agreed = (trainer.step + 1) % syncEvery === 0 ? agreement?.exchange() : undefined;
      fetching.updated();
      const loss = await guard.update(pass.batches.at(k, pass.moved), learningRate);
      await agreed;
      taken++;
      updates++;
      lossSince += loss;
      stepsSince++;
      losses += loss;
      count++;
      // A pass that is moved has one batch fewer.
      k = (k + 1) % Math.max(1, batches.count - (pass.moved > 0 ? 1 : 0));
      if (callbacks.length > 0) {
        if (callbacks.some(({ onBatchEnd }) => onBatchEnd !== undefined)) await gather();
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
    await settle();
    await fetching.now();
    await guard.save();
    if (ended === undefined && aborted()) await report(false);
    left = true;
  } catch (error) {
    if (best === undefined || !(error instanceof NonFiniteLoss)) throw error;
    setValues(model, best.values);
    throw new NonFiniteLoss(error, { good: best.step, first });
  }
  if (best !== undefined) setValues(model, best.values);
  await gather();
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
