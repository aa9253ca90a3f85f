/** What takes part in a measurement besides ours, as those who measure see it. Knows nothing about where it runs. */
import type { Shape } from "./shapes.ts";

export type Peer = {
  readonly setting: string;
  readonly step: () => Promise<number>;
  readonly end: () => void;
  /** What was tried before this one was chosen. */
  readonly tried?: readonly Tried[];
};
export type Tried = { readonly setting: string } & (
  | { /** The best of a few steps. */ readonly msPerStep: number }
  | { readonly failure: string }
);

/** Takes a line on what takes long, before it is done. */
export type Say = (line: string) => void;

/** The settings in which a peer is measured, of which the best counts; undefined where it is not installed. */
export type StartPeer = (shape: Shape, say?: Say) => Promise<readonly Peer[] | undefined>;

/** @throws where one cannot start; then none goes on */
export async function startEach<Setting>(
  settings: readonly Setting[],
  start: (setting: Setting) => Promise<Peer>,
): Promise<Peer[]> {
  const peers: Peer[] = [];
  try {
    for (const setting of settings) peers.push(await start(setting));
    return peers;
  } catch (error) {
    for (const peer of peers) peer.end();
    throw error;
  }
}

export const threadCount = (threads: number): string => `${threads} thread${threads === 1 ? "" : "s"}`;

/**
 * Watches the losses of a training that reads the same batch again and again: what trains wrongly has no speed.
 * @returns what takes each loss. @throws Error where one is not finite, or where the loss has not fallen after some updates
 */
export function lossWatch(): (loss: number) => void {
  const patience = 8;
  let [first, count] = [Number.NaN, 0];
  return (loss) => {
    if (!Number.isFinite(loss)) throw new Error("the loss is not finite");
    if (count === 0) first = loss;
    count++;
    const learnt = loss < first || loss < 1e-3;
    if (count > patience && !learnt) {
      throw new Error(`the loss does not fall on the same batch: ${first} at first, ${loss} after ${count} updates`);
    }
  };
}
