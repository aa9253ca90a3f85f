/** Text on its way out, held back where it may be the beginning of a stop string. Knows nothing about models. */

/** As a list. */
export const stopStrings = (stop: string | readonly string[] | undefined): readonly string[] =>
  stop === undefined ? [] : typeof stop === "string" ? [stop] : stop;

/** Where the first of the stop strings in a text begins; undefined where there is none. */
export function findStop(text: string, stops: readonly string[]): number | undefined {
  let first: number | undefined;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at >= 0 && (first === undefined || at < first)) first = at;
  }
  return first;
}

export type StopSequenceBuffer<Piece> = {
  /**
   * The next piece in, the `last` one where the text ends with it: out come those that are decided, and whether a stop
   * string is complete.
   */
  readonly pass: (piece: Piece, last: boolean) => { readonly pieces: readonly Piece[]; readonly stopped: boolean };
};

/**
 * A gate for one text. Nothing of a stop string comes out: a piece that begins before one is cut, and so is shorter than
 * its token. A piece that may yet belong to one waits.
 */
export function createStopSequenceBuffer<Piece extends { readonly text: string }>(
  stops: readonly string[],
): StopSequenceBuffer<Piece> {
  const held: Piece[] = [];
  let text = ""; // Theirs.

  /** The first `length` characters of what is held: the piece that they end in is cut. */
  function cut(length: number): Piece[] {
    const pieces: Piece[] = [];
    for (const piece of held) {
      if (length <= 0) break;
      pieces.push(piece.text.length <= length ? piece : { ...piece, text: piece.text.slice(0, length) });
      length -= piece.text.length;
    }
    return pieces;
  }

  /** Whole pieces that end within the first `length` characters: they are held no more. */
  function release(length: number): Piece[] {
    let [count, end] = [0, 0];
    for (const piece of held) {
      if (end + piece.text.length > length) break;
      end += piece.text.length;
      count++;
    }
    text = text.slice(end);
    return held.splice(0, count);
  }

  return {
    pass(piece, last) {
      if (stops.length === 0) return { pieces: [piece], stopped: false };
      held.push(piece);
      text += piece.text;
      const at = findStop(text, stops);
      if (at !== undefined) return { pieces: cut(at), stopped: true };
      const undecided = last ? 0 : longestBeginning(text, stops);
      return { pieces: release(text.length - undecided), stopped: false };
    },
  };
}

/** How many characters at the end of a text are the beginning of a stop string. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
