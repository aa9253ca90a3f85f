/**
 * Small facts about what the reader did, as views report them. A course checks some of its tasks by them; a view knows
 * nothing about courses, and nothing leaves the page.
 */

export type Fact =
  /** The questions of a chapter of Learn, and how many of them are answered rightly. */
  | { readonly kind: "questions"; readonly chapter: string; readonly right: number; readonly of: number }
  /** A run of Toys has ended: the share of held-out sequences that are right as a whole. */
  | { readonly kind: "toy"; readonly task: string; readonly whole: number }
  /** A text model is trained: its validation loss, in nats a token, and what a token is. */
  | { readonly kind: "model"; readonly tokens: string; readonly nats: number };

const facts: Fact[] = [];
const followers = new Set<(fact: Fact) => void>();

export function reportFact(fact: Fact): void {
  facts.push(fact);
  for (const follow of followers) follow(fact);
}

/** Hear all facts since the page was opened, and those to come. @returns what ends it */
export function followFacts(follow: (fact: Fact) => void): () => void {
  for (const fact of facts) follow(fact);
  followers.add(follow);
  return () => void followers.delete(follow);
}
