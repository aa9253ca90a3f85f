/** Turn loops that report through a callback into jobs. */
import type { Job } from "./remote.ts";

/**
 * Yield what the work reports; the work continues when the next report is requested. Its signal ends it early, on
 * "finish" or when the caller stops.
 */
export async function* reportsOf<Report, Result>(
  work: (report: (value: Report) => Promise<void>, signal: AbortSignal) => Promise<Result>,
): Job<Report, Result> {
  type Event = { readonly value: Report } | { readonly result: Result } | { readonly error: unknown };
  const end = new AbortController();
  const events: Event[] = [];
  let wake = (): void => {};
  let goOn = (): void => {};
  const happen = (event: Event): void => {
    events.push(event);
    wake();
  };
  const report = (value: Report): Promise<void> => {
    if (end.signal.aborted) return Promise.resolve();
    happen({ value });
    return new Promise((resolve) => {
      goOn = resolve;
    });
  };
  work(report, end.signal).then(
    (result) => happen({ result }),
    (error) => happen({ error }),
  );
  try {
    for (;;) {
      const event = events.shift();
      if (event === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if ("error" in event) throw event.error;
      else if ("result" in event) return event.result;
      else {
        if ((yield event.value) === "finish") end.abort();
        goOn();
      }
    }
  } finally {
    end.abort();
    goOn();
  }
}
