/** What a client is told of what was thrown on the way, and of what there is not. */
import type { Context } from "hono";
import { excerpt } from "../../graph/excerpt.ts";
import { ApiError, apiErrorOf } from "../errors.ts";
import type { Env } from "../request-context.ts";

/** The answer to an error, whatever was thrown: its headers and its body. */
export function answerError(error: Error, c: Context<Env>): Response {
  const { request } = c.var;
  const told = apiErrorOf(error, request.id);
  request.error = told;
  for (const [name, value] of Object.entries(told.headers)) c.header(name, value);
  if (told.kind === "aborted") request.aborted = true;
  // Nobody reads the rest of the body.
  if (["too_large", "memory_full", "request_timeout"].includes(told.kind)) c.header("Connection", "close");
  if (told.kind === "content_encoding") c.header("Accept-Encoding", "gzip");
  if (told.kind === "invalid_api_key") c.header("WWW-Authenticate", "Bearer");
  return c.json(told.body, told.status as 400);
}

/** Of a path without a route. @throws ApiError not_found */
export const refuseUnknownPath =
  (basePath: string) =>
  (c: Context<Env>): never => {
    const wrong = `there is nothing at ${excerpt(c.req.path, 100)}. GET ${basePath}/openapi.json lists what there is.`;
    throw new ApiError("not_found", wrong);
  };
