/** Texts that begin and end within tokens, and texts that the model ends, over HTTP. */
import { describe, expect, test } from "vitest";
import { generateTokens } from "../../src/tasks/generate.ts";
import { type LanguageModel, languageModel } from "../../src/tasks/language-model.ts";
import { encode, endOfText } from "../../src/text/tokenizer.ts";
import { lively } from "../helpers/models.ts";
import { book, serving } from "./serving.ts";

const words = lively(book, { tokens: "word" });
const pairs = lively(`${book}€€€ `, { tokens: "bpe", maxVocabulary: 300 });
const poems = lively(["the cat sat", "a dog ran", "the dog sat"], { tokens: "word" });
const ends = (() => {
  // It ends every text at once.
  const lm = languageModel(["ab", "ba"], { units: 4, embedding: 3 });
  (lm.model.values["dense.b"] as Float32Array)[endOfText(lm.tokenizer) as number] = 60;
  return lm;
})();
const { client, post, get } = await serving({}, { words, pairs, poems, ends });
const models: Record<string, LanguageModel> = { words, pairs, poems };
const sessions = "/v1/unrolled/sessions";

async function alone(model: string, prompt: string, options: object = {}) {
  let text = "";
  const tokens = [];
  for await (const token of generateTokens(models[model] as LanguageModel, {
    prompt,
    length: 9,
    temperature: 1,
    ...options,
  })) {
    text += token.text;
    tokens.push(token);
  }
  return { text, tokens };
}
const begin = async (model: string, prompt?: string): Promise<string> =>
  (await (await post(sessions, { model, prompt })).json()).id;
const goOn = async (id: string, body: object): Promise<string> =>
  (await (await post(`${sessions}/${id}/completions`, body)).json()).choices[0].text;

const prompts = ["the cat s", "on the ", "t", " a", "the c☃ sa", "mat"];

describe.each(["words", "pairs"])("%s", (model) => {
  test("a prompt that ends within a token goes on as it does in the library; one of ids is read as it is", async () => {
    for (const [seed, prompt] of prompts.entries()) {
      const { choices } = await client.completions.create({ model, prompt, seed, max_tokens: 9 });
      expect(choices[0]?.text).toBe((await alone(model, prompt, { seed })).text);
      const ids = [...encode((models[model] as LanguageModel).tokenizer, prompt)];
      const ofIds = await client.completions.create({ model, prompt: ids, seed, max_tokens: 9 });
      expect(ofIds.choices[0]?.text).toBe((await alone(model, prompt, { seed, prompt: ids })).text);
    }
  });

  test("many at once are what each is alone", async () => {
    const { choices } = await client.completions.create({ model, prompt: prompts, n: 3, seed: 5, max_tokens: 9 });
    for (const { index, text } of choices) {
      expect(text).toBe((await alone(model, prompts[Math.floor(index / 3)] as string, { seed: 5 + index })).text);
    }
  });

  test("echo: the prompt, then what is written after it, token by token with log-probabilities", async () => {
    for (const prompt of prompts.filter((one) => !one.includes("☃") || model === "pairs")) {
      const asked = { model, prompt, seed: 2, max_tokens: 9, logprobs: 2 } as const;
      const { choices } = await client.completions.create({ ...asked, echo: true });
      const plain = (await client.completions.create(asked)).choices[0];
      const [choice] = choices;
      expect(choice?.text).toBe(prompt + plain?.text);
      const { tokens } = await alone(model, prompt, { seed: 2, logProbabilities: 2 });
      const read = encode((models[model] as LanguageModel).tokenizer, prompt).length;
      expect(choice?.logprobs?.token_logprobs?.slice(read)).toEqual(tokens.map(({ logProbability }) => logProbability));
      expect(choice?.logprobs?.tokens?.slice(read)).toEqual(plain?.logprobs?.tokens);
      expect(choice?.logprobs?.text_offset?.[read]).toBe([...prompt].length);
    }
  });

  test("a session that is told a prompt in pieces, which end anywhere, writes what follows the whole", async () => {
    const whole = "the cat sat on the ";
    for (const cuts of [[2], [7, 9], [1, 2, 3, 4, 5], [18], [19], [0, 12]]) {
      const id = await begin(model, whole.slice(0, cuts[0]));
      for (const [k, from] of cuts.entries()) {
        const piece = whole.slice(from, cuts[k + 1] ?? whole.length);
        if (k < cuts.length - 1) await goOn(id, { prompt: piece, max_tokens: 0 });
        else {
          expect(await goOn(id, { prompt: piece, seed: 3, max_tokens: 9 })).toBe(
            (await alone(model, whole, { seed: 3 })).text,
          );
        }
      }
      const { tokens } = await (await get(`${sessions}/${id}`)).json();
      const { tokens: written } = await alone(model, whole, { seed: 3 });
      const read = encode((models[model] as LanguageModel).tokenizer, whole).length - (written[0]?.replaces ?? 0);
      expect(tokens).toBe(read + 9);
    }
  });
});

