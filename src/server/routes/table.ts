/**
 * Every route as data: the handlers, the checks and the OpenAPI document are made from this table. Some routes belong to the server,
 * others to a task: those of text are here, other tasks bring theirs (`routeOfTask`).
 */
import type { Context } from "hono";
import { z } from "zod";
import type { TaskRoute } from "../../tasks/task.ts";
import * as chatSchemas from "../chat-schemas.ts";
import type { ErrorKind } from "../errors.ts";
import type { Env } from "../request-context.ts";
import * as schemas from "../schemas.ts";

export type Route = {
  readonly method: "get" | "post" | "put" | "delete";
  /** The path, with `:name` for a parameter. */
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodObject;
  /** The query parameters of a route without a body. */
  readonly query?: z.ZodObject;
  readonly answer: {
    readonly status: 200 | 201;
    readonly schema?: z.ZodType;
    /** The data of the events, if the answer can be a stream. */
    readonly events?: z.ZodType;
    /** The content types of an answer without a schema; the default is JSON. */
    readonly types?: readonly string[];
  };
  /** Further answers that are not errors, by status. */
  readonly others?: Readonly<Record<number, z.ZodType>>;
  /** The errors besides those of every route. */
  readonly errors?: readonly ErrorKind[];
  /** The route needs no key. */
  readonly open?: true;
};

const found = (schema: z.ZodType) => ({ status: 200, schema }) as const;
const withBody = [
  "too_large",
  "media_type",
  "content_encoding",
  "request_timeout",
  "memory_full",
  "timeout",
] as const satisfies readonly ErrorKind[];
/** The errors of requests whose memory is estimated before they start. */
const weighed = [...withBody, "overloaded"] as const;
const written = { ...found(schemas.completion), events: schemas.completionEvent } as const;
const writing = [...weighed, "model_not_found", "queue_full"] as const;
/** The errors of requests with the token of a sealed session. */
const sealed = [
  "no_session_key",
  "session_token_malformed",
  "session_token_too_long",
  "session_token_version",
  "session_token_key",
  "session_token_altered",
  "session_token_expired",
  "session_token_client",
  "session_token_model",
] as const satisfies readonly ErrorKind[];

/** Routes for models of text. */
export const textRoutes = {
  complete: {
    ...{ method: "post", path: "/v1/completions", summary: "Create a completion of one or more prompts." },
    ...{ body: schemas.completionRequest, answer: written, errors: writing },
  },
  chat: {
    ...{ method: "post", path: "/v1/chat/completions", summary: "Create a chat completion." },
    ...{ body: chatSchemas.chatRequest, errors: writing },
    answer: { ...found(chatSchemas.chatCompletion), events: chatSchemas.chatCompletionEvent },
  },
  inspect: {
    ...{
      method: "post",
      path: "/v1/unrolled/inspect",
      summary: "Get every gate and state of a model while it reads a text.",
    },
    ...{ body: schemas.inspectRequest, answer: found(schemas.inspection) },
    errors: writing,
  },
  createSession: {
    ...{ method: "post", path: "/v1/unrolled/sessions", summary: "Create a session." },
    ...{ body: schemas.sessionRequest, answer: { status: 201, schema: schemas.session } },
    errors: [...writing, "session_limit", ...sealed],
  },
  listSessions: {
    ...{ method: "get", path: "/v1/unrolled/sessions", summary: "List your sessions, the newest first, in pages." },
    ...{ query: schemas.sessionPage, answer: found(schemas.sessionList), errors: ["invalid", "session_not_found"] },
  },
  readSession: {
    ...{ method: "get", path: "/v1/unrolled/sessions/:id", summary: "Get a session and its recurrent state." },
    ...{ answer: found(schemas.sessionState), errors: ["session_not_found"] },
  },
  completeSession: {
    ...{ method: "post", path: "/v1/unrolled/sessions/:id/completions" },
    summary: "Read a prompt and continue the session's text. A request that fails leaves the session unchanged.",
    body: schemas.sessionCompletionRequest,
    answer: { ...found(schemas.sessionCompletion), events: schemas.sessionCompletionEvent },
    errors: [...weighed, "session_not_found", "session_busy", "queue_full", ...sealed],
  },
  readSessionState: {
    ...{
      method: "get",
      path: "/v1/unrolled/sessions/:id/state",
      summary: "Get the complete state of a session, to the bit.",
    },
    ...{ answer: found(schemas.sessionMemory), errors: ["session_not_found"] },
  },
  writeSessionState: {
    ...{ method: "put", path: "/v1/unrolled/sessions/:id/state" },
    summary: "Set the state of a session, taken from a session of the same model on this or another server.",
    ...{ body: schemas.sessionMemory, answer: found(schemas.session) },
    errors: [...withBody, "session_not_found", "session_busy", "state_mismatch"],
  },
  forkSession: {
    ...{ method: "post", path: "/v1/unrolled/sessions/:id/fork" },
    summary: "Create a copy of a session.",
    ...{ answer: { status: 201, schema: schemas.session }, errors: ["session_not_found", "session_limit"] },
  },
  deleteSession: {
    ...{ method: "delete", path: "/v1/unrolled/sessions/:id", summary: "Delete a session." },
    ...{ answer: found(schemas.deleted), errors: ["session_not_found"] },
  },
  tokenize: {
    ...{ method: "post", path: "/tokenize", summary: "Get the tokens of a text or of messages, in vLLM's format." },
    ...{
      body: chatSchemas.tokenizeRequest,
      answer: found(schemas.tokenList),
      errors: [...weighed, "model_not_found"],
    },
  },
  detokenize: {
    ...{ method: "post", path: "/detokenize", summary: "Get the text of tokens." },
    ...{
      body: schemas.detokenizeRequest,
      answer: found(schemas.detokenized),
      errors: [...weighed, "model_not_found"],
    },
  },
} as const satisfies Record<string, Route>;

