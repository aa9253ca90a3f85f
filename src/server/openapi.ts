/** Every route as data, and the OpenAPI document that is made of it. */
import type { Context } from "hono";
import { z } from "zod";
import * as chatSchemas from "./chat-schemas.ts";
import type { Env } from "./context.ts";
import { type ErrorKind, retryOf, statusOf } from "./errors.ts";
import * as schemas from "./schemas.ts";
import { version } from "./version.ts";

export type Route = {
  readonly method: "get" | "post" | "put" | "delete";
  /** With `:name` for what is in a path. */
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodObject;
  /** What may follow the path, of a route without a body. */
  readonly query?: z.ZodObject;
  readonly answer: {
    readonly status: 200 | 201;
    readonly schema?: z.ZodType;
    /** What the data of its events is, where a stream may be asked for. */
    readonly events?: z.ZodType;
    /** Content types of what has no schema: JSON where absent. */
    readonly types?: readonly string[];
  };
  /** Answers that are neither that one nor an error, by status. */
  readonly others?: Readonly<Record<number, z.ZodType>>;
  /** Besides those that every route may give. */
  readonly errors?: readonly ErrorKind[];
  /** Needs no key. */
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
/** Of what is weighed before it starts. */
const weighed = [...withBody, "overloaded"] as const;
const written = { ...found(schemas.completion), events: schemas.completionEvent } as const;
const writing = [...weighed, "model_not_found", "queue_full"] as const;

export const routes = {
  complete: {
    ...{ method: "post", path: "/v1/completions", summary: "Write text that goes on from prompts." },
    ...{ body: schemas.completionRequest, answer: written, errors: writing },
  },
  chat: {
    ...{ method: "post", path: "/v1/chat/completions", summary: "Write an answer to messages." },
    ...{ body: chatSchemas.chatRequest, errors: writing },
    answer: { ...found(chatSchemas.chatCompletion), events: chatSchemas.chatCompletionEvent },
  },
  listModels: {
    ...{ method: "get", path: "/v1/models", summary: "The models.", answer: found(schemas.modelList) },
  },
  readModel: {
    ...{ method: "get", path: "/v1/models/:id", summary: "A model.", answer: found(schemas.model) },
    errors: ["model_not_found"],
  },
  inspect: {
    ...{ method: "post", path: "/v1/unrolled/inspect", summary: "Every gate and state while a model reads a text." },
    ...{ body: schemas.inspectRequest, answer: found(schemas.inspection) },
    errors: writing,
  },
  createSession: {
    ...{ method: "post", path: "/v1/unrolled/sessions", summary: "Begin a text that is gone on with." },
    ...{ body: schemas.sessionRequest, answer: { status: 201, schema: schemas.session } },
    errors: [...writing, "session_limit"],
  },
  listSessions: {
    ...{ method: "get", path: "/v1/unrolled/sessions", summary: "Your sessions, the newest first, in pages." },
    ...{ query: schemas.sessionPage, answer: found(schemas.sessionList), errors: ["invalid", "session_not_found"] },
  },
  readSession: {
    ...{ method: "get", path: "/v1/unrolled/sessions/:id", summary: "A session, and what the model remembers." },
    ...{ answer: found(schemas.sessionState), errors: ["session_not_found"] },
  },
  completeSession: {
    ...{ method: "post", path: "/v1/unrolled/sessions/:id/completions" },
    summary: "Read a prompt, and write on. What fails leaves the session as it was.",
    ...{ body: schemas.sessionCompletionRequest, answer: written },
    errors: [...weighed, "session_not_found", "session_busy", "queue_full"],
  },
  readSessionState: {
    ...{ method: "get", path: "/v1/unrolled/sessions/:id/state", summary: "All that a session remembers, to the bit." },
    ...{ answer: found(schemas.sessionMemory), errors: ["session_not_found"] },
  },
  writeSessionState: {
    ...{ method: "put", path: "/v1/unrolled/sessions/:id/state" },
    summary: "Put back what was read of a session of the same model, here or elsewhere.",
    ...{ body: schemas.sessionMemory, answer: found(schemas.session) },
    errors: [...withBody, "session_not_found", "session_busy", "state_mismatch"],
  },
  forkSession: {
    ...{ method: "post", path: "/v1/unrolled/sessions/:id/fork" },
    summary: "Begin another session with all that this one remembers.",
    ...{ answer: { status: 201, schema: schemas.session }, errors: ["session_not_found", "session_limit"] },
  },
  deleteSession: {
    ...{ method: "delete", path: "/v1/unrolled/sessions/:id", summary: "End a session." },
    ...{ answer: found(schemas.deleted), errors: ["session_not_found"] },
  },
  tokenize: {
    ...{ method: "post", path: "/tokenize", summary: "The tokens of a text, as vLLM tells them." },
    ...{
      body: chatSchemas.tokenizeRequest,
      answer: found(schemas.tokenList),
      errors: [...weighed, "model_not_found"],
    },
  },
  detokenize: {
    ...{ method: "post", path: "/detokenize", summary: "The text of tokens." },
    ...{
      body: schemas.detokenizeRequest,
      answer: found(schemas.detokenized),
      errors: [...weighed, "model_not_found"],
    },
  },
  health: {
    ...{ method: "get", path: "/healthz", summary: "Whether requests are answered.", open: true },
    ...{ answer: found(schemas.health), others: { 503: schemas.health } },
  },
  metrics: {
    ...{ method: "get", path: "/metrics", summary: "Figures for Prometheus." },
    answer: { status: 200, types: ["text/plain"] },
  },
  openapi: {
    ...{ method: "get", path: "/openapi.json", summary: "This document." },
    answer: { status: 200, types: ["application/json"] },
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
type BodyOf<K extends RouteName> = (typeof routes)[K] extends
  | { readonly body: infer S extends z.ZodObject }
  | { readonly query: infer S extends z.ZodObject }
  ? z.output<S>
  : undefined;
/** What answers each route, given its body or query as it was checked. */
export type Handlers = {
  readonly [K in RouteName]: (c: Context<Env>, body: BodyOf<K>) => Response | Promise<Response>;
};

/** Headers of answers, by the names that they have among the components. */
const headers = {
  RequestId: {
    name: "x-request-id",
    description:
      "What the request is called in the log: its own x-request-id where that is one of up to 128 letters, digits and ._:;=+/@~-",
    schema: { type: "string", minLength: 1, maxLength: 128 },
  },
  ShouldRetry: {
    ...{ name: "x-should-retry", description: "Whether the same request may succeed later." },
    schema: { type: "string", enum: ["true", "false"] },
  },
  RetryAfter: {
    ...{ name: "Retry-After", description: "Seconds after which to try again." },
    schema: { type: "integer", minimum: 1 },
  },
  WwwAuthenticate: {
    ...{ name: "WWW-Authenticate", description: "How a key is sent." },
    schema: { type: "string", const: "Bearer" },
  },
  AcceptEncoding: {
    ...{ name: "Accept-Encoding", description: "How a body may be packed, where that was wrong." },
    schema: { type: "string", const: "gzip" },
  },
} as const;
type HeaderName = keyof typeof headers;
const ownHeaders: { readonly [K in ErrorKind]?: HeaderName } = {
  ...{ invalid_api_key: "WwwAuthenticate", content_encoding: "AcceptEncoding" },
};
function headersOf(kind: ErrorKind): readonly HeaderName[] {
  const [retry, own] = [retryOf(kind), ownHeaders[kind]];
  return [
    ...(retry === null ? [] : (["ShouldRetry"] as const)),
    ...(typeof retry === "number" ? (["RetryAfter"] as const) : []),
    ...(own === undefined ? [] : [own]),
  ];
}
const headersNamed = (names: readonly HeaderName[]) =>
  Object.fromEntries(names.map((name) => [headers[name].name, { $ref: `#/components/headers/${name}` }]));

/** Of every route: what makes no request, and faults of the server's. */
const ofAll = ["invalid", "request_timeout", "expectation_failed", "headers_too_large", "internal"] as const;

/** zod leaves out the default of what it transforms. */
function showDefault({ zodSchema, jsonSchema }: { readonly zodSchema: z.core.$ZodType; jsonSchema: object }): void {
  const { default: otherwise } = z.globalRegistry.get(zodSchema) ?? {};
  if (otherwise !== undefined) Object.assign(jsonSchema, { default: otherwise });
}

/** What of a server its document says. */
export type Described = {
  /** Whether keys are asked for. */
  readonly keys?: boolean;
  /** Whether it is asked by certain names alone. */
  readonly hosts?: boolean;
};

/** An OpenAPI 3.1 document of all routes; the `basePath` that it is asked at stands before each path: `/models`, or nothing. */
export function openapi({ keys = false, hosts = false }: Described = {}): (basePath?: string) => object {
  const components: Record<string, object> = {};
  /** Kept among the components under its name, with all that it refers to. */
  const refer = (schema: z.ZodType, io: "input" | "output"): object => {
    const own = z.toJSONSchema(schema, { io, unrepresentable: "any", override: showDefault });
    const placed = JSON.stringify(own).replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/');
    const { $defs, $ref } = JSON.parse(placed);
    for (const [name, { id: _, ...definition }] of Object.entries<Record<string, object>>($defs)) {
      components[name] = definition;
    }
    return { $ref };
  };
  const json = (schema: object) => ({ "application/json": { schema } });
  const always: readonly ErrorKind[] = [...(hosts ? (["host_not_allowed"] as const) : []), ...ofAll];
  const closed: readonly ErrorKind[] = [...(keys ? (["invalid_api_key"] as const) : []), "shutting_down"];
  const paths: Record<string, Record<string, object>> = {};
  for (const [operationId, route] of Object.entries<Route>(routes)) {
    const { method, path, summary, body, query, answer, others = {}, errors = [], open } = route;
    const parameters: object[] = [...path.matchAll(/:(\w+)/g)].map(([, name]) => {
      return { name, in: "path", required: true, schema: { type: "string" } };
    });
    for (const [name, field] of Object.entries(query?.shape ?? {})) {
      const { $schema: _, description, ...schema } = z.toJSONSchema(field, { io: "input", override: showDefault });
      parameters.push({ name, in: "query", required: false, description, schema });
    }
    const content = Object.fromEntries([
      ...(answer.types ?? ["application/json"]).map((type) => [
        type,
        {
          schema: answer.schema
            ? refer(answer.schema, "output")
            : { type: type === "text/plain" ? "string" : "object" },
        },
      ]),
      ...(answer.events ? [["text/event-stream", { schema: refer(answer.events, "output") }]] : []),
    ]);
    const failures = new Map<number, ErrorKind[]>();
    for (const kind of [...errors, ...always, ...(open ? [] : closed)]) {
      failures.set(statusOf(kind), [...(failures.get(statusOf(kind)) ?? []), kind]);
    }
    const error = json(refer(schemas.errorBody, "output"));
    const described = (description: string, content: object, more: readonly HeaderName[] = []) => {
      return { description, headers: headersNamed(["RequestId", ...more]), content };
    };
    const at = path.replace(/:(\w+)/g, "{$1}");
    paths[at] ??= {};
    paths[at][method] = {
      ...{ operationId, summary },
      ...(parameters.length > 0 && { parameters }),
      ...(body && {
        requestBody: {
          ...{ required: true, description: "JSON, as it is or packed: Content-Encoding: gzip." },
          content: json(refer(body, "input")),
        },
      }),
      ...(open && { security: [] }),
      responses: {
        [answer.status]: described(summary, content),
        ...Object.fromEntries(
          Object.entries(others).map(([status, schema]) => [
            status,
            described("shutting_down", json(refer(schema, "output"))),
          ]),
        ),
        ...Object.fromEntries(
          [...failures].map(([status, kinds]) => [
            status,
            described(kinds.join(", "), error, [...new Set(kinds.flatMap(headersOf))]),
          ]),
        ),
      },
    };
  }
  const info = {
    ...{ title: "Unrolled", version, description: "Recurrent language models that write text." },
    license: { name: "MIT", identifier: "MIT" },
  };
  const rest = {
    paths,
    components: {
      schemas: components,
      headers: Object.fromEntries(Object.entries(headers).map(([key, { name: _, ...header }]) => [key, header])),
      ...(keys && { securitySchemes: { key: { type: "http", scheme: "bearer" } } }),
    },
    security: keys ? [{ key: [] }] : [],
  };
  return (basePath = "") => ({ openapi: "3.1.0", info, servers: [{ url: basePath === "" ? "/" : basePath }], ...rest });
}
