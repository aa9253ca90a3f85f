/** Training language models: what the Lab does, and whoever needs a model. */
import { cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import { lookUp } from "../../graph/schema.ts";
import { countParameters } from "../../nn/model.ts";
import {
  generate,
  type LanguageModel,
  languageModelAndTokens,
  readLanguageModel,
  trainLanguageModel,
  writeLanguageModel,
} from "../../tasks/language-model.ts";
import { type Tokenizer, vocabularySize } from "../../text/tokenizer.ts";
import type { FitStreamResult } from "../../train/fit-stream.ts";
import type { Progress } from "../../train/fit-stream-options.ts";
import { NonFiniteLoss } from "../../train/non-finite-guard.ts";
import { type OptimizerName, optimizers } from "../../train/optimizer-names.ts";
import type { Tokens } from "../../train/token-source.ts";
import type { TrainerState } from "../../train/trainer.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";
import { rateOf, type Schedule } from "./schedules.ts";

/** A model to make and how to train it. */
export type TrainingSettings = {
  /** A built-in cell's name, or equations. */
  readonly cell: string | { readonly equations: string };
  readonly units: number;
  readonly layers: number;
  readonly tokens: Tokenizer["kind"];
  readonly dropout: number;
  readonly batch: number;
  readonly steps: number;
  readonly learningRate: number;
  /** Keras's name; Adam where absent. */
  readonly optimizer?: OptimizerName;
  /** How the rate goes on from `learningRate`; where absent along half a cosine to a tenth, over the whole training. */
  readonly schedule?: Schedule;
  /** The longest gradient, of all parameters together; `fitStream`'s where absent. */
  readonly clipNorm?: number;
  readonly seed: number;
  /** How long: passes over the text, or minutes. */
  readonly until: { readonly epochs: number } | { readonly minutes: number };
  /** Characters or words of a sample; 0 for none. */
  readonly sample: number;
  /** How often the loss on the text kept back is measured. */
  readonly validations?: number;
};

/** A sample comes with the first report, at each milestone, and when the last one is so old. */
const sampleEveryMs = 4000;

/** Checkpoints are so far from each other, and so many times as far as it takes to make one. */
const [checkpointEveryMs, checkpointTimes] = [5000, 30];
/** A checkpoint is a few copies of 12 bytes a parameter: of more of them it could be what the page dies of. */
const maxInCheckpoint = 20_000_000;

/** Where a training is, now and then with what the model writes, and with the file to go on from. */
export type TrainingReport = Progress & {
  readonly sample?: string;
  /** At the first report, at each milestone, and when the last one is old. */
  readonly checkpoint?: Uint8Array<ArrayBuffer>;
};

/** A model's file to begin with. */
export type TrainingStart = {
  readonly file: Uint8Array<ArrayBuffer>;
  /** It is a checkpoint: the rest becomes what it would have been, to the bit. */
  readonly interrupted?: boolean;
};

/** A model as its file, and what can be said of it without reading that. */
export type TrainedModel = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly parameters: number;
  readonly vocabulary: number;
  readonly loss: number;
  readonly validationLoss: number | null;
  readonly tokensPerSecond: number;
  readonly steps: number;
  /**
   * Why it ended where its loss was no number any more: the model has its last good values. The figures are those of the
   * last report; NaN where there was none.
   */
  readonly broke?: string;
};

export const training = {
  /**
   * Train on a text, a new model or, with `from`, one from its file: then what it is made of says nothing, and neither does
   * `optimizer` where the file has an optimiser's state; from a checkpoint all else is to be what it was, and so is the text.
   * "finish" ends it with the model of that moment.
   * @throws InputError for settings that make no model, a text that is too short, and a loss that is no number at once
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
        // More of it, with a schedule of its own: not what is left of the last one.
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

/** What a state was made by is what goes on with it. */
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

/** A loss that is no number any more ends a training; what it had learned until then is not lost. */
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
 * How the model goes on after the text's end. With nothing to read it would begin from a state that training never saw,
 * and young models lose themselves there.
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
