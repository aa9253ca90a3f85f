/** Format the generated text as a choice of an answer, with log-probabilities in OpenAI's format. */
import { LazyList } from "../json.ts";
import type { Completion } from "../schemas.ts";
import type { KeptChoice } from "./kept-choice.ts";
import type { Piece } from "./piece.ts";

/** A value for each token: a list, or one that is made while it is sent. */
type PerToken<T> = { readonly length: number; readonly at: (place: number) => T | undefined };
export type Choice = Omit<Completion["choices"][number], "finish_reason" | "logprobs"> & {
  readonly finish_reason: "stop" | "length" | null;
  readonly logprobs: {
    readonly tokens: PerToken<string>;
    readonly token_logprobs: PerToken<number | null>;
    readonly top_logprobs: PerToken<ReadonlyMap<string, number> | null>;
    readonly text_offset: PerToken<number>;
  } | null;
};

/** The name of an answer in OpenAI's API, and the format of its choices. */
export type AnswerFormat = {
  readonly prefix: string;
  readonly whole: string;
  readonly piece: string;
  readonly wholeOf: (choice: Choice) => object;
  /** Formats the new pieces of a choice, for the first time or later. */
  readonly piecesOf: (choice: Choice, isFirst: boolean) => readonly object[];
};
export const completionFormat: AnswerFormat = {
  ...{ prefix: "cmpl", whole: "text_completion", piece: "text_completion" },
  wholeOf: (choice) => choice,
  piecesOf: (choice) => [choice],
};

/** `index` is the number of the choice; `offset` is the number of code points of its text that were sent before. */
type Place = { readonly index: number; readonly offset: number; readonly finish_reason: Choice["finish_reason"] };

/** Format a choice, or the next part of one, from its pieces. @param logprobs whether to include log-probabilities */
export function formatChoice(
  pieces: readonly Piece[],
  { index, offset, finish_reason }: Place,
  logprobs: boolean,
): Choice {
  const text = pieces.map((piece) => piece.text).join("");
  if (!logprobs) return { index, text, finish_reason, logprobs: null };
  let next = offset;
  const text_offset = pieces.map((piece) => {
    const at = next;
    next += lengthOf(piece);
    return at;
  });
  const [tokens, token_logprobs, top_logprobs] = [pieces.map(tokenOf), pieces.map(natsOf), pieces.map(topOf)];
  return { index, text, finish_reason, logprobs: { tokens, token_logprobs, top_logprobs, text_offset } };
}

/** The number of code points of its text. */
export const lengthOf = ({ text }: Piece): number => [...text].length;

/** A whole choice in the format of `formatChoice`, made token by token while it is sent. */
export function formatKeptChoice(kept: KeptChoice, { index, finish_reason }: Omit<Place, "offset">): Choice {
  const { text, pieceAt } = kept.read();
  if (!kept.tells) return { index, text, finish_reason, logprobs: null };
  const list = <T>(tell: (piece: Piece) => T) => new LazyList(kept.length, (place) => tell(pieceAt(place)));
  let offset = 0;
  const logprobs = {
    ...{ tokens: list(tokenOf), token_logprobs: list(natsOf), top_logprobs: list(topOf) },
    // The items are written once, in order.
    text_offset: list((piece) => {
      const at = offset;
      offset += lengthOf(piece);
      return at;
    }),
  };
  return { index, text, finish_reason, logprobs };
}

/** OpenAI's value for an impossible token, here an unknown character of the prompt: JSON has no infinity. */
const finite = (nats: number | null): number | null => (nats === -Infinity ? -9999 : nats);
const natsOf = ({ logProbability }: Piece): number | null => finite(logProbability ?? null);

/** The name of a token, or the part of it that a stop string left. */
function tokenOf({ text, name = text }: Piece): string {
  const isPart = name.startsWith("bytes:") && !text.startsWith("bytes:");
  return text !== "" && name.startsWith(text) && !isPart ? text : name;
}

/**
 * The most likely tokens by their names, the most likely first, and the generated one. Among tokens with the same name,
 * the most likely one is kept.
 */
function topOf(piece: Piece): ReadonlyMap<string, number> | null {
  const { token, logProbability, alternatives = [] } = piece;
  if (logProbability === null || logProbability === undefined) return null;
  const own = tokenOf(piece);
  const top = new Map<string, number>();
  for (const one of alternatives) {
    const name = one.token === token && one.logProbability === logProbability ? own : one.name;
    if (!top.has(name)) top.set(name, finite(one.logProbability) as number);
  }
  if (!top.has(own)) top.set(own, finite(logProbability) as number);
  return top;
}
