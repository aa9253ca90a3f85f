/** Find the address of a request's client. */
import type { MiddlewareHandler } from "hono";
import { createAddresses, type TrustProxy } from "../proxies.ts";
import type { Env } from "../request-context.ts";

/** Set the client's address, as reported by trusted proxies. */
export function readClientAddress(trustProxy: TrustProxy): MiddlewareHandler<Env> {
  const addressOf = createAddresses(trustProxy);
  return async (c, next) => {
    c.var.request.client = addressOf(c.env?.incoming?.socket?.remoteAddress ?? "unknown", c.req.raw.headers);
    return next();
  };
}
