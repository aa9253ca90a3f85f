/**
 * The current training, which continues in every view: one at a time, in its own worker. While it runs, the data to
 * resume it is stored; its final model goes to the model store.
 */
import { InputError } from "../../graph/input-error.ts";
import { type Engine, EngineDied, startEngine } from "../engine/engine.ts";
import type { TrainedModel, TrainingReport, TrainingSettings } from "../engine/training.ts";
import type { Watched } from "../engine/watching.ts";
import { reportFact } from "../facts.ts";
import { messageOf } from "../loading.ts";
import { notify } from "../notices.ts";
import { createShared } from "../shared.ts";
import { fill, texts } from "../texts/texts.ts";
import { changedHere } from "./database.ts";
import { checkpointOf, createKeeper, forgetRun, hold, type InterruptedRun } from "./interrupted.ts";
import { askBeforeLeaving } from "./leaving.ts";
import { withPoint } from "./losses.ts";
import { keepModel, type LossPoint } from "./model-store.ts";
import type { TextOrigin } from "./text-origin.ts";
import { factsOf, type TrainingFacts, type TrainingResults } from "./training-facts.ts";

const words = texts.models.training;

/** Where it was begun. */
export type TrainingPlace = "lab" | "small" | "learn";

/** What is to be trained. */
export type TrainingRequest = {
  readonly place: TrainingPlace;
  readonly name: string;
  readonly text: string;
  /** Which text that is. */
  readonly origin: TextOrigin;
  /** Of a model that goes on with what it was made of. */
  readonly settings: TrainingSettings;
  /** A kept model to go on with. */
  readonly from?: { readonly file: Uint8Array<ArrayBuffer>; readonly losses: readonly LossPoint[] };
};

/** The training to start, new or interrupted, by its name among the unfinished runs. */
type Begun = Omit<TrainingRequest, "origin" | "from"> & {
  readonly facts: TrainingFacts;
  readonly from?: NonNullable<TrainingRequest["from"]> & { readonly run?: string };
};

export type Training = {
  readonly place: TrainingPlace;
  readonly name: string;
  readonly facts: TrainingFacts;
  readonly phase: "preparing" | "running" | "pausing" | "paused" | "stopping" | "ending";
  /** Whether it continues an interrupted run, which is stored until this one ends. */
  readonly resumed: boolean;
  readonly losses: readonly LossPoint[];
  readonly latest?: TrainingReport;
  /** What computes, where there is a choice. */
  readonly computes?: string;
  /** What updates are like inside: the last looks, the newest at the end. */
  readonly looks: readonly Look[];
  /** The newest sample, and the number of updates before it. */
  readonly sample?: Sample;
  /** The last ones, the newest at the end. */
  readonly samples: readonly Sample[];
};
export type Sample = { readonly text: string; readonly step: number };
const maxSamples = 50;
/** What an update is like inside, and the number of updates before it. */
export type Look = Watched & { readonly updates: number };
const maxLooks = 400;

/** The outcome of the last training. */
export type Outcome =
  | {
      readonly kind: "kept";
      readonly id: string;
      readonly name: string;
      readonly note: string;
      /** Only until the page is closed: it should be taken away as a file. */
      readonly inPage: boolean;
    }
  | { readonly kind: "failed"; readonly name: string; readonly message: string };

export type TrainingStatus = {
  readonly training?: Training;
  readonly outcome?: Outcome & { readonly place: TrainingPlace };
};

const { get: status, set, use: useTrainingStatus } = createShared<TrainingStatus>({});

export { useTrainingStatus };

function update(change: Partial<Training>): void {
  const { training } = status();
  if (training !== undefined) set({ training: { ...training, ...change } });
}

let engine: Engine | undefined;
/** Ends a pause. */
let goOn = (): void => {};

/** The state without a training. */
export function startTraining({ origin, ...request }: TrainingRequest): void {
  begin({ ...request, facts: factsOf(request.settings, origin) });
}

function begin(request: Begun): void {
  if (status().training !== undefined) return;
  const { place, name, facts, from } = request;
  const resumed = from?.run !== undefined;
  set({
    training: { place, name, facts, resumed, phase: "preparing", losses: from?.losses ?? [], samples: [], looks: [] },
  });
  void train(request).then((outcome) => {
    set({ outcome: { ...outcome, place } });
    changedHere(); // A run that was broken off can be gone on with.
  });
}

/** A training cannot be paused before the first report. */
export function pauseTraining(): void {
  if (status().training?.phase === "running") update({ phase: "pausing" });
}
export function resumeTraining(): void {
  if (status().training?.phase !== "paused") return;
  update({ phase: "running" });
  goOn();
}
/** Stop, and save the current model. */
export function finishTraining(): void {
  if (status().training?.phase === "preparing") endTraining();
  else {
    update({ phase: "stopping" });
    goOn();
  }
}
/** End the training at once; nothing new is saved. */
export function endTraining(): void {
  update({ phase: "ending" });
  engine?.end();
  goOn();
}
export function dismissOutcome(): void {
  if (status().outcome !== undefined) set({});
}

