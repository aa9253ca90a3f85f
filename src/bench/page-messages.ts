/** What the bench's page and the command that serves it tell each other. Knows nothing about how they do. */
import type { BenchRow, Unmeasured } from "./row.ts";
import type { Shape } from "./shapes.ts";

/** The peers that a page can have, in the order of the table. */
export const pagePeers = ["tfjs", "jax-js"] as const;
export type PagePeer = (typeof pagePeers)[number];

/** A setting of a peer. */
export type PageSetting = {
  /** What its line says: the library, its version, its backend, what else is set. */
  readonly setting: string;
  /** What its document takes besides the shape. */
  readonly options: Readonly<Record<string, number>>;
};

/** What a page asks for when it is opened: what is still to be measured, and beside what. */
export type PageOrders = {
  /** The page's number. Of several the newest measures. */
  readonly page: number;
  /** Rows that a page before it has sent stay. */
  readonly todo: readonly { readonly index: number; readonly shape: Shape }[];
  readonly shapes: number;
  readonly rounds: number;
  /** Those that are installed, with the settings in which each is measured. */
  readonly peers: Readonly<Partial<Record<PagePeer, readonly PageSetting[]>>>;
  /** What all steps of one contestant may take, but for its first. Of several settings each has half of it. */
  readonly seconds: number;
};

/** Where a page measures. */
export type Place = {
  /** The graphics card's name; null where there is none, which the rows say more about. */
  readonly adapter: string | null;
  readonly threads: number;
  /** What bears on all figures. */
  readonly notes: readonly string[];
};

/** What a page tells of, with its number. */
export type PageMessage = { readonly page: number } & (
  | { readonly event: "place"; readonly place: Place }
  | { readonly event: "doing"; readonly line: string }
  | { readonly event: "row"; readonly index: number; readonly row: BenchRow | Unmeasured }
  | { readonly event: "failed"; readonly message: string }
);
