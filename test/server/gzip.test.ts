/** Bodies and answers that are packed with gzip. */
import { connect } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { readBody } from "../../src/server/body.ts";
import { compress } from "../../src/server/middleware/compress.ts";
import type { Env } from "../../src/server/request-context.ts";
import { connectTo } from "../helpers/sockets.ts";
import { pause, until } from "../helpers/waiting.ts";
import { serving } from "./serving.ts";

const here = await serving();
const asked = { model: "tiny", prompt: "the cat", max_tokens: 20, seed: 1 };
const packed = (body: string | Buffer, encoding = "gzip"): Promise<Response> =>
  fetch(`${here.url}/v1/completions`, {
    ...{ method: "POST", body: body as Buffer<ArrayBuffer> },
    headers: { "Content-Type": "application/json", "Content-Encoding": encoding },
  });
const errorOf = async (answer: Response) => [answer.status, (await answer.json()).error.message];

describe("a body with Content-Encoding: gzip", () => {
  test("is answered as the same one that is not packed", async () => {
    const { choices } = await (await here.post("/v1/completions", asked)).json();
    for (const encoding of ["gzip", "GZIP", "x-gzip"]) {
      const answer = await packed(gzipSync(JSON.stringify(asked)), encoding);
      expect((await answer.json()).choices).toEqual(choices);
    }
    expect((await (await packed(JSON.stringify(asked), "identity")).json()).choices).toEqual(choices);
  });

  test("in chunks, without a length, is too; with characters cut in two", async () => {
    const bytes = gzipSync(JSON.stringify({ ...asked, prompt: "é☃" }));
    const { socket, text } = connectTo(here.port);
    const types = "Content-Type: application/json\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked";
    socket.write(`POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n${types}\r\n\r\n`);
    for (const byte of bytes) socket.write(Buffer.concat([Buffer.from("1\r\n"), Buffer.of(byte), Buffer.from("\r\n")]));
    socket.write("0\r\n\r\n");
    await until(() => text().includes('"usage"'));
    expect(text()).toContain('"prompt_tokens":2,');
    socket.destroy();
  });

  test("that is none, or is cut off, gets 400", async () => {
    const whole = gzipSync(JSON.stringify(asked));
    for (const bytes of [Buffer.from("{}"), whole.subarray(0, -9), Buffer.concat([whole, Buffer.from("xx")]), ""]) {
      expect(await errorOf(await packed(bytes))).toEqual([
        400,
        "the body is not valid gzip: it is damaged or cut off.",
      ]);
    }
    expect((await errorOf(await packed(gzipSync("{"))))[1]).toMatch(/^the body is not valid JSON/);
  });

  test("with any other encoding gets 415, which says what is understood", async () => {
    for (const encoding of ["br", "deflate", "gzip, gzip", "zstd", "compress", "x"]) {
      const answer = await packed(gzipSync("{}"), encoding);
      expect(answer.headers.get("accept-encoding")).toBe("gzip");
      expect(await errorOf(answer)).toEqual([415, `Content-Encoding: needs gzip, or none, got ${encoding}.`]);
    }
  });

  test("gets 413 as soon as it has become longer than a body may be: no more of it is unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000));
    expect(bomb.length).toBeLessThan(1_000_000);
    expect(await errorOf(await packed(bomb))).toEqual([
      413,
      "the body is longer than 1,000,000 bytes. See --max-body.",
    ]);
    // In pieces of 1 KB, of which each becomes about 1 MB: one is enough, and 16 KB are what a stream of Node's takes ahead.
    let taken = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          controller.enqueue(bomb.subarray(taken * 1024, ++taken * 1024));
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip" };
    const request = new Request("http://localhost/", { method: "POST", body, headers, duplex: "half" } as RequestInit);
    const { signal } = new AbortController();
    const limits = { maxBytes: 1_000_000, stallMs: 60_000, signal, onBytes: () => {} };
    await expect(readBody(request, limits)).rejects.toThrow("the body is longer than 1,000,000 bytes.");
    expect(taken).toBeLessThanOrEqual(18);
  });

  test("longer than a body may be even when packed is refused by its length", async () => {
    const noise = Buffer.from(Array.from({ length: 1_100_000 }, (_, k) => (k * k * 2654435761) >>> 24));
    expect((await packed(gzipSync(noise, { level: 0 }))).status).toBe(413);
  });
});

