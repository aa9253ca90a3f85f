/** Allow requests from pages of other sites (CORS), in preflight requests and in every answer. */
import type { MiddlewareHandler } from "hono";
import type { Env } from "../request-context.ts";

/**
 * The headers that a page can send; other headers that it asks for are allowed as well, because clients send headers of
 * their own.
 */
const sent = ["Authorization", "Content-Type", "X-Request-Id"];
/** The headers that a page can read. */
const read = ["X-Request-Id", "X-Should-Retry", "Retry-After", "WWW-Authenticate"];
const methods = ["GET", "POST", "PUT", "DELETE"];

/**
 * @param origins origins such as `https://example.org`; `*` means all. This middleware comes first, so that pages can
 * read errors as well.
 */
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

/** The answer to a preflight request. */
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
  // A page of the internet that sends requests to a private network or to this machine.
  if (asked.get("access-control-request-private-network") === "true") {
    headers.set("Access-Control-Allow-Private-Network", "true");
    headers.append("Vary", "Access-Control-Request-Private-Network");
  }
  return headers;
}
