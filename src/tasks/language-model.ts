/** A model of text: a tokenizer, an embedding, recurrent layers, a softmax over the vocabulary. */
import { cells } from "../cells/index.ts";
import { readModel, writeModel } from "../formats/model-file.ts";
import { FormatError } from "../formats/safetensors.ts";
import type { Cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import { dense, dropout, embedding, recurrent } from "../nn/layers.ts";
import { type Model, sequential } from "../nn/model.ts";
import { createRandom } from "../nn/random.ts";
import { createSession } from "../nn/session.ts";
import { checkSampling, type SamplingOptions, sample } from "../text/sampling.ts";
import { checkTokenizer, decodeToken, encode, type Tokenizer, trainTokenizer } from "../text/tokenizer.ts";
import { createEvaluator } from "../train/evaluator.ts";
import { type FitOptions, type FitResult, fitStream } from "../train/fit.ts";
import { smallestStream } from "../train/stream.ts";
import type { TrainerState } from "../train/trainer.ts";

export type LanguageModel = {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** Where training stopped. */
  readonly training?: TrainerState | undefined;
};

export type LanguageModelOptions = {
  /** A built-in cell's name, or a cell of one's own. */
  readonly cell?: string | Cell;
  readonly units?: number;
  readonly layers?: number;
  /** Features of the embedding. */
  readonly embedding?: number;
  /** Rate of the dropout before, between and after the recurrent layers. */
  readonly dropout?: number;
  readonly tokens?: Tokenizer["kind"];
  /** Largest vocabulary of a word model. */
  readonly maxVocabulary?: number;
  readonly seed?: number;
};

/**
 * An untrained model for a text, whose tokens make its vocabulary.
 * @throws InputError for options that make no model
 */
export function languageModel(text: string, options: LanguageModelOptions = {}): LanguageModel {
  const { units = 256, layers = 1, tokens = "char", seed = 0, dropout: rate = 0, maxVocabulary = 10_000 } = options;
  const { embedding: features = Math.min(units, 64) } = options;
  const of = cellOf(options.cell ?? "lstm");
  if (!Number.isInteger(layers) || layers < 1) {
    throw new InputError(`layers: needs a whole number of at least 1, got ${layers}`);
  }
  const tokenizer = trainTokenizer(tokens, text, { maxVocabulary });
  const vocabulary = tokenizer.vocabulary.length;
  const label = typeof options.cell === "object" ? "recurrent" : (options.cell ?? "lstm").replaceAll("-", "_");
  const drop = rate > 0 ? [dropout(rate)] : [];
  const stack = Array.from({ length: layers }, () => [recurrent(of, { units, label }), ...drop]).flat();
  const model = sequential([embedding(vocabulary, features), ...drop, ...stack, dense(vocabulary)], { seed });
  return { model, tokenizer };
}

function cellOf(given: string | Cell): Cell {
  if (typeof given !== "string") return given;
  const found = Object.hasOwn(cells, given) ? cells[given] : undefined;
  if (found === undefined) {
    throw new InputError(
      `cell "${given}" is not known. There are ${Object.keys(cells).join(", ")}; or give equations.`,
    );
  }
  return found;
}

/**
 * Train on a text; the model's values are changed.
 * @throws InputError where the text is too short for one batch
 */
export async function trainLanguageModel(
  { model, tokenizer }: LanguageModel,
  text: string,
  options: FitOptions = {},
): Promise<FitResult> {
  const { batch = 32, steps = 64, validationSplit = 0.05 } = options;
  const tokens = encode(tokenizer, text);
  const wanted = smallestStream(batch, steps);
  const training = tokens.length - Math.floor(tokens.length * validationSplit);
  if (training < wanted) {
    throw new InputError(
      `the text has ${training} tokens to train on, a batch of ${batch} x ${steps} steps needs ${wanted}. ` +
        "Give a longer text, or a smaller batch or fewer steps.",
    );
  }
  return fitStream(model, tokens, options);
}

export type GenerateOptions = SamplingOptions & {
  readonly prompt?: string;
  /** Tokens to write. */
  readonly length?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Text that goes on from the prompt, token by token.
 * @example for await (const piece of generate(lm, { prompt: "Call me" })) process.stdout.write(piece);
 */
export async function* generate(
  { model, tokenizer }: LanguageModel,
  { prompt = "", length = 500, seed = 0, signal, ...sampling }: GenerateOptions = {},
): AsyncGenerator<string, void> {
  checkSampling(sampling);
  const random = createRandom(seed);
  const session = await createSession(model);
  // Without a prompt, as if after a line's end.
  const start = encode(tokenizer, prompt === "" ? "\n" : prompt);
  let logits = new Float32Array(model.outputSize);
  for (const token of start) logits = session.next(token) as Float32Array<ArrayBuffer>;
  let lastTurnMs = performance.now();
  for (let k = 0; k < length && signal?.aborted !== true; k++) {
    logits[0] = Number.NEGATIVE_INFINITY; // The unknown character is never written.
    const token = sample(logits, sampling, random);
    yield decodeToken(tokenizer, token);
    logits = session.next(token) as Float32Array<ArrayBuffer>;
    if (performance.now() - lastTurnMs > 20) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      lastTurnMs = performance.now();
    }
  }
}

export type Evaluation = {
  /** Mean nats a token. */
  readonly loss: number;
  readonly perplexity: number;
  readonly bitsPerCharacter: number;
  /** Tokens predicted: all but the first. */
  readonly tokens: number;
  /** Characters that the model's vocabulary does not have. */
  readonly unknown: number;
};

/** How well the model predicts a text. */
export async function evaluate({ model, tokenizer }: LanguageModel, text: string): Promise<Evaluation> {
  const ids = encode(tokenizer, text);
  if (ids.length < 2) throw new InputError(`the text has ${ids.length} tokens; at least 2 are needed to predict one`);
  const lanes = Math.max(1, Math.min(32, Math.floor(ids.length / 1000)));
  const evaluator = await createEvaluator(model, { batch: lanes, steps: 64 });
  const loss = await evaluator.loss(ids, () => new Promise((resolve) => setTimeout(resolve, 0)));
  const tokens = ids.length - 1;
  const characters = [...text].length - 1;
  return {
    loss,
    perplexity: Math.exp(loss),
    bitsPerCharacter: (loss * tokens) / characters / Math.LN2,
    tokens,
    unknown: ids.reduce((count, id) => count + (id === 0 ? 1 : 0), 0),
  };
}

/** The bytes of a .safetensors file. */
export function writeLanguageModel({ model, tokenizer, training }: LanguageModel): Uint8Array<ArrayBuffer> {
  return writeModel({ model, training, extra: { tokenizer } });
}

/** @throws FormatError, one line, for a file that is not such a model */
export function readLanguageModel(bytes: Uint8Array, file: string): LanguageModel {
  const { model, training, extra } = readModel(bytes, file);
  if (extra.tokenizer === undefined) {
    throw new FormatError(`${file}: it is a model without a tokenizer, so it cannot read text.`);
  }
  let tokenizer: Tokenizer;
  try {
    tokenizer = checkTokenizer(extra.tokenizer);
  } catch (error) {
    if (error instanceof InputError) throw new FormatError(`${file}: ${error.message}`);
    throw error;
  }
  const size = tokenizer.vocabulary.length;
  const [first] = model.layers;
  if (model.outputSize !== size || first?.kind !== "embedding" || first.inputDim !== size) {
    throw new FormatError(`${file}: its tokenizer has ${size} tokens, its layers another number. Train anew.`);
  }
  return { model, tokenizer, training };
}
