/** Train language models, for the Lab and other views. */
import type { EngineName } from "../../engines/engine.ts";
import { cell } from "../../graph/cell.ts";
import { Disconnected, InputError } from "../../graph/input-error.ts";
import { lookUp } from "../../graph/schema.ts";
import { countParameters } from "../../nn/model.ts";
import { languageModelAndTokens } from "../../tasks/language-model/create.ts";
import {
  generate,
  type LanguageModel,
  readLanguageModel,
  trainLanguageModel,
  writeLanguageModel,
} from "../../tasks/language-model.ts";
import { type TrainedTokenizer, vocabularySize } from "../../text/tokenizer.ts";
import type { Callback } from "../../train/callbacks.ts";
import type { FitStreamResult } from "../../train/fit-stream.ts";
import { fitDefaults, type Progress } from "../../train/fit-stream-options.ts";
import { NonFiniteLoss } from "../../train/non-finite-guard.ts";
import { type OptimizerName, optimizers } from "../../train/optimizer-names.ts";
import { timeEngines } from "../../train/time-engines.ts";
import type { Tokens } from "../../train/token-source.ts";
import type { TrainerState } from "../../train/trainer.ts";
import { offersGraphics } from "../graphics.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";
import { rateOf, type Schedule } from "./schedules.ts";
import { createWatcher, type Watched } from "./watching.ts";

/** The settings of a model and its training. */
export type TrainingSettings = {
  /** A built-in cell's name, or equations. */
  readonly cell: string | { readonly equations: string };
  readonly units: number;
  readonly layers: number;
  readonly tokens: TrainedTokenizer["kind"];
  readonly dropout: number;
  readonly batch: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Keras's name of the optimiser; Adam by default. */
  readonly optimizer?: OptimizerName;
  /** The schedule from `learningRate`; by default, half a cosine down to a tenth over the whole training. */
  readonly schedule?: Schedule;
  /** The largest norm of all gradients together; the default is `fitStream`'s. */
  readonly clipNorm?: number;
  readonly seed: number;
  /** The length of the training: passes over the text, or minutes. */
  readonly until: { readonly epochs: number } | { readonly minutes: number };
  /** The number of characters or words of a sample; 0 for none. */
  readonly sample: number;
  /** The number of validations. */
  readonly validations?: number;
  /** Whether reports say, now and then, what an update is like inside. */
  readonly watch?: boolean;
  /** What computes; by default the faster of both, by a trial of this very model. */
  readonly device?: Device;
};

/** The processor, by WebAssembly on all its cores; the graphics card, by WebGPU. */
export type Device = "faster" | "processor" | "graphics";
const engines = { processor: "auto", graphics: "webgpu" } as const;

/** A sample comes with the first report, at each milestone, and when the last one is this old. */
const sampleEveryMs = 4000;

/** The interval of checkpoints, in milliseconds, and as a multiple of the time that one takes. */
const [checkpointEveryMs, checkpointTimes] = [5000, 30];
/** A checkpoint takes a few copies of 12 bytes per parameter: for larger models, it could crash the page. */
const maxInCheckpoint = 20_000_000;

/** A report of a training, sometimes with a sample and with a checkpoint. */
export type TrainingReport = Progress & {
  readonly sample?: string;
  /** At the first report, at each milestone, and when the last one is old. */
  readonly checkpoint?: Uint8Array<ArrayBuffer>;
  /** If it was asked for: at milestones, and when the last look is old. */
  readonly watched?: Watched;
  /** At the first report where there is a choice, and where another device goes on. */
  readonly computes?: Computes;
};
/** What computes, as the end of "Computed by ...". */
export type Computes = { readonly device: Exclude<Device, "faster">; readonly text: string };

/** A model's file to begin with. */
export type TrainingStart = {
  readonly file: Uint8Array<ArrayBuffer>;
  /** Whether it is a checkpoint: then training continues exactly as without the interruption, to the bit. */
  readonly interrupted?: boolean;
};

/** A model's file, and its description. */
export type TrainedModel = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly parameters: number;
  readonly vocabulary: number;
  readonly loss: number;
  readonly validationLoss: number | null;
  readonly tokensPerSecond: number;
  readonly steps: number;
  /**
   * The reason, if it ended because the loss was not finite: the model then has its last finite values. The numbers are
   * those of the last report; NaN if there was none.
   */
  readonly broke?: string;
};

