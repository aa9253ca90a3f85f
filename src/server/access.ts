/** Who may ask: keys, and the names that the server may be asked by. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import type { Env } from "./context.ts";
import { ApiError } from "./errors.ts";
import { type Route, routes } from "./openapi.ts";

/** Refuses requests that name another host than these. */
export function checkHost(hosts: readonly string[]): MiddlewareHandler<Env> {
  return async (c, next) => {
    const host = c.req.header("host")?.replace(/:\d*$/, "").toLowerCase();
    if (host === undefined || !hosts.includes(host)) {
      throw new ApiError("host_not_allowed", `host: needs one of ${hosts.join(", ")}. See --host.`);
    }
    return next();
  };
}

/** Whether a request needs no key. */
export const isOpen = (c: Context<Env>): boolean =>
  Object.values<Route>(routes).some((route) => route.open && route.path === c.req.path);

/** Tells whose a request is, and refuses one without a key where there are any. */
export function checkKey(apiKeys: readonly string[]): MiddlewareHandler<Env> {
  const keys = apiKeys.map(digest);
  return async (c, next) => {
    c.var.request.client = clientOf(c, keys);
    return next();
  };
}

/** The place of the request's key, or its address. */
function clientOf(c: Context<Env>, keys: readonly Buffer[]): string {
  const address = c.env?.incoming?.socket?.remoteAddress ?? "unknown";
  if (keys.length === 0) return address;
  const [, key] = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "") ?? [];
  const got = digest(key ?? "");
  // All are compared, so that the time tells nothing.
  const at = keys.reduce((found, one, k) => (timingSafeEqual(one, got) ? k : found), -1);
  if (key !== undefined && at >= 0) return `key ${at + 1}`;
  if (isOpen(c)) return address;
  const wrong = key === undefined ? "there is no API key" : "the API key is not known";
  throw new ApiError("invalid_api_key", `${wrong}. Send one in the header Authorization: Bearer KEY.`);
}

const digest = (key: string): Buffer => createHash("sha256").update(key).digest();
