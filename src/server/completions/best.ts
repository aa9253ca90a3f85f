/** Choose the best texts of a prompt: `best_of`. */

/** The likelihood of the generated tokens of a text. */
export type Score = { nats: number; tokens: number };

/** Of the `of` texts for each prompt, the `n` best are returned. */
export type Best = { readonly of: number; readonly n: number; readonly scores: readonly Score[] };

/**
 * For each prompt, the texts whose generated tokens are most likely on average, the best first; among equals, the first
 * one.
 */
export function bestOf<T>(found: readonly T[], { of, n, scores }: Best): T[] {
  const means = scores.map(({ nats, tokens }) => (tokens === 0 ? -Infinity : nats / tokens));
  const ranked = [...found.keys()].sort((a, b) => {
    const [prompts, one, other] = [Math.floor(a / of) - Math.floor(b / of), means[a] as number, means[b] as number];
    return prompts || (one === other ? a - b : one > other ? -1 : 1);
  });
  return ranked.filter((_, place) => place % of < n).map((choice) => found[choice] as T);
}
