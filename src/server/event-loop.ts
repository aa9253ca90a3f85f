/**
 * Yield to the event loop as a server needs it: at once instead of after a timer's millisecond, and again as long as
 * turns bring new events. Loops that only need to yield now and then use `graph/yielding.ts`.
 */

const { setImmediate: immediate = (next: () => void) => setTimeout(next, 0) } = globalThis as {
  setImmediate?: (next: () => void) => unknown;
};
/** Yield for one turn of the event loop. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => void immediate(resolve));

/** The longest time for other events before the next long computation. */
const maxOthersMs = 32;

let arrivals = 0;
/** Note that an event has arrived: a connection, a request, or a part of one. */
export const noteArrival = (): void => {
  arrivals++;
};

/**
 * Yield for a turn, and again as long as turns bring events, for at most `maxMs`. Since libuv 1.45, a turn accepts one
 * connection of a port, however many wait: with one turn between runs of steps, a connection would wait for as many
 * runs as there are connections before it. The rest of the current turn does not count, because it brings nothing new.
 * Returns whether that was enough.
 */
export async function yieldWhileBusy(maxMs: number): Promise<boolean> {
  const endMs = performance.now() + maxMs;
  await nextTurn();
  let before: number;
  do {
    before = arrivals;
    await nextTurn();
  } while (arrivals !== before && performance.now() < endMs);
  return arrivals === before;
}

let lastStart: Promise<unknown> = Promise.resolve();
/**
 * Resolves when a long computation can begin: other events have had their turns since the last one, however many
 * computations wait. If one turn served all of them, it would accept only one connection.
 */
export function startInTurn(): Promise<unknown> {
  lastStart = lastStart.then(() => yieldWhileBusy(maxOthersMs));
  return lastStart;
}
