/** Measure one shape: Unrolled and its peers, in turn. */
import { startJaxJs } from "./jax-js.ts";
import { startOnnxRuntime } from "./onnx-runtime.ts";
import type { Peer, StartPeer, Tried } from "./peer-process.ts";
import { threadCounts } from "./processor.ts";
import { startPyTorch } from "./pytorch.ts";
import { type Shape, tokensAStep } from "./shapes.ts";
import { startTensorflowJs } from "./tensorflow-js.ts";
import { type Measured, summary, type Turns, takeTurns } from "./turns.ts";
import { startUnrolled } from "./unrolled.ts";

/** The peers for each task, by their names in the rows. */
export const peersFor: { readonly [T in Shape["task"]]: Peers } = {
  train: { pytorch: startPyTorch, tfjs: startTensorflowJs, "jax-js": startJaxJs },
  generate: { pytorch: startPyTorch, onnxruntime: startOnnxRuntime },
};
export type Peers = Readonly<Record<string, StartPeer>>;

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
  /** Each in its best setting; null where it is missing, or fails. */
  readonly peers: Readonly<Record<string, MeasuredPeer | null>>;
  /** Unrolled's tokens per second over the peer's. */
  readonly ratio: Readonly<Record<string, number>>;
  /** Why a peer that is there has no figures. */
  readonly failures?: Readonly<Record<string, string>>;
};

/** `tried` where it has so many settings that some were chosen for the rounds. */
type MeasuredPeer = Measured & { readonly setting: string; readonly tried?: readonly Tried[] };

export type BenchOptions = {
  readonly rounds: number;
  /** Gigaflops of one core. */
  readonly peak: number;
  readonly peers?: Peers;
  /**
   * What all steps of one peer may take, but for the first of each setting. Of several settings each has half of it.
   */
  readonly peerSeconds?: number;
};

export async function benchShape(
  shape: Shape,
  { rounds, peak, peers: starters = peersFor[shape.task], peerSeconds = 60 }: BenchOptions,
): Promise<BenchRow> {
  const own = await Promise.all(threadCounts().map((threads) => startUnrolled(shape, threads)));
  const { started, failures } = await startPeers(shape, starters, peerSeconds);
  const all: Contender[] = [...own, ...Object.values(started).flat()];
  const turns = await takeTurns(all, rounds).finally(() => {
    for (const peer of all) peer.end();
  });
  /** The fastest of the settings that did not fail. */
  const best = <P extends Peer>(settings: readonly P[]): (Measured & { readonly peer: P }) | undefined =>
    settings
      .map((peer) => ({ peer, ...(turns.get(peer) as Turns) }))
      .filter(({ failure }) => failure === undefined)
      .map(({ peer, times }) => ({ peer, ...summary(times, tokensAStep(shape)) }))
      .sort((a, b) => a.msPerStep - b.msPerStep)[0];
  const failureOf = ([first]: readonly Peer[]): string => turns.get(first as Peer)?.failure as string;

  const [mine, oneThread] = [best(own), best(own.slice(0, 1))];
  if (mine === undefined || oneThread === undefined) throw new Error(failureOf(own));
  const { peer: fastest, ...figures } = mine;
  const gflops = (2 * fastest.multiplyAdds) / mine.msPerStep / 1e6;
  const peers: Record<string, MeasuredPeer | null> = {};
  const ratio: Record<string, number> = {};
  for (const name of Object.keys(starters)) {
    const settings = started[name] ?? [];
    const theirs = best(settings);
    if (theirs === undefined) {
      peers[name] = null;
      if (settings.length > 0) failures[name] = failureOf(settings);
    } else {
      const { peer, ...measured } = theirs;
      const { setting, tried } = peer;
      peers[name] = { ...measured, setting, ...(tried === undefined ? {} : { tried }) };
      ratio[name] = mine.tokensPerSecond / theirs.tokensPerSecond;
    }
  }
  const { peer: _, ...slower } = oneThread;
  return {
    shape: shape.name,
    unrolled: {
      ...{ threads: fastest.threads, ...figures, gflops, peakShare: gflops / (peak * fastest.threads) },
      oneThread: slower,
    },
    ...{ peers, ratio },
    ...(Object.keys(failures).length === 0 ? {} : { failures }),
  };
}

type Contender = Peer & { readonly budgetMs?: number };

/** Those that are there, by name, and why others could not start. */
async function startPeers(
  shape: Shape,
  starters: Peers,
  seconds: number,
): Promise<{ started: Record<string, readonly Contender[]>; failures: Record<string, string> }> {
  const started: Record<string, readonly Contender[]> = {};
  const failures: Record<string, string> = {};
  for (const [name, start] of Object.entries(starters)) {
    try {
      const settings = (await start(shape)) ?? [];
      started[name] = settings.map((peer) => ({ ...peer, budgetMs: (1000 * seconds) / Math.min(settings.length, 2) }));
    } catch (error) {
      failures[name] = error instanceof Error ? error.message : String(error);
    }
  }
  return { started, failures };
}