async function train({ place, name, text, settings, facts, from }: Begun): Promise<Outcome> {
  const id = from?.run ?? newRun();
  const keeper = createKeeper(id, text, sayUnkept);
  const own = startEngine();
  engine = own;
  const release = await hold(id);
  const leave = askBeforeLeaving();
  const [beforeMs, beforeStep] = [from?.losses.at(-1)?.elapsedMs ?? 0, from?.losses.at(-1)?.step ?? 0];
  let pausedMs = 0;
  let reported = false;
  // A run that is gone on with has the device that it began with: another one rounds otherwise.
  let running = settings;
  try {
    if (release === undefined) throw new Error(words.elsewhere);
    const start = from && { file: from.file, interrupted: from.run !== undefined };
    const job = own.run("train", text, settings, start);
    for (;;) {
      const { done, value } = await job.next(status().training?.phase === "stopping" ? "finish" : undefined);
      if (done) {
        await keeper.rest();
        return await kept(name, facts, value, status().training?.phase === "stopping", id);
      }
      hear(value, beforeMs - pausedMs, beforeStep);
      // The first report has a checkpoint, unless the model is too large for checkpoints.
      if (!reported && value.checkpoint === undefined) notify("unkept-run", { text: words.tooLarge });
      reported = true;
      if (value.computes !== undefined) running = { ...running, device: value.computes.device };
      if (value.checkpoint !== undefined) {
        const { losses = [] } = status().training ?? {};
        const { step, done, epoch } = value;
        keeper.keep({ place, name, facts, settings: running, losses, step, done, epoch }, value.checkpoint);
      }
      if (status().training?.phase !== "pausing") continue;
      update({ phase: "paused" });
      const fromMs = performance.now();
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      goOn = () => {};
      pausedMs += performance.now() - fromMs;
    }
  } catch (error) {
    await keeper.rest();
    // A training that broke can continue from its last checkpoint; one that cannot be trained, or was ended, is
    // deleted. A run that was stored before is only deleted by the reader.
    const { phase, resumed } = status().training ?? {};
    const lasts = resumed || (phase !== "ending" && !(error instanceof InputError));
    if (!lasts) await forgetRun(id).catch(() => {});
    return { kind: "failed", name, message: reasonOf(error) };
  } finally {
    own.end();
    await release?.(); // A run that another holds is not offered.
    notify("unkept-run", undefined);
    leave();
  }
}

/** The notice for a run whose checkpoints the browser does not store; removed if it does. */
function sayUnkept(problem: string | undefined, stored: boolean): void {
  const message = stored ? words.unkeptSince : words.unkept;
  notify("unkept-run", problem === undefined ? undefined : { text: fill(message, { problem }) });
}

function reasonOf(error: unknown): string {
  const { phase, resumed } = status().training ?? {};
  if (error instanceof EngineDied && phase === "ending") {
    return resumed ? words.endedStored : words.ended;
  }
  const message = messageOf(error);
  // The browsers' errors for a lack of memory outside of WebAssembly.
  const full = /allocation failed|invalid (typed )?array length|out of memory/i.test(message);
  return full ? words.noMemory : message;
}

function hear(report: TrainingReport, offsetMs: number, beforeStep: number): void {
  const { training } = status();
  if (training === undefined) return;
  const { step, loss, validationLoss, sample, computes, watched } = report;
  const point = { step, loss, validationLoss, elapsedMs: report.elapsedMs + offsetMs };
  update({
    latest: report,
    ...(training.phase === "preparing" && { phase: "running" }),
    ...(Number.isFinite(loss) && step > beforeStep && { losses: withPoint(training.losses, point) }),
    ...(computes !== undefined && { computes: computes.text }),
    ...(watched !== undefined && { looks: [...training.looks.slice(1 - maxLooks), { ...watched, updates: step }] }),
    ...(sample !== undefined && {
      sample: { text: sample, step },
      samples: [...training.samples.slice(1 - maxSamples), { text: sample, step }],
    }),
  });
}

async function kept(
  wanted: string,
  facts: TrainingFacts,
  model: TrainedModel,
  stopped: boolean,
  run: string,
): Promise<Outcome> {
  const { bytes, parameters, vocabulary, loss, validationLoss, tokensPerSecond, steps, broke } = model;
  const losses = status().training?.losses ?? [];
  const results: Partial<TrainingResults> = {
    ...{ parameters, vocabulary, updates: steps },
    ...(Number.isFinite(loss) && { loss }),
    ...(validationLoss !== null && { validationLoss }),
    ...(Number.isFinite(tokensPerSecond) && { tokensPerSecond }),
    trainingMs: losses.at(-1)?.elapsedMs ?? 0,
    ended: broke !== undefined ? "broke" : stopped ? "stopped" : "whole",
  };
  const training = { facts: { ...facts, ...results }, losses };
  const { id, name, inPage = false } = await keepModel({ name: wanted, training }, bytes, { run });
  if (validationLoss !== null) reportFact({ kind: "model", tokens: facts.tokens ?? "unknown", nats: validationLoss });
  const note = broke ?? (stopped ? words.stopped : "");
  return { kind: "kept", id, name, note, inPage };
}

const newRun = (): string => `${Date.now()}-${Math.floor(Math.random() * 1e9)}`;

/** Continue an interrupted run. @throws Error if it no longer exists */
export async function goOnWith({ id, ...run }: InterruptedRun): Promise<void> {
  const { file, text } = await checkpointOf(id);
  const { place, name, facts, settings, losses } = run;
  begin({ place, name, facts, settings, text, from: { file, losses, run: id } });
}

/** Save the model of an interrupted run as it is, and delete the run. @throws Error if it no longer exists */
export async function keepInterrupted({ id, name, facts, losses, step }: InterruptedRun): Promise<void> {
  const { file } = await checkpointOf(id);
  const last = losses.findLast(({ validationLoss }) => validationLoss !== null)?.validationLoss;
  const results: Partial<TrainingResults> = {
    updates: step,
    ...(losses.length > 0 && { loss: (losses.at(-1) as LossPoint).loss }),
    ...(last != null && { validationLoss: last }),
    trainingMs: losses.at(-1)?.elapsedMs ?? 0,
    ended: "interrupted",
  };
  await keepModel({ name, training: { facts: { ...facts, ...results }, losses } }, file, { run: id });
}
