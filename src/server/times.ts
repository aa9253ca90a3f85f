/** How long the texts of a request wait, and how fast they are written: for the figures and the log. */
import type { CompletionRequest } from "./completions/request.ts";
import type { Metrics } from "./metrics.ts";
import type { RequestContext } from "./request-context.ts";

/** Told of a text, by its place in the request. */
export type Watch = {
  /** It has a slot, for the first time or again. */
  readonly scheduled: (choice: number) => void;
  /** Something has come of it; `ended` where it has ended by itself. */
  readonly came: (choice: number, ended: boolean) => void;
};

export function createWatch({ loaded, texts }: CompletionRequest, request: RequestContext, metrics: Metrics): Watch {
  const placedMs = performance.now();
  const labels = { model: loaded.name };
  const waits = new Set(texts.keys());
  /** Of each text, when its first token was there, and how many were. */
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
      // Of most tokens nothing is asked.
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
