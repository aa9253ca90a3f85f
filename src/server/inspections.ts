/** Looking inside models: few at once, as each answer is large, and beside the texts that are written. */
import { inspectedToken, inspectText, shownValues } from "../tasks/inspect-text.ts";
import { encode } from "../text/tokenizer.ts";
import { turn } from "./batcher.ts";
import type { Limits, Served } from "./completions.ts";
import { ApiError } from "./errors.ts";
import { warningsOf } from "./warnings.ts";

/** Requests that look inside a model at once. */
const mostAtOnce = 4;
/** Numbers in the answer to one: about 12 MB. */
const mostNumbers = 1_000_000;

/** What one server's clients ask of this. */
export function createInspections({ maxPromptTokens }: Limits) {
  let running = 0;
  /**
   * Every value asked for (all that `unrolled inspect` shows where none is), token by token.
   * @throws ApiError for more than the limits, and the reason of the signal; InputError for a value that there is not
   */
  return async function inspect(
    { name, lm }: Served,
    { text, values }: { readonly text: string; readonly values: readonly string[] },
    signal: AbortSignal,
  ): Promise<object> {
    const shown = shownValues(lm.model, values, "values");
    const ids = encode(lm.tokenizer, text);
    const numbers = ids.length * shown.reduce((total, { size }) => total + size, 0);
    if (ids.length > maxPromptTokens || numbers > mostNumbers) {
      const [tokens, all] = [ids.length, numbers].map((count) => count.toLocaleString("en-US"));
      const wrong = `${tokens} tokens with ${all} numbers are too many for one answer`;
      throw new ApiError("invalid", `text: ${wrong}. Give a shorter text, or choose values.`, "text");
    }
    if (running >= mostAtOnce) {
      throw new ApiError("queue_full", `${running} others are looking inside models. Try again in a moment.`);
    }
    running++;
    try {
      const tokens: object[] = [];
      for await (const token of inspectText(lm, ids, name, { values: shown.map(({ key }) => key) })) {
        tokens.push(inspectedToken(lm.tokenizer, shown, token));
        await turn();
        signal.throwIfAborted();
      }
      const warnings = warningsOf(lm, { text: [text] });
      return { object: "inspection", model: name, tokens, ...(warnings.length > 0 && { warnings }) };
    } finally {
      running--;
    }
  };
}
