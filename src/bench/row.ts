/** Measure contestants that have started, in turn, and make a row of what they did. Knows nothing about where they run. */
import type { Peer, Say, Tried } from "./peer.ts";
import { type Shape, tokensAStep, unitOf } from "./shapes.ts";
import { type Contestant, type Measured, summary, type Turns, takeTurns } from "./turns.ts";
import type { OwnPeer } from "./unrolled.ts";

/** Of the multiply-adds of our plan's products, whoever does them. */
type Rate = { readonly gflops: number };

/** An engine of ours that takes part. */
export type MeasuredName = {
  readonly name: "native" | "wasm" | "webgpu";
  /** The instructions for vectors that it uses; of a graphics card, its name. */
  readonly isa: string;
};

export type MeasuredEngine = Measured &
  Rate & {
    readonly engine: MeasuredName["name"];
    readonly isa: string;
    readonly threads: number;
    /** Of the machine's peak in f32, with all its threads at once, where that was measured. */
    readonly peakShare?: number;
    /** With one thread, beside the best. */
    readonly oneThread: Measured;
  };

/** `tried` where it has so many settings that some were chosen for the rounds. */
export type MeasuredPeer = Measured & Rate & { readonly setting: string; readonly tried?: readonly Tried[] };

export type BenchRow = {
  readonly shape: string;
  /** What `tokensPerSecond` counts, where it is not tokens. */
  readonly unit?: "windows";
  /** The fastest kind of engine that runs here; in a page, the faster one. */
  readonly unrolled: MeasuredEngine;
  /** Our other engines; null where one refuses the shape's options, or fails. */
  readonly engines: Readonly<Record<string, MeasuredEngine | null>>;
  /** Each in its best setting; null where it is missing, or fails. */
  readonly peers: Readonly<Record<string, MeasuredPeer | null>>;
  /** Unrolled's tokens per second over the peer's, or the other engine's. */
  readonly ratio: Readonly<Record<string, number>>;
  /** The machine's peak in f32, where it was measured: see `Peak`. */
  readonly peakGflops?: number;
  /** Why a peer that is there, or an engine, has no figures. */
  readonly failures?: Readonly<Record<string, string>>;
};
/** A shape whose options no engine takes here. */
export type Unmeasured = { readonly shape: string; readonly unmeasured: string };

export type Started = {
  /** Ours, by engine, those with one thread first. */
  readonly own: Readonly<Record<string, readonly (OwnPeer & Contestant)[]>>;
  readonly peers: Readonly<Record<string, readonly (Peer & Contestant)[]>>;
};

export type Asked = {
  readonly rounds: number;
  /** Those that were to take part, the one that counts first, whether they have started or not. */
  readonly engines: readonly MeasuredName[];
  readonly peers: readonly string[];
  /** The faster of our engines counts, not the first. */
  readonly fastest?: boolean;
  /** The machine's, in GFLOP/s. */
  readonly peak?: number;
  /** Why some did not start. */
  readonly failures: Readonly<Record<string, string>>;
  readonly say?: Say;
};

/** Rounds of all that have started; then they end. One that fails leaves, and the row says why. */
export async function measureRow(
  shape: Shape,
  { own, peers: started }: Started,
  { rounds, engines, peers: names, fastest = false, peak, failures: before, say = () => {} }: Asked,
): Promise<BenchRow | Unmeasured> {
  const failures: Record<string, string> = { ...before };
  const all = [...Object.values(own).flat(), ...Object.values(started).flat()];
  say(`${rounds} rounds of ${[...Object.keys(own), ...Object.keys(started)].join(", ")}`);
  const turns = await takeTurns(all, rounds).finally(() => {
    for (const contestant of all) contestant.end();
  });
  const multiplyAdds = Object.values(own)[0]?.[0]?.multiplyAdds as number;
  /** The fastest of the settings that did not fail. */
  const best = <P extends Peer>(settings: readonly P[]): (Measured & Rate & { readonly peer: P }) | undefined =>
    settings
      .map((peer) => ({ peer, ...(turns.get(peer) as Turns) }))
      .filter(({ failure }) => failure === undefined)
      .map(({ peer, times }) => ({ peer, ...summary(times, tokensAStep(shape)) }))
      .map((measured) => ({ ...measured, gflops: (2 * multiplyAdds) / measured.msPerStep / 1e6 }))
      .sort((a, b) => a.msPerStep - b.msPerStep)[0];
  const failureOf = (settings: readonly Peer[]): string | undefined =>
    settings.map((peer) => turns.get(peer)?.failure).find((failure) => failure !== undefined);

  const measuredOf = ({ name, isa }: MeasuredName): MeasuredEngine | null => {
    const settings = own[name];
    if (settings === undefined) return null;
    const [mine, oneThread] = [best(settings), best(settings.slice(0, 1))];
    if (mine === undefined || oneThread === undefined) {
      failures[name] = failureOf(settings) as string;
      return null;
    }
    const { peer, ...figures } = mine;
    const { peer: _, gflops: __, ...slower } = oneThread;
    return {
      ...{ engine: name, isa, threads: peer.threads, ...figures },
      ...(peak === undefined ? {} : { peakShare: mine.gflops / peak }),
      oneThread: slower,
    };
  };
  const others: Record<string, MeasuredEngine | null> = Object.fromEntries(
    engines.map((engine) => [engine.name, measuredOf(engine)]),
  );
  const measured = Object.values(others).filter((engine) => engine !== null);
  if (fastest) measured.sort((a, b) => a.msPerStep - b.msPerStep);
  const [unrolled] = measured;
  if (unrolled === undefined) return { shape: shape.name, unmeasured: Object.values(failures)[0] as string };
  delete others[unrolled.engine];
  const peers: Record<string, MeasuredPeer | null> = {};
  const ratio: Record<string, number> = {};
  const { tokensPerSecond } = unrolled;
  const unit = unitOf(shape.task);
  for (const [name, other] of Object.entries(others)) {
    if (other !== null) ratio[name] = tokensPerSecond / other.tokensPerSecond;
  }
  for (const name of names) {
    const settings = started[name] ?? [];
    const theirs = best(settings);
    if (theirs === undefined) {
      peers[name] = null;
      if (settings.length > 0) failures[name] = failureOf(settings) as string;
    } else {
      const { peer, ...figures } = theirs;
      const { setting, tried } = peer;
      peers[name] = { ...figures, setting, ...(tried === undefined ? {} : { tried }) };
      ratio[name] = tokensPerSecond / theirs.tokensPerSecond;
    }
  }
  return {
    shape: shape.name,
    ...(unit === "tokens" ? {} : { unit }),
    ...{ unrolled, engines: others, peers, ratio },
    ...(peak === undefined ? {} : { peakGflops: peak }),
    ...(Object.keys(failures).length === 0 ? {} : { failures }),
  };
}
