/** All that a session remembers: read, put back, copied. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { type LanguageModel, languageModel, languageModelFrom } from "../../src/tasks/language-model.ts";
import { lively } from "../helpers/models.ts";
import { book, serving, tiny } from "./serving.ts";

const odd = `${book}€€€ é☃`;
const characters = ["\uFFFD", ...new Set(odd)];
const last = sequential([embedding(characters.length, 5), lstm(8), dense(characters.length)], { seed: 3 });
for (const values of Object.values(last.values)) for (let k = 0; k < values.length; k++) values[k]! *= 3;
const models: Record<string, LanguageModel> = {
  windows: languageModelFrom(last, { vocabulary: characters, window: 6 }),
  chars: lively(odd),
  words: lively(odd, { tokens: "word", cell: "mlstm" }),
  pairs: lively(odd, { tokens: "bpe", maxVocabulary: 300, cell: "gru", layers: 2 }),
};
const here = await serving({ sessionsPerKey: 1000 }, models);
const sessions = "/v1/unrolled/sessions";
type Of = typeof here;

const begin = async (model: string, prompt = "", of: Of = here): Promise<string> =>
  `${sessions}/${(await (await of.post(sessions, { model, prompt })).json()).id}`;
async function goOn(at: string, body: object, of: Of = here): Promise<string> {
  const answer = await of.post(`${at}/completions`, body);
  expect(answer.status).toBe(200);
  return (await answer.json()).choices[0].text;
}
const read = async (at: string, of: Of = here) => (await of.get(`${at}/state`)).json();
const put = (at: string, body: unknown, of: Of = here): Promise<Response> =>
  of.post(`${at}/state`, body, { method: "PUT" });
/** A session in each of the states that there are. */
async function somewhere(model: string, seed: number): Promise<string> {
  const at = await begin(model, ["", "the cat", "the ca"][seed % 3]);
  if (seed % 2 > 0) await goOn(at, { prompt: " sat", max_tokens: 5 + (seed % 5), seed, temperature: 1.5 });
  if (seed % 5 === 4) await goOn(at, { max_tokens: 9, seed, stop: ["t", "e"] });
  return at;
}
const on = [
  { max_tokens: 15, seed: 1 },
  { prompt: " dog", max_tokens: 9, temperature: 0 },
  { prompt: "€", max_tokens: 9, seed: 3 },
];

describe.each(Object.keys(models))("%s: a session's state", (model) => {
  test("put into another session makes it go on with the same bits", async () => {
    for (let seed = 0; seed < 8; seed++) {
      const one = await somewhere(model, seed);
      const other = await begin(model, "something else");
      const state = await read(one);
      const answer = await put(other, state);
      expect([answer.status, (await answer.json()).tokens]).toEqual([200, (state.part ?? state).tokens]);
      expect(await read(other)).toEqual(state);
      for (const body of on) expect(await goOn(other, body)).toBe(await goOn(one, body));
      expect(await read(other)).toEqual(await read(one));
    }
  });

  test("outlives the server", async () => {
    const first = await serving({}, models);
    const at = await begin(model, "the cat", first);
    await goOn(at, { max_tokens: 9, seed: 4 }, first);
    const state = JSON.stringify(await read(at, first));
    const wanted = [];
    for (const body of on) wanted.push(await goOn(at, body, first));
    await first.close(0);
    const second = await serving({}, { other: models[model] as LanguageModel });
    const again = await begin("other", "", second);
    expect((await put(again, state, second)).status).toBe(200);
    for (const [k, body] of on.entries()) expect(await goOn(again, body, second)).toBe(wanted[k]);
  });

  test("a fork goes on with the same bits, and neither changes the other", async () => {
    for (let seed = 0; seed < 6; seed++) {
      const one = await somewhere(model, seed);
      const before = await read(one);
      const answer = await here.post(`${one}/fork`, "");
      expect(answer.status).toBe(201);
      const body = await answer.json();
      expect(body).toMatchObject({ object: "session", model, tokens: (before.part ?? before).tokens });
      const fork = `${sessions}/${body.id}`;
      expect(fork).not.toBe(one);
      const texts = [];
      for (const body of on) texts.push(await goOn(fork, body));
      expect(await read(one)).toEqual(before);
      for (const [k, body] of on.entries()) expect(await goOn(one, body)).toBe(texts[k]);
    }
  });
});

