/** What a session remembers where its answer leaves out what was written last: exactly what was answered. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { type LanguageModel, languageModel } from "../../src/tasks/language-model.ts";
import { endOfText } from "../../src/text/tokenizer.ts";
import { lively } from "../helpers/models.ts";
import { until } from "../helpers/waiting.ts";
import { book, serving } from "./serving.ts";

const poems = ["the cat sat", "a dog ran", "the dog sat on the mat"];
const models: Record<string, LanguageModel> = {
  chars: lively(book, { layers: 2 }),
  words: lively(book, { tokens: "word" }),
  pairs: lively(`${book}€€€ é☃`, { tokens: "bpe", maxVocabulary: 300, cell: "gru" }),
  poems: lively(poems, { tokens: "word" }),
  memory: lively(book, { tokens: "word", cell: "mlstm" }),
  layers: lively(book, { tokens: "bpe", maxVocabulary: 280, cell: "slstm", layers: 2 }),
};
const here = await serving({ maxTokens: 1e9, sessions: 1e5, sessionsPerKey: 1e5 }, models);
const sessions = "/v1/unrolled/sessions";

const begin = async (model: string, prompt = ""): Promise<string> =>
  (await (await here.post(sessions, { model, prompt })).json()).id;
type Choice = { text: string; finish_reason: string };
async function goOn(id: string, body: object): Promise<Choice> {
  const answer = await here.post(`${sessions}/${id}/completions`, body);
  expect(answer.status).toBe(200);
  return (await answer.json()).choices[0];
}
async function stateOf(id: string) {
  const { fingerprint: _, ...state } = await (await here.get(`${sessions}/${id}/state`)).json();
  return state;
}
const fork = async (id: string): Promise<string> => (await (await here.post(`${sessions}/${id}/fork`, {})).json()).id;

/** Both remember the same and go on with the same, with a text and without one, drawn and greedy. */
async function expectSame(one: string, other: string): Promise<void> {
  expect(await stateOf(one)).toEqual(await stateOf(other));
  for (const body of [
    { max_tokens: 12, seed: 5 },
    { max_tokens: 12, temperature: 0 },
    { prompt: "at the", max_tokens: 12, seed: 6 },
  ]) {
    const [first, second] = await Promise.all([one, other].map(async (id) => goOn(await fork(id), body)));
    expect(first).toEqual(second);
  }
}

describe.each(Object.keys(models))("%s: a session that stopped at a stop string", (model) => {
  test("goes on as one that was given what was shown, for any prompt, seed and stop", async () => {
    const prompts = ["the cat", "a dog ran here, ", "t", "on the m", "☃ and th", " "];
    let stopped = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...prompts),
        fc.nat(1e6),
        fc.nat(1e6),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (prompt, seed, place, length, stream) => {
          const base = await begin(model);
          await goOn(base, { prompt: "the mat. ", max_tokens: 3, seed: 1 });
          const writing = { prompt, max_tokens: 20, seed, temperature: 1.2 };
          const { text } = await goOn(await fork(base), writing);
          const from = place % Math.max(1, text.length);
          const stop = text.slice(from, from + length);
          // A text that is given has other line ends, and no half characters; pieces of bytes can write \u0001 too.
          if (stop === "" || /[\ud800-\udfff\r]/.test(text) || text.includes("\u0001")) return;
          // Others that begin as it does hold more back, and are never there.
          const stops = [stop, `${text.slice(Math.max(0, from - 3), from + length)}\u0001`];
          const one = await fork(base);
          let shown = "";
          if (stream) {
            const answer = await here.post(`${sessions}/${one}/completions`, { ...writing, stop: stops, stream });
            for (const event of (await answer.text()).split("\n\n").slice(0, -2)) {
              shown += JSON.parse(event.slice(6)).choices[0].text;
            }
          } else {
            const choice = await goOn(one, { ...writing, stop: stops });
            expect(choice.finish_reason).toBe("stop");
            shown = choice.text;
          }
          expect(shown).toBe(text.slice(0, text.indexOf(stop)));
          const other = await fork(base);
          await goOn(other, { prompt, max_tokens: 0 });
          await goOn(other, { prompt: shown, max_tokens: 0 });
          await expectSame(one, other);
          stopped++;
        },
      ),
      { numRuns: 9 },
    );
    expect(stopped).toBeGreaterThan(3);
  });

  test("without a prompt goes on as one that wrote as much and no more", async () => {
    const { text } = await goOn(await begin(model), { max_tokens: 12, seed: 2 });
    const one = await begin(model);
    const stop = text.slice(-2);
    const { text: shown } = await goOn(one, { max_tokens: 12, seed: 2, stop });
    expect(shown).toBe(text.slice(0, text.indexOf(stop)));
    const again = await goOn(one, { max_tokens: 9, seed: 3 });
    // What it begins after is a prompt like any other.
    const start = models[model]?.tokenizer.endOfText === true ? undefined : "\n";
    if (start === undefined) return;
    const other = await begin(model, start);
    await goOn(other, { prompt: shown, max_tokens: 0 });
    expect(again).toEqual(await goOn(other, { max_tokens: 9, seed: 3 }));
  });
});

