/** Text generation: `generate`, `generateTokens` and `generateMany`. */

import type { InferenceOptions } from "../engines/engine.ts";
import { inferenceRules } from "../engines/registry.ts";
import {
  type Arguments,
  alias,
  aSignal,
  checkArguments,
  options as optionsOf,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";
import { yieldNow } from "../graph/yielding.ts";
import { aSeed } from "../nn/random.ts";
import { createRanking, logSoftmax, type SamplingOptions, samplingRules } from "../text/sampling.ts";
import {
  decodeNext,
  decodeToken,
  encode,
  hasUnknown,
  type Tokenizer,
  tokenName,
  vocabularySize,
} from "../text/tokenizer.ts";
import { unknownWords } from "../text/whitespace.ts";
import { aLanguageModel, aPrompt, prompts as somePrompts, stopRule, tokenCount } from "./checks.ts";
import { createGenerationEngine, createSequence, type Describe, type Prompt } from "./generation-engine.ts";
import type { LanguageModel } from "./language-model/file.ts";

type WritingOptions = SamplingOptions &
  InferenceOptions & {
    /** Largest number of new tokens. Default 500. */
    readonly length?: number | undefined;
    /** Seed of the sampling. Default 0. */
    readonly seed?: number | undefined;
    /** Stop strings: the text ends before any of them. Default none. */
    readonly stop?: string | readonly string[] | undefined;
    /** Ends generation. */
    readonly signal?: AbortSignal | undefined;
  };

/** Options of `generate`: prompt, length, seed, stop strings and sampling (temperature, topK, topP ...); also the host's. */
export type GenerateOptions = WritingOptions & {
  /** The prompt: a text or token ids. Default none. */
  readonly prompt?: Prompt | undefined;
};

/** Options of `generateTokens`: those of `generate`, and `logProbabilities`. */
export type GenerateTokensOptions = GenerateOptions & {
  /** How many alternatives, the most likely tokens, to return with each token. Default 0. */
  readonly logProbabilities?: number | undefined;
};

/** Options of `generateMany`: those of `generateTokens` without `prompt`, and `batch`. */
export type GenerateManyOptions = WritingOptions & {
  /** How many alternatives, the most likely tokens, to return with each token. Default 0. */
  readonly logProbabilities?: number | undefined;
  /** Texts generated in parallel; further prompts start as soon as a text has ended. Default 32. */
  readonly batch?: number | undefined;
};

const writingRules: Schema<WritingOptions> = {
  ...samplingRules,
  ...inferenceRules,
  length: alias(tokenCount, "maxTokens", "maxNewTokens", "maxLength", "maxCompletionTokens"),
  seed: aSeed,
  stop: alias(stopRule, "stopSequences", "stopStrings"),
  signal: aSignal,
};
const alternatives = alias(wholeNumber(0), "logprobs", "topLogprobs");
const generateRules: Schema<GenerateOptions> = { ...writingRules, prompt: aPrompt };
export const generateArguments: Arguments = { lm: aLanguageModel, options: optionsOf<GenerateOptions>(generateRules) };
export const generateTokensArguments: Arguments = {
  lm: aLanguageModel,
  options: optionsOf<GenerateTokensOptions>({ ...generateRules, logProbabilities: alternatives }),
};
export const generateManyArguments: Arguments = {
  lm: aLanguageModel,
  prompts: somePrompts,
  options: optionsOf<GenerateManyOptions>({
    ...writingRules,
    logProbabilities: alternatives,
    batch: alias(wholeNumber(1), "batchSize"),
  }),
};

/** A token with its log-probability. */
export type LikelyToken = {
  /** The text that it adds: empty if it ends within a character, or ends the text. */
  readonly text: string;
  /**
   * Its name, as in OpenAI's log-probabilities: its text; part of a character, `bytes:\xe2\x82`; or the end of a text,
   * `<|endoftext|>`.
   */
  readonly name: string;
  /** Its id. */
  readonly token: number;
  /**
   * In nats, before penalties, temperature and filters. With token healing, that of the first token is relative to all
   * continuations of the prompt's text.
   */
  readonly logProbability: number;
  /** With token healing: how many tokens at the end of the prompt it replaces. `text` is what it adds beyond them. */
  readonly replaces?: number;
};

/** A generated token with its alternatives. */
export type GeneratedToken = LikelyToken & {
  /** The most likely tokens at its position, most likely first; it may be among them. */
  readonly alternatives: readonly LikelyToken[];
};

/**
 * Generate text that continues a prompt, piece by piece. Characters that the model does not know are read as its unknown
 * character, which is never generated. Without a prompt it starts a new text or, for a model that was trained on one text, a
 * new line. A model that was trained on separate texts may end the text itself. If the prompt is text that may end within a
 * token ("of the " for a model of words), the first token may replace the end of the prompt (token healing); only what it
 * adds is yielded.
 * @param lm the language model
 * @param options `prompt`, `length` (default 500 tokens), `seed` (0), `stop`, sampling (`temperature`, `topK`, `topP`, ...),
 *   `signal`; the host's options
 * @returns an async iterator of pieces of text
 * @throws InputError for an option out of range, and for a model whose values are infinite or NaN
 * @example for await (const piece of generate(lm, { prompt: "Call me" })) process.stdout.write(piece);
 */
export async function* generate(lm: LanguageModel, options: GenerateOptions = {}): AsyncGenerator<string, void> {
  checkArguments("generate", { lm, options }, generateArguments);
  const { prompt = "", ...rest } = options;
  for await (const { text } of write(lm, [prompt], rest, (_, text) => ({ text }))) yield text;
}

/**
 * Generate the same tokens as `generate`, each with its log-probability and alternatives. If a stop string begins within a
 * token, its `text` ends before it; a character of several tokens is in the `text` of the last of them.
 * @param lm the language model
 * @param options those of `generate`; `logProbabilities`: number of alternatives per token, default 0
 * @returns an async iterator of tokens
 * @throws InputError for an option out of range, and for a model whose values are infinite or NaN
 * @example for await (const { text, logProbability } of generateTokens(lm, { prompt: "Call me" })) ...
 */
export async function* generateTokens(
  lm: LanguageModel,
  options: GenerateTokensOptions = {},
): AsyncGenerator<GeneratedToken, void> {
  checkArguments("generateTokens", { lm, options }, generateTokensArguments);
  const { prompt = "", logProbabilities = 0, ...rest } = options;
  const describe = createDescriber(lm.tokenizer, logProbabilities);
  yield* write(lm, [prompt], rest, (_, ...token) => describe(...token));
}

/**
 * Generate many texts in parallel, which is faster than one after the other. Prompt k gives exactly the text that it gives
 * alone with the seed `seed + k`.
 * @param lm the language model
 * @param prompts texts or token ids
 * @param options those of `generateTokens` without `prompt`; `batch`: texts in parallel, default 32
 * @returns an async iterator of the tokens of all texts, each with the index of its `prompt`
 * @throws InputError for an option out of range, and for a model whose values are infinite or NaN
 * @example
 * const texts = prompts.map(() => "");
 * for await (const { prompt, text } of generateMany(lm, prompts)) texts[prompt] += text;
 */
export async function* generateMany(
  lm: LanguageModel,
  prompts: readonly Prompt[],
  options: GenerateManyOptions = {},
): AsyncGenerator<GeneratedToken & { readonly prompt: number }, void> {
  checkArguments("generateMany", { lm, prompts, options }, generateManyArguments);
  const { logProbabilities = 0, ...rest } = options;
  const describe = createDescriber(lm.tokenizer, logProbabilities);
  yield* write(lm, prompts, rest, (prompt, ...token) => ({ prompt, ...describe(...token) }));
}

/** The characters of a text that the model does not know, without duplicates; of a model of words between blanks, the words. */
export function unknownCharacters({ tokenizer }: Pick<LanguageModel, "tokenizer">, given: string): string[] {
  if (tokenizer.kind === "whitespace") return unknownWords(tokenizer, given);
  if (!hasUnknown(tokenizer)) return [];
  const text = tokenizer.kind === "char" && tokenizer.lower ? given.toLowerCase() : given;
  const ids = encode(tokenizer, text);
  if (!ids.includes(0)) return [];
  const found = new Set<string>();
  let at = 0;
  for (const id of ids) {
    // What stands for an unknown character is a character too, so the place cannot be told from its length.
    const token = id === 0 ? String.fromCodePoint(text.codePointAt(at) as number) : decodeToken(tokenizer, id);
    if (id === 0) found.add(token);
    at += token.length;
  }
  return [...found];
}

/** A prompt of at least this many characters or tokens is read by a prefill program, many tokens at once. */
const longPrompt = 256;

/** Generate the texts of all prompts, piece by piece; `describe` makes the pieces. */
async function* write<Piece extends { readonly text: string }>(
  lm: LanguageModel,
  prompts: readonly Prompt[],
  {
    length = 500,
    seed = 0,
    signal,
    batch = 32,
    engine,
    fma,
    threads,
    precision,
    quantize,
    ...writing
  }: WritingOptions & { batch?: number | undefined },
  describe: (prompt: number, ...token: Parameters<Describe<Piece>>) => Piece,
): AsyncGenerator<Piece, void> {
  if (prompts.length === 0 || length === 0) return;
  const host = { engine, fma, threads, precision, quantize };
  const longPrompts = prompts.some((prompt) => prompt.length >= longPrompt);
  const writer = await createGenerationEngine<Piece>(lm, [Math.min(batch, prompts.length)], host, longPrompts);
  try {
    const aborted = (): boolean => signal?.aborted === true;
    for (let begun = 0; !aborted(); ) {
      for (; begun < prompts.length && writer.count < writer.size; begun++) {
        const [k, prompt] = [begun, prompts[begun] as Prompt];
        writer.admit(
          createSequence(lm, {
            prompt,
            length,
            seed: seed + k,
            describe: (...token) => describe(k, ...token),
            ...writing,
          }),
        );
      }
      if (writer.count === 0) return;
      for (const { pieces, ended } of writer.step()) {
        if (ended instanceof Error) throw ended;
        for (const piece of pieces) {
          if (aborted()) return;
          yield piece;
        }
      }
      await yieldNow();
    }
  } finally {
    writer.dispose();
  }
}

/** Makes tokens with their log-probabilities and `count` alternatives: a text's `describe`. */
export function createDescriber(tokenizer: Tokenizer, count: number): Describe<GeneratedToken> {
  const size = vocabularySize(tokenizer);
  const own = { nats: new Float64Array(size), ranking: createRanking(size) };
  return (text, token, logits, before, ways) => {
    const many = logits.length;
    const { nats, ranking } = ways === undefined ? own : { nats: new Float64Array(many), ranking: createRanking(many) };
    logSoftmax(logits, nats);
    if (hasUnknown(tokenizer)) nats[0] = -Infinity; // It cannot be written, so it is no alternative.
    const likely = (way: number, text: string): LikelyToken => {
      const logProbability = nats[way] as number;
      if (ways === undefined) return { text, name: tokenName(tokenizer, way), token: way, logProbability };
      const about = { text, name: ways.name(way), token: ways.tokens[way] as number, logProbability };
      const replaces = ways.replaces(way);
      return replaces === 0 ? about : Object.assign(about, { replaces });
    };
    const alternatives: LikelyToken[] = [];
    if (count > 0) ranking.begin(nats);
    for (let k = 0; k < Math.min(count, many); k++) {
      const other = ranking.at(k);
      if (nats[other] === -Infinity) break;
      alternatives.push(likely(other, (ways?.decode(other) ?? decodeNext(tokenizer, other, before)).text));
    }
    return Object.assign(likely(token, text), { alternatives });
  };
}