/** As it comes over the wire. */
async function raw(path: string, headers: string, method = "GET", body = ""): Promise<{ head: string; bytes: Buffer }> {
  const socket = connect(here.port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  const type = body === "" ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${type}${headers}\r\n${body}`);
  await new Promise((resolve) => socket.on("close", resolve));
  const all = Buffer.concat(chunks);
  const at = all.indexOf("\r\n\r\n");
  const head = all.subarray(0, at).toString().toLowerCase();
  let bytes = all.subarray(at + 4);
  if (head.includes("transfer-encoding: chunked")) {
    const parts: Buffer[] = [];
    for (;;) {
      const end = bytes.indexOf("\r\n");
      const length = Number.parseInt(bytes.subarray(0, end).toString(), 16);
      if (length === 0) break;
      parts.push(bytes.subarray(end + 2, end + 2 + length));
      bytes = bytes.subarray(end + 4 + length);
    }
    bytes = Buffer.concat(parts);
  }
  return { head, bytes };
}

describe("an answer", () => {
  const long = JSON.stringify({ ...asked, max_tokens: 2000, logprobs: 3 });

  test("that is long is packed where the client takes gzip, and is the same", async () => {
    const plain = await raw("/v1/completions", "", "POST", long);
    expect(plain.head).not.toContain("content-encoding");
    const { choices } = JSON.parse(plain.bytes.toString());
    for (const accept of ["gzip", "deflate, gzip;q=0.5", "*", "br, GZIP"]) {
      const { head, bytes } = await raw("/v1/completions", `Accept-Encoding: ${accept}\r\n`, "POST", long);
      expect([accept, head]).toEqual([accept, expect.stringMatching(/\r\ncontent-encoding: gzip(\r\n|$)/)]);
      expect(head).toMatch(/\r\nvary: accept-encoding/);
      expect(head).toMatch(/\r\ncontent-type: application\/json/);
      expect(head).toMatch(/\r\nx-request-id: req-/);
      expect(JSON.parse(gunzipSync(bytes).toString()).choices).toEqual(choices);
      expect(bytes.length).toBeLessThan(plain.bytes.length / 2);
    }
    for (const path of ["/metrics", "/openapi.json"]) {
      const { head, bytes } = await raw(path, "Accept-Encoding: gzip\r\n");
      expect([path, head]).toEqual([path, expect.stringContaining("content-encoding: gzip")]);
      expect(gunzipSync(bytes).toString()).toMatch(/unrolled|openapi/);
    }
  });

  test("is left as it is where the client does not", async () => {
    for (const accept of [
      "",
      "Accept-Encoding: identity\r\n",
      "Accept-Encoding: gzip;q=0\r\n",
      "Accept-Encoding: br\r\n",
    ]) {
      const { head, bytes } = await raw("/v1/completions", accept, "POST", long);
      expect([accept, head]).toEqual([accept, expect.not.stringContaining("content-encoding")]);
      expect(JSON.parse(bytes.toString()).choices[0].text).toHaveLength(2000);
    }
  });

  test("that is short, and a stream of events, are left as they are", async () => {
    for (const path of ["/healthz", "/v1/models", "/v1/models/none", "/nothing"]) {
      const { head, bytes } = await raw(path, "Accept-Encoding: gzip\r\n");
      expect([path, head]).toEqual([path, expect.not.stringContaining("content-encoding")]);
      expect(head).toMatch(new RegExp(`\r\ncontent-length: ${bytes.length}(\r\n|$)`));
      JSON.parse(bytes.toString());
    }
    const stream = JSON.stringify({ ...asked, max_tokens: 2000, stream: true });
    const { head, bytes } = await raw("/v1/completions", "Accept-Encoding: gzip\r\n", "POST", stream);
    expect(head).not.toContain("content-encoding");
    expect(bytes.toString()).toMatch(/^data: \{.*data: \[DONE\]\n\n$/s);
    expect((await raw("/openapi.json", "Accept-Encoding: gzip\r\n", "HEAD")).bytes).toHaveLength(0);
  });

  test("is made as it is read: what nobody reads is not asked for, and who leaves ends it", async () => {
    let [made, left] = [0, false];
    const noise = Uint8Array.from({ length: 65_536 }, (_, k) => (k * k * 2654435761) >>> 24);
    const source = () =>
      new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            made++;
            controller.enqueue(noise);
          },
          cancel: () => {
            left = true;
          },
        },
        { highWaterMark: 0 },
      );
    const app = new Hono<Env>().use(compress).get("/", () => {
      return new Response(source(), { headers: { "Content-Type": "application/json" } });
    });
    const answer = await app.request("/", { headers: { "Accept-Encoding": "gzip" } });
    expect(answer.headers.get("content-encoding")).toBe("gzip");
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await pause(50);
    expect(made).toBeLessThan(10);
    await reader.cancel();
    await until(() => left);
  });

  test("that breaks off as it is packed breaks off for its reader", async () => {
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.alloc(100_000, "{}")),
      pull: (controller) => controller.error(new Error("the disk is gone")),
    });
    const app = new Hono<Env>().use(compress).get("/", () => {
      return new Response(source, { headers: { "Content-Type": "application/json" } });
    });
    const answer = await app.request("/", { headers: { "Accept-Encoding": "gzip" } });
    await expect(answer.arrayBuffer()).rejects.toThrow("the disk is gone");
  });

  test("whose reader goes away as it is packed leaves nothing behind", async () => {
    for (let k = 0; k < 20; k++) {
      const socket = connect(here.port, "127.0.0.1");
      socket.on("error", () => {});
      const type = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(long)}\r\nAccept-Encoding: gzip`;
      socket.write(`POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n${type}\r\n\r\n${long}`);
      if (k % 2 === 0) await new Promise((resolve) => socket.once("data", resolve));
      socket.destroy();
    }
    await until(async () => (await here.figure('unrolled_lanes_in_use{model="tiny"}')) === 0);
    expect((await here.client.models.list()).data).toHaveLength(2);
  });
});
