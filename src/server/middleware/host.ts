/** Check the host name of requests. */
import type { MiddlewareHandler } from "hono";
import { excerpt } from "../../graph/excerpt.ts";
import { ApiError } from "../errors.ts";
import { createHostCheck } from "../hosts.ts";
import type { Env } from "../request-context.ts";

/** Refuse requests to any other host. */
export function checkHost(hosts: readonly string[]): MiddlewareHandler<Env> {
  const isAllowed = createHostCheck(hosts);
  return async (c, next) => {
    // A request without a host is HTTP/1.0 and does not come from a page: browsers always send it.
    const host = c.req.header("host");
    if (host === undefined || isAllowed(host)) return next();
    const wrong = `host: needs one of ${hosts.join(", ")}, got ${excerpt(host, 60)}. See --allow-host.`;
    throw new ApiError("host_not_allowed", wrong);
  };
}
