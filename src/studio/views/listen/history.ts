/** The last frames of what is heard: pieces come, and no piece makes a copy of all that came before. */
import type { ClassifierFacts, Heard } from "../../engine/listening.ts";

export type History = {
  /** Add a piece. What is returned shares memory with what comes next: it is to be drawn, not to be kept. */
  readonly add: (piece: Heard) => Heard;
};

const maxWords = 12;
/** Of a microphone so many frames are shown: a spoken word is then seen, with what came before it. */
export const microphoneFrames = 500;
/** Of a file as many as a screen has columns, or fewer of a large network: 4 million numbers are 32 MB here. */
const fileNumbers = 4_000_000;
export const fileFrames = ({ values }: Pick<ClassifierFacts, "values">): number =>
  Math.max(microphoneFrames, Math.min(4000, Math.floor(fileNumbers / values.reduce((sum, { size }) => sum + size, 1))));

export function createHistory({ labels, values }: Pick<ClassifierFacts, "labels" | "values">, most: number): History {
  const probabilities = createLastRows(labels.length, most);
  let words: Heard["words"] = [];
  let own: readonly ReturnType<typeof createLastRows>[] | undefined;
  return {
    add(piece) {
      // What a classifier says of a whole file has no values.
      own ??= piece.values.map((_, k) => createLastRows(values[k]?.size ?? 1, most));
      const rows = probabilities(piece.probabilities);
      words = [...words, ...piece.words].slice(-maxWords);
      return {
        ...{ count: rows.length / labels.length, frames: piece.frames, since: piece.since, words },
        probabilities: rows,
        values: own.map((add, k) => add(piece.values[k] as Float32Array)),
      };
    },
  };
}

/** A function that adds rows (n,size) and returns the last `most` of all, the newest at the end, as a view. */
export function createLastRows(size: number, most: number): (rows: Float32Array) => Float32Array {
  // Twice as long, so that rows move to the front once in `most` of them.
  const all = new Float32Array(2 * most * size);
  let [start, count] = [0, 0];
  return (rows) => {
    const added = rows.subarray(Math.max(0, rows.length - most * size));
    const n = added.length / size;
    if (start + count + n > 2 * most) {
      const stay = Math.min(count, most - n);
      all.copyWithin(0, (start + count - stay) * size, (start + count) * size);
      [start, count] = [0, stay];
    }
    all.set(added, (start + count) * size);
    const surplus = Math.max(0, count + n - most);
    [start, count] = [start + surplus, count + n - surplus];
    return all.subarray(start * size, (start + count) * size);
  };
}
