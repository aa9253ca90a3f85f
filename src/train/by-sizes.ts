/** A cache of programs by batch size. */
import type { Sizes } from "./batches.ts";

const maxSizes = 8;

/** A function that returns the program for a batch size; its `dispose` frees all programs. */
export type BySizes<Made> = ((sizes: Sizes) => Promise<Made>) & { readonly dispose: () => void };

/** Make one program per batch size, once; the most recently used are kept, the others disposed of. */
export function bySizes<Made extends { dispose(): void }>(make: (sizes: Sizes) => Promise<Made>): BySizes<Made> {
  const all = new Map<string, Made>();
  const keep = (most: number): void => {
    for (const [key, oldest] of all) {
      if (all.size <= most) return;
      all.delete(key);
      oldest.dispose();
    }
  };
  const of = async ({ batch, steps }: Sizes): Promise<Made> => {
    const key = `${batch} x ${steps}`;
    const made = all.get(key) ?? (await make({ batch, steps }));
    all.delete(key);
    all.set(key, made);
    keep(maxSizes);
    return made;
  };
  return Object.assign(of, { dispose: () => keep(0) });
}
