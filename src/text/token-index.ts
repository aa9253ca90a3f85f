/** The id of each token of a vocabulary. */

// The look-up table of a vocabulary is made when it is first used, and is freed with it.
const indexes = new WeakMap<readonly string[], ReadonlyMap<string, number>>();

/** The index of each token. */
export function indexOf(vocabulary: readonly string[]): ReadonlyMap<string, number> {
  let index = indexes.get(vocabulary);
  if (index === undefined) {
    index = new Map(vocabulary.map((token, id) => [token, id]));
    indexes.set(vocabulary, index);
  }
  return index;
}
