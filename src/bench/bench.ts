/** Measure one shape: Unrolled's engines and its peers, in turn. */
import { InputError } from "../graph/input-error.ts";
import type { OwnEngine } from "./engines.ts";
import { startJaxJs } from "./jax-js.ts";
import { startOneDnn } from "./onednn.ts";
import { startOnnxRuntime, startOnnxRuntimeInt8 } from "./onnx-runtime.ts";
import type { Peer, Say, StartPeer, Tried } from "./peer-process.ts";
import { threadCounts } from "./processor.ts";
import { startPyTorch, startPyTorchAsPublished } from "./pytorch.ts";
import { type Shape, tokensAStep, unitOf } from "./shapes.ts";
import { startTensorflowJs } from "./tensorflow-js.ts";
import { type Measured, summary, type Turns, takeTurns } from "./turns.ts";
import { type OwnPeer, startUnrolled } from "./unrolled.ts";

/** The peers for each task, by their names in the rows. */
export const peersFor: { readonly [T in Shape["task"]]: Peers } = {
  train: { pytorch: startPyTorch, tfjs: startTensorflowJs, "jax-js": startJaxJs },
  forecast: { pytorch: startPyTorch, "pytorch-gru": startPyTorchAsPublished },
  layer: { onednn: startOneDnn },
  generate: {
    pytorch: startPyTorch,
    onnxruntime: startOnnxRuntime,
    "onnxruntime-int8": startOnnxRuntimeInt8,
  },
  translate: { pytorch: startPyTorch },
};
export type Peers = Readonly<Record<string, StartPeer>>;

/** Of the multiply-adds of our plan's products, whoever does them. */
type Rate = { readonly gflops: number };

type MeasuredEngine = Measured &
  Rate & {
    readonly engine: OwnEngine["name"];
    readonly isa: string;
    readonly threads: number;
    /** Of the machine's peak in f32, with all its threads at once. */
    readonly peakShare: number;
    /** With one thread, beside the best. */
    readonly oneThread: Measured;
  };

export type BenchRow = {
  readonly shape: string;
  /** What `tokensPerSecond` counts, where it is not tokens. */
  readonly unit?: "windows";
  /** The fastest kind of engine that runs here. */
  readonly unrolled: MeasuredEngine;
  /** Our other engines; null where one refuses the shape's options. */
  readonly engines: Readonly<Record<string, MeasuredEngine | null>>;
  /** Each in its best setting; null where it is missing, or fails. */
  readonly peers: Readonly<Record<string, MeasuredPeer | null>>;
  /** Unrolled's tokens per second over the peer's, or the other engine's. */
  readonly ratio: Readonly<Record<string, number>>;
  /** The machine's peak in f32: see `Peak`. */
  readonly peakGflops: number;
  /** Why a peer that is there, or an engine, has no figures. */
  readonly failures?: Readonly<Record<string, string>>;
};
/** A shape whose options no engine takes here. */
export type Unmeasured = { readonly shape: string; readonly unmeasured: string };

/** `tried` where it has so many settings that some were chosen for the rounds. */
type MeasuredPeer = Measured & Rate & { readonly setting: string; readonly tried?: readonly Tried[] };

export type BenchOptions = {
  readonly rounds: number;
  /** Those that take part, the one that counts first. */
  readonly engines: readonly OwnEngine[];
  /** The machine's, in GFLOP/s. */
  readonly peak: number;
  readonly peers?: Peers;
  /**
   * What all steps of one peer may take, but for the first of each setting. Of several settings each has half of it.
   */
  readonly peerSeconds?: number;
  /** Told of each peer and trial as it starts, and of the rounds. */
  readonly say?: Say;
};