export const training = {
  /**
   * Train a model on a text: a new one or, with `from`, one from a file. With `from`, the settings of the model are
   * ignored, and so is `optimizer` if the file has the state of an optimiser; from a checkpoint, all other settings and
   * the text must be the same as before. "finish" ends the training with the current model.
   * @throws InputError for invalid settings, a text that is too short, and a loss that is not finite at the start
   */
  async *train(text: string, settings: TrainingSettings, from?: TrainingStart): Job<TrainingReport, TrainedModel> {
    const { until, batch, steps, seed, learningRate, schedule, clipNorm } = settings;
    const { lm, tokens } =
      from === undefined ? made(text, settings) : { lm: readLanguageModel(from.file, "the model") };
    const optimizer = optimizerFor(lm, settings);
    const rate = schedule === undefined ? undefined : rateOf(schedule, learningRate);
    const small = countParameters(lm.model) <= maxInCheckpoint;
    let last: TrainingReport | undefined;
    let [sampledMs, savedMs, pauseMs] = [-Infinity, -Infinity, 0];
    let { engine, computes } = await computing(lm, settings);
    /** From where another engine goes on if the graphics card is lost. */
    let held: TrainerState | undefined;
    const limits = { steps, clipNorm: clipNorm ?? fitDefaults.clipNorm };
    const watcher = settings.watch === true ? await createWatcher(lm, text, limits) : undefined;
    // On a card, gradients would be copied after each update.
    const counts = (by: EngineName): readonly Callback[] =>
      watcher === undefined || by === engines.graphics ? [] : [watcher.callback];
    const result = yield* reportsOf<TrainingReport, Ended>((report, signal) => {
      const train = (resume: TrainerState | undefined): Promise<Ended> =>
        trainLanguageModel(lm, tokens ?? text, {
          ...{ batch, steps, seed, signal, engine, ...until },
          optimizer: optimizers[optimizer]({ learningRate }),
          ...(rate !== undefined && { learningRate: rate }),
          ...(clipNorm !== undefined && { clipNorm }),
          callbacks: counts(engine),
          ...(settings.validations !== undefined && { validations: settings.validations }),
          ...(resume !== undefined && { resume }),
          onProgress: async (progress, checkpoint) => {
            last = { ...progress, validationLoss: progress.validationLoss ?? last?.validationLoss ?? null };
            const { milestone, elapsedMs } = progress;
            const samples = settings.sample > 0 && (milestone || elapsedMs - sampledMs > sampleEveryMs);
            const saves = small && (milestone || elapsedMs - savedMs > pauseMs);
            if (samples) sampledMs = elapsedMs;
            const fromMs = performance.now();
            const state = saves ? checkpoint() : undefined;
            held = state?.training ?? held;
            const file = state && writeLanguageModel({ ...lm, ...state, optimizer });
            if (saves) [savedMs, pauseMs] = [elapsedMs, checkpointPause(performance.now() - fromMs)];
            const watched = await watcher?.lookAfter(elapsedMs, milestone);
            await report({
              ...progress,
              ...(watched !== undefined && { watched }),
              ...(samples && { sample: await sampleOf(lm, text, settings) }),
              ...(file !== undefined && { checkpoint: file }),
              ...(computes !== undefined && { computes }),
            });
            computes = undefined;
          },
        });
      // The continued training has its own schedule, not the rest of the previous one.
      const { training: before } = lm;
      return train(before && !from?.interrupted ? { ...before, place: undefined } : before)
        .catch((error: unknown) => {
          if (!(error instanceof Disconnected)) throw error;
          engine = engines.processor;
          const since = held === undefined ? "from the beginning" : `from update ${held.step.toLocaleString("en-US")}`;
          computes = {
            device: "processor",
            text: `the processor: the graphics card was lost, and the training goes on ${since}`,
          };
          return train(held);
        })
        .catch((error: unknown) => brokenAt(error, last))
        .finally(() => watcher?.dispose());
    });
    const { state, broke, loss, validationLoss, tokensPerSecond } = result;
    return {
      bytes: writeLanguageModel({ ...lm, training: state, optimizer }),
      parameters: countParameters(lm.model),
      vocabulary: vocabularySize(lm.tokenizer),
      ...{ loss, validationLoss, tokensPerSecond },
      steps: result.steps,
      ...(broke !== undefined && { broke }),
    };
  },
};

