/** A server of a tiny model on a port of its own, and what asks it. */
import OpenAI from "openai";
import { afterAll } from "vitest";
import { createServer } from "../../src/server/app.ts";
import type { ListenOptions } from "../../src/server/bind.ts";
import { listen } from "../../src/server/listen.ts";
import type { LogLine, ServerOptions } from "../../src/server/options.ts";
import { type LanguageModel, languageModel } from "../../src/tasks/language-model.ts";

export const book = "the cat sat on the mat. a dog ran here, and there!\n".repeat(8);
export const tiny: LanguageModel = languageModel(book, { units: 9, embedding: 5, seed: 4 });
/** By byte pairs: a token may end within a character. */
export const pairs: LanguageModel = languageModel(book, { units: 9, embedding: 5, seed: 5, tokens: "bpe" });

export type Serving = Awaited<ReturnType<typeof serving>>;

/** It ends with the tests of the file. */
export async function serving(
  options: ServerOptions = {},
  models: Parameters<typeof createServer>[0] = { tiny, pairs },
  listening: Omit<ListenOptions, "host" | "port"> = {},
) {
  const lines: LogLine[] = [];
  // Who may ask for any number of tokens has room for them.
  const { maxTokens, maxPromptTokens, maxBodyBytes } = options;
  const anyNumber = maxTokens ?? maxPromptTokens ?? maxBodyBytes;
  const room = anyNumber === undefined ? {} : { maxMemoryBytes: 1e15 };
  const server = await createServer(models, { log: (line) => lines.push(line), ...room, ...options });
  const { url, close } = await listen(server, { host: "127.0.0.1", port: 0, ...listening });
  afterAll(() => close(0));
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: options.apiKeys?.[0] ?? "none", maxRetries: 0 });
  const post = (path: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      ...init,
      headers: { "Content-Type": "application/json", ...init.headers },
    });
  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${url}${path}`, init);
  /** A figure of /metrics. */
  const figure = async (name: string): Promise<number> => {
    const line = (await (await get("/metrics")).text()).split("\n").find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length));
  };
  return { url, port: Number(new URL(url).port), server, close, client, lines, post, get, figure };
}
