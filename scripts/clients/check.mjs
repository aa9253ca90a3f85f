/** What each client gets, beside what the model writes; run by `clients.mjs`, where the clients are installed. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI, OpenAI as LangChainOpenAI } from "@langchain/openai";
import { generateText, streamText } from "ai";
import OpenAI from "openai";

const [root] = process.argv.slice(2);
const { generate, languageModel, writeLanguageModel } = await import(join(root, "dist/index.js"));

const book = "the cat sat on the mat. a dog ran here, and there!\n".repeat(8);
const lm = languageModel(book, { units: 9, embedding: 5, seed: 4 });
const folder = mkdtempSync(join(tmpdir(), "unrolled-clients-model-"));
writeFileSync(join(folder, "tiny.safetensors"), writeLanguageModel(lm));

async function textOf(prompt, options = {}) {
  let text = "";
  for await (const piece of generate(lm, { prompt, length: 20, temperature: 0, ...options })) text += piece;
  return text;
}

/** A server with a key, and the lines of its log. */
async function serve(...args) {
  const command = [join(root, "dist/cli/main.js"), "serve", join(folder, "tiny.safetensors"), "--port", "0", "--json"];
  const child = spawn(process.execPath, [
    ...command,
    "--api-key",
    "key",
    "--max-tokens",
    "1e9",
    "--memory",
    "1e6",
    ...args,
  ]);
  const lines = [];
  let rest = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    const all = (rest + chunk).split("\n");
    rest = all.pop();
    for (const line of all) lines.push(JSON.parse(line));
  });
  const line = await new Promise((resolve) => child.stdout.once("data", resolve));
  const { url } = JSON.parse(line);
  const requests = () => lines.filter(({ path }) => path !== "/metrics" && path !== undefined);
  const lanes = async () => {
    const answer = await fetch(`${url}/metrics`, { headers: { Authorization: "Bearer key" } });
    return Number(/unrolled_lanes_in_use\{model="tiny"\} (\d+)/.exec(await answer.text())?.[1]);
  };
  return { url: `${url}/v1`, requests, lanes, end: () => child.kill("SIGKILL") };
}
async function until(isSo) {
  while (!(await isSo())) await wait(5);
}
const caught = (promise) =>
  Promise.resolve(promise).then(
    () => undefined,
    (error) => error,
  );
async function joined(pieces, textIn = (piece) => piece) {
  const texts = [];
  for await (const piece of pieces) texts.push(textIn(piece));
  return { text: texts.join(""), pieces: texts.filter((text) => text !== "").length };
}

/**
 * A client: of each kind, a text at once, the pieces of a stream, and both with an endless one. `sent` is what becomes of a
 * prompt on its way; `ends` are stop strings of its own.
 */
const clients = {
  openai: ({ url, key = "key", model = "tiny", retries = 0 }) => {
    const client = new OpenAI({ baseURL: url, apiKey: key, maxRetries: retries });
    const messages = (prompt) => [{ role: "user", content: prompt }];
    const common = { model, temperature: 0 };
    return {
      completion: {
        whole: async (prompt, length, signal) =>
          (await client.completions.create({ ...common, prompt, max_tokens: length }, { signal })).choices[0].text,
        stream: async (prompt, length, signal) =>
          joinedLater(
            client.completions.create({ ...common, prompt, max_tokens: length, stream: true }, { signal }),
            (chunk) => chunk.choices[0]?.text ?? "",
          ),
      },
      chat: {
        whole: async (prompt, length, signal) =>
          (
            await client.chat.completions.create(
              { ...common, messages: messages(prompt), max_completion_tokens: length },
              { signal },
            )
          ).choices[0].message.content,
        stream: async (prompt, length, signal) =>
          joinedLater(
            client.chat.completions.create(
              { ...common, messages: messages(prompt), max_completion_tokens: length, stream: true },
              { signal },
            ),
            (chunk) => chunk.choices[0]?.delta.content ?? "",
          ),
      },
    };
  },
  LangChain: ({ url, key = "key", model = "tiny", retries = 0 }) => {
    const options = (length) => ({
      ...{
        apiKey: key,
        configuration: { baseURL: url },
        model,
        temperature: 0,
        maxTokens: length,
        maxRetries: retries,
      },
    });
    const kind = (make, textIn) => ({
      whole: async (prompt, length, signal) => textIn(await make(options(length)).invoke(prompt, { signal })),
      stream: async (prompt, length, signal) => joinedLater(make(options(length)).stream(prompt, { signal }), textIn),
    });
    return {
      completion: kind(
        (given) => new LangChainOpenAI(given),
        (piece) => piece,
      ),
      chat: kind(
        (given) => new ChatOpenAI(given),
        (piece) => piece.content,
      ),
    };
  },
  "Vercel, @ai-sdk/openai": ({ url, key = "key", model = "tiny", retries = 0 }) => {
    const provider = createOpenAI({ baseURL: url, apiKey: key });
    return vercel(provider.completion(model), provider.chat(model), retries);
  },
  "Vercel, @ai-sdk/openai-compatible": ({ url, key = "key", model = "tiny", retries = 0 }) => {
    const provider = createOpenAICompatible({ name: "unrolled", baseURL: url, apiKey: key, includeUsage: true });
    return vercel(provider.completionModel(model), provider.chatModel(model), retries);
  },
};

