/**
 * The internal form of a request for text: completions, chats and sessions all become a list of texts to generate here.
 */
import type { Sequence } from "../../tasks/generation-engine.ts";
import type { LoadedText } from "../loaded-models.ts";
import type { Warning, Writing } from "../schemas.ts";
import { warningsOf } from "../warnings.ts";
import type { Best, Score } from "./best.ts";
import { type AnswerFormat, completionFormat } from "./choice.ts";
import { checkLimits, type Limits } from "./limits.ts";
import type { Piece } from "./piece.ts";
import { echoOf, type PromptTokens } from "./prompt.ts";
import { createTexts } from "./text.ts";

/** The texts to generate; each is a choice of the answer. */
export type CompletionRequest = {
  readonly loaded: LoadedText;
  readonly writing: Writing;
  readonly texts: readonly Sequence<Piece>[];
  /** The pieces before the generated ones: the prompt of each text, if it is echoed. */
  readonly before: readonly (readonly Piece[])[];
  /** The texts that continue from a prompt that another text has read. */
  readonly shared: readonly Shared[];
  /** The number of tokens in the prompts. */
  readonly promptTokens: number;
  readonly warnings: readonly Warning[];
  /** The choice of the best texts; without it, all texts are returned in order. */
  readonly best: Best | undefined;
  readonly format: AnswerFormat;
  /** Called when all texts have ended normally. */
  readonly onWritten?: (() => void) | undefined;
  /** Fields that are added to the answer, or to an event of their own, when all texts have ended normally. */
  readonly about?: (() => object) | undefined;
};

/** One text reads the first `after` tokens of a prompt for all texts that continue it. */
type Shared = { readonly after: number; readonly first: number; readonly others: readonly number[] };

/** The prompts, and the number of texts for each. */
export type Wanted = {
  readonly prompts: readonly PromptTokens[];
  readonly n: number;
  readonly echo: boolean;
  readonly best_of?: number | undefined;
  readonly format?: AnswerFormat;
  /** The name of the field with the prompts. */
  readonly param?: string;
  readonly onWritten?: (text: Sequence<Piece>) => void;
  readonly about?: (() => object) | undefined;
};

/**
 * Create the internal request.
 * @throws ApiError for a request beyond a limit, and for an invalid text
 */
export function createRequest(
  loaded: LoadedText,
  writing: Writing,
  limits: Limits,
  { prompts, n, echo, best_of, format = completionFormat, param = "prompt", onWritten, about }: Wanted,
): CompletionRequest {
  const { lm } = loaded;
  const promptTokens = prompts.reduce((total, { tokens, count = tokens.length }) => total + count, 0);
  const each = best_of ?? n;
  checkLimits(writing, limits, { texts: prompts.length * each, toRead: promptTokens });
  const seed = seedOf(writing);
  const scores = each > n ? Array.from({ length: prompts.length * each }, (): Score => ({ nats: 0, tokens: 0 })) : [];
  const [texts, before, shared]: [Sequence<Piece>[], (readonly Piece[])[], Shared[]] = [[], [], []];
  for (const prompt of prompts) {
    const first = texts.length;
    const options = { count: each, seed: seed + first, echo, scores: scores.slice(first) };
    const group = createTexts(lm, writing, prompt, options);
    texts.push(...group.texts);
    const echoes = echo ? echoOf(lm, prompt, writing) : [];
    before.push(...group.texts.map(() => echoes));
    const others = group.texts.slice(1).map((_, k) => first + 1 + k);
    if (group.after > 0 && others.length > 0) shared.push({ after: group.after, first, others });
  }
  return {
    ...{ loaded, writing, texts, before, shared, promptTokens, format },
    warnings: warningsOf(lm, { [param]: prompts.flatMap(({ sent }) => sent ?? []), stop: writing.stop }),
    best: each > n ? { of: each, n, scores } : undefined,
    onWritten: onWritten && (() => onWritten(texts[0] as Sequence<Piece>)),
    about,
  };
}

/** A random seed, if none was given. */
const seedOf = ({ seed }: Writing): number =>
  seed === undefined || seed === -1 ? Math.floor(Math.random() * 2 ** 32) : seed;

/** The newer name of the length takes precedence. */
export function withLength({
  max_tokens,
  max_completion_tokens,
  ...rest
}: Writing & { readonly max_completion_tokens?: number | undefined }): Writing {
  return { max_tokens: max_completion_tokens ?? max_tokens, ...rest };
}
