/** The document is one, and says what the routes do. */
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { z } from "zod";
import { chatCompletionChunk } from "../../src/server/chat-schemas.ts";
import { LoadedModels } from "../../src/server/loaded-models.ts";
import { openapi } from "../../src/server/openapi.ts";
import { type Route, routes } from "../../src/server/routes/table.ts";
import * as schemas from "../../src/server/schemas.ts";
import { loadServings } from "../../src/server/served-tasks.ts";
import { Sessions } from "../../src/server/sessions.ts";
import { until } from "../helpers/waiting.ts";
import { serving } from "./serving.ts";

type Operation = {
  operationId: string;
  requestBody?: { content: { "application/json": { schema: { $ref: string } } } };
  parameters?: { in: string }[];
  responses: Record<
    string,
    {
      description: string;
      headers: Record<string, { $ref: string }>;
      content: Record<string, { schema?: { $ref: string } }>;
    }
  >;
};
type Document = {
  openapi: string;
  info: { version: string };
  servers: { url: string }[];
  security: object[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, { type?: unknown; properties: Record<string, Record<string, { $ref: string }>> }>;
    headers: Record<string, object>;
  };
};

const here = await serving();
const document = (await (await here.get("/openapi.json")).json()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

/** What two validators, which have no code in common, say. */
async function complaints(given: object): Promise<{ seriousme: number; redocly: number }> {
  const { valid } = await new Validator().validate(structuredClone(given) as Parameters<Validator["validate"]>[0]);
  const rules = {
    ...{ struct: "error", "no-unresolved-refs": "error", "path-parameters-defined": "error" },
    ...{ "operation-operationId-unique": "error", "no-identical-paths": "error", "security-defined": "error" },
  };
  const problems = await lintFromString({
    ...{
      source: JSON.stringify(given),
      absoluteRef: "/openapi.json",
      config: await createConfig({ rules } as Parameters<typeof createConfig>[0]),
    },
  });
  return { seriousme: valid ? 0 : 1, redocly: problems.length };
}

/** The routes of all tasks; those of text are among the server's own. The answers of the others are looked at by their own tests. */
const routesOfTasks = Object.assign({}, ...[...(await loadServings()).values()].map((one) => one.routes));
const otherRoutes = Object.keys(routesOfTasks).filter((name) => !(name in routes));

test("it is OpenAPI 3.1, the same each time", async () => {
  expect(document.openapi).toBe("3.1.0");
  expect(openapi({}, { ...routes, ...routesOfTasks })()).toEqual(document);
});

describe("two validators", () => {
  test("accept it, also with keys, with names and behind a path", async () => {
    expect(await complaints(document)).toEqual({ seriousme: 0, redocly: 0 });
    for (const [keys, hosts] of [
      [true, false],
      [true, true],
    ] as const) {
      expect(await complaints(openapi({ keys, hosts })("/models"))).toEqual({ seriousme: 0, redocly: 0 });
    }
  });

  test.each<[string, (damaged: Document) => void]>([
    [
      "a reference into a schema",
      ({ components }) => {
        const { data } = components.schemas.ModelList?.properties ?? {};
        expect(data?.items?.$ref).toBe("#/components/schemas/Model");
        Object.assign(data?.items ?? {}, { $ref: "#/$defs/Model" });
      },
    ],
    ["a schema that is gone", ({ components }) => delete components.schemas.Error],
    ["no title", ({ info }) => delete (info as { title?: string }).title],
    ["a status that is none", ({ paths }) => Object.assign(paths["/healthz"]?.get?.responses ?? {}, { 99: {} })],
    ["an unknown field", ({ paths }) => Object.assign(paths["/healthz"]?.get ?? {}, { whatever: 1 })],
    [
      "a parameter that is nowhere",
      ({ paths }) => Object.assign(paths["/v1/models/{id}"]?.get?.parameters?.[0] ?? {}, { in: "x" }),
    ],
    [
      "an answer without description",
      ({ paths }) => Object.assign(paths["/healthz"]?.get?.responses[200] ?? {}, { description: undefined }),
    ],
  ])("refuse it with %s", async (_, damage) => {
    const damaged = structuredClone(document);
    damage(damaged);
    const { seriousme, redocly } = await complaints(damaged);
    expect([seriousme > 0, redocly > 0]).toEqual([true, true]);
  });
});

test("its version is the package's; its server is the path that it is asked at", async () => {
  const { default: manifest } = await import("../../package.json", { with: { type: "json" } });
  expect(document.info.version).toBe(manifest.version);
  expect(document.servers).toEqual([{ url: "/" }]);
  expect((openapi()("/models") as Document).servers).toEqual([{ url: "/models" }]);
});

test("keys and names are in it where they are asked for, and nowhere else", async () => {
  const statuses = (given: Document, path: string) => Object.keys(given.paths[path]?.get?.responses ?? {});
  expect(document.security).toEqual([]);
  expect(statuses(document, "/v1/models")).not.toContain("401");
  expect(statuses(document, "/v1/models")).not.toContain("403");
  const keyed = await serving({ apiKeys: ["key"], hosts: ["127.0.0.1"] });
  const theirs = await keyed.get("/openapi.json", { headers: { Authorization: "Bearer key" } });
  const other = (await theirs.json()) as Document;
  expect(other.security).toEqual([{ key: [] }]);
  expect(statuses(other, "/v1/models")).toEqual(expect.arrayContaining(["401", "403"]));
  expect(statuses(other, "/healthz")).not.toContain("401");
});

test("it has every route, those of other tasks too, and nothing else", async () => {
  const all = [...Object.keys(routes), ...otherRoutes].sort();
  expect(operations.map(({ operation }) => operation.operationId).sort()).toEqual(all);
  for (const { path, method } of operations) {
    const url = path.replace(/\{\w+\}/g, "x");
    const answer = await here.get(url, { method: method.toUpperCase() });
    const { error } = answer.headers.get("content-type")?.includes("json") ? await answer.json() : {};
    expect([path, error?.code]).not.toEqual([path, "not_found"]);
    expect([path, answer.status]).not.toEqual([path, 405]);
    expect([path, Object.keys(document.paths[path]?.[method]?.responses ?? {})]).toEqual([
      path,
      expect.arrayContaining([String(answer.status)]),
    ]);
    for (const other of ["put", "patch", "get", "post", "delete"]) {
      if (document.paths[path]?.[other] !== undefined) continue;
      const { status } = await here.get(url, { method: other.toUpperCase() });
      expect([path, other, status]).toEqual([path, other, 405]);
    }
  }
});

test("every reference in it leads somewhere", () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
  expect(references.length).toBeGreaterThan(20);
  for (const [, name] of references) expect(document.components.schemas).toHaveProperty(name as string);
});

