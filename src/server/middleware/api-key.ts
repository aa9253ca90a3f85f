/** Identify the client of a request by its key. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { ApiError } from "../errors.ts";
import type { Env } from "../request-context.ts";
import type { IsOpen } from "../routes/table.ts";

/** If the server has keys, set the client of a request, and refuse a request without a key. */
export function checkApiKey(apiKeys: readonly string[], isOpen: IsOpen): MiddlewareHandler<Env> {
  const keys = apiKeys.map(digest);
  return async (c, next) => {
    const at = keys.length === 0 ? undefined : keyOf(c, keys, isOpen(c));
    if (at !== undefined) Object.assign(c.var.request, { client: `key ${at + 1}`, keyDigest: keys[at] });
    return next();
  };
}

/** The index of the request's key; undefined if none is required and none is given. */
function keyOf(c: Context<Env>, keys: readonly Buffer[], isOpen: boolean): number | undefined {
  const [, key] = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "") ?? [];
  const got = digest(key ?? "");
  // All keys are compared, so that the time reveals nothing.
  const at = keys.reduce((found, one, k) => (timingSafeEqual(one, got) ? k : found), -1);
  if (key !== undefined && at >= 0) return at;
  if (isOpen) return undefined;
  const none =
    c.req.header("authorization") === undefined ? "there is no API key" : "the header Authorization has no Bearer key";
  const wrong = key === undefined ? none : "the API key is unknown";
  throw new ApiError("invalid_api_key", `${wrong}. Send one in the header Authorization: Bearer KEY.`);
}

const digest = (key: string): Buffer => createHash("sha256").update(key).digest();