test("it says what it is, and has each number to the bit", async () => {
  const at = await begin("chars", "the cat");
  const { state, ...about } = await read(at);
  expect(about).toEqual({
    ...{
      object: "session.state",
      model: "chars",
      fingerprint: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      tokens: 7,
    },
    ...{ pending: [expect.any(Number)], open: "", part: null },
  });
  const { state: numbers } = await (await here.get(at)).json();
  for (const [name, text] of Object.entries(state as Record<string, string>)) {
    const bytes = Uint8Array.from(Buffer.from(text, "base64"));
    expect([...new Float32Array(bytes.buffer)]).toEqual(numbers[name]);
  }
  expect(Object.keys(state)).toEqual(["lstm.c", "lstm.h"]);
  expect((await read(await begin("chars"))).state).toBeNull();
});

test("what a window keeps are tokens: other numbers are refused", async () => {
  const at = await begin("windows", "the cat");
  const state = await read(at);
  for (const wrong of [characters.length, -1, 0.5, 1e9]) {
    const window = Buffer.from(Float32Array.of(1, 1, wrong, 1, 1, 1).buffer).toString("base64");
    const answer = await put(at, { ...state, state: { window } });
    expect(answer.status).toBe(400);
    expect((await answer.json()).error.message).toMatch(/^state: token ids of this model go from 0 to \d+, got /);
  }
  expect(await read(at)).toEqual(state);
});

test("a state larger than a body may be is put back all the same", async () => {
  const large = languageModel(book, { units: 3000, embedding: 3, seed: 1, cell: "min-gru" });
  const of = await serving({ maxBodyBytes: 2000 }, { large });
  const at = await begin("large", "the", of);
  const state = await read(at, of);
  expect(JSON.stringify(state).length).toBeGreaterThan(4 * 3000);
  expect((await put(at, state, of)).status).toBe(200);
  expect((await put(at, { ...state, open: "a".repeat(300_000) }, of)).status).toBe(413);
});

