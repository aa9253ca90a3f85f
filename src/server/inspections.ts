/** Inspect models for requests: few at once, because each is much work, next to the generation of texts. */
import { inspectedToken, inspectText, type LabelledValue, type ReadToken, shownValues } from "../tasks/inspect-text.ts";
import { decodeNext, encode, type Tokenizer } from "../text/tokenizer.ts";
import { warned } from "./completions/answers.ts";
import type { Limits } from "./completions/limits.ts";
import { ApiError } from "./errors.ts";
import { nextTurn } from "./event-loop.ts";
import { LazyList } from "./json.ts";
import type { LoadedText } from "./loaded-models.ts";
import type { Warning } from "./schemas.ts";
import { warningsOf } from "./warnings.ts";

/** The largest number of inspections at once. */
const maxAtOnce = 4;
/** The largest number of values in an answer: about 12 MB of text. */
const maxNumbers = 1_000_000;
/** The number of most likely next tokens in an answer. */
const likeliest = 5;

/** The values to inspect, and the size of the answer. */
export type Inspection = {
  readonly ids: Int32Array;
  readonly selected: readonly LabelledValue[];
  /** The number of values for each token. */
  readonly size: number;
  readonly warnings: readonly Warning[];
};

/** Create the inspections of one server. */
export function createInspections({ maxPromptTokens }: Limits) {
  let running = 0;
  return {
    /** @throws ApiError beyond a limit; InputError for an unknown value */
    plan(
      { lm }: LoadedText,
      { text, values }: { readonly text: string; readonly values: readonly string[] },
    ): Inspection {
      const selected = shownValues(lm.model, values, "values");
      const size = selected.reduce((total, { size }) => total + size, 0);
      const ids = encode(lm.tokenizer, text);
      const numbers = ids.length * size;
      if (ids.length > maxPromptTokens || numbers > maxNumbers) {
        const [tokens, all] = [ids.length, numbers].map((count) => count.toLocaleString("en-US"));
        const wrong = `${tokens} tokens with ${all} numbers are too many for one answer`;
        throw new ApiError("invalid", `text: ${wrong}. Give a shorter text, or select values.`, "text");
      }
      return { ids, selected, size, warnings: warningsOf(lm, { text: [text] }) };
    },
    /**
     * The requested values (by default, all that `unrolled inspect` shows). They are stored as numbers; the data of
     * each token is formatted while it is sent.
     * @throws ApiError if too many inspections are running, or the reason of the signal
     */
    async inspect(
      { name, lm }: LoadedText,
      { ids, selected, size, warnings }: Inspection,
      signal: AbortSignal,
    ): Promise<object> {
      if (running >= maxAtOnce) {
        throw new ApiError(
          "queue_full",
          `the limit of ${running} inspections at once is reached. Try again in a moment.`,
        );
      }
      running++;
      try {
        const seen = createSeen(lm.tokenizer, ids, selected, size);
        const keys = selected.map(({ key }) => key);
        for await (const token of inspectText(lm, ids, name, { values: keys, likeliest })) {
          seen.add(token);
          await nextTurn();
          signal.throwIfAborted();
        }
        const together = Math.max(1, Math.floor(1000 / size));
        const tokens = new LazyList(
          ids.length,
          (place) => inspectedToken(lm.tokenizer, selected, seen.at(place)),
          together,
        );
        return { object: "inspection", model: name, tokens, ...warned({ warnings }) };
      } finally {
        running--;
      }
    },
  };
}

/** The tokens that were read, stored as numbers only. */
function createSeen(tokenizer: Tokenizer, ids: Int32Array, selected: readonly LabelledValue[], size: number) {
  const numbers = new Float32Array(ids.length * size);
  const losses = new Float64Array(ids.length).fill(Number.NaN);
  const next = new Int32Array(ids.length * likeliest).fill(-1);
  const probabilities = new Float32Array(ids.length * likeliest);
  let count = 0;
  let rest: Uint8Array | undefined;
  return {
    add(token: ReadToken): void {
      let at = count * size;
      for (const { key, size } of selected) {
        numbers.set(token.values[key] as Float32Array, at);
        at += size;
      }
      losses[count] = token.loss ?? Number.NaN;
      for (const [k, one] of token.next.entries()) {
        next[count * likeliest + k] = one.token;
        probabilities[count * likeliest + k] = one.probability;
      }
      count++;
    },
    /** They are requested in order: if a token ends within a character, the next token's text contains it. */
    at(place: number): Pick<ReadToken, "text" | "values" | "next" | "loss"> {
      const decoded = decodeNext(tokenizer, ids[place] as number, place === 0 ? undefined : rest);
      rest = decoded.rest;
      const values: Record<string, Float32Array<ArrayBuffer>> = {};
      let at = place * size;
      for (const { key, size } of selected) {
        values[key] = numbers.subarray(at, at + size);
        at += size;
      }
      const likely: { token: number; probability: number }[] = [];
      for (let k = place * likeliest; k < (place + 1) * likeliest && (next[k] as number) >= 0; k++) {
        likely.push({ token: next[k] as number, probability: probabilities[k] as number });
      }
      const loss = losses[place] as number;
      return { text: decoded.text, values, next: likely, ...(!Number.isNaN(loss) && { loss }) };
    },
  };
}
