/** Measure how long the texts of a request wait, and how fast they are generated, for the metrics and the log. */
import type { CompletionRequest } from "./completions/request.ts";
import type { Metrics } from "./metrics.ts";
import type { RequestContext } from "./request-context.ts";

/** Observes a text, by its index in the request. */
export type Watch = {
  /** The text has a slot, for the first time or again. */
  readonly scheduled: (choice: number) => void;
  /** A piece of the text has arrived; `ended` tells whether it ended normally. */
  readonly came: (choice: number, ended: boolean) => void;
};

export function createWatch({ loaded, texts }: CompletionRequest, request: RequestContext, metrics: Metrics): Watch {
  const placedMs = performance.now();
  const labels = { model: loaded.name };
  const waits = new Set(texts.keys());
  /** For each text, the time of its first token, and the number of tokens. */
  const first: { ms: number; written: number }[] = [];
  return {
    scheduled(choice) {
      if (!waits.delete(choice)) return;
      const ms = performance.now() - placedMs;
      metrics.queueWait.observe(labels, ms / 1000);
      request.queueMs ??= ms;
    },
    came(choice, ended) {
      const written = texts[choice]?.written ?? 0;
      // Most tokens have no data.
      if (written === 0 || (first[choice] !== undefined && !ended)) return;
      const now = performance.now();
      if (request.firstTokenMs === undefined) {
        request.firstTokenMs = now - request.startMs;
        metrics.firstToken.observe(labels, request.firstTokenMs / 1000);
      }
      first[choice] ??= { ms: now, written };
      const since = first[choice];
      if (ended && written > since.written) {
        metrics.tokenTime.observe(labels, (now - since.ms) / 1000 / (written - since.written));
      }
    },
  };
}