test("a session that stops within a character goes on in it", async () => {
  let joined = "";
  const id = await begin("pairs", "€");
  for (let k = 0; k < 30; k++) joined += await goOn(id, { max_tokens: 1, temperature: 0 });
  const whole = await (async () => {
    const other = await begin("pairs", "€");
    return goOn(other, { max_tokens: 30, temperature: 0 });
  })();
  expect(joined).toBe(whole);
});

test("log-probabilities name part of a character by its bytes, in the list of tokens as among the likeliest", async () => {
  const { choices } = await client.completions.create({
    ...{ model: "pairs", prompt: [0x61, 0xe2], echo: true, max_tokens: 30, logprobs: 5, temperature: 2, seed: 8 },
  });
  const { tokens, top_logprobs, text_offset, token_logprobs } = choices[0]?.logprobs ?? {};
  expect(tokens?.slice(0, 2)).toEqual(["a", "bytes:\\xe2"]);
  expect(tokens?.some((token) => token === "" || token.includes("\uFFFD"))).toBe(false);
  tokens?.forEach((token, k) => {
    if (k > 0) expect(top_logprobs?.[k]?.[token]).toBe(token_logprobs?.[k]);
  });
  expect(text_offset?.slice(0, 3)).toEqual([0, 1, 1]);
});

test("a model that ends its text says stop, and that it did", async () => {
  const asked = { model: "ends", prompt: "a", max_tokens: 9, logprobs: 1, temperature: 0 } as const;
  const { choices, usage } = await client.completions.create(asked);
  expect(choices[0]).toMatchObject({ text: "", finish_reason: "stop", logprobs: { tokens: ["<|endoftext|>"] } });
  expect(usage?.completion_tokens).toBe(1);
  const reasons = [];
  for await (const chunk of await client.completions.create({ ...asked, stream: true })) {
    reasons.push(...chunk.choices.map(({ finish_reason }) => finish_reason));
  }
  expect(reasons.at(-1)).toBe("stop");
  // A session goes on with the next text.
  const id = await begin("poems", "the cat sat");
  for (let k = 0; k < 3; k++) expect(typeof (await goOn(id, { max_tokens: 20, seed: k }))).toBe("string");
});

test("without a prompt a model of separate texts begins one", async () => {
  const { choices } = await client.completions.create({
    model: "poems",
    seed: 1,
    max_tokens: 6,
    temperature: 1,
  } as never);
  const end = endOfText(poems.tokenizer) as number;
  expect(choices[0]?.text).toBe((await alone("poems", "", { prompt: [end], length: 6, seed: 1 })).text);
});

test("line ends of Windows are those of Unix, in prompts, stops and what is inspected", async () => {
  const text = async (prompt: string | string[], stop?: string) =>
    (
      await client.completions.create({
        model: "pairs",
        prompt,
        seed: 1,
        max_tokens: 20,
        ...(stop && { stop }),
      })
    ).choices;
  expect(await text("a\r\nb\r")).toEqual(await text("a\nb\n"));
  expect(await text(["a\r\n"], "\r\n")).toEqual(await text(["a\n"], "\n"));
  const inspect = async (text: string) => (await post("/v1/unrolled/inspect", { model: "pairs", text })).json();
  expect(await inspect("a\r\nb")).toEqual(await inspect("a\nb"));
  const id = await begin("pairs", "a\r\n");
  const other = await begin("pairs", "a\n");
  expect(await goOn(id, { seed: 1 })).toBe(await goOn(other, { seed: 1 }));
});
