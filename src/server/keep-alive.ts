/** A stream of events that is never silent for long: a proxy would take it for dead. */
import type { ApiError } from "./errors.ts";

/** What a reader of events skips. */
const comment = ": keep-alive\n\n";

/**
 * The events; from where they are silent for `ms`, with comments between them. Resolves with the first of either: until then an
 * error is one of this promise, later it is an event, as `fail` tells it.
 */
export async function keepAlive(
  starting: Promise<AsyncGenerator<string, void>>,
  { ms, fail }: { readonly ms: number; readonly fail: (error: unknown) => ApiError },
): Promise<AsyncGenerator<string, void>> {
  const isSilent = await within(starting, ms);
  return withComments(isSilent ? begun(starting, fail) : await starting, ms, isSilent);
}

/** Of events whose answer has begun before them. */
async function* begun(
  starting: Promise<AsyncGenerator<string, void>>,
  fail: (error: unknown) => ApiError,
): AsyncGenerator<string, void> {
  let events: AsyncGenerator<string, void>;
  try {
    events = await starting;
  } catch (error) {
    yield `data: ${JSON.stringify(fail(error).body)}\n\n`;
    return;
  }
  yield* events;
}

async function* withComments(
  events: AsyncGenerator<string, void>,
  ms: number,
  isSilent: boolean,
): AsyncGenerator<string, void> {
  // The events have to begin in any case: they tell of their end.
  let silent = isSilent;
  try {
    for (;;) {
      const next = events.next();
      for (; silent || (await within(next, ms)); silent = false) yield comment;
      const { value, done } = await next;
      if (done === true) return;
      yield value;
    }
  } finally {
    await events.return();
  }
}

/** Whether this time goes by before the promise is settled. */
async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<true>((resolve) => {
    timer = setTimeout(resolve, ms, true);
  });
  const settled = promise.then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([settled, silence]);
  } finally {
    clearTimeout(timer);
  }
}
