/** The tokens of `fitStream` in two parts: those to train on, and those to validate on. */

import { InputError } from "../graph/input-error.ts";
import { withDefaults } from "../graph/schema.ts";
import type { TrainingRun } from "./callbacks.ts";
import { type FitStreamOptions, fitDefaults } from "./fit-stream-options.ts";
import { type TokenSource, type Tokens, tokenRange, tokenSource } from "./token-source.ts";

/** The name of the entry in errors; further content of the model's file; whether validation was asked for. */
export type StreamTraining = {
  readonly where: string;
  readonly extra?: TrainingRun["extra"];
  readonly asked?: boolean | undefined;
};
/** Whether validation was asked for: without that, too few tokens to validate on are no error. */
export const asksFor = ({ validationSplit, keep }: Pick<FitStreamOptions, "validationSplit" | "keep">): boolean =>
  validationSplit !== undefined || keep === "best";

/** The training tokens, and the validation tokens, which are held in memory since they are read repeatedly. */
export type Parts = { readonly training: TokenSource; readonly validation: Int32Array };

export function split(
  tokens: Tokens,
  options: FitStreamOptions,
  { where, asked = asksFor(options) }: StreamTraining,
): Parts {
  const { validationSplit, validationTokens, validationData } = withDefaults(fitDefaults, options);
  const source = tokenSource(tokens);
  const from = source.length - Math.floor(source.length * validationSplit);
  const first = (all: TokenSource): Int32Array => {
    const held = new Int32Array(Math.min(all.length, validationTokens));
    all.read(0, held);
    return held;
  };
  const atLeast = "2 are needed to predict one";
  if (validationData === undefined) {
    const validation = first(tokenRange(source, from, source.length));
    if (validation.length < 2 && validationSplit > 0 && asked) {
      throw new InputError(
        `${where}: validationSplit ${validationSplit} of ${tokens.length} tokens keeps ${validation.length} to validate ` +
          `on, and ${atLeast}. Give a larger share, or 0 for none.`,
      );
    }
    return { training: tokenRange(source, 0, from), validation };
  }
  if ((options.validationSplit ?? 0) > 0) {
    throw new InputError(
      `${where}: validationSplit and validationData are two ways to do one thing. Give one of them.`,
    );
  }
  const validation = first(tokenSource(validationData));
  if (validation.length > 1) return { training: source, validation };
  throw new InputError(
    `${where}: validationData has ${validation.length === 1 ? "1 token" : "no tokens"}, and ${atLeast}. Give a longer text.`,
  );
}
