/** The names that the server may be asked by. */
import type { MiddlewareHandler } from "hono";
import { excerpt } from "../../graph/excerpt.ts";
import { ApiError } from "../errors.ts";
import { createHostCheck } from "../hosts.ts";
import type { Env } from "../request-context.ts";

/** Refuses requests that name another host than these. */
export function checkHost(hosts: readonly string[]): MiddlewareHandler<Env> {
  const isAllowed = createHostCheck(hosts);
  return async (c, next) => {
    // Without one it is of HTTP/1.0, and no page's: browsers say it.
    const host = c.req.header("host");
    if (host === undefined || isAllowed(host)) return next();
    const wrong = `host: needs one of ${hosts.join(", ")}, got ${excerpt(host, 60)}. See --allow-host.`;
    throw new ApiError("host_not_allowed", wrong);
  };
}
