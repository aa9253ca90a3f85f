/** Measure shapes, Unrolled and its peers in turn within one session, so that a noisy machine disturbs all alike. */
import { type Peer, startPyTorch } from "./pytorch.ts";
import type { Shape } from "./shapes.ts";
import { charactersAStep, cores, measurePeak, startUnrolled } from "./unrolled.ts";

export type Measured = {
  readonly tokensPerSecond: number;
  /** Half the distance between the quartiles, as a share of the median. */
  readonly spread: number;
  readonly msPerStep: number;
};
export type BenchRow = {
  readonly shape: string;
  readonly unrolled: Measured & {
    readonly threads: number;
    readonly gflops: number;
    /** Of the peak of WASM SIMD on the cores used. */
    readonly peakShare: number;
    /** With one thread, beside the best. */
    readonly oneThread: Measured;
  };
  readonly peers: Readonly<Record<string, (Measured & { readonly setting: string }) | null>>;
  /** Unrolled's tokens per second over the peer's. */
  readonly ratio: Readonly<Record<string, number>>;
};

export type BenchOptions = {
  readonly rounds: number;
  /** Gigaflops of one core; measured where absent. */
  readonly peak?: number;
};

export async function benchShape(shape: Shape, { rounds, peak: known }: BenchOptions): Promise<BenchRow> {
  const peak = known ?? (await measurePeak());
  const counts = cores() > 1 && shape.task === "train" ? [1, 2] : [1];
  const own = await Promise.all(counts.map((threads) => startUnrolled(shape, threads)));
  const started = await Promise.all([1, 2].map((threads) => startPyTorch(shape, threads)));
  const pytorch = started.filter((peer) => peer !== undefined);
  const tokens = shape.task === "train" ? shape.batch * shape.steps : charactersAStep;
  const times = new Map<Peer, number[]>([...own, ...pytorch].map((peer) => [peer, []]));
  try {
    const warmUps = 2;
    for (let round = 0; round < warmUps + rounds; round++) {
      for (const [peer, list] of times) {
        // A peer's threads may spin a while after its step: let them come to rest. Then one step to warm the caches.
        await new Promise((resolve) => setTimeout(resolve, 30));
        await peer.step();
        const ms = await peer.step();
        if (round >= warmUps) list.push(ms);
      }
    }
  } finally {
    for (const peer of times.keys()) peer.end();
  }
  const measured = (peer: Peer): Measured => summary(times.get(peer) as number[], tokens);
  const best = <T extends Peer>(list: readonly T[]): T =>
    list.reduce((a, b) => (measured(b).msPerStep < measured(a).msPerStep ? b : a));
  const fastest = best(own);
  const mine = measured(fastest);
  const gflops = (2 * fastest.multiplyAdds) / mine.msPerStep / 1e6;
  const row = {
    shape: shape.name,
    unrolled: {
      threads: fastest.threads,
      ...mine,
      gflops,
      peakShare: gflops / (peak * fastest.threads),
      oneThread: measured(own[0] as (typeof own)[0]),
    },
  };
  if (pytorch.length === 0) return { ...row, peers: { pytorch: null }, ratio: {} };
  const peer = best(pytorch);
  const theirs = measured(peer);
  const ratio = { pytorch: mine.tokensPerSecond / theirs.tokensPerSecond };
  return { ...row, peers: { pytorch: { ...theirs, setting: peer.setting } }, ratio };
}

function summary(times: readonly number[], tokens: number): Measured {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number;
  const median = at(0.5);
  return {
    tokensPerSecond: (1000 * tokens) / median,
    spread: (at(0.75) - at(0.25)) / 2 / median,
    msPerStep: median,
  };
}
