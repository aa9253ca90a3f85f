/** From which address a request comes. */
import type { MiddlewareHandler } from "hono";
import { createAddresses, type TrustProxy } from "../proxies.ts";
import type { Env } from "../request-context.ts";

/** Tells the address, through proxies that are trusted. */
export function readClientAddress(trustProxy: TrustProxy): MiddlewareHandler<Env> {
  const addressOf = createAddresses(trustProxy);
  return async (c, next) => {
    c.var.request.client = addressOf(c.env?.incoming?.socket?.remoteAddress ?? "unknown", c.req.raw.headers);
    return next();
  };
}
