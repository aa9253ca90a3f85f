/** Programs of models that are not served any more are there for the next ones. */
import { expect, test, vi } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { languageModel } from "../../src/tasks/language-model.ts";
import { book } from "./serving.ts";

/** Memories that are made meanwhile for programs. */
async function memories(act: () => Promise<unknown>): Promise<number> {
  const instantiate = vi.spyOn(WebAssembly, "instantiate");
  await act();
  const { length } = instantiate.mock.calls;
  instantiate.mockRestore();
  return length;
}

test("models that are replaced keep their programs for who is at them; then, and at the end, all are given back", async () => {
  const model = (seed: number) => ({ own: languageModel(book, { units: 6, embedding: 3, seed }) });
  const server = await createServer(model(1), { engine: "wasm" });
  const post = (path: string, body: object) =>
    server.fetch(
      new Request(`http://localhost${path}`, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "Content-Type": "application/json" },
      }),
    );
  const replace = (seed: number) => memories(() => server.replace(model(seed)));
  const write = async (path: string): Promise<string> => {
    const answer = await post(path, { prompt: "the c", max_tokens: 12, temperature: 0 });
    expect(answer.status).toBe(200);
    return (await answer.json()).choices[0].text;
  };

  expect(
    await replace(2),
    "of 1, 4, 16 and 32 slots, and for long prompts: the first model's go when these are there",
  ).toBe(5);
  expect(await replace(3)).toBe(0);
  const answer = await post("/v1/unrolled/sessions", { model: "own", prompt: "" });
  const session = `/v1/unrolled/sessions/${(await answer.json()).id}`;
  const before = await (await server.fetch(new Request(`http://localhost${session}`))).json();
  expect(await replace(4)).toBe(0);
  expect(await replace(5), "a session has those of the third model").toBe(5);
  const gone = await createServer(model(3), { engine: "wasm" });
  const wanted = (
    await (
      await gone.fetch(
        new Request("http://localhost/v1/completions", {
          method: "POST",
          body: JSON.stringify({ model: "own", prompt: "the c", max_tokens: 12, temperature: 0 }),
          headers: { "Content-Type": "application/json" },
        }),
      )
    ).json()
  ).choices[0].text;
  await gone.close();
  expect(before.model).toBe("own");
  expect(await write(`${session}/completions`), "it goes on with its own model").toBe(wanted);
  await server.fetch(new Request(`http://localhost${session}`, { method: "DELETE" }));
  await server.close();
  await server.close();
  const again: { close: () => Promise<void> }[] = [];
  const serveTwo = async () => {
    for (const seed of [6, 7]) again.push(await createServer(model(seed)));
  };
  expect(await memories(serveTwo)).toBe(0);
  for (const one of again) await one.close();
});
