/** Divides the work of an instruction among threads. Each number is computed by one thread, in one order. */

/** A range, `to` excluded. */
export type Range = { readonly from: number; readonly to: number };

/** A thread's part of `total`, in multiples of `unit` but for the last. */
export function shareOf(
  { thread, threads }: { readonly thread: number; readonly threads: number },
  total: number,
  unit: number,
): Range {
  const units = Math.ceil(total / unit);
  const start = (k: number): number => Math.floor((k * units) / threads) * unit;
  return { from: start(thread), to: thread === threads - 1 ? total : start(thread + 1) };
}
