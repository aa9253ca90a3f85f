/** The document says what the routes do. */
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { openapi, type Route, routes } from "../../src/server/openapi.ts";
import * as schemas from "../../src/server/schemas.ts";
import { serving } from "./serving.ts";

type Operation = {
  operationId: string;
  requestBody?: { content: { "application/json": { schema: { $ref: string } } } };
  responses: Record<string, { description: string; content: Record<string, { schema?: object }> }>;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties: Record<string, Record<string, unknown>> }> };
};

const here = await serving();
const document = (await (await here.get("/openapi.json")).json()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

test("it is OpenAPI 3.1, the same each time", () => {
  expect(document.openapi).toBe("3.1.0");
  expect(openapi()).toEqual(document);
});

test("it has every route, and nothing else", async () => {
  expect(operations.map(({ operation }) => operation.operationId).sort()).toEqual(Object.keys(routes).sort());
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
  expect(properties.max_tokens).toMatchObject({ default: 16, description: "Most tokens to write." });
  expect(properties.temperature).toMatchObject({ default: 1, anyOf: [{ minimum: 0, maximum: 2 }, { type: "null" }] });
  expect(properties.prompt?.anyOf).toHaveLength(5);
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
      schemas.completion.strict().parse(JSON.parse(event.slice("data: ".length)));
    }
    expect((await here.get("/metrics")).headers.get("content-type")).toMatch(/^text\/plain/);
  });
});
