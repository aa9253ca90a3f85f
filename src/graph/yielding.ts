/** Long computations give timers, signals and the page their turn now and then. */

// Taken here, so that a test's fake timers and clock do not stop a training, nor one that comes after it.
const { setTimeout: timer, setImmediate: immediate } = globalThis;
const nowMs = performance.now.bind(performance);
/** Node's immediate comes in microseconds, a timer in a millisecond; between two immediates, timers that are due have their turn. */
const afterOthers = (then: () => void): unknown =>
  immediate === undefined ? timer(then, 0) : immediate(() => immediate(then));
let lastMs = 0;

/** Timers, signals, input and a page's own work have their turn. */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => void afterOthers(resolve));

/**
 * To be awaited after each part of a computation: at once, or, where others have had no turn for longer than `maxMs`, after they had
 * one. One clock is for all computations of a thread, so short calls one after the other yield as a long one does.
 */
export function yieldNow(maxMs = 40): Promise<void> | undefined {
  if (nowMs() - lastMs <= maxMs) return undefined;
  return yieldToEventLoop().then(() => {
    lastMs = nowMs();
  });
}
