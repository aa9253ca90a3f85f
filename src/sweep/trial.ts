/**
 * One trial of a sweep: a language model that is trained to the end of a rung, from its checkpoint if it has one. Knows neither the other
 * trials nor which process it is in.
 */
import { cells as builtIn } from "../cells/index.ts";
import type { HostOptions } from "../engines/engine.ts";
import { cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import { didYouMean } from "../graph/vocabulary.ts";
import { isLayerName } from "../nn/layers.ts";
import {
  checkLength,
  encodeTexts,
  type LanguageModel,
  languageModel,
  readLanguageModel,
  splitOf,
  type Texts,
  writeLanguageModel,
} from "../tasks/language-model.ts";
import { type Settings, streamOptions } from "../tasks/text-training.ts";
import { type Tokenizer, trainAndEncode, vocabularySize } from "../text/tokenizer.ts";
import { fitStream } from "../train/fit-stream.ts";
import type { FitStreamOptions } from "../train/fit-stream-options.ts";
import { NonFiniteLoss } from "../train/non-finite-guard.ts";
import { countBatches } from "../train/stream.ts";
import { split } from "../train/stream-split.ts";
import { createTokenList } from "../train/token-list.ts";
import type { Tokens } from "../train/token-source.ts";

/** What every trial of a sweep reads. */
export type TrialData = {
  readonly texts: Texts;
  /** Other texts to measure on, instead of a share. */
  readonly validation?: Texts | undefined;
  /** Equations of cells that are not built in, by the names in settings. */
  readonly cells: Readonly<Record<string, string>>;
};

/** A trial that is to be trained to the end of a rung. */
export type Job = {
  /** From 1. */
  readonly trial: number;
  /** From 0; `rungs` of them. */
  readonly rung: number;
  readonly rungs: number;
  readonly settings: Settings;
  /** The update at which the rung ends, and the last one of a whole training, by which the learning rate falls. */
  readonly until: number;
  readonly of: number;
};

/** A measurement: an update, and the validation loss there in nats a token. */
export type Measured = readonly [update: number, loss: number];

/** How a job ended. `updates` are those of the trial, in all. */
export type Outcome =
  | {
      readonly kind: "measured";
      readonly updates: number;
      /** The validation loss of the model that is kept: the lowest so far, or the last. */
      readonly loss: number;
      readonly curve: readonly Measured[];
      readonly parameters: number;
    }
  | {
      readonly kind: "diverged" | "failed";
      readonly message: string;
      /** As far as it is known. */
      readonly updates: number;
      readonly curve: readonly Measured[];
    }
  | { readonly kind: "interrupted"; readonly updates: number };

/** How a job goes on. */
export type TrialProgress = { readonly updates: number; readonly loss: number; readonly tokensPerSecond: number };

export type TrialHooks = {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrialProgress) => void) | undefined;
  /** Told of the bytes of a model file to go on from, about every `checkpointMs`. */
  readonly onCheckpoint?: ((bytes: Uint8Array, updates: number) => unknown) | undefined;
  readonly checkpointMs?: number;
  readonly host?: HostOptions;
};

/** The name of the callback that keeps a trial's curve in its checkpoint. */
const curveName = "sweep: the validations";

/** The trainings of the trials of one sweep, which read the same texts: they are encoded once for equal vocabularies. */
export function createTrials(data: TrialData) {
  const encoded = new Map<string, Encoded>();
  const of = (settings: Settings): Encoded => {
    const key = `${settings.tokens} ${settings.vocabulary}`;
    let one = encoded.get(key);
    if (one === undefined) {
      one = encode(data, settings);
      encoded.set(key, one);
    }
    return one;
  };
  return {
    /** @throws InputError for texts that are too short for the settings, and for a cell that there is not */
    check(settings: Settings): void {
      const { tokenizer, tokens } = of(settings);
      if (vocabularySize(tokenizer) < 2)
        throw new InputError("the text has no character to learn. Give a longer text.");
      cellOf(settings.cell, data);
      const options = optionsOf(of(settings), data, settings);
      checkLength(tokens.length, options, "");
      split(tokens, options, { where: "sweep", asked: true });
    },
    /** The batches of one pass over the texts. */
    updatesPerPass(settings: Settings): number {
      const one = of(settings);
      const { training } = split(one.tokens, optionsOf(one, data, settings), { where: "sweep", asked: true });
      return countBatches(training.length, settings);
    },
    sizes(settings: Settings): { readonly tokens: number; readonly vocabulary: number } {
      const { tokenizer, tokens } = of(settings);
      return { tokens: tokens.length, vocabulary: vocabularySize(tokenizer) };
    },
    /** Train; whatever goes wrong with a trial is its outcome. With the bytes of its model file, unless it diverged or failed. */
    async train(
      job: Job,
      checkpoint: Uint8Array | undefined,
      hooks: TrialHooks = {},
    ): Promise<{ readonly outcome: Outcome; readonly model?: Uint8Array }> {
      const curve: Measured[] = [];
      let updates = 0;
      const onProgress = (progress: TrialProgress): void => {
        updates = progress.updates;
        hooks.onProgress?.(progress);
      };
      try {
        return await train(of(job.settings), data, {
          job,
          checkpoint,
          hooks: { ...hooks, onProgress },
          curve,
          perPass: this.updatesPerPass(job.settings),
        });
      } catch (error) {
        if (error instanceof NonFiniteLoss)
          return { outcome: { kind: "diverged", message: `${error.what}. ${error.advice}`, updates, curve } };
        if (error instanceof InputError) return { outcome: { kind: "failed", message: error.message, updates, curve } };
        throw error;
      }
    },
  };
}
export type Trials = ReturnType<typeof createTrials>;

