/** Which pages of other sites may ask, as browsers want to be told (CORS): before they ask, and with every answer. */
import type { MiddlewareHandler } from "hono";
import type { Env } from "../request-context.ts";

/** What a page may send; and whatever else it says that it wants to, for clients send headers of their own. */
const sent = ["Authorization", "Content-Type", "X-Request-Id"];
/** What a page may read besides the body. */
const read = ["X-Request-Id", "X-Should-Retry", "Retry-After", "WWW-Authenticate"];
const methods = ["GET", "POST", "PUT", "DELETE"];

/** `origins` as `https://example.org`; `*` is every one. It comes first, so that refusals can be read as well. */
export function allowOrigins(origins: readonly string[]): MiddlewareHandler<Env> {
  const any = origins.includes("*");
  return async (c, next) => {
    const { req } = c;
    const origin = req.header("origin");
    const allowed = origin !== undefined && (any || origins.includes(origin));
    const asks = req.method === "OPTIONS" && req.header("access-control-request-method") !== undefined;
    if (!(allowed && asks)) await next();
    else c.res = new Response(null, { status: 204, headers: beforehand(req.raw.headers) });
    const { headers } = c.res;
    if (!any) headers.append("Vary", "Origin");
    if (!allowed) return;
    headers.set("Access-Control-Allow-Origin", any ? "*" : origin);
    if (!asks) headers.set("Access-Control-Expose-Headers", read.join(", "));
  };
}

/** What a browser wants to know before a page may ask. */
function beforehand(asked: Headers): Headers {
  const wanted = (asked.get("access-control-request-headers") ?? "").split(",").map((name) => name.trim());
  const known = sent.map((name) => name.toLowerCase());
  const more = wanted.filter((name) => /^[\w-]+$/.test(name) && !known.includes(name.toLowerCase()));
  const headers = new Headers({
    "Access-Control-Allow-Methods": methods.join(", "),
    "Access-Control-Allow-Headers": [...sent, ...more].join(", "),
    "Access-Control-Max-Age": "600",
    Vary: "Access-Control-Request-Headers",
  });
  // A page of the internet that asks a machine of a private network, or this one.
  if (asked.get("access-control-request-private-network") === "true") {
    headers.set("Access-Control-Allow-Private-Network", "true");
    headers.append("Vary", "Access-Control-Request-Private-Network");
  }
  return headers;
}
