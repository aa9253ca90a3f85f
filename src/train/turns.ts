/** A long loop gives timers, signals and the page their turn now and then. */

/** How long a loop may keep the thread before others get a turn. */
const turnMs = 40;

export const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** To be awaited in each round of a loop: at once, or, where it is time, after others had a turn. */
export function createTurns(): () => Promise<void> | undefined {
  let lastMs = performance.now();
  return () => {
    if (performance.now() - lastMs <= turnMs) return undefined;
    return breathe().then(() => {
      lastMs = performance.now();
    });
  };
}
