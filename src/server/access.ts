/** Who may ask: keys, and the names that the server may be asked by. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { excerpt } from "../graph/excerpt.ts";
import type { Env } from "./context.ts";
import { ApiError } from "./errors.ts";
import { createHostCheck } from "./hosts.ts";
import { type Route, routes } from "./openapi.ts";
import { createAddresses, type TrustProxy } from "./proxies.ts";

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

/** Whether a request needs no key. */
export type IsOpen = (c: Context<Env>) => boolean;
export const createIsOpen = (basePath: string): IsOpen => {
  const open = Object.values<Route>(routes).flatMap(({ open, path }) => (open ? [basePath + path] : []));
  return (c) => open.includes(c.req.path);
};

/** Tells from which address a request comes, through proxies that are trusted. */
export function tellAddress(trustProxy: TrustProxy): MiddlewareHandler<Env> {
  const addressOf = createAddresses(trustProxy);
  return async (c, next) => {
    c.var.request.client = addressOf(c.env?.incoming?.socket?.remoteAddress ?? "unknown", c.req.raw.headers);
    return next();
  };
}

/** Tells whose a request is where there are keys, and refuses one without. */
export function checkKey(apiKeys: readonly string[], isOpen: IsOpen): MiddlewareHandler<Env> {
  const keys = apiKeys.map(digest);
  return async (c, next) => {
    const key = keys.length === 0 ? undefined : keyOf(c, keys, isOpen(c));
    if (key !== undefined) c.var.request.client = key;
    return next();
  };
}

/** The place of the request's key; undefined where none is needed and there is none. */
function keyOf(c: Context<Env>, keys: readonly Buffer[], isOpen: boolean): string | undefined {
  const [, key] = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "") ?? [];
  const got = digest(key ?? "");
  // All are compared, so that the time tells nothing.
  const at = keys.reduce((found, one, k) => (timingSafeEqual(one, got) ? k : found), -1);
  if (key !== undefined && at >= 0) return `key ${at + 1}`;
  if (isOpen) return undefined;
  const none =
    c.req.header("authorization") === undefined ? "there is no API key" : "Authorization has no Bearer and key";
  const wrong = key === undefined ? none : "the API key is not known";
  throw new ApiError("invalid_api_key", `${wrong}. Send one in the header Authorization: Bearer KEY.`);
}

const digest = (key: string): Buffer => createHash("sha256").update(key).digest();
