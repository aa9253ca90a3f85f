/** How often each piece of a text comes, within bounds. Knows nothing about tokens. */
import type { TextParts } from "./parts.ts";
import { createPieces, firstPiece, maxPieces, type PieceKind, type Pieces, readPieces } from "./pieces.ts";

export type CountOptions = {
  /** What a piece counts as; itself where absent. */
  readonly split?: (piece: string) => readonly string[];
  /** Called at the end with how many were left out, where there are any. */
  readonly onUncounted?: ((count: number) => void) | undefined;
  readonly reading?: Reading | undefined;
};

/** Who wants the pieces of a text that is counted. */
export type Reading = {
  /** How many different ones are counted, and have numbers. */
  readonly max?: number | undefined;
  readonly take?: (run: Int32Array) => void;
  /** There are too many different ones for each to have a number: `take` does not get them all. */
  readonly onIncomplete?: () => void;
};

/**
 * How often each piece of a text comes. The first different ones, `max` of them, are counted, whatever the parts are.
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
        // What came before it is counted before it.
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
