/**
 * When others get their turn of the event loop, as a server needs it: at once rather than after a timer's millisecond, and again as
 * long as turns bring something. Loops that only let others in now and then have `graph/yielding.ts`. Knows nothing about who the
 * others are.
 */

const { setImmediate: immediate = (next: () => void) => setTimeout(next, 0) } = globalThis as {
  setImmediate?: (next: () => void) => unknown;
};
/** Others get one turn. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => void immediate(resolve));

/** How long others may have their turns before the next work that takes long. */
const maxOthersMs = 32;

let arrivals = 0;
/** Something has come: a connection, a request, a part of one. */
export const noteArrival = (): void => {
  arrivals++;
};

/**
 * Others get a turn, and another one as long as turns bring something, for `maxMs` at most. Since libuv 1.45 a turn accepts one
 * connection of a port, however many wait: with one turn between runs of steps, others would wait for as many runs as there
 * are connections before theirs. What is left of the turn in which it is called does not count: it brings nothing more. Tells
 * whether that was enough.
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
 * Resolves when what takes long may begin: others have had their turns since the last such work, however many wait for theirs. A
 * turn that works for all who wait would bring one connection.
 */
export function startInTurn(): Promise<unknown> {
  lastStart = lastStart.then(() => yieldWhileBusy(maxOthersMs));
  return lastStart;
}