test("and so it is for every cell, while others write", async () => {
  const all = Object.keys(cells).filter((cell) => cell !== "perceptron" && cell !== "dense");
  const each = Object.fromEntries(
    all.map((cell) => [cell, languageModel(book, { cell, units: 4, embedding: 3, tokens: "word", seed: 3 })]),
  );
  const { post, get, client } = await serving({ sessionsPerKey: 1e4 }, each);
  for (const model of all) {
    const load = Array.from({ length: 6 }, (_, seed) =>
      client.completions.create({ model, prompt: book.slice(0, 40), max_tokens: 60, seed }),
    );
    const begun = async (prompt: string): Promise<string> =>
      `${sessions}/${(await (await post(sessions, { model, prompt })).json()).id}`;
    const write = async (at: string, body: object): Promise<Choice> =>
      (await (await post(`${at}/completions`, body)).json()).choices[0];
    const { text } = await write(await begun("the cat s"), { max_tokens: 20, seed: 1 });
    const stop = text.slice(9, 12);
    const [one, other] = [await begun("the cat s"), await begun("the cat s")];
    const { text: shown } = await write(one, { max_tokens: 20, seed: 1, stop });
    expect(shown).toBe(text.slice(0, text.indexOf(stop)));
    await write(other, { prompt: shown, max_tokens: 0 });
    const [first, second] = await Promise.all([one, other].map(async (at) => (await get(`${at}/state`)).json()));
    expect(first, model).toEqual(second);
    await Promise.all(load);
  }
});

test("a stop string that is there at once leaves a session as it was, be it new or not", async () => {
  for (const model of Object.keys(models)) {
    for (const prompt of ["", "the c", "the cat "]) {
      const [one, other] = [await begin(model, prompt), await begin(model, prompt)];
      const { text } = await goOn(await fork(one), { max_tokens: 9, temperature: 0 });
      const choice = await goOn(one, { max_tokens: 9, temperature: 0, stop: [...text].slice(0, 1).join("") || "x" });
      if (choice.finish_reason !== "stop") continue;
      expect(choice.text).toBe("");
      expect(await stateOf(one)).toEqual(await stateOf(other));
    }
  }
});

test("many small answers that stop cost no more than they show: each goes on from the end of the one before", async () => {
  const id = await begin("chars", "the cat");
  let all = "the cat";
  for (let seed = 0; seed < 30; seed++) {
    const { text } = await goOn(id, { prompt: " a", max_tokens: 30, seed, stop: [" ", "e", "t"] });
    all += ` a${text}`;
  }
  expect(await stateOf(id)).toEqual(await stateOf(await begin("chars", all)));
});

