/** Language models while they write: what the Write view asks. */

import { type GeneratedToken, generateTokens } from "../../tasks/generate.ts";
import { tokensToRead } from "../../tasks/generation-engine.ts";
import { endOfText } from "../../text/tokenizer.ts";
import { type ModelHandle, modelOf } from "./open-models.ts";
import type { Job } from "./remote.ts";

/** How tokens are drawn. What is left out changes nothing. */
export type WritingSettings = {
  readonly prompt: string;
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly seed: number;
};

/** How many tokens are told that could have been in each place. */
const alternatives = 10;
const pieceMs = 30;

export const writing = {
  /**
   * Text, some tokens at a time, as far as the model goes on: who has enough does not ask again. `taken` are tokens that
   * stand between the prompt and what is written, the first of them in place of the last `replaces` of the prompt.
   * @throws InputError as `generateTokens`, ModelClosed
   */
  async *write(
    handle: ModelHandle,
    { prompt, ...settings }: WritingSettings,
    taken: readonly number[] = [],
    replaces = 0,
  ): Job<readonly GeneratedToken[], undefined> {
    const lm = modelOf(handle);
    // The reader chose that it ends.
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
