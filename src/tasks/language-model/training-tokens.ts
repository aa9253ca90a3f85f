/** Which tokens of a text a language model is trained on, which are kept for validation, and whether they are enough. */
import { InputError } from "../../graph/input-error.ts";
import { withDefaults } from "../../graph/schema.ts";
import { endOfText, type Tokenizer } from "../../text/tokenizer.ts";
import { type FitStreamOptions, fitDefaults } from "../../train/fit-stream-options.ts";
import { smallestStream } from "../../train/stream.ts";
import { runsOf, type Tokens } from "../../train/token-source.ts";

/**
 * The share of the tokens that is kept for validation. Of separate texts the last ones are kept whole, so that no text is both
 * trained and measured on. If no number of whole texts comes near the wanted share (from a quarter of it to four times as
 * much), because there are few or one is very long, a part of a text is kept.
 */
export function splitOf(
  tokenizer: Tokenizer,
  text: unknown,
  tokens: Tokens,
  options: FitStreamOptions,
): { readonly validationSplit: number } {
  const { validationSplit } = withDefaults(fitDefaults, options);
  if (!Array.isArray(text) || validationSplit === 0) return { validationSplit };
  const end = endOfText(tokenizer);
  const wanted = tokens.length * validationSplit;
  let [kept, left] = [0, tokens.length];
  for (const run of runsOf(tokens)) {
    for (const token of run) {
      left--;
      if (token === end && Math.abs(left - wanted) < Math.abs(kept - wanted)) kept = left;
    }
  }
  if (kept < wanted / 4 || kept > wanted * 4) return { validationSplit };
  // Half a token more, so that rounding makes no difference.
  return { validationSplit: (kept + 0.5) / tokens.length };
}

/** @throws InputError if this many tokens are too few for one batch of training; `where` begins the message */
export function checkLength(tokens: number, options: FitStreamOptions, where = ""): void {
  const { batch, steps, validationSplit } = withDefaults(fitDefaults, options);
  const wanted = smallestStream(batch, steps);
  const training = tokens - Math.floor(tokens * validationSplit);
  if (training >= wanted) return;
  const count = (n: number): string => n.toLocaleString("en-US");
  throw new InputError(
    `${where}the text has ${training === 1 ? "1 token" : `${count(training)} tokens`} to train on, and a batch of ${count(batch)} x ${count(steps)} steps needs ` +
      `${count(wanted)}. Give a longer text, a smaller batch or fewer steps.`,
  );
}