describe.each(["pairs", "layers"])("%s: an answer that ends within a character, which is not shown", (model) => {
  /** Sessions that do, each with what it was given and showed. */
  const found = (async () => {
    const all: { id: string; prompt: string; shown: string }[] = [];
    for (let seed = 0; all.length < 4; seed++) {
      const prompt = ["the cat", "a ", "€"][seed % 3] as string;
      const id = await begin(model);
      const { text: shown } = await goOn(id, { prompt, max_tokens: 7, seed, temperature: 2 });
      if ((await stateOf(id)).part !== null && !shown.includes("\r")) all.push({ id, prompt, shown });
    }
    return all;
  })();

  test("is forgotten by a session that is told more", async () => {
    for (const { id, prompt, shown } of await found) {
      const one = await fork(id);
      const other = await begin(model, prompt);
      await goOn(other, { prompt: shown, max_tokens: 0 });
      for (const session of [one, other]) await goOn(session, { prompt: " the dog", max_tokens: 0 });
      await expectSame(one, other);
    }
  });

  test("goes on within it otherwise, be it in many answers, and is forgotten then as well where it does not end", async () => {
    for (const { id, prompt, shown } of await found) {
      const [one, many] = [await fork(id), await fork(id)];
      const { text } = await goOn(one, { max_tokens: 6, temperature: 0 });
      let joined = "";
      for (let k = 0; k < 6; k++) {
        joined += (await goOn(many, { max_tokens: 1, temperature: 0 })).text;
        // To be told nothing changes nothing.
        const before = await stateOf(many);
        await goOn(many, { max_tokens: 0 });
        expect(await stateOf(many)).toEqual(before);
      }
      expect(joined).toBe(text);
      expect((await stateOf(many)).part).toEqual((await stateOf(one)).part);
      if ((await stateOf(one)).part === null || text.includes("\r")) continue;
      const other = await begin(model, prompt);
      await goOn(other, { prompt: shown, max_tokens: 0 });
      await goOn(other, { prompt: text, max_tokens: 0 });
      for (const session of [one, other]) await goOn(session, { prompt: " the dog", max_tokens: 0 });
      await expectSame(one, other);
    }
  });

  test("and a stop string after it: what was shown is remembered, from before the character on", async () => {
    for (const { id, prompt, shown } of await found) {
      const { text } = await goOn(await fork(id), { max_tokens: 9, temperature: 0 });
      if (text.includes("\r")) continue;
      const stop = text.slice(-1);
      const one = await fork(id);
      const { text: rest } = await goOn(one, { max_tokens: 9, temperature: 0, stop });
      const other = await begin(model, prompt);
      for (const told of [shown, rest]) await goOn(other, { prompt: told, max_tokens: 0 });
      await expectSame(one, other);
    }
  });
});

test("a text that the model ended is remembered as ended: the next answer begins another one", async () => {
  const id = await begin("poems", "the cat sat");
  let last: Choice = { text: "", finish_reason: "" };
  for (let seed = 0; last.finish_reason !== "stop"; seed++) last = await goOn(id, { max_tokens: 20, seed });
  const { pending, part, open } = await stateOf(id);
  expect({ pending, part, open }).toEqual({
    pending: [endOfText(models.poems?.tokenizer as never)],
    part: null,
    open: "",
  });
});

describe("what does not come to its end leaves a session as it was, to the bit:", () => {
  test("a client that goes away in the middle, after it has read some", async () => {
    const id = await begin("words", "the cat");
    const before = await stateOf(id);
    const stop = new AbortController();
    const answer = await fetch(`${here.url}${sessions}/${id}/completions`, {
      ...{ method: "POST", headers: { "Content-Type": "application/json" }, signal: stop.signal },
      body: JSON.stringify({ prompt: " sat", max_tokens: 1e8, stream: true, stop: "\u0001" }),
    });
    await answer.body?.getReader().read();
    stop.abort();
    await until(async () => (await here.post(`${sessions}/${id}/completions`, { max_tokens: 0 })).status === 200);
    expect(await stateOf(id)).toEqual(before);
  });

  test("but one whose time is over remembers what was written by then", async () => {
    const short = await serving({ maxTokens: 1e9, timeoutMs: 300 }, { words: models.words as LanguageModel });
    const { id } = await (await short.post(sessions, { model: "words", prompt: "the cat" })).json();
    const read = async () => (await short.get(`${sessions}/${id}/state`)).json();
    const body = { prompt: " sat", seed: 5 };
    const answer = await short.post(`${sessions}/${id}/completions`, { ...body, max_tokens: 1e8 });
    const { choices, usage } = await answer.json();
    expect([answer.status, choices[0].finish_reason]).toEqual([200, "length"]);
    // What was answered is what it remembers: as one that was asked for just so much.
    const long = await serving({ maxTokens: 1e9 }, { words: models.words as LanguageModel });
    const other = await (await long.post(sessions, { model: "words", prompt: "the cat" })).json();
    const told = await long.post(`${sessions}/${other.id}/completions`, {
      ...body,
      max_tokens: usage.completion_tokens,
    });
    expect((await told.json()).choices[0].text).toBe(choices[0].text);
    expect(await read()).toEqual(await (await long.get(`${sessions}/${other.id}/state`)).json());
  });
});
