/**
 * A pass over separate texts in parts that are read side by side: each begins with the token that ends a text, as a text that is written
 * does, so that a model learns to begin one from the states that it starts with. Knows nothing about batches.
 */
import { type TokenSource, type Tokens, tokenSource } from "./token-source.ts";

export type PartsOptions = {
  /** How many parts there are. */
  readonly parts: number;
  /** The token that ends a text. */
  readonly end: number;
  /** Where the search for the first part's beginning starts; the others' follow at equal distances. */
  readonly offset: number;
};

/**
 * The parts one behind the other, each of as many tokens: the texts are read in a circle. A part that would have to begin more than half
 * of its length later begins within a text, so that all of a long one is read.
 */
export function partsAtTexts(tokens: Tokens, { parts, end, offset }: PartsOptions): TokenSource {
  const source = tokenSource(tokens);
  const length = Math.floor(source.length / parts);
  const starts = Array.from({ length: parts }, (_, b) => {
    const place = (b * length + offset) % source.length;
    return (place + distanceTo(source, end, place, length >> 1)) % source.length;
  });
  return {
    length: parts * length,
    read(from, into) {
      for (let done = 0; done < into.length; ) {
        const [part, at] = [Math.floor((from + done) / length), (from + done) % length];
        const place = ((starts[part] as number) + at) % source.length;
        const run = into.subarray(done, done + Math.min(into.length - done, length - at, source.length - place));
        source.read(place, run);
        done += run.length;
      }
    },
  };
}

/** How many tokens after a place the first such one stands, in a circle; 0 if there is none among so many. */
function distanceTo(source: TokenSource, token: number, place: number, most: number): number {
  const run = new Int32Array(Math.min(most, 2 ** 12));
  for (let passed = 0; passed < most; ) {
    const from = (place + passed) % source.length;
    const some = run.subarray(0, Math.min(run.length, source.length - from, most - passed));
    source.read(from, some);
    const found = some.indexOf(token);
    if (found >= 0) return passed + found;
    passed += some.length;
  }
  return 0;
}