test("a completion's fields have descriptions, defaults and limits", () => {
  const { properties } = document.components.schemas.CompletionRequest ?? { properties: {} };
  expect(properties.max_tokens).toMatchObject({
    default: 16,
    description: "The largest number of tokens to generate.",
  });
  expect(properties.temperature).toMatchObject({ default: 1, anyOf: [{ minimum: 0, maximum: 2 }, { type: "null" }] });
  expect(properties.prompt?.anyOf).toHaveLength(5);
  expect(properties.top_k?.anyOf).toEqual([{ type: "integer", minimum: -1, maximum: 2 ** 53 - 1 }, { type: "null" }]);
  expect(properties.logprobs?.anyOf).toContainEqual({ type: "boolean" });
  for (const [name, field] of Object.entries(properties)) {
    if (name !== "model" && name !== "stream_options") expect(field.description, name).toMatch(/\.$/);
  }
});

describe("answers are as they are described", () => {
  const answered = async (name: keyof typeof routes, answer: Response): Promise<Record<string, string>> => {
    const route: Route = routes[name];
    expect(answer.status).toBe(route.answer.status);
    const body = await answer.json();
    const { success, error } = (route.answer.schema as z.ZodObject).strict().safeParse(body);
    expect(success ? "" : error?.message).toBe("");
    return body;
  };

  test("each of them", async () => {
    const sessions = "/v1/unrolled/sessions";
    await answered("listModels", await here.get("/v1/models"));
    await answered("readModel", await here.get("/v1/models/tiny"));
    await answered("health", await here.get("/healthz"));
    const asked = { model: "tiny", prompt: "a", logprobs: 2, echo: true, seed: 1 };
    await answered("complete", await here.post("/v1/completions", asked));
    const messages = [{ role: "user", content: "a" }];
    const chat = { model: "tiny", messages, logprobs: true, top_logprobs: 2, seed: 1, n: 2 };
    await answered("chat", await here.post("/v1/chat/completions", chat));
    const { tokens } = await answered("tokenize", await here.post("/tokenize", { model: "tiny", prompt: "abc" }));
    await answered("detokenize", await here.post("/detokenize", { model: "tiny", tokens }));
    await answered("inspect", await here.post("/v1/unrolled/inspect", { model: "tiny", text: "abc" }));
    const { id } = await answered("createSession", await here.post(sessions, { model: "tiny", prompt: "abc" }));
    await answered("readSession", await here.get(`${sessions}/${id}`));
    await answered("completeSession", await here.post(`${sessions}/${id}/completions`, { logprobs: 0 }));
    await answered("deleteSession", await here.get(`${sessions}/${id}`, { method: "DELETE" }));
    const stream = await here.post("/v1/completions", {
      ...asked,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(stream.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    for (const event of (await stream.text()).split("\n\n").slice(0, -2)) {
      schemas.completionChunk.strict().parse(JSON.parse(event.slice("data: ".length)));
    }
    const chunks = await here.post("/v1/chat/completions", {
      ...{ ...chat, stream: true, stream_options: { include_usage: true } },
    });
    for (const event of (await chunks.text()).split("\n\n").slice(0, -2)) {
      chatCompletionChunk.strict().parse(JSON.parse(event.slice("data: ".length)));
    }
    expect((await here.get("/metrics")).headers.get("content-type")).toMatch(/^text\/plain/);
  });
});

describe("every documented answer of every route is true", () => {
  const key = { Authorization: "Bearer key" };
  const json = { ...key, "Content-Type": "application/json" };
  type Asked = { path?: string; headers?: Record<string, string>; body?: string | object; setHost?: boolean };
  type Answered = { status: number; headers: IncomingHttpHeaders; text: string };
  const agent = new Agent({ keepAlive: false });
  afterEach(() => vi.restoreAllMocks());

  /** As its route is asked where nothing is wrong. */
  const right: Record<string, Asked> = {
    complete: { body: { model: "tiny", prompt: "a", max_tokens: 3, logprobs: 2, echo: true } },
    chat: { body: { model: "tiny", messages: [{ role: "user", content: "a" }], max_tokens: 3, logprobs: true, n: 2 } },
    tokenize: { body: { model: "tiny", prompt: "ab", return_token_strs: true } },
    detokenize: { body: { model: "tiny", tokens: [1, 2] } },
    inspect: { body: { model: "tiny", text: "ab" } },
    createSession: { body: { model: "tiny", prompt: "a" } },
    completeSession: { body: { max_tokens: 3 } },
  };

  function askAt(
    port: number,
    operationId: string,
    { path, headers = key, body, setHost = true }: Asked,
  ): Promise<Answered> {
    const route = routes[operationId as keyof typeof routes];
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          ...{ port, host: "127.0.0.1", agent, setHost, method: route.method.toUpperCase() },
          ...{
            path: path ?? route.path,
            headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
          },
        },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
        },
      );
      sent.on("error", reject);
      sent.end(typeof body === "object" ? JSON.stringify(body) : body);
    });
  }

  const pathOf = (operationId: string, name: string): string =>
    routes[operationId as keyof typeof routes].path.replace(":id", name);

  test("by status, headers, content type and schema", async () => {
    const options = {
      apiKeys: ["key"],
      hosts: ["127.0.0.1"],
      queue: 0,
      sessions: 2,
      maxTokens: 1e9,
      maxBodyBytes: 5000,
      sessionKeys: ["k".repeat(32)],
    };
    const own = await serving(options);
    const described = (await (await own.get("/openapi.json", { headers: key })).json()) as Document;
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema(described, "document");
    const seen = new Set<string>();
    /** Whether an answer is as the document has it. */
    function check(operationId: string, { status, headers, text }: Answered, expected: number): void {
      const { path, method } = routes[operationId as keyof typeof routes];
      const at = path.replace(/:(\w+)/g, "{$1}");
      const where = `${operationId} ${status} ${text.slice(0, 200)}`;
      expect(status, where).toBe(expected);
      seen.add(`${operationId} ${status}`);
      const answer = described.paths[at]?.[method]?.responses[status];
      expect(answer, where).toBeDefined();
      for (const [name, { $ref }] of Object.entries(answer?.headers ?? {})) {
        // Of two kinds with one status one may be without.
        if (name === "Accept-Encoding" && !text.includes("Content-Encoding")) continue;
        if (name === "Retry-After" && headers["x-should-retry"] === "false") continue;
        const value = headers[name.toLowerCase()];
        const schema = { $ref: `document#/components/headers/${$ref.split("/").at(-1)}/schema` };
        const isNumber = name === "Retry-After";
        expect(ajv.validate(schema, isNumber ? Number(value) : value), `${where} ${name}: ${value}`).toBe(true);
      }
      const [type = "none"] = String(headers["content-type"]).split(";");
      expect(answer?.content, where).toHaveProperty([type]);
      const escaped = [at, method, "responses", String(status), "content", type, "schema"].map((part) =>
        part.replaceAll("/", "~1").replaceAll("{", "%7B").replaceAll("}", "%7D"),
      );
      const schema = { $ref: `document#/paths/${escaped.join("/")}` };
      const events = text.split("\n\n").flatMap((event) => /^data: (\{.*)$/.exec(event)?.[1] ?? []);
      const values =
        type === "text/event-stream"
          ? events.map((one) => JSON.parse(one))
          : [type === "text/plain" ? text : JSON.parse(text)];
      expect(values.length, where).toBeGreaterThan(0);
      for (const value of values) expect(ajv.validate(schema, value) ? "" : `${where} ${ajv.errorsText()}`).toBe("");
    }
    const session = async (): Promise<string> =>
      JSON.parse((await askAt(own.port, "createSession", right.createSession as Asked)).text).id;
    const id = await session();
    right.writeSessionState = {
      body: JSON.parse(
        (await askAt(own.port, "readSessionState", { path: pathOf("readSessionState", id) })).text,
      ) as object,
    };
    const ask = async (operationId: string, expected: number, asked: Asked = {}) => {
      const path = pathOf(operationId, operationId === "readModel" ? "tiny" : id);
      check(operationId, await askAt(own.port, operationId, { path, ...right[operationId], ...asked }), expected);
    };
    const all = Object.keys(routes) as (keyof typeof routes)[];
    const withBody = all.filter((name) => right[name] !== undefined);

    for (const name of all) if (name !== "deleteSession") await ask(name, routes[name].answer.status);
    for (const name of ["complete", "completeSession", "chat"]) {
      for (const include_usage of [true, false]) {
        await ask(name, 200, {
          body: { ...(right[name]?.body as object), stream: true, stream_options: { include_usage } },
        });
      }
    }
    for (const name of all) {
      await ask(name, 400, { headers: { ...key, Host: "a b" } });
      await ask(name, 400, { setHost: false });
      await ask(name, 417, { headers: { ...key, Expect: "a cake" } });
      await ask(name, 431, { headers: { ...key, X: "x".repeat(20_000) } });
      if (name !== "health") await ask(name, 401, { headers: {} });
      await ask(name, 403, { headers: { ...key, Host: "evil.example" } });
    }
    for (const name of withBody) {
      await ask(name, 400, { body: "{" });
      await ask(name, 400, { body: { ...(right[name]?.body as object), model: 5, prompt: {}, tokens: 0 } });
      await ask(name, 413, { body: { text: "a".repeat(1_000_000) } });
      await ask(name, 415, { headers: { ...key, "Content-Type": "text/plain" } });
      await ask(name, 415, { headers: { ...key, "Content-Encoding": "br" } });
    }
    for (const name of ["complete", "chat", "tokenize", "detokenize", "inspect", "createSession"]) {
      await ask(name, 404, { body: { ...(right[name]?.body as object), model: "none" } });
    }
    for (const name of all.filter((one) => routes[one].path.includes(":id"))) {
      await ask(name, 404, { path: pathOf(name, "none") });
    }
    await ask("listSessions", 400, { path: "/v1/unrolled/sessions?limit=none" });
    await ask("listSessions", 404, { path: "/v1/unrolled/sessions?after=none" });
    await ask("writeSessionState", 409, { body: { ...(right.writeSessionState.body as object), fingerprint: "none" } });

    // A sealed session: each answer has a token, one that has expired is refused.
    const sealedPath = pathOf("completeSession", "sealed");
    const sealed = { model: "tiny", sealed: true };
    const long = vi.spyOn(Date, "now").mockReturnValue(0);
    const { token: expired } = JSON.parse((await askAt(own.port, "createSession", { body: sealed })).text);
    long.mockRestore();
    await ask("createSession", 410, { body: { ...sealed, token: expired } });
    await ask("completeSession", 410, { path: sealedPath, body: { token: expired } });
    await ask("createSession", 201, { body: sealed });
    const { token } = JSON.parse((await askAt(own.port, "createSession", { body: sealed })).text);
    await ask("completeSession", 200, { path: sealedPath, body: { token, max_tokens: 3 } });
    await ask("completeSession", 200, { path: sealedPath, body: { token, max_tokens: 3, stream: true } });

    const fault = () => {
      throw new Error("a fault");
    };
    vi.spyOn(LoadedModels.prototype, "find").mockImplementation(fault);
    vi.spyOn(LoadedModels.prototype, "all", "get").mockImplementation(fault);
    vi.spyOn(Sessions.prototype, "find").mockImplementation(fault);
    vi.spyOn(Sessions.prototype, "list").mockImplementation(fault);
    for (const name of all) if (name !== "health" && name !== "openapi") await ask(name, 500);
    vi.restoreAllMocks();
    await ask("deleteSession", 200);

    // All slots and sessions are taken, and nobody may wait.
    const others = [await session(), await session()] as const;
    const busy = { model: "tiny", prompt: Array(30).fill("a"), max_tokens: 1e7, stream: true };
    const going = [await own.post("/v1/completions", busy, { headers: json })];
    for (const other of others) {
      const path = pathOf("completeSession", other);
      going.push(await own.post(path, { max_tokens: 1e8, stream: true }, { headers: json }));
    }
    await until(async () => (await figureAt(own.url, 'unrolled_lanes_in_use{model="tiny"}')) === 32);
    for (const name of ["completeSession", "writeSessionState"]) {
      await ask(name, 409, { path: pathOf(name, others[0]) });
    }
    await ask("createSession", 429);
    await ask("forkSession", 429, { path: pathOf("forkSession", others[0]) });
    await ask("complete", 429, { body: { model: "tiny", prompt: ["a", "b"] } });
    await ask("chat", 429);

    // What runs goes on while it is closing.
    const closed = own.server.close(60_000);
    for (const name of all) await ask(name, 503);
    for (const one of going) await one.body?.cancel();
    await closed;

    const documented = operationsOf(described).flatMap(([operationId, { responses }]) =>
      otherRoutes.includes(operationId) ? [] : Object.keys(responses).map((status) => `${operationId} ${status}`),
    );
    // A request has 60 s to come; a fault where there is nothing to go wrong; a queue and a memory that other tests fill.
    const left = documented.filter((one) => !seen.has(one) && !one.endsWith(" 408"));
    expect(left.sort()).toEqual(
      ["completeSession 429", "detokenize 429", "health 500", "inspect 429", "openapi 500"].concat([
        "tokenize 429",
        "writeSessionState 429",
      ]),
    );
    expect([...seen].filter((one) => !documented.includes(one))).toEqual([]);
  });

  const operationsOf = ({ paths }: Document) =>
    Object.values(paths).flatMap((methods) => Object.values(methods).map((one) => [one.operationId, one] as const));
  async function figureAt(url: string, name: string): Promise<number> {
    const text = await (await fetch(`${url}/metrics`, { headers: key })).text();
    const line = text.split("\n").find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length));
  }
});
