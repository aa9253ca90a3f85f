/**
 * Scroll several maps of one text together, though their columns may be different tokens: what they share is a position in the
 * text, in characters.
 */

/** Maps that scroll together. */
export type LinkedScrolling = {
  /** `moveTo` is called when another map has moved, with the position at its left edge. */
  readonly join: (moveTo: (position: number) => void) => {
    /** The map was moved by the reader. */
    readonly moved: (position: number) => void;
    readonly leave: () => void;
  };
};

export function createLinkedScrolling(): LinkedScrolling {
  const members = new Set<(position: number) => void>();
  return {
    join(moveTo) {
      members.add(moveTo);
      return {
        moved(position) {
          for (const other of members) if (other !== moveTo) other(position);
        },
        leave: () => void members.delete(moveTo),
      };
    },
  };
}

/** Where each of some tokens begins in their text, and where the last one ends: (T+1). */
export function offsetsOf(texts: readonly string[]): Float64Array {
  const offsets = new Float64Array(texts.length + 1);
  texts.forEach((text, t) => {
    offsets[t + 1] = (offsets[t] as number) + text.length;
  });
  return offsets;
}

/** The position in the text of a place among the columns, such as 2.5 for the middle of the third. */
export function positionAt(offsets: Float64Array, column: number): number {
  const whole = Math.max(0, Math.min(offsets.length - 2, Math.floor(column)));
  const [from, to] = [offsets[whole] as number, offsets[whole + 1] as number];
  return from + (column - whole) * (to - from);
}

/** The place among the columns of a position in the text. */
export function columnAt(offsets: Float64Array, position: number): number {
  let [low, high] = [0, offsets.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] as number) <= position) low = middle;
    else high = middle - 1;
  }
  const [from, to] = [offsets[low] as number, offsets[low + 1] as number];
  return low + (to > from ? (position - from) / (to - from) : 0);
}
