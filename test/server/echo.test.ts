/** What is given back of a prompt, and what is said of characters that the model does not know. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dense, embedding, gru } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { type LanguageModel, languageModel, languageModelFrom } from "../../src/tasks/language-model.ts";
import { encode } from "../../src/text/tokenizer.ts";
import { textOf } from "../helpers/models.ts";
import { book, pairs, serving, tiny } from "./serving.ts";

const words = languageModel(book, { units: 9, embedding: 5, seed: 6, tokens: "word" });
const digits = languageModel("3 1 4 1 5 9 2 6 5 3 5 8 9 7 9 ab ".repeat(9), { units: 9, embedding: 5, seed: 7 });
/** Words between blanks, as models of other programs have them. */
const blanks = languageModelFrom(
  sequential([embedding(7, 5), gru(9, { returnSequences: true }), dense(7)], { seed: 8 }),
  { vocabulary: ["<unk>", "the", "a", "b", "cat", "half", "<eos>"] },
);
const { client, post } = await serving({}, { tiny, pairs, words, digits, blanks });

const answerOf = (lm: LanguageModel, prompt: string, length: number) => textOf(lm, { prompt, length, seed: 1 });
const ask = async (body: object) => (await post("/v1/completions", { seed: 1, ...body })).json();
const texts = ["the ☃", "a\r\nb", "a\rb\n\r\n", "☃☃", "👩‍👧 é\u0301 cat", "\r", "the ca", "\ud800 half", "\uFFFD"];

describe("echo gives the prompt back as it was sent", () => {
  test.each(Object.entries({ tiny, pairs, words, blanks }))("by %s", async (model, lm) => {
    for (const prompt of texts) {
      const read = prompt.replace(/\r\n?/g, "\n");
      const { choices, usage } = await ask({ model, prompt, echo: true, max_tokens: 5 });
      expect(choices[0].text).toBe(prompt + (await answerOf(lm, read, 5)));
      expect(usage.prompt_tokens).toBe(encode(lm.tokenizer, read).length);
      expect((await ask({ model, prompt, echo: true, max_tokens: 0 })).choices[0].text).toBe(prompt);
    }
    const several = await ask({ model, prompt: texts, echo: true, max_tokens: 0, n: 2 });
    expect(several.choices.map(({ text }: { text: string }) => text)).toEqual(texts.flatMap((text) => [text, text]));
  });

  test.each(["tiny", "pairs", "words", "blanks"])(
    "token by token with log-probabilities, in a stream too: %s",
    async (model) => {
      for (const prompt of texts) {
        // There is no token to report the text with.
        if (model === "blanks" && encode(blanks.tokenizer, prompt).length === 0) continue;
        const body = { model, prompt, echo: true, max_tokens: 4, logprobs: 3 };
        const { choices } = await ask(body);
        const plain = await ask({ ...body, logprobs: null });
        const { text, logprobs } = choices[0];
        expect(text).toBe(plain.choices[0].text);
        expect(text.startsWith(prompt)).toBe(true);
        // What a token adds begins where it says, and all of it is the text.
        const points = [...text];
        const { tokens, text_offset, top_logprobs, token_logprobs } = logprobs;
        for (const [k, token] of tokens.entries()) {
          const share = points.slice(text_offset[k], text_offset[k + 1]).join("");
          if (!token.startsWith("bytes:") && k > 0 && !tokens[k - 1].startsWith("bytes:")) {
            // A word after a blank adds none, whatever its name is.
            const shown = model === "blanks" && !share.startsWith(" ") ? token.replace(/^ /, "") : token;
            expect([prompt, shown]).toEqual([prompt, share]);
          }
          if (k > 0) expect(top_logprobs[k][token]).toBe(token_logprobs[k]);
        }
        const stream = await (await post("/v1/completions", { seed: 1, ...body, stream: true })).text();
        const pieces = [...stream.matchAll(/^data: (\{.*)$/gm)].map(
          ([, json]) => JSON.parse(json as string).choices[0],
        );
        expect(pieces.map((piece) => piece.text).join("")).toBe(text);
        expect(pieces.flatMap((piece) => piece.logprobs.tokens)).toEqual(tokens);
      }
    },
  );

  test("any text, whatever the tokens are", async () => {
    const piece = fc.constantFrom("\r\n", "\r", "\n", "the", " ", "☃", "cat", "👩", "\u0301", "a", ".", "\ud83d", "\0");
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom("tiny", "pairs", "words", "blanks"), async (prompt, model) => {
        fc.pre(model !== "blanks" || encode(blanks.tokenizer, prompt).length > 0);
        const [{ choices: plain }, { choices: told }] = await Promise.all(
          [null, 0].map((logprobs) => ask({ model, prompt, echo: true, max_tokens: 0, logprobs })),
        );
        expect([plain[0].text, told[0].text]).toEqual([prompt, prompt]);
      }),
      { numRuns: 150 },
    );
  });

  test("a prompt of tokens as the model has them", async () => {
    const { choices, warnings } = await ask({ model: "tiny", prompt: [0, 3], echo: true, max_tokens: 0 });
    const { vocabulary } = tiny.tokenizer as unknown as { vocabulary: string[] };
    expect(choices[0].text).toBe(`\uFFFD${vocabulary[3]}`);
    expect(warnings).toBeUndefined();
  });
});

