/** Text that a language model writes: token by token, one text or many side by side. */

import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import {
  type Arguments,
  alias,
  aSignal,
  checkArguments,
  options as optionsOf,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";
import { createYielder } from "../graph/yielding.ts";
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
import { aLanguageModel, aPrompt, prompts as somePrompts, stopRule, tokenCount } from "./checks.ts";
import { createDesk, createText, type Describe, type Prompt } from "./desk.ts";
import type { LanguageModel } from "./language-model.ts";

type WritingOptions = SamplingOptions &
  HostOptions & {
    /** Tokens to write. */
    readonly length?: number | undefined;
    readonly seed?: number | undefined;
    /** The text ends before any of these, and nothing of them is given out. */
    readonly stop?: string | readonly string[] | undefined;
    readonly signal?: AbortSignal | undefined;
  };

/** Prompt, length (500 tokens), seed (0), stop strings, and how tokens are drawn: as the model says, unless changed. */
export type GenerateOptions = WritingOptions & { readonly prompt?: Prompt | undefined };

/** As `GenerateOptions`; no alternatives are told unless asked for. */
export type GenerateTokensOptions = GenerateOptions & {
  /** How many of the most likely tokens to tell in each place. */
  readonly logProbabilities?: number | undefined;
};

/** As `GenerateTokensOptions`, with the prompts apart; 32 side by side. */
export type GenerateManyOptions = WritingOptions & {
  readonly logProbabilities?: number | undefined;
  /** Texts side by side; where there are more prompts, the next one begins as soon as a text has ended. */
  readonly batch?: number | undefined;
};

const writingRules: Schema<WritingOptions> = {
  ...samplingRules,
  ...hostRules,
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

/** A token with how likely the model holds it. */
export type LikelyToken = {
  /** What it adds to the text there: nothing where it ends within a character, or ends the text. */
  readonly text: string;
  /**
   * What it is called, as OpenAI's log-probabilities call it: its text, part of a character `bytes:\xe2\x82`, the end of a text
   * `<|endoftext|>`.
   */
  readonly name: string;
  readonly token: number;
  /**
   * In nats, as the model itself says: before penalties, temperature and filters. Of the first token after a prompt that may
   * end within one, it is relative to all that the prompt's text can go on with.
   */
  readonly logProbability: number;
  /** How many tokens at the end of the prompt it stands for, where it does (token healing). It adds what it has beyond them. */
  readonly replaces?: number;
};

/** A token that was written, with what could have been. */
export type GeneratedToken = LikelyToken & {
  /** The most likely tokens in its place, the first the most likely one; it may be among them. */
  readonly alternatives: readonly LikelyToken[];
};

/**
 * Text that goes on from the prompt, token by token. Characters that the model does not know are read as its unknown
 * character, which is never written; without a prompt it writes as if after the end of a text, where the model was trained on
 * separate texts, else of a line. Such a model may end the text itself. Where a prompt that is text may end within a token
 * ("of the " in a model of words), what is written first may stand for the end of the prompt; what comes out is what it adds.
 * @throws InputError for an option out of its range, and for a model whose values are no numbers any more
 * @example for await (const piece of generate(lm, { prompt: "Call me" })) process.stdout.write(piece);
 */
export async function* generate(lm: LanguageModel, options: GenerateOptions = {}): AsyncGenerator<string, void> {
  checkArguments("generate", { lm, options }, generateArguments);
  const { prompt = "", ...rest } = options;
  for await (const { text } of write(lm, [prompt], rest, (_, text) => ({ text }))) yield text;
}

/**
 * The same tokens as `generate`, each with its log-probability. Where a stop string begins within a token, its `text`
 * is what comes before; where a token ends within a character, that character is in the `text` of the token that ends
 * it.
 * @throws InputError as `generate`
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
 * Many texts at once, faster than one after the other: the tokens of all as they are written, each with its prompt's
 * place in the list. Prompt k goes on exactly as alone with the seed `seed + k`.
 * @throws InputError as `generate`
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

/** The characters of a text that the model does not know, each once. */
export function unknownCharacters({ tokenizer }: LanguageModel, text: string): string[] {
  if (!hasUnknown(tokenizer)) return [];
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

/** Characters or tokens of a prompt that is worth a program that reads many at once. */
const longPrompt = 256;

/** Every prompt's text, piece by piece, as `describe` makes them; it is told of which prompt, too. */
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
    ...writing
  }: WritingOptions & { batch?: number | undefined },
  describe: (prompt: number, ...token: Parameters<Describe<Piece>>) => Piece,
): AsyncGenerator<Piece, void> {
  if (prompts.length === 0 || length === 0) return;
  const host = { engine, fma, threads };
  const longPrompts = prompts.some((prompt) => prompt.length >= longPrompt);
  const desk = await createDesk<Piece>(lm, [Math.min(batch, prompts.length)], host, longPrompts);
  try {
    const yieldNow = createYielder();
    const aborted = (): boolean => signal?.aborted === true;
    for (let begun = 0; !aborted(); ) {
      for (; begun < prompts.length && desk.count < desk.size; begun++) {
        const [k, prompt] = [begun, prompts[begun] as Prompt];
        desk.join(
          createText(lm, {
            prompt,
            length,
            seed: seed + k,
            describe: (...token) => describe(k, ...token),
            ...writing,
          }),
        );
      }
      if (desk.count === 0) return;
      for (const { pieces, ended } of desk.step()) {
        if (ended instanceof Error) throw ended;
        for (const piece of pieces) {
          if (aborted()) return;
          yield piece;
        }
      }
      await yieldNow();
    }
  } finally {
    desk.dispose();
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
