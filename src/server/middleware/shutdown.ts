/** Refuse requests during shutdown. */
import type { MiddlewareHandler } from "hono";
import { ApiError } from "../errors.ts";
import type { Env, RequestContexts } from "../request-context.ts";
import type { IsOpen } from "../routes/table.ts";

/** Refuse requests after shutdown has begun, except to routes that need no key. */
export const refuseOnceClosing =
  (requests: RequestContexts, isOpen: IsOpen): MiddlewareHandler<Env> =>
  async (c, next) => {
    if (requests.isClosing && !isOpen(c)) throw new ApiError("shutting_down", "the server is shutting down.");
    return next();
  };