/** The optimiser that made a state must also continue it. */
function optimizerFor(
  { training, optimizer }: LanguageModel,
  { optimizer: wanted = "adam" }: TrainingSettings,
): OptimizerName {
  if (training === undefined || optimizer === undefined) return wanted;
  lookUp("training: the file's optimizer", optimizer, optimizers);
  return optimizer as OptimizerName;
}

/** What computes a training: the device, its engine, and what is told of it. */
type Computing = { readonly engine: EngineName; readonly computes?: Computes };

async function computing({ model }: LanguageModel, settings: TrainingSettings): Promise<Computing> {
  const { device = "faster", batch, steps, clipNorm = fitDefaults.clipNorm, optimizer = "adam" } = settings;
  const processor = { engine: engines.processor } as const;
  const by = async (text: (name: string) => string): Promise<Computing> => {
    const { gpu } = await import("../../engines/webgpu/device.ts");
    const { name } = await gpu();
    const called = `the graphics card${name === "" ? "" : ` (${name})`}`;
    return { engine: engines.graphics, computes: { device: "graphics", text: text(called) } };
  };
  const isOffered = await offersGraphics();
  if (device === "graphics") {
    if (isOffered) return by((called) => called);
    const text = "the processor: this browser offers no graphics card any more";
    return { ...processor, computes: { device: "processor", text } };
  }
  if (device === "processor" || !isOffered) return processor;
  const tokens = new Int32Array(batch * steps);
  const options = { batch, steps, clipNorm, optimizer: optimizers[optimizer](), engines: Object.values(engines) };
  const timed = await timeEngines(model, tokens, tokens, options);
  const [first, second] = timed;
  if (first === undefined || second === undefined) return processor;
  const factor = (first.updatesPerSecond / second.updatesPerSecond).toFixed(1);
  if (first.engine === engines.graphics)
    return by((called) => `${called}, ${factor} times as fast for this model as the processor`);
  const text = `the processor, ${factor} times as fast for this model as the graphics card`;
  return { ...processor, computes: { device: "processor", text } };
}

const checkpointPause = (tookMs: number): number => Math.max(checkpointEveryMs, checkpointTimes * tookMs);

type Ended = Pick<FitStreamResult, "steps" | "loss" | "validationLoss" | "tokensPerSecond"> & {
  readonly state?: TrainerState;
  readonly broke?: string;
};

/** A loss that is not finite ends a training; what the model had learned until then is not lost. */
function brokenAt(error: unknown, last: TrainingReport | undefined): Ended {
  if (!(error instanceof NonFiniteLoss)) throw error;
  if (!error.trained) throw new InputError(error.message);
  const { step = 0, loss = Number.NaN, validationLoss = null, tokensPerSecond = Number.NaN } = last ?? {};
  return { steps: step, loss, validationLoss, tokensPerSecond, broke: error.message };
}

function made(text: string, settings: TrainingSettings): { readonly lm: LanguageModel; readonly tokens?: Tokens } {
  const { units, layers, tokens, dropout, seed, batch, steps, optimizer = "adam", clipNorm } = settings;
  return languageModelAndTokens(text, {
    cell: typeof settings.cell === "string" ? settings.cell : cell(settings.cell.equations),
    ...(typeof settings.cell !== "string" && { label: "own_cell" }),
    ...{ units, layers, tokens, dropout, seed },
    training: { batch, steps, optimizer, ...(clipNorm !== undefined && { clipNorm }) },
  });
}

/**
 * Continue from the end of the text. Without a prompt, the model would start from a state that training never saw, and
 * models early in training fail there.
 */
async function sampleOf(lm: LanguageModel, text: string, { sample, seed }: TrainingSettings): Promise<string> {
  let written = "";
  const options = {
    prompt: text.slice(-readFirst).replace(/^[\udc00-\udfff]/, ""),
    length: sample,
    seed,
    temperature: 0.7,
    threads: 1,
  };
  for await (const piece of generate(lm, options)) written += piece;
  return written;
}
const readFirst = 200;
