/** Which of the texts of a prompt are the best: `best_of`. */

/** How likely the tokens are that were written of a text. */
export type Score = { nats: number; tokens: number };

/** Of each prompt's texts, `of` in number, the `n` best are given. */
export type Best = { readonly of: number; readonly n: number; readonly scores: readonly Score[] };

/** Of each prompt's texts those whose written tokens are likeliest on average, the best first; of equals the first. */
export function bestOf<T>(found: readonly T[], { of, n, scores }: Best): T[] {
  const means = scores.map(({ nats, tokens }) => (tokens === 0 ? -Infinity : nats / tokens));
  const ranked = [...found.keys()].sort((a, b) => {
    const [prompts, one, other] = [Math.floor(a / of) - Math.floor(b / of), means[a] as number, means[b] as number];
    return prompts || (one === other ? a - b : one > other ? -1 : 1);
  });
  return ranked.filter((_, place) => place % of < n).map((choice) => found[choice] as T);
}
