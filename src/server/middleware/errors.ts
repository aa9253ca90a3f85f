/** Answers to thrown errors and to unknown paths. */
import type { Context } from "hono";
import { excerpt } from "../../graph/excerpt.ts";
import { nearest } from "../../graph/vocabulary.ts";
import { ApiError, apiErrorOf } from "../errors.ts";
import type { Env } from "../request-context.ts";
import { routes } from "../routes/table.ts";

/** The headers and the body of the answer to anything that was thrown. */
export function answerError(error: Error, c: Context<Env>): Response {
  const { request } = c.var;
  const told = apiErrorOf(error, request.id);
  request.error = told;
  for (const [name, value] of Object.entries(told.headers)) c.header(name, value);
  if (told.kind === "aborted") request.aborted = true;
  // The rest of the body is not read.
  if (["too_large", "memory_full", "request_timeout"].includes(told.kind)) c.header("Connection", "close");
  if (told.kind === "content_encoding") c.header("Accept-Encoding", "gzip");
  if (told.kind === "invalid_api_key") c.header("WWW-Authenticate", "Bearer");
  return c.json(told.body, told.status as 400);
}

/** Handle a path without a route. @throws ApiError `not_found`, with the route that was probably meant */
export const refuseUnknownPath =
  (basePath: string) =>
  (c: Context<Env>): never => {
    const { path } = c.req;
    const meant = nearestRoute(path, basePath);
    const hint =
      meant === undefined ? `GET ${basePath}/openapi.json lists all routes.` : `Did you mean ${basePath}${meant}?`;
    throw new ApiError("not_found", `there is no route ${excerpt(path, 100)}. ${hint}`);
  };

/**
 * The route that a path is all but for what stands before it, as /chat/completions and /v1/v1/models, a slash at its end, capital
 * letters, or a few letters.
 */
function nearestRoute(path: string, basePath: string): string | undefined {
  if (path.length > 200) return undefined;
  const bare = (text: string): string => text.toLowerCase().replace(/^(\/v\d+)+(?=\/)|\/+$/g, "");
  const paths = [...new Set(Object.values(routes).map((route) => route.path))];
  const names = new Map(paths.map((one) => [bare(one), one]));
  const asked = [path, ...(basePath !== "" && path.startsWith(`${basePath}/`) ? [path.slice(basePath.length)] : [])];
  // A base URL is given with /v1, without it, with that of another server, or with what a proxy takes away.
  for (const one of asked) {
    const found =
      names.get(bare(one)) ?? paths.find((route) => one.endsWith(route)) ?? nearest(bare(one), names.keys());
    if (found !== undefined) return names.get(found) ?? found;
  }
  return undefined;
}
