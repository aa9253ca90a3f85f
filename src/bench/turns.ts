/**
 * Measure several things in turn within one session, so that a noisy machine disturbs all alike. Knows nothing about
 * what is measured.
 */

export type Measured = {
  readonly tokensPerSecond: number;
  /** Half the distance between the quartiles, as a share of the median. */
  readonly spread: number;
  readonly msPerStep: number;
  /** Steps that were measured. */
  readonly rounds: number;
};

/** What takes part: one step, in milliseconds; and what it may take in all before it leaves. */
export type Contestant = { readonly step: () => Promise<number>; readonly budgetMs?: number };

export type Turns = {
  /** Milliseconds of the measured steps. At least one for each of those that did not fail. */
  readonly times: readonly number[];
  /** Why it left. */
  readonly failure?: string;
};

/** First rounds, that do not count. */
const warmUps = 2;
/** A step of so many milliseconds needs no other one before it to warm the caches. */
const slowMs = 2000;
/**
 * A contestant's threads may spin a while after its step: they come to rest in this time. Those of OpenBLAS do for 2^26
 * ticks, 35 ms where there are 1.9 a nanosecond.
 */
const pauseMs = 50;

/**
 * Rounds in which each does a step after a short pause and, unless it is slow, one step to warm the caches. One that is
 * slow is measured from its second step on, and leaves after a measured step once it has had its budget; its first
 * step, in which it may compile, is not counted against it.
 */
export async function takeTurns<C extends Contestant>(
  contestants: readonly C[],
  rounds: number,
): Promise<Map<C, Turns>> {
  const states = contestants.map((contestant) => ({
    contestant,
    times: [] as number[],
    last: undefined as number | undefined,
    spent: 0,
    failure: undefined as string | undefined,
  }));
  for (let round = 0; round < warmUps + rounds; round++) {
    for (const state of states) {
      const { step, budgetMs = Number.POSITIVE_INFINITY } = state.contestant;
      if (state.failure !== undefined || (state.spent > budgetMs && state.times.length > 0)) continue;
      const measure = async (): Promise<number> => {
        const ms = await step();
        if (state.last !== undefined) state.spent += ms;
        state.last = ms;
        return ms;
      };
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      try {
        const isFirst = state.last === undefined;
        if (isFirst || (state.last as number) <= slowMs) await measure();
        if (isFirst && (state.last as number) > slowMs) continue;
        const ms = await measure();
        if (round >= warmUps || ms > slowMs) state.times.push(ms);
      } catch (error) {
        state.failure = error instanceof Error ? error.message : String(error);
      }
    }
  }
  return new Map(
    states.map(({ contestant, times, failure }) => [
      contestant,
      { times, ...(failure === undefined ? {} : { failure }) },
    ]),
  );
}

/** @param tokens that one step reads */
export function summary(times: readonly number[], tokens: number): Measured {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number;
  const median = at(0.5);
  return {
    tokensPerSecond: (1000 * tokens) / median,
    spread: (at(0.75) - at(0.25)) / 2 / median,
    msPerStep: median,
    rounds: sorted.length,
  };
}
