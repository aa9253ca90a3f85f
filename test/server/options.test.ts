/** What a server is made with: what means nothing is refused, with its place. */
import { get as ask } from "node:http";
import { describe, expect, test } from "vitest";
import { createServer } from "../../src/server/app.ts";
import type { ServerOptions } from "../../src/server/options.ts";
import { rejection } from "../helpers/refusal.ts";
import { serving, tiny } from "./serving.ts";

const messageOf = async (given: () => Promise<unknown>): Promise<string> => {
  const message = await rejection(given());
  expect(message).not.toContain("\n");
  return message;
};

describe("createServer refuses", () => {
  test.each<[object, string]>([
    [{ timeoutMs: 1e12 }, "timeoutMs must be a whole number from 1 to 2147483647, got 1000000000000"],
    [{ timeoutMs: 0 }, "timeoutMs must be a whole number from 1"],
    [{ stallMs: Infinity }, "stallMs must be a whole number from 1"],
    [{ sessionMs: -1 }, "sessionMs must be"],
    [{ maxTokens: NaN }, "maxTokens must be a whole number of at least 1, got NaN"],
    [{ maxTokens: 0 }, "maxTokens must be"],
    [{ maxPromptTokens: 1.5 }, "maxPromptTokens must be"],
    [{ maxBodyBytes: 2 ** 31 }, "maxBodyBytes must be a whole number from 1 to 536870888, got 2147483648"],
    [{ maxBodyBytes: "1MB" }, "maxBodyBytes must be"],
    [{ queue: -1 }, "queue must be"],
    [{ sessions: null }, "sessions must be"],
    [{ threads: 0 }, "threads must be"],
    [{ log: "stderr" }, 'log must be a function, got "stderr"'],
    [{ port: 8080 }, 'unknown option "port"'],
    [{ max_tokens: 5 }, 'unknown option "max_tokens". Did you mean maxTokens?'],
    [{ apiKey: "k" }, 'unknown option "apiKey". Did you mean apiKeys?'],
    [{ apiKeys: "key" }, "apiKeys must be a list"],
    [{ apiKeys: [""] }, "apiKeys[0] must be a non-empty string"],
    [{ apiKeys: ["a", undefined] }, "apiKeys[1] must be"],
    [{ apiKeys: ["a", "b", "a"] }, "apiKeys[2] is the same as one before it. Leave it out."],
    [{ cors: ["example.org"] }, 'cors[0] must be an origin such as "https://example.org"'],
    [{ cors: ["https://example.org/"] }, "cors[0] must be an origin"],
    [{ cors: ["https://a.example", "https://example.org:443"] }, "cors[1] must be an origin"],
    [{ cors: ["null"] }, "cors[0] must be an origin"],
    [{ cors: ["https://Example.org"] }, "cors[0] must be an origin"],
    [{ hosts: [] }, "hosts must be a list of at least 1"],
    [{ hosts: ["::1"] }, "hosts[0] must be a host such as example.org"],
    [{ hosts: ["http://localhost"] }, "hosts[0] must be a host such as example.org"],
    [{ hosts: ["a b"] }, "hosts[0] must be a host such as example.org"],
  ])("%o", async (options, message) => {
    expect(await messageOf(() => createServer({ tiny }, options as ServerOptions))).toContain(
      `createServer: ${message}`,
    );
  });

  test("keys that no header can hold, without showing them", async () => {
    for (const key of ["my secret", "ключ", "tab\tbed", "line\n", " k", "é"]) {
      const message = await messageOf(() => createServer({ tiny }, { apiKeys: ["fine", key] }));
      expect(message).toBe("createServer: apiKeys[1] must be ASCII without blanks");
    }
  });

  test("no models, and names that no path can hold; replace does too, and goes on as before", async () => {
    const { server, client } = await serving({}, { tiny });
    const of = (models: unknown) => models as { tiny: typeof tiny };
    for (const models of [{}, undefined, null, [], [tiny], new Map([["tiny", tiny]]), "tiny"]) {
      const expected = "models must be models by name, at least one, got";
      expect(await messageOf(() => createServer(of(models)))).toContain(`createServer: ${expected}`);
      expect(await messageOf(() => server.replace(of(models)))).toContain(`replace: ${expected}`);
    }
    for (const name of ["", ".", "..", "a\nb", "\0", "\ud800", "x".repeat(201)]) {
      const message = await messageOf(() => createServer({ [name]: tiny }));
      expect(message).toMatch(
        /^createServer: models: a name must be 1 to 200 characters that a path can contain: .*, got "/,
      );
      expect(await messageOf(() => server.replace({ fine: tiny, [name]: tiny }))).toMatch(
        /^replace: models: a name must be/,
      );
    }
    expect(await messageOf(() => createServer({ tiny: of({}).tiny }))).toMatch(/^createServer: models: tiny must be /);
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["tiny"]);
  });
});

describe("createServer takes", () => {
  test("every name that a path can hold: the model is found by it, in bodies and in paths", async () => {
    const names = [
      "a b",
      "org/model",
      "100%",
      "%2F",
      "a?b#c",
      "é☃👩‍👧",
      "...",
      "__proto__",
      "toString",
      "a:b",
      "+",
      "\\",
      '"',
    ];
    const { client } = await serving({}, Object.fromEntries(names.map((name) => [name, tiny])));
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(names);
    for (const name of names) {
      expect((await client.models.retrieve(name)).id).toBe(name);
      const { model } = await client.completions.create({ model: name, prompt: "a", max_tokens: 1 });
      expect(model).toBe(name);
    }
  });

  test("names of hosts in capitals, origins with ports, keys of all that a header can hold", async () => {
    const key = "sk-!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~";
    const { client, get, port } = await serving({
      ...{ hosts: ["LocalHost", "127.0.0.1"], cors: ["http://localhost:3000"], apiKeys: ["other", key] },
    });
    for (const host of ["localhost", "LOCALHOST:1"]) {
      const status = await new Promise((resolve) => {
        ask({ port, headers: { Host: host }, path: "/healthz" }, (answer) => resolve(answer.resume().statusCode));
      });
      expect([host, status]).toEqual([host, 200]);
    }
    await expect(client.models.list()).resolves.toBeDefined();
    const answer = await get("/v1/models", {
      headers: { Authorization: `Bearer ${key}`, Origin: "http://localhost:3000" },
    });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, "http://localhost:3000"]);
  });
});
