/** Measure one shape: Unrolled's engines and its peers, in turn. */
import { InputError } from "../graph/input-error.ts";
import type { OwnEngine } from "./engines.ts";
import { startJaxJs } from "./jax-js.ts";
import { startOneDnn } from "./onednn.ts";
import { startOnnxRuntime, startOnnxRuntimeInt8 } from "./onnx-runtime.ts";
import type { Peer, Say, StartPeer } from "./peer.ts";
import { threadCounts } from "./processor.ts";
import { startPyTorch, startPyTorchAsPublished } from "./pytorch.ts";
import { type BenchRow, measureRow, type Unmeasured } from "./row.ts";
import type { Shape } from "./shapes.ts";
import { startTensorflowJs } from "./tensorflow-js.ts";
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
  if (Object.keys(own).length === 0) return { shape: shape.name, unmeasured: Object.values(failures)[0] as string };
  const peers = await startPeers(shape, starters, { seconds: peerSeconds, failures, say });
  return measureRow(
    shape,
    { own, peers },
    { ...{ rounds, engines, peak, failures, say }, peers: Object.keys(starters) },
  );
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
