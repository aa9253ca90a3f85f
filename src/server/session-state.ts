/** Convert the complete state of a session to JSON and back, to the bit. JSON from a client is not trusted. */
import type { SlotState } from "../tasks/slots.ts";
import { encode, hasUnknown } from "../text/tokenizer.ts";
import type { Limits } from "./completions/limits.ts";
import { ApiError } from "./errors.ts";
import type { LoadedText } from "./loaded-models.ts";
import type { SessionMemory } from "./schemas.ts";
import type { Memory, Remembered } from "./session-memory.ts";
import type { Session } from "./sessions.ts";
import { checkTokens } from "./token-ids.ts";

export function sessionMemoryOf({ loaded, remembered: { memory, part } }: Session): Required<SessionMemory> {
  const { name: model, fingerprint } = loaded;
  const about = ({ tokens, pending, state }: Memory) => ({
    tokens,
    pending: [...pending],
    state: named(loaded, state),
  });
  return {
    ...{ object: "session.state", model, fingerprint, ...about(memory), open: memory.open },
    part: part === undefined ? null : { ...about(part), rest: Buffer.from(part.rest).toString("base64") },
  };
}

const named = ({ batcher }: LoadedText, state: SlotState | undefined): Record<string, string> | null =>
  state === undefined
    ? null
    : Object.fromEntries(
        Object.entries(batcher.named(state)).map(([name, { buffer, byteOffset, byteLength }]) => [
          name,
          Buffer.from(buffer, byteOffset, byteLength).toString("base64"),
        ]),
      );

/** The largest body, in bytes, with a session's state. */
export const maxStateBytes = ({ batcher }: LoadedText): number =>
  // Twice the numbers, because of an unfinished character; and names and the rest.
  100_000 +
  2 *
    Object.entries(batcher.named(undefined)).reduce((sum, [name, { length }]) => sum + 6 * length + 2 * name.length, 0);

/**
 * Check a state from a client.
 * @throws ApiError `state_mismatch` for the state of another model, `invalid` for a state that does not fit this one
 */
export function rememberedOf(loaded: LoadedText, body: SessionMemory, { maxPromptTokens }: Limits): Remembered {
  const { fingerprint, open, part } = body;
  if (fingerprint !== loaded.fingerprint) {
    const wrong = `fingerprint: this state belongs to another model; the fingerprint of ${loaded.name} is ${loaded.fingerprint}.`;
    throw new ApiError("state_mismatch", wrong, "fingerprint");
  }
  if (open !== "" && encode(loaded.lm.tokenizer, open).length > maxPromptTokens) {
    throw invalid("open", `needs at most ${maxPromptTokens.toLocaleString("en-US")} tokens`);
  }
  const memory = { ...memoryOf(loaded, body, ""), open };
  if (part === null) return { memory, part: undefined };
  const rest = Uint8Array.from(Buffer.from(part.rest, "base64"));
  if (hasUnknown(loaded.lm.tokenizer))
    throw invalid("part", "needs null: every token of this model is a whole character");
  if (rest.length === 0 || rest.length > 3) throw invalid("part.rest", `needs 1 to 3 bytes, got ${rest.length}`);
  if (part.pending.length === 0) throw invalid("part.pending", "needs the token that was generated last");
  return { memory, part: { ...memoryOf(loaded, part, "part."), open: "", rest } };
}

function memoryOf(
  { lm, batcher }: LoadedText,
  { tokens, pending, state }: Pick<SessionMemory, "tokens" | "pending" | "state">,
  where: string,
): Memory {
  checkTokens(`${where}pending`, lm.tokenizer, pending);
  const about = { tokens, pending: Int32Array.from(pending), open: "" };
  if (state === null) return { ...about, state: undefined };
  const wanted = Object.entries(batcher.named(undefined));
  const all = new Float32Array(wanted.reduce((sum, [, { length }]) => sum + length, 0));
  const odd = Object.keys(state).find((name) => !wanted.some(([one]) => one === name));
  if (odd !== undefined) throw invalid(`${where}state`, `the model has no state "${odd.slice(0, 60)}"`);
  let at = 0;
  for (const [name, { length }] of wanted) {
    const bytes = Buffer.from(Object.hasOwn(state, name) ? (state[name] as string) : "", "base64");
    if (bytes.length !== 4 * length) {
      throw invalid(
        `${where}state.${name}`,
        `needs ${length} numbers (${4 * length} bytes), got ${bytes.length} bytes`,
      );
    }
    for (let k = 0; k < length; k++) {
      const value = bytes.readFloatLE(4 * k);
      if (!Number.isFinite(value)) throw invalid(`${where}state.${name}`, `number ${k} is ${value}`);
      all[at++] = value;
    }
  }
  // What a model of windows keeps are tokens.
  if (lm.window !== undefined) checkTokens(`${where}state`, lm.tokenizer, [...all]);
  return { ...about, state: all };
}

const invalid = (param: string, wrong: string): ApiError => new ApiError("invalid", `${param}: ${wrong}.`, param);
