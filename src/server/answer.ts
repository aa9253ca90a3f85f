/** The way of an order back to the client: at once, or as events, as fast as they are read. */
import type { Context } from "hono";
import { complete, completeAsEvents, type Order } from "./completions.ts";
import type { Env } from "./context.ts";
import { ApiError, apiErrorOf } from "./errors.ts";
import { keepAlive } from "./keep-alive.ts";
import type { Metrics } from "./metrics.ts";
import { createWatch } from "./times.ts";

/** Answers an order; `onEnd` is told in any case. */
export type Answer = (c: Context<Env>, order: Order, onEnd?: () => void) => Promise<Response>;

type Waits = {
  /** How long a reader of a stream is waited for. */
  readonly stallMs: number;
  /** How long a stream is silent. */
  readonly keepAliveMs: number;
};

export function createAnswer(metrics: Metrics, { stallMs, keepAliveMs }: Waits): Answer {
  return async (c, order, onEnd = () => {}) => {
    const { request } = c.var;
    request.order = order;
    const attended = { signal: request.stop.signal, watch: createWatch(order, request, metrics) };
    if (!order.writing.stream) {
      const json = await complete(order, request.client, attended).finally(onEnd);
      return c.body(json, 200, { "Content-Type": "application/json" });
    }
    const ended = (): void => {
      onEnd();
      request.end();
    };
    const fail = (error: unknown): ApiError => {
      request.error = apiErrorOf(error, request.id);
      return request.error;
    };
    const starting = completeAsEvents(order, request.client, { ...attended, onEnd: ended, fail }).catch((error) => {
      onEnd();
      // An answer that has begun ends with it.
      if (request.streaming) {
        fail(error);
        request.end();
      }
      throw error;
    });
    const events = await keepAlive(starting, { ms: keepAliveMs, fail });
    request.streaming = true;
    return new Response(streamOf(c, events, stallMs), {
      headers: {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-cache",
        // nginx would gather events until a buffer is full.
        "X-Accel-Buffering": "no",
      },
    });
  };
}

/** Events as bytes. A reader that is too slow is left, and one that leaves ends the work. */
function streamOf(c: Context<Env>, events: AsyncGenerator<string, void>, stallMs: number): ReadableStream<Uint8Array> {
  const { request } = c.var;
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const leave = (): void => {
    clearTimeout(timer);
    request.aborted = true;
    request.stop.abort(new ApiError("aborted", "the client went away."));
    void events.return();
  };
  return new ReadableStream({
    async pull(controller) {
      clearTimeout(timer);
      const { value, done } = await events.next();
      if (done === true) return controller.close();
      controller.enqueue(encoder.encode(value));
      timer = setTimeout(() => {
        leave();
        if (c.env?.outgoing === undefined) controller.error(new Error("the reader was too slow"));
        else c.env.outgoing.destroy();
      }, stallMs);
    },
    cancel: leave,
  });
}
