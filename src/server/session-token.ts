/**
 * A session as a token: all that the model remembers, to the bit, with what it is bound to: the model, the client's API key,
 * an expiry. Knows nothing about how a token is sealed.
 *
 * What is sealed is the length of a header (4 bytes), the header in JSON, and the numbers of the recurrent states as 32-bit
 * floats, little-endian, in the order of their names.
 */
import { createHash } from "node:crypto";
import type { SlotState } from "../tasks/slots.ts";
import { stateBytes } from "./costs.ts";
import type { LoadedModels, LoadedText } from "./loaded-models.ts";
import { refused, type Sealing, tokenLength } from "./sealing.ts";
import type { Memory, Part, Remembered } from "./session-memory.ts";
import type { Session } from "./sessions.ts";

/** What a token says of a session. */
export type Opened = {
  readonly loaded: LoadedText;
  readonly created: number;
  readonly remembered: Remembered;
};

export type Sealer = {
  /** @param keyDigest of the API key of the client, which alone can use the token */
  readonly seal: (session: Session, keyDigest: Uint8Array | undefined) => string;
  /**
   * @param model the name of the model that is asked for, if one is
   * @throws ApiError `session_token_...` for a token that this server does not continue
   */
  readonly open: (token: string, keyDigest: Uint8Array | undefined, model?: string) => Opened;
};

type Header = {
  /** The fingerprint of the model. */
  readonly model: string;
  readonly client: string | null;
  readonly created: number;
  readonly expiresMs: number;
  readonly memory: Kept;
  readonly part: (Kept & { readonly rest: string }) | null;
};
/** A memory without the numbers of its state. */
type Kept = Pick<Memory, "tokens" | "open"> & { readonly pending: readonly number[]; readonly hasState: boolean };

/** More bytes than a header has: the text that can still change is shorter than the longest token of the vocabulary. */
const headerBytes = 100_000;
const lengthBytes = 4;

/** The largest number of characters of a token of these models. */
export const maxTokenLength = (models: readonly LoadedText[]): number =>
  // Twice the numbers, because of an unfinished character.
  Math.max(0, ...models.map((loaded) => tokenLength(lengthBytes + headerBytes + 2 * stateBytes(loaded))));

export function createSealer(sealing: Sealing, models: LoadedModels): Sealer {
  return {
    seal({ loaded, created, expiresMs, remembered: { memory, part } }, keyDigest) {
      const header: Header = {
        ...{ model: loaded.fingerprint, client: clientOf(keyDigest), created, expiresMs, memory: kept(memory) },
        part: part === undefined ? null : { ...kept(part), rest: Buffer.from(part.rest).toString("base64") },
      };
      const json = Buffer.from(JSON.stringify(header));
      const length = Buffer.alloc(lengthBytes);
      length.writeUInt32LE(json.length);
      const states = [memory, part].map((one) => numbersOf(loaded, one?.state));
      return sealing.seal(Buffer.concat([length, json, ...states]));
    },

    open(token, keyDigest, model) {
      const most = maxTokenLength(models.texts);
      if (token.length > most) {
        const found = `needs at most ${most} characters, got ${token.length}`;
        throw refused(
          "too_long",
          `${found}: no model here has such a token. Send the token of a session's last answer.`,
        );
      }
      const content = sealing.open(token);
      const begin = lengthBytes + content.readUInt32LE();
      const header: Header = JSON.parse(content.toString("utf8", lengthBytes, begin));
      if (header.expiresMs <= Date.now()) {
        const when = new Date(header.expiresMs).toISOString();
        throw refused("expired", `it expired at ${when} (see --session-minutes). Begin a new session.`);
      }
      if (header.client !== clientOf(keyDigest)) {
        throw refused("client", "it belongs to the client of another API key. Send that key, or begin a new session.");
      }
      const same = models.texts.filter(({ fingerprint }) => fingerprint === header.model);
      const loaded = same.find(({ name }) => name === model) ?? same[0];
      if (loaded === undefined) {
        const names = models.texts.map(({ name }) => name).join(", ");
        const wrong = `it belongs to a model that is not served here, or no longer (served: ${names})`;
        throw refused("model", `${wrong}. Send it to a server with that model, or begin a new session.`);
      }
      const { memory, part, created } = header;
      const bytes = stateBytes(loaded);
      const partAt = begin + (memory.hasState ? bytes : 0);
      const remembered = {
        memory: { ...memoryOf(memory), state: stateOf(loaded, memory, content.subarray(begin, begin + bytes)) },
        part: part === null ? undefined : partOf(loaded, part, content.subarray(partAt, partAt + bytes)),
      };
      return { loaded, created, remembered };
    },
  };
}

/** A client in a token: nothing tells its key. Without keys, anyone who has the token can use it. */
const clientOf = (keyDigest: Uint8Array | undefined): string | null =>
  keyDigest === undefined
    ? null
    : createHash("sha256").update("unrolled session client\n").update(keyDigest).digest("base64url");

const kept = ({ tokens, open, pending, state }: Memory): Kept => {
  return { tokens, open, pending: [...pending], hasState: state !== undefined };
};
const memoryOf = ({ tokens, open, pending }: Kept) => ({ tokens, open, pending: Int32Array.from(pending) });

function partOf(loaded: LoadedText, part: NonNullable<Header["part"]>, bytes: Buffer): Part {
  const rest = Uint8Array.from(Buffer.from(part.rest, "base64"));
  return { ...memoryOf(part), state: stateOf(loaded, part, bytes), rest };
}

/** The numbers of a state in the order of their names: that in memory may be another with another engine. */
function numbersOf({ batcher }: LoadedText, state: SlotState | undefined): Buffer {
  if (state === undefined) return Buffer.alloc(0);
  return Buffer.concat(
    byName(batcher.named(state)).map((one) => Buffer.from(one.buffer, one.byteOffset, one.byteLength)),
  );
}

function stateOf({ batcher }: LoadedText, { hasState }: Kept, bytes: Buffer): SlotState | undefined {
  if (!hasState) return undefined;
  const state = new Float32Array(bytes.length / 4);
  let at = 0;
  for (const numbers of byName(batcher.named(state))) {
    // Copied, because the bytes of a token lie at any address.
    const own = bytes.subarray(at, at + numbers.byteLength);
    new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength).set(own);
    at += own.length;
  }
  return state;
}

const byName = (named: Record<string, Float32Array>): readonly Float32Array[] =>
  Object.keys(named)
    .sort()
    .map((name) => named[name] as Float32Array);
