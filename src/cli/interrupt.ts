/** Work that a signal ends early: the first one asks it to end, a second one ends the process. */

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * @param said what is written to standard error at the first signal; of work in parts a function that says it of the present one, or that
 *   there is nothing to keep yet, so that the process ends at once
 * @returns what the work returns, and whether it was asked to end
 */
export async function untilInterrupted<Result>(
  said: string | (() => string | undefined),
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<{ readonly result: Result; readonly interrupted: boolean }> {
  const stop = new AbortController();
  const onSignal = (): void => {
    const text = typeof said === "string" ? said : said();
    if (stop.signal.aborted || text === undefined) process.exit(130);
    stop.abort();
    process.stderr.write(`${text} Ctrl-C again ends at once.\n`);
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return { result: await work(stop.signal), interrupted: stop.signal.aborted };
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
