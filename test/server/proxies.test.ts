/** Whose a request is behind proxies, and by which names and under which path a server is asked. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { createHostCheck, isHost } from "../../src/server/hosts.ts";
import { createAddresses, customerOf, isTrustable, type TrustProxy } from "../../src/server/proxies.ts";
import { connectTo } from "../helpers/sockets.ts";
import { until } from "../helpers/waiting.ts";
import { serving, tiny } from "./serving.ts";

const client = (trust: TrustProxy, socket: string, headers: Record<string, string> = {}): string =>
  createAddresses(trust)(socket, new Headers(headers));
const forwarded = (list: string) => ({ "X-Forwarded-For": list });

describe("the client's address", () => {
  test("is the socket's, whatever is claimed, where no proxy is trusted", () => {
    for (const headers of [{}, forwarded("1.1.1.1"), { Forwarded: "for=1.1.1.1" }, { "X-Real-IP": "1.1.1.1" }]) {
      expect(client([], "192.0.2.1", headers)).toBe("192.0.2.1");
      expect(client(0, "192.0.2.1", headers)).toBe("192.0.2.1");
      expect(client(["10.0.0.0/8"], "192.0.2.1", headers)).toBe("192.0.2.1");
    }
  });

  test.each<[TrustProxy, string, string, string]>([
    [["loopback"], "127.0.0.1", "203.0.113.9", "203.0.113.9"],
    [["loopback"], "::1", "203.0.113.9", "203.0.113.9"],
    [["loopback"], "::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"],
    // What a client sends itself stands before what proxies add.
    [["loopback"], "127.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"],
    [["loopback"], "127.0.0.1", "127.0.0.1, 6.6.6.6, 203.0.113.9", "203.0.113.9"],
    [["loopback", "10.0.0.0/8"], "127.0.0.1", "6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9"],
    [["loopback", "private"], "127.0.0.1", "203.0.113.9, 192.168.0.4, fd00::1, 10.0.0.1", "203.0.113.9"],
    [["192.0.2.7"], "192.0.2.7", "203.0.113.9", "203.0.113.9"],
    [["192.0.2.7"], "192.0.2.8", "203.0.113.9", "192.0.2.8"],
    [["2001:db8::/32"], "2001:db8:5::1", "203.0.113.9", "203.0.113.9"],
    // All of them are proxies: the first one.
    [["private"], "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    [1, "192.0.2.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"],
    [2, "192.0.2.1", "6.6.6.6, 203.0.113.9, 198.51.100.1", "203.0.113.9"],
    [5, "192.0.2.1", "203.0.113.9", "203.0.113.9"],
    // Ports, brackets, other ways to write the same.
    [1, "192.0.2.1", "203.0.113.9:4711", "203.0.113.9"],
    [1, "192.0.2.1", "[2001:DB8:0:0::1]:4711", "2001:db8::1"],
    [1, "192.0.2.1", "2001:db8:0:0:0:0:0:1", "2001:db8::1"],
    [1, "192.0.2.1", "::ffff:203.0.113.9", "203.0.113.9"],
    [1, "fe80::1%eth0", "203.0.113.9", "203.0.113.9"],
    // What is no address is nobody's: who wrote it down is the last that is known.
    [1, "192.0.2.1", "unknown", "192.0.2.1"],
    [2, "192.0.2.1", "203.0.113.9, not an address, 198.51.100.1", "198.51.100.1"],
    [1, "192.0.2.1", "", "192.0.2.1"],
    [1, "192.0.2.1", ",", "192.0.2.1"],
  ])("trusting %j, from %s, X-Forwarded-For: %s: %s", (trust, socket, list, wanted) => {
    expect(client(trust, socket, forwarded(list))).toBe(wanted);
    const elements = list.split(",").map((one) => `proto=https;for="${one.trim()}";by=_x`);
    expect(client(trust, socket, { Forwarded: elements.join(", ") })).toBe(wanted);
  });

  test("Forwarded: with and without quotes, in any case; hidden names are nobody's", () => {
    for (const header of [
      "for=203.0.113.9",
      "For=203.0.113.9;proto=http;by=10.0.0.1",
      'proto=http ; for="203.0.113.9:80"',
      'for=6.6.6.6, for="203.0.113.9"',
      'for="6.6.6.6, for=7.7.7.7", for=203.0.113.9',
    ]) {
      expect([header, client(1, "192.0.2.1", { Forwarded: header })]).toEqual([header, "203.0.113.9"]);
    }
    for (const header of ["for=_secret", "for=unknown", "proto=https", 'for="', "x", ""]) {
      expect(client(1, "192.0.2.1", { Forwarded: header })).toBe("192.0.2.1");
    }
  });

  test("where both headers are there they have to agree: a proxy that writes one lets a made-up other one through", () => {
    const both = { Forwarded: "for=203.0.113.9", ...forwarded("6.6.6.6, 203.0.113.9") };
    expect(client(1, "192.0.2.1", both)).toBe("203.0.113.9");
    expect(client(1, "192.0.2.1", { ...both, Forwarded: "for=6.6.6.6" })).toBe("192.0.2.1");
    expect(client(1, "192.0.2.1", { ...both, Forwarded: "for=_hidden" })).toBe("192.0.2.1");
  });

  test("whatever a client sends, what the trusted proxy added decides", () => {
    const made = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.constantFrom("127.0.0.1", "::1", '"', "for=", ","));
    fc.assert(
      fc.property(made, fc.constantFrom("203.0.113.9", "2001:db8::1"), (begun, real) => {
        const header = begun.replace(/[^\x21-\x7e]/g, "");
        expect(client(["loopback"], "127.0.0.1", forwarded(`${header}, ${real}`))).toBe(real);
      }),
    );
  });

  test("who may be trusted is an address, a network, a name", () => {
    for (const one of ["loopback", "private", "10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8", "0.0.0.0/0"]) {
      expect([one, isTrustable(one)]).toEqual([one, true]);
    }
    for (const one of ["", "all", "10.0.0", "10.0.0.0/33", "::1/129", "10.0.0.0/", "10.0.0.0/-1", "x/8", "toString"]) {
      expect([one, isTrustable(one)]).toEqual([one, false]);
    }
  });

  test("of version 6 the first 64 bits are one customer's", () => {
    expect(customerOf("192.0.2.1")).toBe("192.0.2.1");
    expect(customerOf("key 1")).toBe("key 1");
    expect(customerOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(customerOf("2001:db8::6")).toBe("2001:db8:0:0::/64");
    expect(customerOf("::1")).toBe("0:0:0:0::/64");
  });
});

test("users behind one proxy are clients of their own: in the log, for slots and for sessions", async () => {
  const { post, lines } = await serving({ trustProxy: ["loopback"] });
  const asked = { model: "tiny", prompt: "a", max_tokens: 1 };
  await post("/v1/completions", asked, { headers: forwarded("6.6.6.6, 203.0.113.1") });
  await post("/v1/completions", asked, { headers: { Forwarded: "for=203.0.113.2" } });
  await post("/v1/completions", asked);
  expect(lines.map(({ client }) => client)).toEqual(["203.0.113.1", "203.0.113.2", "127.0.0.1"]);
});

test("one that is refused for its key has an address in the log", async () => {
  const { get, lines } = await serving({ trustProxy: 1, apiKeys: ["k"] });
  expect((await get("/v1/models", { headers: forwarded("203.0.113.1") })).status).toBe(401);
  expect(lines).toMatchObject([{ status: 401, client: "203.0.113.1" }]);
});

describe("names by which it may be asked", () => {
  test.each<[string, string[], string[]]>([
    ["localhost", ["localhost", "LOCALHOST:9", "localhost:80"], ["localhost.evil", "xlocalhost", "", "localhost:x"]],
    ["example.org:*", ["example.org", "example.org:8080"], ["a.example.org"]],
    [
      "example.org:8080",
      ["example.org:8080", "EXAMPLE.org:8080"],
      ["example.org", "example.org:80", "example.org:18080"],
    ],
    ["example.org:443", ["example.org", "example.org:443"], ["example.org:80"]],
    ["*.example.org", ["a.example.org", "a.b.example.org:3"], ["example.org", "evilexample.org", "a.example.org.evil"]],
    ["*.example.org:80", ["a.example.org"], ["a.example.org:81"]],
    ["[::1]", ["[::1]", "[::1]:80"], ["::1", "[::2]"]],
    ["[::1]:8080", ["[::1]:8080"], ["[::1]"]],
    ["192.0.2.1", ["192.0.2.1:8080"], ["192.0.2.11"]],
    ["*", ["anything", "a.b:3", "[::1]"], [""]],
  ])("%s", (pattern, allowed, refused) => {
    expect(isHost(pattern)).toBe(true);
    const isAllowed = createHostCheck([pattern]);
    for (const host of allowed) expect([host, isAllowed(host)]).toEqual([host, true]);
    for (const host of refused) expect([host, isAllowed(host)]).toEqual([host, false]);
  });

  test("are names, nothing else", () => {
    for (const one of ["", "http://a.example", "a b", "a/b", "a:b", "a.*.example", "a*", ":80", "::1", "*.", "a:1:2"]) {
      expect([one, isHost(one)]).toEqual([one, false]);
    }
  });

  test("of several one is enough, over the wire", async () => {
    const { port } = await serving({ hosts: ["localhost", "*.example.org:8443"] });
    const status = async (host: string): Promise<string> => {
      const { socket, text } = connectTo(port);
      socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await until(() => text().includes("}"));
      socket.destroy();
      return text().slice(9, 12);
    };
    const all = ["localhost:1", "llm.example.org:8443", "llm.example.org", "example.org:8443"];
    expect(await Promise.all(all.map(status))).toEqual(["200", "200", "403", "403"]);
  });
});

describe("under a path", () => {
  test("are all routes, and the document says so; elsewhere is nothing", async () => {
    const { get, post, lines } = await serving({ basePath: "/llm/one", apiKeys: ["k"] });
    const headers = { Authorization: "Bearer k" };
    const { servers } = await (await get("/llm/one/openapi.json", { headers })).json();
    expect(servers).toEqual([{ url: "/llm/one" }]);
    expect((await get("/llm/one/healthz")).status).toBe(200);
    expect((await get("/llm/one/v1/models")).status).toBe(401);
    expect((await get("/llm/one/v1/models", { headers })).status).toBe(200);
    expect((await get("/llm/one/v1/models/tiny", { headers })).status).toBe(200);
    const asked = { model: "tiny", prompt: "a", max_tokens: 1 };
    expect((await post("/llm/one/v1/completions", asked, { headers })).status).toBe(200);
    const { id } = await (await post("/llm/one/v1/unrolled/sessions", { model: "tiny" }, { headers })).json();
    expect((await get(`/llm/one/v1/unrolled/sessions/${id}`, { headers })).status).toBe(200);
    const wrong = await get("/llm/one/v1/models", { method: "DELETE", headers });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET"]);
    for (const path of ["/v1/models", "/healthz", "/llm/onev1/models", "/llm", "/llm/one", "/LLM/one/v1/models"]) {
      const answer = await get(path, { headers });
      expect([path, answer.status]).toEqual([path, 404]);
      expect((await answer.json()).error.message).toMatch(
        /GET \/llm\/one\/openapi\.json lists|Did you mean \/llm\/one\//,
      );
    }
    expect((await get("/healthz")).status).toBe(401);
    // The log has routes, which stay the same.
    expect(lines.some(({ path }) => path === "/v1/models/:id")).toBe(true);
  });

  test("or none: the document's addresses are its own", async () => {
    const { get } = await serving();
    expect((await (await get("/openapi.json")).json()).servers).toEqual([{ url: "/" }]);
  });
});

test("nonsense is refused when the server is made, by name", async () => {
  const made = (options: object) => createServer({ tiny }, options as never);
  for (const basePath of ["llm", "/llm/", "/", "/a b", "/:id", "/*", "/a/../b", "/a?b", 3, null]) {
    await expect(made({ basePath })).rejects.toThrow(/basePath must be a path such as \/llm/);
  }
  for (const trustProxy of [["x"], ["10.0.0.0/99"], -1, 1.5, true, "loopback", [1]]) {
    await expect(made({ trustProxy })).rejects.toThrow(/trustProxy/);
  }
  for (const hosts of [["http://a"], [""], [":80"]]) await expect(made({ hosts })).rejects.toThrow(/hosts/);
});