export async function benchShape(
  shape: Shape,
  { rounds, engines, peak, peers: starters = peersFor[shape.task], peerSeconds = 60, say = () => {} }: BenchOptions,
): Promise<BenchRow | Unmeasured> {
  const { own, failures } = await startEngines(shape, engines);
  const [first] = Object.keys(own);
  if (first === undefined) return { shape: shape.name, unmeasured: Object.values(failures)[0] as string };
  const started = await startPeers(shape, starters, { seconds: peerSeconds, failures, say });
  const all: Contender[] = [...Object.values(own).flat(), ...Object.values(started).flat()];
  say(`${rounds} rounds of ${[...Object.keys(own), ...Object.keys(started)].join(", ")}`);
  const turns = await takeTurns(all, rounds).finally(() => {
    for (const peer of all) peer.end();
  });
  const multiplyAdds = own[first]?.[0]?.multiplyAdds as number;
  /** The fastest of the settings that did not fail. */
  const best = <P extends Peer>(settings: readonly P[]): (Measured & Rate & { readonly peer: P }) | undefined =>
    settings
      .map((peer) => ({ peer, ...(turns.get(peer) as Turns) }))
      .filter(({ failure }) => failure === undefined)
      .map(({ peer, times }) => ({ peer, ...summary(times, tokensAStep(shape)) }))
      .map((measured) => ({ ...measured, gflops: (2 * multiplyAdds) / measured.msPerStep / 1e6 }))
      .sort((a, b) => a.msPerStep - b.msPerStep)[0];
  const failureOf = ([first]: readonly Peer[]): string => turns.get(first as Peer)?.failure as string;

  const measuredOf = ({ name, isa }: OwnEngine): MeasuredEngine | null => {
    const settings = own[name];
    if (settings === undefined) return null;
    const [mine, oneThread] = [best(settings), best(settings.slice(0, 1))];
    if (mine === undefined || oneThread === undefined) throw new Error(failureOf(settings));
    const { peer, ...figures } = mine;
    const { peer: _, gflops: __, ...slower } = oneThread;
    return {
      ...{ engine: name, isa, threads: peer.threads, ...figures },
      ...{ peakShare: mine.gflops / peak, oneThread: slower },
    };
  };
  const others: Record<string, MeasuredEngine | null> = Object.fromEntries(
    engines.map((engine) => [engine.name, measuredOf(engine)]),
  );
  const unrolled = others[first] as MeasuredEngine;
  delete others[first];
  const peers: Record<string, MeasuredPeer | null> = {};
  const ratio: Record<string, number> = {};
  const { tokensPerSecond } = unrolled;
  const unit = unitOf(shape.task);
  for (const [name, other] of Object.entries(others)) {
    if (other !== null) ratio[name] = tokensPerSecond / other.tokensPerSecond;
  }
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
      ratio[name] = tokensPerSecond / theirs.tokensPerSecond;
    }
  }
  return {
    shape: shape.name,
    ...(unit === "tokens" ? {} : { unit }),
    ...{ unrolled, engines: others, peers, ratio, peakGflops: peak },
    ...(Object.keys(failures).length === 0 ? {} : { failures }),
  };
}

/** Ours, by engine, with each number of threads; those that refuse the shape's options fail. */
async function startEngines(
  shape: Shape,
  engines: readonly OwnEngine[],
): Promise<{ readonly own: Record<string, readonly OwnPeer[]>; readonly failures: Record<string, string> }> {
  const own: Record<string, readonly OwnPeer[]> = {};
  const failures: Record<string, string> = {};
  for (const { name } of engines) {
    try {
      own[name] = await Promise.all(threadCounts().map((threads) => startUnrolled(shape, threads, name)));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failures[name] = error.message;
    }
  }
  return { own, failures };
}

type Contender = Peer & { readonly budgetMs?: number };

/** Those that are there, by name; why others could not start goes to `failures`. */
async function startPeers(
  shape: Shape,
  starters: Peers,
  { seconds, failures, say }: { seconds: number; failures: Record<string, string>; say: Say },
): Promise<Record<string, readonly Contender[]>> {
  const started: Record<string, readonly Contender[]> = {};
  for (const [name, start] of Object.entries(starters)) {
    try {
      say(`${name} starts`);
      const settings = await start(shape, (line) => say(`${name}, ${line}`));
      if (settings === undefined) continue;
      started[name] = settings.map((peer) => ({ ...peer, budgetMs: (1000 * seconds) / Math.min(settings.length, 2) }));
    } catch (error) {
      failures[name] = error instanceof Error ? error.message : String(error);
    }
  }
  return started;
}
