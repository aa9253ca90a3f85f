/** Keep a stream of events from being silent for long, because a proxy would close it. */
import type { ApiError } from "./errors.ts";

/** A comment, which readers of events skip. */
const comment = ": keep-alive\n\n";

/**
 * Pass on the events, with comments whenever they are silent for `ms`. Resolves with the first event or comment: until
 * then an error rejects the promise, later it is an event, made by `fail`.
 */
export async function keepAlive(
  starting: Promise<AsyncGenerator<string, void>>,
  { ms, fail }: { readonly ms: number; readonly fail: (error: unknown) => ApiError },
): Promise<AsyncGenerator<string, void>> {
  const isSilent = await within(starting, ms);
  return withComments(isSilent ? begun(starting, fail) : await starting, ms, isSilent);
}

/** The events of an answer that has begun before them. */
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
  // The events must always begin, because they report their end.
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

/** Whether this time passes before the promise is settled. */
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
