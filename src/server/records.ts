/** Count and log each request when its answer has ended. */
import type { Context } from "hono";
import { excerpt } from "../graph/excerpt.ts";
import { type ApiError, stackOf } from "./errors.ts";
import type { Metrics } from "./metrics.ts";
import type { LogLine } from "./options.ts";
import type { Env, RequestContext } from "./request-context.ts";

export type Records = {
  /** A request whose answer has ended. */
  readonly request: (c: Context<Env>, request: RequestContext) => void;
  /** Record an invalid request that was answered. `id` is the id of the answer. */
  readonly refusal: (error: ApiError, about: { readonly id: string; readonly client: string }) => void;
};

export function createRecords(metrics: Metrics, log: (line: LogLine) => void): Records {
  return {
    request(c, request) {
      const ms = performance.now() - request.startMs;
      const { status } = c.res;
      const { id, loaded, completion, route, client, aborted, error, queueMs, firstTokenMs } = request;
      const texts = completion?.texts ?? [];
      const promptTokens = texts.reduce((total, text) => total + text.read, 0);
      const completionTokens = texts.reduce((total, text) => total + text.written, 0);
      metrics.requests.inc({ route: route ?? "other", status });
      metrics.duration.observe({ route: route ?? "other" }, ms / 1000);
      if (error !== undefined) metrics.refusals.inc({ reason: error.kind });
      if (completion !== undefined) {
        metrics.tokens.inc({ model: completion.loaded.name, kind: "read" }, promptTokens);
        metrics.tokens.inc({ model: completion.loaded.name, kind: "written" }, completionTokens);
      }
      const path = route ?? excerpt(c.req.path, 200);
      log({
        ...{ time: new Date().toISOString(), id, method: c.req.method, path, status },
        ...{ ms: tenths(ms), promptTokens, completionTokens, client },
        ...(loaded && { model: loaded.name }),
        ...(queueMs !== undefined && { queueMs: tenths(queueMs) }),
        ...(firstTokenMs !== undefined && { firstTokenMs: tenths(firstTokenMs) }),
        ...(error && { error: error.kind }),
        ...(error?.kind === "internal" && { stack: stackOf(error.cause) }),
        ...(aborted && { aborted }),
      });
    },
    refusal(error, { id, client }) {
      const { status, kind } = error;
      metrics.requests.inc({ route: "other", status });
      metrics.refusals.inc({ reason: kind });
      log({
        ...{ time: new Date().toISOString(), id, method: "-", path: "-", status, ms: 0 },
        ...{ promptTokens: 0, completionTokens: 0, client, error: kind },
        ...(kind === "internal" && { stack: stackOf(error.cause) }),
      });
    },
  };
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;
