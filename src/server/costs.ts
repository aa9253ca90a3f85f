/**
 * What a request takes at most, in bytes, told from what it asks for before anything is made of it. Estimates are upper bounds of
 * what it holds, not of what it makes and drops on the way.
 */
import { vocabularySize } from "../text/tokenizer.ts";
import { maxUnread } from "./completions/deliveries.ts";
import { bytesOfTokens } from "./completions/kept-choice.ts";
import type { LoadedText } from "./loaded-models.ts";
import type { Prompt, Writing } from "./schemas.ts";

/** A request, its connection and its answer on the way out. */
const ofRequest = 65_536;
/** A text: its objects, generator and stop strings that may have begun. */
const ofText = 4096;
/** A session, without what its model remembers. */
const ofSession = 2048;
/** Characters of a token that is written, on average at most. */
const tokenLength = 8;
/** A piece that waits to be read, and each alternative that is told with it. */
const [ofPiece, ofAlternative] = [160, 120];

type Asked = {
  readonly prompt: readonly Prompt[];
  readonly n: number;
  readonly echo: boolean;
  readonly best_of?: number | undefined;
};

/** Of a request for text. */
export function completionBytes(loaded: LoadedText, writing: Writing, { prompt, n, echo, best_of }: Asked): number {
  const { stream, max_tokens, logprobs, stop } = writing;
  const each = Math.max(n, best_of ?? 1);
  const lengths = prompt.map(lengthOf);
  const read = lengths.reduce((total, { tokens }) => total + tokens, 0);
  const promptText = lengths.reduce((total, { bytes }) => total + bytes, 0);
  const texts = lengths.length * each;
  const scratch = vocabularySize(loaded.lm.tokenizer) * (logprobs === undefined ? 36 : 64);
  const reading = promptText + 8 * read + texts * (ofText + scratch + 2 * stateBytes(loaded)) + 4 * read * each;
  const stops = 2 * stop.reduce((total, one) => total + one.length, 0);
  const told = echo && logprobs !== undefined ? read * each : 0;
  const written = texts * max_tokens;
  // As it was sent, and of tokens that are told of each share of it.
  const echoed = echo ? promptText * each : 0;
  const shares = told > 0 ? 24 * read : 0;
  // Of each text the last block may be all but empty. The text is joined once.
  const blocks = bytesOfTokens(told + written, logprobs) + texts * bytesOfTokens(1, logprobs);
  const kept = blocks + 2 * (echoed + written * tokenLength);
  const piece = ofPiece + (logprobs === undefined ? 0 : ofPiece + ofAlternative * logprobs);
  // What is on its way, and what has been written meanwhile.
  const unread = 2 * Math.min(texts * (maxUnread(texts) + 1), told + written + texts) * piece + 2 * echoed;
  return Math.ceil(ofRequest + reading + stops + shares + (stream ? unread : kept));
}

/** Of a session that is kept: what its model remembers, and the text that is open. */
export const sessionBytes = (loaded: LoadedText): number => ofSession + stateBytes(loaded);

/** Of what a model remembers of a text. */
const stateBytes = ({ batcher }: LoadedText): number =>
  4 * Object.values(batcher.named(undefined)).reduce((total, { length }) => total + length, 0);

/** Of a look inside a model: so many tokens at most, with so many numbers of each. */
export const inspectionBytes = (tokens: number, numbers: number): number =>
  Math.ceil(2 * ofRequest + tokens * (4 * numbers + 80));

/** Of a request to a model of another task than text, whose body was counted as so many bytes: its numbers, and as many in the answer. */
export const taskBytes = (body: number): number => ofRequest + 8 * body;

/** Tokens at most: no tokenizer makes more of a text than it has bytes. */
const lengthOf = (prompt: Prompt): { readonly tokens: number; readonly bytes: number } =>
  typeof prompt === "string"
    ? { tokens: Buffer.byteLength(prompt), bytes: 2 * prompt.length }
    : { tokens: prompt.length, bytes: 8 * prompt.length };
