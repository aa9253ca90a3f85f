/** Every route as data, and the OpenAPI document that is made of it. */
import type { Context } from "hono";
import { z } from "zod";
import type { Env } from "./context.ts";
import { type ErrorKind, statusOf } from "./errors.ts";
import * as schemas from "./schemas.ts";

export type Route = {
  readonly method: "get" | "post" | "delete";
  /** With `:name` for what is in a path. */
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly answer: { readonly status: 200 | 201; readonly schema?: z.ZodType; readonly types?: readonly string[] };
  /** Besides those that every route may give. */
  readonly errors?: readonly ErrorKind[];
  /** Needs no key. */
  readonly open?: true;
};

const found = (schema: z.ZodType) => ({ status: 200, schema }) as const;
const withBody = ["invalid", "too_large", "media_type"] as const satisfies readonly ErrorKind[];
const written = { ...found(schemas.completion), types: ["application/json", "text/event-stream"] } as const;

export const routes = {
  complete: {
    ...{ method: "post", path: "/v1/completions", summary: "Write text that goes on from prompts." },
    ...{ body: schemas.completionRequest, answer: written },
    errors: [...withBody, "model_not_found", "queue_full", "timeout"],
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
    errors: [...withBody, "model_not_found", "queue_full", "timeout"],
  },
  createSession: {
    ...{ method: "post", path: "/v1/unrolled/sessions", summary: "Begin a text that is gone on with." },
    ...{ body: schemas.sessionRequest, answer: { status: 201, schema: schemas.session } },
    errors: [...withBody, "model_not_found", "session_limit", "queue_full", "timeout"],
  },
  readSession: {
    ...{ method: "get", path: "/v1/unrolled/sessions/:id", summary: "A session, and what the model remembers." },
    ...{ answer: found(schemas.sessionState), errors: ["session_not_found"] },
  },
  completeSession: {
    ...{ method: "post", path: "/v1/unrolled/sessions/:id/completions" },
    summary: "Read a prompt, and write on. What fails leaves the session as it was.",
    ...{ body: schemas.sessionCompletionRequest, answer: written },
    errors: [...withBody, "session_not_found", "session_busy", "queue_full", "timeout"],
  },
  deleteSession: {
    ...{ method: "delete", path: "/v1/unrolled/sessions/:id", summary: "End a session." },
    ...{ answer: found(schemas.deleted), errors: ["session_not_found"] },
  },
  health: {
    ...{ method: "get", path: "/healthz", summary: "Whether requests are answered.", open: true },
    answer: found(schemas.health),
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
type BodyOf<K extends RouteName> = (typeof routes)[K] extends { readonly body: infer S extends z.ZodType }
  ? z.output<S>
  : undefined;
/** What answers each route, given its body as it was checked. */
export type Handlers = {
  readonly [K in RouteName]: (c: Context<Env>, body: BodyOf<K>) => Response | Promise<Response>;
};

/** Of every route. */
const always: readonly ErrorKind[] = ["host_not_allowed", "internal", "shutting_down"];

/** zod leaves out the default of what it transforms. */
function showDefault({ zodSchema, jsonSchema }: { readonly zodSchema: z.core.$ZodType; jsonSchema: object }): void {
  const { default: otherwise } = z.globalRegistry.get(zodSchema) ?? {};
  if (otherwise !== undefined) Object.assign(jsonSchema, { default: otherwise });
}

/** An OpenAPI 3.1 document of all routes. */
export function openapi(): object {
  const components: Record<string, object> = {};
  /** Kept among the components under its name. */
  const refer = (schema: z.ZodType, io: "input" | "output"): object => {
    const { $defs, $ref } = z.toJSONSchema(schema, { io, unrepresentable: "any", override: showDefault });
    Object.assign(components, $defs);
    return { $ref: String($ref).replace("#/$defs/", "#/components/schemas/") };
  };
  const paths: Record<string, Record<string, object>> = {};
  for (const [operationId, route] of Object.entries<Route>(routes)) {
    const { method, path, summary, body, answer, errors = [], open } = route;
    const parameters = [...path.matchAll(/:(\w+)/g)].map(([, name]) => {
      return { name, in: "path", required: true, schema: { type: "string" } };
    });
    const schema = answer.schema === undefined ? {} : { schema: refer(answer.schema, "output") };
    const content = (answer.types ?? ["application/json"]).map((type) => [type, schema]);
    const failures = new Map<number, ErrorKind[]>();
    for (const kind of [...errors, ...always, ...(open ? [] : (["invalid_api_key"] as const))]) {
      failures.set(statusOf(kind), [...(failures.get(statusOf(kind)) ?? []), kind]);
    }
    const error = { "application/json": { schema: refer(schemas.errorBody, "output") } };
    const at = path.replace(/:(\w+)/g, "{$1}");
    paths[at] ??= {};
    paths[at][method] = {
      ...{ operationId, summary },
      ...(parameters.length > 0 && { parameters }),
      ...(body && {
        requestBody: { required: true, content: { "application/json": { schema: refer(body, "input") } } },
      }),
      ...(open && { security: [] }),
      responses: {
        [answer.status]: { description: summary, content: Object.fromEntries(content) },
        ...Object.fromEntries(
          [...failures].map(([status, kinds]) => [status, { description: kinds.join(", "), content: error }]),
        ),
      },
    };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Unrolled", version: "1.0.0", description: "Recurrent language models that write text." },
    paths,
    components: { schemas: components, securitySchemes: { key: { type: "http", scheme: "bearer" } } },
    security: [{ key: [] }, {}],
  };
}
