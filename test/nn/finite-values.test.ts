/** A model that has diverged is told by the value that is no number. */
import { expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { BrokenModel, checkFiniteValues } from "../../src/nn/finite-values.ts";
import { dense, embedding, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createServer } from "../../src/server/app.ts";
import { generate, generateTokens } from "../../src/tasks/generate.ts";
import { inspectText } from "../../src/tasks/inspect-text.ts";
import { type LanguageModel, languageModel } from "../../src/tasks/language-model.ts";

const text = "abc ".repeat(20);
/** Each value is finite, and sums of them are not. */
function overflowing(): LanguageModel {
  const lm = languageModel(text, { cell: "irnn", units: 3, seed: 1 });
  const { "irnn.b": b, "dense.W": w } = lm.model.values as Record<string, Float32Array>;
  b?.fill(9);
  w?.forEach((_, k) => {
    w[k] = k % 3 === 0 ? -3e38 : 3e38;
  });
  return lm;
}

test("the first value that is infinite or NaN is named with its place: row and column of a matrix", () => {
  const model = sequential([embedding(5, 4), recurrent(cells.lstm, { units: 3, name: "lstm" }), dense(2)]);
  expect(() => checkFiniteValues(model, "m")).not.toThrow();
  const { "lstm.U_f": matrix, "lstm.b_f": vector } = model.values as Record<string, Float32Array>;
  (vector as Float32Array)[1] = Infinity;
  expect(() => checkFiniteValues(model, "m")).toThrow(
    /^m: lstm\.b_f\[1\] is Infinity, not a finite number\. The model's/,
  );
  (matrix as Float32Array)[5] = Number.NaN;
  expect(() => checkFiniteValues(model, "m")).toThrow(/^m: lstm\.(U_f\[1, 2\] is NaN|b_f\[1\] is Infinity), not/);
});

test("a server refuses such a model, at its start and in place of another", async () => {
  const good = languageModel(text, { cell: "simple-rnn", units: 3, seed: 1 });
  const bad = languageModel(text, { cell: "simple-rnn", units: 3, seed: 1 });
  (bad.model.values["dense.b"] as Float32Array)[2] = Number.NaN;
  await expect(createServer({ good, bad })).rejects.toThrow(/^bad: dense\.b\[2\] is NaN, not a finite number\. /);
  const server = await createServer({ good });
  await expect(server.replace({ bad })).rejects.toThrow(/^bad: dense\.b\[2\] is NaN/);
  const answer = await server.fetch(new Request("http://localhost/v1/models/good"));
  expect(answer.status).toBe(200);
  await server.close(0);
});

test("a model of finite values that gives NaN is a fault of the server's, not of the request", async () => {
  const server = await createServer({ m: overflowing() });
  const post = async (path: string, body: object) => {
    const init = { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    const answer = await server.fetch(new Request(`http://localhost${path}`, init));
    return [answer.status, (await answer.json()).error];
  };
  const asked = { model: "m", prompt: "ab", max_tokens: 3 };
  const error = { type: "server_error", code: "model_broken", param: null };
  const said = {
    ...error,
    message: expect.stringMatching(/^logits: .*\. The model's weights have diverged: train anew/),
  };
  expect(await post("/v1/completions", asked)).toEqual([500, said]);
  expect(await post("/v1/completions", { ...asked, echo: true, logprobs: 1, max_tokens: 0 })).toMatchObject([
    500,
    error,
  ]);
  expect(await post("/v1/chat/completions", { model: "m", messages: [{ role: "user", content: "ab" }] })).toEqual([
    500,
    said,
  ]);
  expect(await post("/v1/unrolled/inspect", { model: "m", text: "ab" })).toMatchObject([500, error]);
  await server.close(0);
});

test("generate and inspect say it of their own", async () => {
  const lm = overflowing();
  const read = async (pieces: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of pieces);
  };
  await expect(read(generate(lm, { prompt: "ab", length: 3 }))).rejects.toThrow(BrokenModel);
  await expect(read(generateTokens(lm, { prompt: "ab", length: 3 }))).rejects.toThrow(BrokenModel);
  await expect(read(inspectText(lm, Int32Array.of(1, 2), "m", { values: [] }))).rejects.toThrow(BrokenModel);
});