type Encoded = { readonly tokenizer: Tokenizer; readonly tokens: Tokens; readonly validation?: Tokens };

function encode({ texts, validation }: TrialData, settings: Settings): Encoded {
  const how = { maxVocabulary: settings.vocabulary, createList: createTokenList };
  const { tokenizer, tokens } = trainAndEncode("sweep", settings.tokens, texts, how);
  return {
    tokenizer,
    tokens,
    ...(validation !== undefined && { validation: encodeTexts(tokenizer, validation).tokens }),
  };
}

function optionsOf(
  { tokenizer, tokens, validation }: Encoded,
  { texts }: TrialData,
  settings: Settings,
): FitStreamOptions {
  const options = streamOptions(settings);
  if (validation !== undefined) return { ...options, validationSplit: 0, validationData: validation };
  return { ...options, ...splitOf(tokenizer, texts, tokens, options) };
}

/** A built-in cell by its name, or equations; layers of the latter are called after it. */
function cellOf(name: string, { cells }: TrialData) {
  const source = Object.hasOwn(cells, name) ? cells[name] : undefined;
  if (source === undefined) {
    if (Object.hasOwn(builtIn, name)) return { cell: name };
    const known = [...Object.keys(cells), ...Object.keys(builtIn)];
    throw new InputError(`cell "${name}": there is no built-in cell with this name.${didYouMean(name, known)}`);
  }
  const label = (name.split(/[/\\]/).at(-1) as string).replace(/\.\w+$/, "").replace(/[^\p{L}\p{N}_]+/gu, "_");
  return { cell: cell(source), ...(isLayerName(label) && { label }) };
}

function createModel(
  settings: Settings,
  { tokenizer }: Encoded,
  data: TrialData,
  options: FitStreamOptions,
): LanguageModel {
  const { units, layers, embedding, dropout, seed } = settings;
  const { batch, steps, optimizer, clipNorm } = streamOptions(settings);
  const training = { batch, steps, optimizer, clipNorm, ...(options.engine && { engine: options.engine }) };
  return languageModel(tokenizer, {
    ...cellOf(settings.cell, data),
    units,
    layers,
    embedding,
    dropout,
    seed,
    training,
  });
}

type Training = {
  readonly job: Job;
  readonly checkpoint: Uint8Array | undefined;
  readonly hooks: TrialHooks;
  readonly curve: Measured[];
  readonly perPass: number;
};

async function train(encoded: Encoded, data: TrialData, { job, checkpoint, hooks, curve, perPass }: Training) {
  const { settings, until, of, rungs } = job;
  const { signal, onProgress, onCheckpoint, checkpointMs = 10_000, host = {} } = hooks;
  const { epochs: _, ...options } = { ...optionsOf(encoded, data, settings), ...host };
  const kept = checkpoint === undefined ? undefined : readCheckpoint(checkpoint);
  const lm: LanguageModel = {
    ...(kept ?? createModel(settings, encoded, data, options)),
    optimizer: settings.optimizer,
    options: settings,
  };
  const bytesOf = (content: Pick<LanguageModel, "model" | "training">) => writeLanguageModel({ ...lm, ...content });
  const rate = settings.rate;
  let lastMs = performance.now();
  const result = await fitStream(lm.model, encoded.tokens, {
    ...options,
    epochs: until / perPass,
    // By the length of the whole training, as if there were no rungs.
    learningRate: (step) => rate * (0.1 + 0.45 * (1 + Math.cos(Math.PI * Math.min(1, step / of)))),
    ...(rungs > 1 && { validations: 1 }),
    resume: kept?.training,
    signal,
    callbacks: [
      {
        name: curveName,
        state: () => ({ curve: curve.map((one) => [...one]) }),
        restore: ({ curve: before }) => void curve.splice(0, curve.length, ...(before as readonly Measured[])),
      },
    ],
    onProgress: async ({ step, loss, validationLoss, tokensPerSecond }, content) => {
      if (Number.isFinite(validationLoss) && curve.at(-1)?.[0] !== step) curve.push([step, validationLoss as number]);
      if (Number.isFinite(loss)) onProgress?.({ updates: step, loss, tokensPerSecond });
      if (onCheckpoint === undefined || performance.now() - lastMs < checkpointMs) return;
      await onCheckpoint(bytesOf(content()), step);
      lastMs = performance.now();
    },
  });
  const model = bytesOf({ model: lm.model, training: result.state });
  if (result.stopped) return { outcome: { kind: "interrupted", updates: result.steps } as const, model };
  const loss = (settings.keep === "best" ? result.best?.loss : result.validationLoss) ?? Number.NaN;
  if (!Number.isFinite(loss)) {
    const message = "its validation loss is not finite. Give a smaller learning rate, or clip the gradients.";
    return { outcome: { kind: "diverged", message, updates: result.steps, curve } as const };
  }
  const parameters = Object.values(lm.model.values).reduce((count, { length }) => count + length, 0);
  return { outcome: { kind: "measured", updates: result.steps, loss, curve, parameters } as const, model };
}

/** A checkpoint that cannot be read is as good as none: the trial begins anew. */
function readCheckpoint(bytes: Uint8Array): LanguageModel | undefined {
  try {
    const lm = readLanguageModel(bytes, "checkpoint");
    return lm.training === undefined ? undefined : lm;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
