/** Give each request a context while it is being answered. */
import type { MiddlewareHandler } from "hono";
import type { Env, RequestContexts } from "../request-context.ts";

/** Make the context of each request, and end it if the answer is not a stream. This middleware comes first. */
export const trackRequests =
  (requests: RequestContexts): MiddlewareHandler<Env> =>
  async (c, next) => {
    const request = requests.begin(c);
    await next();
    c.header("x-request-id", request.id);
    if (requests.isClosing) c.header("Connection", "close");
    if (!request.streaming) request.end();
  };
