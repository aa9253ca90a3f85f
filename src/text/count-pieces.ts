/** Count how often each piece of a text occurs, in bounded memory. */
import type { TextParts } from "./parts.ts";
import { createPieces, firstPiece, maxPieces, type PieceKind, type Pieces, readPieces } from "./pieces.ts";

export type CountOptions = {
  /** The parts that a piece is counted as; without it, a piece is counted as itself. */
  readonly split?: (piece: string) => readonly string[];
  /** Called at the end with the number of pieces that were not counted, if there are any. */
  readonly onUncounted?: ((count: number) => void) | undefined;
  readonly reading?: Reading | undefined;
};

/** Receives the pieces of a text while they are counted. */
export type Reading = {
  /** The largest number of different pieces that are counted and numbered. */
  readonly max?: number | undefined;
  readonly take?: (run: Int32Array) => void;
  /** Called if there are too many different pieces to number them all: `take` does not receive every piece. */
  readonly onIncomplete?: () => void;
};

/**
 * Count how often each piece of a text occurs. The first `max` different pieces are counted, however the text is
 * divided into parts.
 */
export function countPieces(
  kind: PieceKind,
  text: string | readonly string[] | TextParts,
  { split = (piece) => [piece], onUncounted, reading = {} }: CountOptions = {},
): { readonly counts: ReadonlyMap<string, number>; readonly pieces: Pieces } {
  const { max = maxPieces, take, onIncomplete } = reading;
  const counts = new Map<string, number>();
  let left = 0;
  const count = (piece: string, times: number): void => {
    for (const part of split(piece)) {
      const before = counts.get(part);
      if (before !== undefined || counts.size < max) counts.set(part, (before ?? 0) + times);
      else left += times;
    }
  };
  const times = { byNumber: new Float64Array(1024) };
  const countAll = (by: (number: number) => number): void => {
    for (let number = firstPiece; number < pieces.next(); number++) count(pieces.textOf(number), by(number));
  };
  let complete = true;
  const pieces = createPieces(
    kind,
    {
      take(run) {
        let { byNumber } = times;
        if (byNumber.length < pieces.next()) {
          const larger = new Float64Array(2 * pieces.next());
          larger.set(byNumber);
          times.byNumber = byNumber = larger;
        }
        for (let k = 0; k < run.length; k++) (byNumber[run[k] as number] as number)++;
        if (complete) take?.(run);
      },
      takeOther(piece) {
        // The numbered pieces before this one are counted first.
        if (complete) {
          countAll(() => 0);
          onIncomplete?.();
          complete = false;
        }
        count(piece, 1);
      },
    },
    max,
  );
  readPieces(pieces, text);
  countAll((number) => times.byNumber[number] as number);
  if (left > 0) onUncounted?.(left);
  return { counts, pieces };
}