describe("characters that the model does not know are said, once each", () => {
  const snowman = {
    code: "unknown_characters",
    param: "prompt",
    message: 'prompt: the model does not know "☃" (U+2603). It reads each as the unknown character.',
  };

  test("of prompts, and of what is to end the text; OpenAI's client passes it on", async () => {
    const one = await client.completions.create({ model: "tiny", prompt: ["a ☃☃", "☃"], max_tokens: 2 });
    expect((one as unknown as { warnings: unknown }).warnings).toEqual([snowman]);
    expect((await ask({ model: "words", prompt: "the ☃", stop: "zß" })).warnings).toEqual([
      snowman,
      {
        code: "unknown_characters",
        param: "stop",
        message: 'stop: the model does not know "z" (U+007A), "ß" (U+00DF). It never generates them.',
      },
    ]);
    const many = await ask({ model: "tiny", prompt: "АБВГДЕЖЗИЙКЛ" });
    expect(many.warnings[0].message).toMatch(/^prompt: the model does not know "А" \(U\+0410\), .* and 2 more\. It/);
  });

  test("of a stream with its first piece alone", async () => {
    const stream = await client.completions.create({ model: "tiny", prompt: "☃ a", max_tokens: 10_000, stream: true });
    const told: unknown[] = [];
    for await (const chunk of stream) told.push((chunk as unknown as { warnings?: unknown }).warnings);
    expect(told.length).toBeGreaterThan(1);
    expect(told[0]).toEqual([snowman]);
    expect(told.slice(1).every((one) => one === undefined)).toBe(true);
  });

  test("of sessions, as they begin and as they go on, and of what is inspected", async () => {
    const begun = await (await post("/v1/unrolled/sessions", { model: "tiny", prompt: "☃" })).json();
    expect(begun.warnings).toEqual([snowman]);
    const goOn = async (prompt: string) =>
      (await post(`/v1/unrolled/sessions/${begun.id}/completions`, { prompt, max_tokens: 1 })).json();
    expect((await goOn("☃")).warnings).toEqual([snowman]);
    expect(await goOn("a")).not.toHaveProperty("warnings");
    const inspected = await (await post("/v1/unrolled/inspect", { model: "tiny", text: "a☃" })).json();
    expect(inspected.warnings).toEqual([
      { ...snowman, param: "text", message: snowman.message.replace("prompt", "text") },
    ]);
  });

  test("of words", async () => {
    const { warnings } = await ask({ model: "blanks", prompt: "the Dog, the zebra", max_tokens: 1 });
    expect(warnings).toEqual([
      {
        ...{ code: "unknown_characters", param: "prompt" },
        message: 'prompt: the model does not know "dog", "zebra". It reads each as <unk>.',
      },
    ]);
  });

  test("and nothing is said where there are none: line ends are known, byte pairs spell everything", async () => {
    for (const [model, prompt] of [
      ["tiny", "the cat\r\n"],
      ["pairs", "☃ ß"],
      ["tiny", ""],
    ]) {
      expect(await ask({ model, prompt, stop: "a" })).not.toHaveProperty("warnings");
    }
  });
});

test("top_logprobs have the likeliest first, also where tokens are digits", async () => {
  const asked = { model: "digits", prompt: "3 1 ", max_tokens: 12, logprobs: 5, seed: 2 };
  const [whole, stream] = await Promise.all(
    [false, true].map(async (stream) => (await post("/v1/completions", { ...asked, stream })).text()),
  );
  for (const text of [whole as string, stream as string]) {
    const places = [...text.matchAll(/\{("(?:[^"\\]|\\.)*":-[\d.e-]+,?){5,6}\}/g)].map(([object]) => object as string);
    expect(places).toHaveLength(12);
    let outOfOrder = 0;
    for (const place of places) {
      const values = [...place.matchAll(/":(-[\d.e-]+)/g)].map(([, value]) => Number(value));
      expect(values).toEqual([...values].sort((a, b) => b - a));
      // As JavaScript would have put them.
      if (JSON.stringify(JSON.parse(place)) !== place) outOfOrder++;
    }
    expect(outOfOrder).toBeGreaterThan(0);
  }
});
