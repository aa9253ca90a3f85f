/** Make the OpenAPI document from the table of routes. */
import { z } from "zod";
import { type ErrorKind, retryOf, statusOf } from "./errors.ts";
import { type Route, routes as usualRoutes } from "./routes/table.ts";
import * as schemas from "./schemas.ts";
import { version } from "./version.ts";

/** The headers of answers, by their names among the components. */
const headers = {
  RequestId: {
    name: "x-request-id",
    description:
      "The id of the request in the log: the request's own x-request-id if it has up to 128 letters, digits and ._:;=+/@~-",
    schema: { type: "string", minLength: 1, maxLength: 128 },
  },
  ShouldRetry: {
    ...{ name: "x-should-retry", description: "Whether the same request can succeed later." },
    schema: { type: "string", enum: ["true", "false"] },
  },
  RetryAfter: {
    ...{ name: "Retry-After", description: "The number of seconds after which to retry." },
    schema: { type: "integer", minimum: 1 },
  },
  WwwAuthenticate: {
    ...{ name: "WWW-Authenticate", description: "How to send a key." },
    schema: { type: "string", const: "Bearer" },
  },
  AcceptEncoding: {
    ...{
      name: "Accept-Encoding",
      description: "The supported encodings of a body, if the given one is not supported.",
    },
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

/** The errors of every route: malformed requests, and faults in the server. */
const ofAll = [
  "invalid",
  "request_timeout",
  "expectation_failed",
  "headers_too_large",
  "internal",
  "model_broken",
] as const;

/** zod leaves out the default of a transformed field. */
function showDefault({ zodSchema, jsonSchema }: { readonly zodSchema: z.core.$ZodType; jsonSchema: object }): void {
  const { default: otherwise } = z.globalRegistry.get(zodSchema) ?? {};
  if (otherwise !== undefined) Object.assign(jsonSchema, { default: otherwise });
}

/** The properties of a server that its document describes. */
export type Described = {
  /** Whether the server requires keys. */
  readonly keys?: boolean;
  /** Whether the server only accepts certain host names. */
  readonly hosts?: boolean;
};

/** Make an OpenAPI 3.1 document of all routes. `basePath` is the prefix of each path: `/models`, or nothing. */
export function openapi(
  { keys = false, hosts = false }: Described = {},
  routes: Readonly<Record<string, Route>> = usualRoutes,
): (basePath?: string) => object {
  const components: Record<string, object> = {};
  /** Add a schema to the components under its name, with everything that it refers to. */
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
  for (const [operationId, route] of Object.entries(routes)) {
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
          ...{ required: true, description: "JSON, plain or compressed with Content-Encoding: gzip." },
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
    ...{ title: "Unrolled", version, description: "Recurrent language models that generate text." },
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
