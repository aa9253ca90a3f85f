/** What a session remembers, and how it goes on from there with a text. Knows nothing about requests. */
import { type Retake, type Sequence, tokensToRead } from "../tasks/generation-engine.ts";
import { openFrom } from "../tasks/healing.ts";
import type { SlotState } from "../tasks/slots.ts";
import { decode, encode, type Tokenizer } from "../text/tokenizer.ts";
import type { PromptTokens } from "./completions/prompt.ts";

/** What was read and shown. */
export type Memory = {
  /** What the model remembers of all tokens but those that follow: of none where absent. */
  readonly state: SlotState | undefined;
  /** The last token, which the model reads first when it goes on; none in the beginning. */
  readonly pending: Int32Array;
  /** The end of it, after that token, where it may end within one: it is read with what comes next. */
  readonly open: string;
  /** Read and written. */
  readonly tokens: number;
};

/** As well what was written of a character that is not whole, and not shown: without a text, the model goes on within it. */
export type Part = Memory & {
  /** The bytes of that character. */
  readonly rest: Uint8Array;
};

/** What all that was shown left, and where it ended within a character, what all that was written left. */
export type Remembered = { readonly memory: Memory; readonly part: Part | undefined };

export const nothing: Remembered = {
  memory: { state: undefined, pending: new Int32Array(), open: "", tokens: 0 },
  part: undefined,
};

/** How a memory goes on with a text. */
type Reading = {
  /** All tokens that are read before something is written. */
  readonly toRead: Int32Array;
  /** The first of them that was made of text. */
  readonly healFrom: number;
  /** How many are certain whatever comes next, the last of them excepted: it foretells what comes. */
  readonly settled: number;
  /** Tokens of all that was read and written then. */
  readonly tokens: number;
  /** What is remembered after the text, given what the model remembers of the settled tokens. */
  readonly after: (state: SlotState | undefined) => Memory;
};

function readingOf(tokenizer: Tokenizer, memory: Memory, text: string): Reading {
  const given = encode(tokenizer, memory.open + text);
  const healFrom = memory.pending.length;
  const toRead = new Int32Array(healFrom + given.length);
  toRead.set(memory.pending);
  toRead.set(given, healFrom);
  const open = openFrom(tokenizer, given);
  const settled = Math.max(0, healFrom + open - 1);
  // One that was put back may say any number.
  const tokens = Math.min(
    Number.MAX_SAFE_INTEGER,
    memory.tokens + given.length - encode(tokenizer, memory.open).length,
  );
  return {
    ...{ toRead, healFrom, settled, tokens },
    after: (state) => ({
      ...{ state: settled > 0 ? state : memory.state, pending: toRead.slice(settled, healFrom + open), tokens },
      open: decode(tokenizer, given.subarray(open)),
    }),
  };
}

/** How a text is written that goes on from what is remembered. */
type GoingOn = {
  readonly prompt: PromptTokens;
  /** What is remembered when that text has ended. */
  readonly after: (
    text: Pick<Sequence<unknown>, "state" | "latest" | "written" | "replaced" | "rest" | "again">,
  ) => Remembered;
};

/** What is given counts as read, without what was open before it. */
const sentAs = (tokenizer: Tokenizer, prompt: string) => ({ sent: prompt, count: encode(tokenizer, prompt).length });

/** It only reads: the end of what it is given stays open for what comes next. */
export function readOn(tokenizer: Tokenizer, remembered: Remembered, prompt: string): GoingOn {
  const { memory } = remembered;
  const { toRead, healFrom, settled, after } = readingOf(tokenizer, memory, prompt);
  return {
    prompt: {
      ...{ tokens: toRead.subarray(0, settled), healFrom, ...sentAs(tokenizer, prompt) },
      memory: { state: memory.state, goesOn: true },
    },
    after: ({ state }) => (prompt === "" ? remembered : { memory: after(state), part: undefined }),
  };
}

/** It reads, and writes on. A text that is given after half a character comes in its place. */
export function writeOn(tokenizer: Tokenizer, { memory, part }: Remembered, prompt: string): GoingOn {
  const from = prompt === "" && part !== undefined ? part : memory;
  const { toRead, healFrom, settled, tokens, after } = readingOf(tokenizer, from, prompt);
  /** What is remembered after a text that was shown. */
  let again: Reading | undefined;
  const retake: Retake = {
    keepAfter: settled,
    readAgain(shown, kept) {
      // What was written after half a character is read after what was shown before it.
      const base = from === part ? memory : shown === "" || toRead.length > 0 ? after(kept) : begun(tokenizer, memory);
      again = readingOf(tokenizer, base, shown);
      return { tokens: again.toRead.subarray(0, again.settled), state: base.state };
    },
  };
  return {
    prompt: {
      ...{ tokens: toRead, healFrom, ...sentAs(tokenizer, prompt) },
      memory: { state: from.state, goesOn: true, retake, ...(from === part && { rest: part.rest }) },
    },
    after(text) {
      const written: Memory = {
        ...{ state: text.again?.before ?? text.state, pending: Int32Array.of(text.latest), open: "" },
        tokens: tokens + text.written - text.replaced,
      };
      if (again === undefined || text.again === undefined) return { memory: written, part: undefined };
      const shown = again.after(text.state);
      if (text.again.ended === "stop") return { memory: shown, part: undefined };
      return { memory: shown, part: { ...written, rest: text.rest } };
    },
  };
}

/** Without a prompt a model writes as if after the end of a text or line: that stays what it has read. */
const begun = (tokenizer: Tokenizer, memory: Memory): Memory => ({ ...memory, pending: tokensToRead(tokenizer, "") });