describe("what is put back is checked: one line, by name, and the session stays as it was:", () => {
  const wrong = async (change: (state: Record<string, unknown>) => unknown, model = "pairs") => {
    const at = await begin(model, "the cat");
    const before = await read(at);
    const answer = await put(at, change(structuredClone(before)));
    expect(await read(at)).toEqual(before);
    const { error } = await answer.json();
    expect(error.message).not.toMatch(/\n|internal|undefined/);
    return [answer.status, error.code, error.param, error.message];
  };
  const floats = (...values: number[]) => Buffer.from(new Float32Array(values).buffer).toString("base64");
  const withState = (state: unknown) => (all: object) => ({ ...all, state });
  const changed = (name: string, value: unknown) => (all: Record<string, unknown>) => ({
    ...all,
    state: { ...(all.state as object), [name]: value },
  });

  test("another model's, of other values or another shape", async () => {
    const { fingerprint } = await read(await begin("chars"));
    expect(await wrong((all) => ({ ...all, fingerprint }))).toEqual([
      ...[409, "state_mismatch", "fingerprint"],
      expect.stringMatching(/^fingerprint: this state belongs to another model; the fingerprint of pairs is sha256:/),
    ]);
    expect((await wrong((all) => ({ ...all, fingerprint: "" })))[0]).toBe(409);
    const [other, same] = [
      await serving({}, { chars: lively(odd, { seed: 5 }) }),
      await serving({}, { chars: lively(odd) }),
    ];
    const state = await read(await begin("chars", "a"));
    expect((await put(await begin("chars", "", other), state, other)).status).toBe(409);
    expect((await put(await begin("chars", "", same), state, same)).status).toBe(200);
  });

  test("numbers that are too few, too many or none", async () => {
    const nine = floats(1, 2, 3, 4, 5, 6, 7, 8, 9);
    expect(await wrong(changed("gru.h", nine))).toEqual([
      ...[400, null, "state.gru.h", "state.gru.h: needs 8 numbers (32 bytes), got 36 bytes."],
    ]);
    for (const value of ["", "AAA=", floats(1)]) expect((await wrong(changed("gru.h", value)))[0]).toBe(400);
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      expect(await wrong(changed("gru.h", floats(1, 2, 3, value, 5, 6, 7, 8)))).toEqual([
        ...[400, null, "state.gru.h", `state.gru.h: number 3 is ${value}.`],
      ]);
    }
    expect((await wrong(changed("gru.h", "not base 64")))[3]).toMatch(/^state\.gru\.h: needs text in base64/);
    expect((await wrong(changed("gru.h", [1, 2])))[0]).toBe(400);
    expect(await wrong(changed("lstm.c", floats(1)))).toEqual([
      ...[400, null, "state", 'state: the model has no state "lstm.c".'],
    ]);
    for (const state of [{}, [], "x", 3, undefined]) expect((await wrong(withState(state)))[0]).toBe(400);
    expect((await wrong((all) => JSON.parse(JSON.stringify(all).replace('"gru.h"', '"__proto__"'))))[0]).toBe(400);
  });

  test("tokens that the model does not have, bytes that are no part of a character", async () => {
    for (const pending of [[300], [-1], [1.5], ["a"], [1, 2], "1", null, [1e300]]) {
      expect((await wrong((all) => ({ ...all, pending })))[0]).toBe(400);
    }
    expect((await wrong((all) => ({ ...all, pending: [300] })))[3]).toBe(
      "pending: token ids of this model go from 0 to 283, got 300.",
    );
    const part = (more: object) => (all: Record<string, unknown>) => ({
      ...all,
      part: { tokens: 3, pending: [1], state: all.state, rest: "4g==", ...more },
    });
    for (const more of [{ rest: "" }, { rest: "4oKsgg==" }, { rest: 3 }, { pending: [] }, { state: {} }, { x: 1 }]) {
      const [status, , param] = await wrong(part(more));
      expect([status, param]).toEqual([400, expect.stringMatching(/^part\./)]);
    }
    expect((await wrong(part({}), "chars"))[2]).toBe("part");
    for (const tokens of [-1, 1.5, "3", null, 1e300]) expect((await wrong((all) => ({ ...all, tokens })))[0]).toBe(400);
    for (const open of [3, null]) expect((await wrong((all) => ({ ...all, open })))[0]).toBe(400);
    expect((await wrong((all) => ({ ...all, open: "☃ ".repeat(40_000) })))[3]).toMatch(/^open: needs at most/);
  });

  test("anything: it is put back or refused, and the server goes on", async () => {
    const at = await begin("pairs", "the cat");
    const state = await read(at);
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom(...(Object.values(state) as never[])));
    const body = fc.dictionary(fc.constantFrom(...Object.keys(state)), field).map((some) => ({ ...state, ...some }));
    await fc.assert(
      fc.asyncProperty(body, async (some) => {
        const { status } = await put(at, JSON.stringify(some));
        expect([200, 400, 409]).toContain(status);
        if (status === 200) await goOn(at, { max_tokens: 2 });
      }),
      { numRuns: 150 },
    );
    expect((await put(at, state)).status).toBe(200);
    expect(await goOn(at, on[0] as object)).toBe(await goOn(await begin("pairs", "the cat"), on[0] as object));
  });

  test("a session that is not there, or that a request is at", async () => {
    for (const [path, method] of [
      ["state", "GET"],
      ["state", "PUT"],
      ["fork", "POST"],
    ] as const) {
      const body = method === "GET" ? undefined : JSON.stringify(await read(await begin("pairs")));
      const answer = await here.get(`${sessions}/none/${path}`, {
        ...{ method, headers: { "Content-Type": "application/json" } },
        ...(body !== undefined && { body }),
      });
      expect([path, method, answer.status]).toEqual([path, method, 404]);
    }
    const slow = await serving({ maxTokens: 1e9 }, { tiny });
    const at = await begin("tiny", "a", slow);
    const state = await read(at, slow);
    const stop = new AbortController();
    const asked = slow.post(`${at}/completions`, { max_tokens: 1e8, stream: true }, { signal: stop.signal });
    await (await asked).body?.getReader().read();
    const busy = await put(at, state, slow);
    expect([busy.status, (await busy.json()).error.code]).toEqual([409, "session_busy"]);
    // What is read, and copied, is what was there before it.
    expect(await read(at, slow)).toEqual(state);
    const { id } = await (await slow.post(`${at}/fork`, {})).json();
    expect(await read(`${sessions}/${id}`, slow)).toEqual(state);
    stop.abort();
  });
});
