/** Stop strings: generated text is held back while its end may be the beginning of one. Knows nothing about models. */

/** The option `stop` as a list of strings. */
export const stopStrings = (stop: string | readonly string[] | undefined): readonly string[] =>
  stop === undefined ? [] : typeof stop === "string" ? [stop] : stop;

/** The index in a text where the first stop string begins; undefined if there is none. */
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
   * Take the next piece; `last` says that the text ends with it. Returns the pieces that cannot belong to a stop string, and
   * whether a stop string is complete.
   */
  readonly pass: (piece: Piece, last: boolean) => { readonly pieces: readonly Piece[]; readonly stopped: boolean };
};

/**
 * Create the buffer of one text. It never returns a part of a stop string: a piece that begins before one is cut, so its text
 * is shorter than its token's. A piece that may belong to one is held back.
 */
export function createStopSequenceBuffer<Piece extends { readonly text: string }>(
  stops: readonly string[],
): StopSequenceBuffer<Piece> {
  const held: Piece[] = [];
  let text = ""; // The text of the held pieces.

  /** The held pieces up to `length` characters; the piece that lies across that end is cut. */
  function cut(length: number): Piece[] {
    const pieces: Piece[] = [];
    for (const piece of held) {
      if (length <= 0) break;
      pieces.push(piece.text.length <= length ? piece : { ...piece, text: piece.text.slice(0, length) });
      length -= piece.text.length;
    }
    return pieces;
  }

  /** Release the whole pieces that end within the first `length` characters. */
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

/** The number of characters at the end of a text that are the beginning of a stop string: the largest there is. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
