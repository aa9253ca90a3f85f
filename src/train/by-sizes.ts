/** Programs for batches of several sizes. Knows nothing about what they compute. */
import type { Sizes } from "./batches.ts";

const mostSizes = 8;

/** What is made for each size of a batch, once: the ones that were asked for last are kept. */
export function bySizes<Made>(make: (sizes: Sizes) => Promise<Made>): (sizes: Sizes) => Promise<Made> {
  const all = new Map<string, Made>();
  return async ({ batch, steps }) => {
    const key = `${batch} x ${steps}`;
    const made = all.get(key) ?? (await make({ batch, steps }));
    all.delete(key);
    all.set(key, made);
    for (const oldest of all.keys()) if (all.size > mostSizes) all.delete(oldest);
    return made;
  };
}
