/** Answer a request for text, as a whole or as a stream of events. */
import type { Context } from "hono";
import { complete, completeAsEvents } from "./completions/answers.ts";
import type { CompletionRequest } from "./completions/request.ts";
import { type ApiError, apiErrorOf } from "./errors.ts";
import { keepAlive } from "./keep-alive.ts";
import type { Metrics } from "./metrics.ts";
import type { Env } from "./request-context.ts";
import type { Sender } from "./send.ts";
import { createWatch } from "./times.ts";

/** Answers a request for text; `onEnd` is always called, possibly more than once. */
export type Answer = (c: Context<Env>, completion: CompletionRequest, onEnd?: () => void) => Promise<Response>;

/** @param keepAliveMs the longest time that a stream is silent */
export function createAnswer(metrics: Metrics, send: Sender, keepAliveMs: number): Answer {
  return async (c, completion, onEnd = () => {}) => {
    const { request } = c.var;
    request.completion = completion;
    request.loaded = completion.loaded;
    const attended = { signal: request.stop.signal, watch: createWatch(completion, request, metrics) };
    if (!completion.writing.stream) {
      return send.json(c, await complete(completion, request.client, attended).finally(onEnd));
    }
    const fail = (error: unknown): ApiError => {
      request.error = apiErrorOf(error, request.id);
      return request.error;
    };
    const starting = completeAsEvents(completion, request.client, { ...attended, onEnd, fail }).catch((error) => {
      onEnd();
      // If the answer has begun, the error is an event.
      if (request.streaming) fail(error);
      throw error;
    });
    const events = await keepAlive(starting, { ms: keepAliveMs, fail });
    const headers = {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-cache",
      // nginx would collect events until a buffer is full.
      "X-Accel-Buffering": "no",
    };
    return send.pieces(c, events, { headers, onEnd });
  };
}
