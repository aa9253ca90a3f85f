/** Texts that are gone on with, request after request. */
import { describe, expect, test } from "vitest";
import { createSession } from "../../src/nn/session.ts";
import { languageModel } from "../../src/tasks/language-model.ts";
import { encode } from "../../src/text/tokenizer.ts";
import { textOf } from "../helpers/models.ts";
import { until } from "../helpers/waiting.ts";
import { book, serving, tiny } from "./serving.ts";

const here = await serving({ maxTokens: 1e9 });
const sessions = "/v1/unrolled/sessions";

async function begin(prompt = "", of = here, headers = {}): Promise<string> {
  const answer = await of.post(sessions, { model: "tiny", prompt }, { headers });
  expect(answer.status).toBe(201);
  return (await answer.json()).id;
}
async function goOn(id: string, body: object): Promise<string> {
  const answer = await here.post(`${sessions}/${id}/completions`, body);
  expect(answer.status).toBe(200);
  const { choices } = await answer.json();
  expect(choices).toHaveLength(1);
  return choices[0].text;
}
const read = async (id: string) => (await here.get(`${sessions}/${id}`)).json();

describe("a session", () => {
  test("writes after pieces of a prompt what is written after the whole", async () => {
    const id = await begin("the c");
    expect(await goOn(id, { prompt: "at ", max_tokens: 0 })).toBe("");
    expect(await goOn(id, { max_tokens: 0 })).toBe("");
    expect(await goOn(id, { prompt: "sat", max_tokens: 20, seed: 4 })).toBe(
      await textOf(tiny, { prompt: "the cat sat", length: 20, seed: 4 }),
    );
  });

  test("goes on from what it wrote, and from what it is told then", async () => {
    const id = await begin();
    const first = await goOn(id, { prompt: "a dog", max_tokens: 15, seed: 1 });
    const second = await goOn(id, { max_tokens: 10, seed: 2 });
    const third = await goOn(id, { prompt: " the cat", max_tokens: 10, seed: 3 });
    expect(first).toBe(await textOf(tiny, { prompt: "a dog", length: 15, seed: 1 }));
    expect(second).toBe(await textOf(tiny, { prompt: `a dog${first}`, length: 10, seed: 2 }));
    expect(third).toBe(await textOf(tiny, { prompt: `a dog${first}${second} the cat`, length: 10, seed: 3 }));
    expect((await read(id)).tokens).toBe(5 + 15 + 10 + 8 + 10);
  });

  test("that nothing was told begins as after the end of a line", async () => {
    expect(await goOn(await begin(), { max_tokens: 12, seed: 9 })).toBe(await textOf(tiny, { length: 12, seed: 9 }));
  });

  test("shows what the model remembers of all tokens but the last", async () => {
    const session = await createSession(tiny.model);
    const state = () => Object.fromEntries(Object.entries(session.state()).map(([name, all]) => [name, [...all]]));
    const id = await begin();
    expect(await read(id)).toMatchObject({ object: "session", model: "tiny", tokens: 0, state: state() });
    await goOn(id, { prompt: "abc d", max_tokens: 0 });
    for (const token of encode(tiny.tokenizer, "abc ")) session.next(token);
    const { state: found, tokens, created, expires } = await read(id);
    expect({ found, tokens }).toEqual({ found: state(), tokens: 5 });
    expect(expires - created).toBeGreaterThanOrEqual(30 * 60);
  });

  test("streams", async () => {
    const id = await begin("the");
    const answer = await here.post(`${sessions}/${id}/completions`, { max_tokens: 8, seed: 1, stream: true });
    const events = (await answer.text()).split("\n\n").slice(0, -2);
    const texts = events.map((event) => JSON.parse(event.slice(6)).choices[0].text);
    expect(texts.join("")).toBe(await textOf(tiny, { prompt: "the", length: 8, seed: 1 }));
    expect((await read(id)).tokens).toBe(11);
  });

  test("goes on by itself under load, to the bit", async () => {
    const load = Array.from({ length: 40 }, (_, seed) =>
      here.client.completions.create({ model: "tiny", prompt: book.slice(0, 100), max_tokens: 100, seed }),
    );
    const ids = await Promise.all(["the", "a", "☃"].map((prompt) => begin(prompt)));
    const texts = await Promise.all(ids.map((id) => goOn(id, { max_tokens: 30, seed: 5 })));
    for (const [k, prompt] of ["the", "a", "☃"].entries()) {
      expect(texts[k]).toBe(await textOf(tiny, { prompt, length: 30, seed: 5 }));
    }
    await Promise.all(load);
  });

  test("is as before where a request fails or its client goes away, and takes one request at a time", async () => {
    const id = await begin("the cat");
    const before = await read(id);
    expect((await here.post(`${sessions}/${id}/completions`, { prompt: "x", max_tokens: -1 })).status).toBe(400);
    const stop = new AbortController();
    const asked = here
      .post(`${sessions}/${id}/completions`, { max_tokens: 1e8 }, { signal: stop.signal })
      .catch(() => {});
    await until(async () => (await here.figure('unrolled_lanes_in_use{model="tiny"}')) === 1);
    const busy = await here.post(`${sessions}/${id}/completions`, {});
    expect([busy.status, (await busy.json()).error.code]).toEqual([409, "session_busy"]);
    stop.abort();
    await asked;
    await until(async () => (await here.post(`${sessions}/${id}/completions`, { max_tokens: 0 })).status === 200);
    const { tokens, state } = await read(id);
    expect({ tokens, state }).toEqual({ tokens: before.tokens, state: before.state });
    expect(await goOn(id, { max_tokens: 9, seed: 2 })).toBe(
      await textOf(tiny, { prompt: "the cat", length: 9, seed: 2 }),
    );
  });

  test("ends when it is deleted", async () => {
    const id = await begin("a");
    const answer = await here.get(`${sessions}/${id}`, { method: "DELETE" });
    expect(await answer.json()).toEqual({ id, object: "session", deleted: true });
    for (const method of ["GET", "DELETE"]) {
      const gone = await here.get(`${sessions}/${id}`, { method });
      expect([gone.status, (await gone.json()).error.code]).toEqual([404, "session_not_found"]);
    }
  });
});

test("another key's is not found", async () => {
  const keyed = await serving({ apiKeys: ["one", "two"] });
  const id = await begin("a", keyed, { Authorization: "Bearer one" });
  const status = async (key: string) =>
    (await keyed.get(`${sessions}/${id}`, { headers: { Authorization: `Bearer ${key}` } })).status;
  expect([await status("one"), await status("two")]).toEqual([200, 404]);
});

test("one that has begun goes on with its model where another is served by now", async () => {
  const changing = await serving();
  const id = await begin("the", changing);
  await changing.server.replace({ tiny: languageModel(book, { units: 5, seed: 1 }), other: tiny });
  const answer = await changing.post(`${sessions}/${id}/completions`, { max_tokens: 9, seed: 3 });
  expect((await answer.json()).choices[0].text).toBe(await textOf(tiny, { prompt: "the", length: 9, seed: 3 }));
  const { data } = await changing.client.models.list();
  expect(data.map((model) => model.id)).toEqual(["tiny", "other"]);
});
