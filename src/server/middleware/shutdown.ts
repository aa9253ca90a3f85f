/** No more requests once the server ends. */
import type { MiddlewareHandler } from "hono";
import { ApiError } from "../errors.ts";
import type { Env, RequestContexts } from "../request-context.ts";
import type { IsOpen } from "../routes/table.ts";

/** Refuses what comes after the end has begun, but for what needs no key. */
export const refuseOnceClosing =
  (requests: RequestContexts, isOpen: IsOpen): MiddlewareHandler<Env> =>
  async (c, next) => {
    if (requests.isClosing && !isOpen(c)) throw new ApiError("shutting_down", "the server is shutting down.");
    return next();
  };
