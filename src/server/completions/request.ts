/** A request for text as what is worked at: the one place where completions, chats and sessions become texts to write. */
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

/** Texts to be written, each a choice of the answer. */
export type CompletionRequest = {
  readonly loaded: LoadedText;
  readonly writing: Writing;
  readonly texts: readonly Sequence<Piece>[];
  /** What comes before anything is written: of each text, its prompt where it is echoed. */
  readonly before: readonly (readonly Piece[])[];
  /** Which texts go on from what another one has read. */
  readonly shared: readonly Shared[];
  /** Tokens of the prompts. */
  readonly promptTokens: number;
  readonly warnings: readonly Warning[];
  /** Without it all texts are given, in their order. */
  readonly best: Best | undefined;
  readonly format: AnswerFormat;
  /** Told when all texts have ended by themselves. */
  readonly onWritten?: (() => void) | undefined;
};

/** One text reads the beginning of a prompt, `after` tokens of it, for all that go on from it. */
type Shared = { readonly after: number; readonly first: number; readonly others: readonly number[] };

/** What to go on from, and in how many texts. */
export type Wanted = {
  readonly prompts: readonly PromptTokens[];
  readonly n: number;
  readonly echo: boolean;
  readonly best_of?: number | undefined;
  readonly format?: AnswerFormat;
  /** What the prompts come from is called in a request. */
  readonly param?: string;
  readonly onWritten?: (text: Sequence<Piece>) => void;
};

/**
 * What to write.
 * @throws ApiError for more than the limits, and for what is wrong with a text
 */
export function createRequest(
  loaded: LoadedText,
  writing: Writing,
  limits: Limits,
  { prompts, n, echo, best_of, format = completionFormat, param = "prompt", onWritten }: Wanted,
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
  };
}

/** Where none was given, any. */
const seedOf = ({ seed }: Writing): number =>
  seed === undefined || seed === -1 ? Math.floor(Math.random() * 2 ** 32) : seed;

/** The newer name of the length comes first. */
export function withLength({
  max_tokens,
  max_completion_tokens,
  ...rest
}: Writing & { readonly max_completion_tokens?: number | undefined }): Writing {
  return { max_tokens: max_completion_tokens ?? max_tokens, ...rest };
}
