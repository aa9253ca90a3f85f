/** The simulation of an update of several processes. */
import { expect, test } from "vitest";

type Training = {
  readonly parts: readonly { readonly ms: number; readonly bytes: number }[];
  readonly optimizerMs: number;
};
type Link = { readonly bitsPerSecond: number; readonly latencyMs: number; readonly messageMs?: number };
type How = { readonly processes: number; readonly bytesShare?: number; readonly syncEvery?: number };
const file = "../../scripts/processes/step-time.mjs";
const { stepTime } = (await import(/* @vite-ignore */ file)) as {
  stepTime: (training: Training, link: Link, how: How) => number;
};

const training: Training = {
  parts: [
    { ms: 10, bytes: 1e6 },
    { ms: 20, bytes: 0 },
    { ms: 5, bytes: 2e6 },
  ],
  optimizerMs: 1,
};
const fast: Link = { bitsPerSecond: Number.POSITIVE_INFINITY, latencyMs: 0, messageMs: 0 };

test("alone, and over a link that costs nothing, it is the time of what is computed", () => {
  expect(stepTime(training, { ...fast, bitsPerSecond: 1 }, { processes: 1 })).toBe(36);
  expect(stepTime(training, fast, { processes: 1024 })).toBe(36);
});

test("by hand: two processes at 1 Gbit/s and 3 ms; the first bucket is hidden, the last is not", () => {
  const link: Link = { bitsPerSecond: 1e9, latencyMs: 3, messageMs: 0 };
  // Of 2 MB a process sends 1 MB in each round, 8 ms; twice, and 3 ms of latency twice.
  expect(stepTime(training, link, { processes: 2 })).toBeCloseTo(35 + 16 + 6 + 1, 9);
  expect(stepTime(training, link, { processes: 2, bytesShare: 1 / 2 })).toBeCloseTo(35 + 8 + 6 + 1, 9);
  expect(stepTime(training, link, { processes: 2, syncEvery: 10 })).toBeCloseTo(36 + (24 + 6) / 10, 9);
});

test("more processes, less speed and more latency never make it shorter", () => {
  for (const processes of [2, 4, 64, 1024])
    for (const [bitsPerSecond, latencyMs] of [
      [1e10, 0.1],
      [1e9, 0.5],
      [2e7, 25],
    ] as const) {
      const now = stepTime(training, { bitsPerSecond, latencyMs }, { processes });
      expect(stepTime(training, { bitsPerSecond, latencyMs }, { processes: 2 * processes })).toBeGreaterThanOrEqual(
        now,
      );
      expect(stepTime(training, { bitsPerSecond: bitsPerSecond / 2, latencyMs }, { processes })).toBeGreaterThan(now);
      expect(stepTime(training, { bitsPerSecond, latencyMs: 2 * latencyMs }, { processes })).toBeGreaterThan(now);
    }
});
