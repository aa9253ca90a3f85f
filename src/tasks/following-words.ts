/** The result of a search for units that follow a pattern, in words. */
import type { Effect } from "./ablation.ts";
import { type Following, leastBeginnings } from "./following.ts";

/** Whether a unit follows the pattern, in words. `name`: the name of the strongest unit. */
export function verdictWords({ verdict, beginnings: [first, second] }: Following, name: string): string {
  if (verdict === "too few") {
    return (
      `Too few to say: the pattern begins ${times(first)} in the first half of the text and ${times(second)} in the ` +
      `second. Each half needs ${leastBeginnings}. Choose a longer text, or another pattern.`
    );
  }
  if (verdict === "follows") return `${name} follows this.`;
  if (verdict === "weakly")
    return `No unit follows this closely. ${name} goes along with it a little, more than by chance.`;
  return "No unit follows this: the strongest goes along with it no more than shifted patterns have it.";
}
const times = (count: number): string => (count === 1 ? "once" : count === 0 ? "never" : `${count} times`);

/** Whether the model loses more without a unit, while the pattern is on, than without each of some other units, in words. */
export function lossWords(own: Effect, others: readonly Effect[], name: string): string {
  const more = others.filter(({ on }) => on >= own.on).length;
  if (more > 0) {
    return `Where the pattern is on, the model loses as much or more without ${more} of ${others.length} other units.`;
  }
  return own.on > own.off
    ? `The model uses it: where the pattern is on it loses more without ${name} than without any of ${others.length} other units.`
    : `The model loses more without ${name} than without any of ${others.length} other units, and elsewhere more than where the pattern is on.`;
}
