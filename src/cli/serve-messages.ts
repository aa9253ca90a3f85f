/** What the first process and the workers of `unrolled serve --workers` tell each other. */
import type { MetricValues } from "../server/metrics.ts";

export type FromWorker =
  /** Its models are loaded: `files` is the mark of their files. */
  | { readonly tells: "loaded"; readonly engine: string; readonly texts: readonly string[]; readonly files: string }
  | { readonly tells: "reloaded"; readonly files: string }
  /** It cannot start, or keeps its models: `input` if the reason is what it was given. */
  | { readonly tells: "failed"; readonly message: string; readonly input: boolean }
  /** It was asked for the metrics of all. */
  | { readonly tells: "asked"; readonly id: number }
  | { readonly tells: "metrics"; readonly id: number; readonly values: MetricValues };

export type ToWorker =
  /** With a socket: a connection, whose requests it answers. */
  | { readonly asks: "take" }
  /** `drain`: /healthz says from now on that it ends. */
  | { readonly asks: "reload" | "drain" | "close" }
  /** Its own metrics. */
  | { readonly asks: "metrics"; readonly id: number }
  /** The metrics of all, which it asked for. */
  | { readonly asks: "answer"; readonly id: number; readonly text: string };
