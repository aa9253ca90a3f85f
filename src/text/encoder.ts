/** Encode texts as tokens. The tokens of each different piece are computed once. */
import { createPieces, firstPiece, type PieceKind, type Pieces } from "./pieces.ts";

/** The tokens of a piece. */
export type TokensOf = (piece: string) => ArrayLike<number>;

/** Converts the numbers of pieces into tokens; the next run overwrites the result of the previous one. */
export type PieceTokens = {
  readonly of: (run: Int32Array) => Int32Array;
  /** The token of each piece, by the piece's number, if every piece is a single token. */
  readonly single: () => Int32Array | undefined;
};

/** @param end the token that marks the end of a text, if the tokenizer has one */
export function createPieceTokens(pieces: Pick<Pieces, "next" | "textOf">, tokensOf: TokensOf, end = 0): PieceTokens {
  // The tokens of all pieces, one after the other, and where those of each piece begin.
  let tokens = Int32Array.of(end);
  let starts = Int32Array.of(0, 1);
  let known = firstPiece;
  let out = new Int32Array(0);
  const learn = (): void => {
    if (starts.length < pieces.next() + 1) starts = grown(starts, 2 * pieces.next());
    for (; known < pieces.next(); known++) {
      const own = tokensOf(pieces.textOf(known));
      const start = starts[known] as number;
      if (start + own.length > tokens.length) tokens = grown(tokens, 2 * (start + own.length));
      tokens.set(own, start);
      starts[known + 1] = start + own.length;
    }
  };
  return {
    of(run) {
      learn();
      const [all, places] = [tokens, starts];
      let into = out;
      let length = 0;
      for (let k = 0; k < run.length; k++) {
        const number = run[k] as number;
        const to = places[number + 1] as number;
        let from = places[number] as number;
        if (length + to - from > into.length) into = out = grown(into, 2 * (run.length + length + to - from));
        while (from < to) into[length++] = all[from++] as number;
      }
      return into.subarray(0, length);
    },
    single() {
      learn();
      return (starts[known] as number) === known ? tokens : undefined;
    },
  };
}

export type Encoder = Pick<Pieces, "add" | "end">;

/** Encodes texts one part at a time; `take` receives the tokens in an array that is overwritten after the call. */
export function createEncoder(
  kind: PieceKind,
  { tokensOf, end, take }: { tokensOf: TokensOf; end?: number | undefined; take: (run: Int32Array) => void },
): Encoder {
  const pieces = createPieces(kind, {
    take: (run) => take(tokens.of(run)),
    takeOther: (piece) => take(Int32Array.from(tokensOf(piece))),
  });
  const tokens = createPieceTokens(pieces, tokensOf, end);
  return pieces;
}

/** Collects runs of tokens: `all` returns them and starts again with an empty list. */
export function gatherTokens(): { add: (run: Int32Array) => void; all: () => Int32Array<ArrayBuffer> } {
  let held = new Int32Array(0);
  let length = 0;
  return {
    add(run) {
      if (length + run.length > held.length) held = grown(held, Math.max(2 * held.length, length + run.length));
      held.set(run, length);
      length += run.length;
    },
    all() {
      const all = length === held.length ? held : held.slice(0, length);
      held = new Int32Array(0);
      length = 0;
      return all;
    },
  };
}

function grown(before: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(before);
  return larger;
}
