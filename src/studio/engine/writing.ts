/** Generate text with language models, for the Write view. */

import { type GeneratedToken, generateTokens } from "../../tasks/generate.ts";
import { tokensToRead } from "../../tasks/generation-engine.ts";
import { endOfText } from "../../text/tokenizer.ts";
import { type ModelHandle, modelOf } from "./open-models.ts";
import type { Job } from "./remote.ts";

/** Options for drawing tokens. Absent ones have no effect. */
export type WritingSettings = {
  readonly prompt: string;
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly seed: number;
};

/** The number of alternatives for each position. */
const alternatives = 10;
const pieceMs = 30;

export const writing = {
  /**
   * Generate text, a few tokens at a time, until the model ends it; a caller that has enough stops pulling values.
   * `taken` are tokens between the prompt and the generated text; the first of them replaces the last `replaces` tokens
   * of the prompt.
   * @throws InputError for the same reasons as `generateTokens`; ModelClosed
   */
  async *write(
    handle: ModelHandle,
    { prompt, ...settings }: WritingSettings,
    taken: readonly number[] = [],
    replaces = 0,
  ): Job<readonly GeneratedToken[], undefined> {
    const lm = modelOf(handle);
    // The reader chose the end of the text.
    if (taken.length > 0 && taken.at(-1) === endOfText(lm.tokenizer)) return undefined;
    const read = tokensToRead(lm.tokenizer, prompt);
    const from = taken.length === 0 ? prompt : [...read.subarray(0, read.length - replaces), ...taken];
    const options = { ...settings, prompt: from, length: Number.POSITIVE_INFINITY, logProbabilities: alternatives };
    let piece: GeneratedToken[] = [];
    let begunMs = performance.now();
    for await (const token of generateTokens(lm, options)) {
      piece.push(token);
      if (performance.now() - begunMs < pieceMs) continue;
      yield piece;
      piece = [];
      begunMs = performance.now();
    }
    if (piece.length > 0) yield piece;
    return undefined;
  },
};
