/** A long loop gives timers, signals and the page their turn now and then. */

/** Timers, signals, input and a page's own work have their turn. */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/**
 * To be awaited in each round of a loop: at once, or, where the loop has kept the thread for longer than `maxMs`, after others had
 * a turn.
 */
export function createYielder(maxMs = 40): () => Promise<void> | undefined {
  let lastMs = performance.now();
  return () => {
    if (performance.now() - lastMs <= maxMs) return undefined;
    return yieldToEventLoop().then(() => {
      lastMs = performance.now();
    });
  };
}
