/** A page of another site asks a server: what the browser lets it send and read. */
import { afterAll, expect, test } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { listen } from "../../src/server/listen.ts";
import type { ServerOptions } from "../../src/server/options.ts";
import { languageModel } from "../../src/tasks/language-model.ts";
import { withPage } from "./harness.ts";

const lm = languageModel("the cat sat on the mat. a dog ran here.\n".repeat(8), { units: 9, embedding: 5, seed: 4 });

async function start(options: ServerOptions): Promise<string> {
  const server = await createServer({ lm }, options);
  const { url, close } = await listen(server, { host: "127.0.0.1", port: 0 });
  afterAll(() => close(0));
  return url;
}

/** In the page: what `fetch` gives, or that it refuses. */
async function ask({ url, init }: { url: string; init: RequestInit }) {
  try {
    const answer = await fetch(url, init);
    const chunks: string[] = [];
    const reader = (answer.body as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream() as never)
      .getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(String(next.value));
    const { status, headers } = answer;
    return { status, text: chunks.join(""), retryAfter: headers.get("retry-after"), type: headers.get("content-type") };
  } catch (error) {
    return { refused: String(error) };
  }
}

test("a page of another site streams a completion with its key, reads errors, and sends all that clients do", async () => {
  await withPage({ isolated: false }, async (page) => {
    const { origin } = new URL(page.url());
    const url = await start({ cors: [origin], apiKeys: ["secret", "other"], sessions: 1 });
    expect(new URL(url).origin).not.toBe(origin);
    const headers = {
      ...{ Authorization: "Bearer secret", "Content-Type": "application/json" },
      ...{ "X-Request-Id": "mine", "X-Stainless-Lang": "js" },
    };
    const post = (path: string, body: object, more: object = {}) =>
      page.evaluate(ask, {
        ...{
          url: `${url}${path}`,
          init: { method: "POST", headers: { ...headers, ...more }, body: JSON.stringify(body) },
        },
      });
    const asked = { model: "lm", prompt: "the cat", max_tokens: 40, seed: 1 };
    const streamed = await post("/v1/completions", { ...asked, stream: true });
    expect([streamed.status, streamed.type]).toEqual([200, "text/event-stream; charset=utf-8"]);
    const events = (streamed.text ?? "").split("\n\n").filter((event) => event.startsWith("data: {"));
    const whole = JSON.parse((await post("/v1/completions", asked)).text ?? "");
    expect(events.map((event) => JSON.parse(event.slice(6)).choices[0].text).join("")).toBe(whole.choices[0].text);
    expect(streamed.text).toMatch(/data: \[DONE\]\n\n$/);

    const wrong = await post("/v1/completions", { ...asked, model: "none" });
    expect([wrong.status, JSON.parse(wrong.text ?? "").error.code]).toEqual([404, "model_not_found"]);
    const keyless = await post("/v1/completions", asked, { Authorization: "Bearer wrong" });
    expect([keyless.status, JSON.parse(keyless.text ?? "").error.code]).toEqual([401, "invalid_api_key"]);
    const others = { Authorization: "Bearer other", "Content-Type": "application/json" };
    const first = { method: "POST", headers: others, body: JSON.stringify({ model: "lm" }) };
    expect((await fetch(`${url}/v1/unrolled/sessions`, first)).status).toBe(201);
    const full = await post("/v1/unrolled/sessions", { model: "lm" });
    expect([full.status, full.retryAfter]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    for (const method of ["PUT", "DELETE"]) {
      const path = method === "PUT" ? "/v1/unrolled/sessions/x/state" : "/v1/unrolled/sessions/x";
      const init = { method, headers, ...(method === "PUT" && { body: "{}" }) };
      const answer = await page.evaluate(ask, { url: `${url}${path}`, init });
      expect([method, answer.status]).toEqual([method, method === "PUT" ? 400 : 404]);
    }
    const models = await page.evaluate(ask, { url: `${url}/v1/models`, init: { headers } });
    expect(models.status).toBe(200);
  });
});

test("of a site that is not allowed it is refused by the browser; where all are, it is not", async () => {
  await withPage({ isolated: false }, async (page) => {
    const [closed, other, open] = [
      await start({}),
      await start({ cors: ["https://elsewhere.example"] }),
      await start({ cors: ["*"] }),
    ];
    const init = {
      ...{ method: "POST", headers: { "Content-Type": "application/json" } },
      body: JSON.stringify({ model: "lm", prompt: "a", max_tokens: 3 }),
    };
    for (const url of [closed, other]) {
      expect(await page.evaluate(ask, { url: `${url}/v1/completions`, init })).toEqual({
        refused: "TypeError: Failed to fetch",
      });
    }
    expect((await page.evaluate(ask, { url: `${open}/v1/completions`, init })).status).toBe(200);
  });
});