async function joinedLater(stream, textIn) {
  return joined(await stream, textIn);
}

function vercel(completion, chat, retries) {
  const kind = (model) => ({
    whole: async (prompt, length, signal) =>
      (
        await generateText({
          model,
          prompt,
          maxOutputTokens: length,
          temperature: 0,
          maxRetries: retries,
          abortSignal: signal,
        })
      ).text,
    async stream(prompt, length, signal) {
      let failed;
      const { textStream } = streamText({
        ...{ model, prompt, maxOutputTokens: length, temperature: 0, maxRetries: retries, abortSignal: signal },
        onError({ error }) {
          failed = error;
        },
      });
      const found = await joined(textStream);
      if (failed !== undefined) throw failed;
      return found;
    },
  });
  return {
    // Its completions write every prompt as a conversation, which ends before the user's next turn.
    completion: { ...kind(completion), sent: (prompt) => `user:\n${prompt}\n\nassistant:\n`, stop: "\nuser:" },
    chat: kind(chat),
  };
}

/** How many requests have come; the line of the last one may be a little late. */
async function settled({ requests }) {
  await wait(100);
  return requests().length;
}

/** How many requests came since there were `before`; a stream's line is written a little later than its end. */
async function asked({ requests }, before) {
  await until(() => requests().length > before);
  await wait(100);
  return requests().length - before;
}

let checks = 0;
async function check(what, run) {
  try {
    await run();
    checks++;
    console.log(`ok    ${what}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`WRONG ${what}\n${error.stack}`);
  }
}

/** Longer than 0.3 s can read. */
const tooLong = book.repeat(10_000).slice(0, 4e6);
const here = await serve();
const hurried = await serve("--timeout", "0.3", "--max-prompt-tokens", "1e7", "--max-body", "1e7");
/** As an error of any of them tells it. */
const statusOf = (error) => error?.status ?? error?.statusCode ?? error?.lastError?.statusCode;

for (const [name, make] of Object.entries(clients)) {
  for (const kind of ["completion", "chat"]) {
    const about = `${name}, ${kind}`;
    const { whole, stream, sent = (prompt) => prompt, stop } = make(here)[kind];
    const expected = await textOf(sent("the cat"), { stop });

    await check(`${about}: what the model writes`, async () => assert.equal(await whole("the cat", 20), expected));
    await check(`${about}: the same in pieces`, async () => {
      const { text, pieces } = await stream("the cat", 20);
      assert.equal(text, expected);
      assert.ok(pieces >= 1);
    });
    await check(`${about}: errors by their status, asked for once`, async () => {
      for (const [options, status] of [
        [{ key: "wrong" }, 401],
        [{ model: "none" }, 404],
      ]) {
        for (const how of ["whole", "stream"]) {
          const before = await settled(here);
          const error = await caught(make({ ...here, ...options, retries: 2 })[kind][how]("a", 5));
          assert.equal(statusOf(error), status);
          assert.equal(await asked(here, before), 1);
        }
      }
      const error = await caught(whole("a", 1e12));
      assert.equal(statusOf(error), 400);
    });
    await check(`${about}: an abort stops the work, at once and in a stream`, async () => {
      for (const ask of [whole, stream]) {
        const stop = new AbortController();
        const asked = caught(ask("a", 1e8, stop.signal));
        await until(async () => (await here.lanes()) === 1);
        stop.abort();
        await asked;
        await until(async () => (await here.lanes()) === 0);
      }
    });
    await check(`${about}: where the time is over, what there is by then, asked for once`, async () => {
      const late = make({ ...hurried, retries: 2 })[kind];
      const before = await settled(hurried);
      const text = await late.whole("the cat", 1e8);
      const { text: streamed } = await late.stream("the cat", 1e8);
      const begins = await textOf(sent("the cat"), { stop, length: 100 });
      assert.equal(text.slice(0, 100), begins);
      assert.equal(streamed.slice(0, 100), begins);
      assert.equal(await asked(hurried, before), 2);
    });
    await check(`${about}: a prompt that takes too long to read`, async () => {
      const before = await settled(hurried);
      // The others look at the status alone: they would try again.
      const retries = name === "openai" ? 2 : 0;
      const error = await caught(make({ ...hurried, retries })[kind].whole(tooLong, 1));
      assert.equal(statusOf(error), 503);
      assert.equal(await asked(hurried, before), 1);
    });
  }
}
for (const { end } of [here, hurried]) end();
rmSync(folder, { recursive: true, force: true });
console.log(`${checks} checks are right${process.exitCode ? ", the ones above are not" : ""}.`);
