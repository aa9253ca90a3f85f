/**
 * Estimate the memory of a request in bytes, before anything is allocated for it. The estimates are upper bounds of
 * what it holds, not of what it allocates and drops on the way.
 */
import { vocabularySize } from "../text/tokenizer.ts";
import { maxUnread } from "./completions/deliveries.ts";
import { bytesOfTokens } from "./completions/kept-choice.ts";
import type { LoadedText } from "./loaded-models.ts";
import type { Prompt, Writing } from "./schemas.ts";

/** A request, its connection and its outgoing answer. */
const ofRequest = 65_536;
/** A text: its objects, generator and partial stop strings. */
const ofText = 4096;
/** A session, without its recurrent state. */
const ofSession = 2048;
/** An upper bound of the average number of characters of a generated token. */
const tokenLength = 8;
/** A piece that waits to be read, and each of its alternatives. */
const [ofPiece, ofAlternative] = [160, 120];

type Asked = {
  readonly prompt: readonly Prompt[];
  readonly n: number;
  readonly echo: boolean;
  readonly best_of?: number | undefined;
};

/** The bytes of a request for text. */
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
  // The prompt as it was sent and, if tokens are reported, the part of it for each token.
  const echoed = echo ? promptText * each : 0;
  const shares = told > 0 ? 24 * read : 0;
  // The last block of each text can be almost empty. The text is joined once.
  const blocks = bytesOfTokens(told + written, logprobs) + texts * bytesOfTokens(1, logprobs);
  const kept = blocks + 2 * (echoed + written * tokenLength);
  const piece = ofPiece + (logprobs === undefined ? 0 : ofPiece + ofAlternative * logprobs);
  // The part being sent, and the part generated meanwhile.
  const unread = 2 * Math.min(texts * (maxUnread(texts) + 1), told + written + texts) * piece + 2 * echoed;
  return Math.ceil(ofRequest + reading + stops + shares + (stream ? unread : kept));
}

/** The bytes of a stored session: its recurrent state, and its open text. */
export const sessionBytes = (loaded: LoadedText): number => ofSession + stateBytes(loaded);

/** The bytes of a sealed session during a request: its token as it came and is opened, the next state and its token. */
export const sealedBytes = (loaded: LoadedText, token = ""): number => 4 * token.length + 8 * stateBytes(loaded);

/** The bytes of a model's recurrent state. */
export const stateBytes = ({ batcher }: LoadedText): number =>
  4 * Object.values(batcher.named(undefined)).reduce((total, { length }) => total + length, 0);

/** The bytes of an inspection: at most this number of tokens, with this number of values each. */
export const inspectionBytes = (tokens: number, numbers: number): number =>
  Math.ceil(2 * ofRequest + tokens * (4 * numbers + 80));

/** The bytes of a request to a model of another task than text, from the bytes of its body: its numbers, and as many in the answer. */
export const taskBytes = (body: number): number => ofRequest + 8 * body;

/** An upper bound of the number of tokens: no tokenizer makes more tokens than the text has bytes. */
const lengthOf = (prompt: Prompt): { readonly tokens: number; readonly bytes: number } =>
  typeof prompt === "string"
    ? { tokens: Buffer.byteLength(prompt), bytes: 2 * prompt.length }
    : { tokens: prompt.length, bytes: 8 * prompt.length };
