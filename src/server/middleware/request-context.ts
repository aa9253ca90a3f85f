/** A context for each request, as long as it is on its way. */
import type { MiddlewareHandler } from "hono";
import type { Env, RequestContexts } from "../request-context.ts";

/** Makes each request its context, and ends it where its answer is no stream. It comes first. */
export const trackRequests =
  (requests: RequestContexts): MiddlewareHandler<Env> =>
  async (c, next) => {
    const request = requests.begin(c);
    await next();
    c.header("x-request-id", request.id);
    if (requests.isClosing) c.header("Connection", "close");
    if (!request.streaming) request.end();
  };
