/** Train language models, for the Lab and other views. */
import { cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
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
import type { FitStreamResult } from "../../train/fit-stream.ts";
import type { Progress } from "../../train/fit-stream-options.ts";
import { NonFiniteLoss } from "../../train/non-finite-guard.ts";
import { type OptimizerName, optimizers } from "../../train/optimizer-names.ts";
import type { Tokens } from "../../train/token-source.ts";
import type { TrainerState } from "../../train/trainer.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";
import { rateOf, type Schedule } from "./schedules.ts";

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
};

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
};

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
    const result = yield* reportsOf<TrainingReport, Ended>((report, signal) =>
      trainLanguageModel(lm, tokens ?? text, {
        ...{ batch, steps, seed, signal, ...until },
        optimizer: optimizers[optimizer]({ learningRate }),
        ...(rate !== undefined && { learningRate: rate }),
        ...(clipNorm !== undefined && { clipNorm }),
        ...(settings.validations !== undefined && { validations: settings.validations }),
        // The continued training has its own schedule, not the rest of the previous one.
        ...(lm.training !== undefined && {
          resume: from?.interrupted ? lm.training : { ...lm.training, place: undefined },
        }),
        onProgress: async (progress, checkpoint) => {
          last = { ...progress, validationLoss: progress.validationLoss ?? last?.validationLoss ?? null };
          const { milestone, elapsedMs } = progress;
          const samples = settings.sample > 0 && (milestone || elapsedMs - sampledMs > sampleEveryMs);
          const saves = small && (milestone || elapsedMs - savedMs > pauseMs);
          if (samples) sampledMs = elapsedMs;
          const fromMs = performance.now();
          const file = saves ? writeLanguageModel({ ...lm, ...checkpoint(), optimizer }) : undefined;
          if (saves) [savedMs, pauseMs] = [elapsedMs, checkpointPause(performance.now() - fromMs)];
          await report({
            ...progress,
            ...(samples && { sample: await sampleOf(lm, text, settings) }),
            ...(file !== undefined && { checkpoint: file }),
          });
        },
      }).catch((error) => brokenAt(error, last)),
    );
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