/** Routes of the server itself, whatever the tasks of its models. */
export const serverRoutes = {
  listModels: {
    ...{ method: "get", path: "/v1/models", summary: "List the models.", answer: found(schemas.modelList) },
  },
  readModel: {
    ...{ method: "get", path: "/v1/models/:id", summary: "Get a model.", answer: found(schemas.model) },
    errors: ["model_not_found"],
  },
  health: {
    ...{ method: "get", path: "/healthz", summary: "Check whether the server accepts requests.", open: true },
    ...{ answer: found(schemas.health), others: { 503: schemas.health } },
  },
  metrics: {
    ...{ method: "get", path: "/metrics", summary: "Get metrics for Prometheus." },
    answer: { status: 200, types: ["text/plain"] },
  },
  openapi: {
    ...{ method: "get", path: "/openapi.json", summary: "Get this document." },
    answer: { status: 200, types: ["application/json"] },
  },
} as const satisfies Record<string, Route>;

export const routes = { ...textRoutes, ...serverRoutes };
export type RouteName = keyof typeof routes;
type BodyOf<K extends RouteName> = (typeof routes)[K] extends
  | { readonly body: infer S extends z.ZodObject }
  | { readonly query: infer S extends z.ZodObject }
  ? z.output<S>
  : undefined;
/** The handler of each route, which receives the checked body or query. */
export type Handlers = {
  readonly [K in RouteName]: (c: Context<Env>, body: BodyOf<K>) => Response | Promise<Response>;
};

/** A route that a task brings, as one of the table: what is posted names a model too. */
export function routeOfTask(name: string, { path, summary, body, answer }: TaskRoute): Route {
  const id = `${(name[0] as string).toUpperCase()}${name.slice(1)}`;
  return {
    ...{ method: "post", path, summary, errors: writing },
    body: z.object({ model: schemas.text("the name of a model"), ...body.shape }).meta({ id: `${id}Request` }),
    answer: found(answer.meta({ id })),
  };
}
/** What answers a route, given its body or query as the route's schema has checked it. */
export type Handler = (c: Context<Env>, body: never) => Response | Promise<Response>;

/** Whether a request needs no key. */
export type IsOpen = (c: Context<Env>) => boolean;
export const createIsOpen = (basePath: string): IsOpen => {
  const open = Object.values<Route>(serverRoutes).flatMap(({ open, path }) => (open ? [basePath + path] : []));
  return (c) => open.includes(c.req.path);
};
