/** Language models while they write: what the room Write asks. */
import { tokensToRead } from "../../tasks/desk.ts";
import { type GeneratedToken, generateTokens } from "../../tasks/generate.ts";
import { readLanguageModel } from "../../tasks/language-model.ts";
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
   * Text without an end, some tokens at a time: who has enough does not ask again. `taken` are tokens that stand between
   * the prompt and what is written.
   * @throws InputError as `generateTokens`
   */
  async *write(
    file: Uint8Array<ArrayBuffer>,
    { prompt, ...settings }: WritingSettings,
    taken: readonly number[] = [],
  ): Job<readonly GeneratedToken[], undefined> {
    const lm = readLanguageModel(file, "the model");
    const from = taken.length === 0 ? prompt : [...tokensToRead(lm.tokenizer, prompt), ...taken];
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
    return undefined;
  },
};
