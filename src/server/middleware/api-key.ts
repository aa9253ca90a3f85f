/** Whose a request is, by its key. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { ApiError } from "../errors.ts";
import type { Env } from "../request-context.ts";
import type { IsOpen } from "../routes/table.ts";

/** Tells whose a request is where there are keys, and refuses one without. */
export function checkApiKey(apiKeys: readonly string[], isOpen: IsOpen): MiddlewareHandler<Env> {
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
