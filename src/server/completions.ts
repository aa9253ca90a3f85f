/** A request for text, and what is answered: all at once, or as server-sent events. */
import { randomUUID } from "node:crypto";
import { createText, type Text, type TextOptions } from "../tasks/desk.ts";
import { createDescriber, type LikelyToken } from "../tasks/generate.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { decodeNext, decodeRest, encode, tokenName, vocabularySize } from "../text/tokenizer.ts";
import type { Batcher, Job } from "./batcher.ts";
import { ApiError, apiErrorOf } from "./errors.ts";
import type { Completion, Prompt, Writing } from "./schemas.ts";

/** Some text with what is told of its token; without `logProbability`, nothing was asked. */
export type Piece = {
  readonly text: string;
  readonly token?: number;
  /** What log-probabilities call its token. */
  readonly name?: string;
  /** Null of the first token of a prompt, which nothing foretold. */
  readonly logProbability?: number | null;
  readonly alternatives?: readonly LikelyToken[];
};

/** A model at work under its name. */
export type Served = {
  readonly name: string;
  readonly lm: LanguageModel;
  readonly batcher: Batcher<Piece>;
  /** Seconds since 1970. */
  readonly created: number;
};

/** What one request may ask for. */
export type Limits = {
  /** Tokens to write, of all its texts together. */
  readonly maxTokens: number;
  /** Tokens to read, of all its prompts together. */
  readonly maxPromptTokens: number;
  /** Texts: prompts times n. */
  readonly maxTexts: number;
};

/** Texts to be written, each a choice of the answer. */
export type Order = {
  readonly served: Served;
  readonly writing: Writing;
  readonly texts: readonly Text<Piece>[];
  /** What comes before anything is written: of each text, its prompt where it is echoed. */
  readonly before: readonly (readonly Piece[])[];
  /** Tokens of the prompts. */
  readonly promptTokens: number;
  /** Told when all texts have ended by themselves. */
  readonly onWritten?: () => void;
};

/**
 * What to write.
 * @throws ApiError for more than the limits, and for tokens that the model does not have
 */
export function placeOrder(
  served: Served,
  writing: Writing,
  limits: Limits,
  { prompt, n, echo }: { readonly prompt: Prompt; readonly n: number; readonly echo: boolean },
): Order {
  const { lm } = served;
  const prompts = promptsOf(lm, prompt);
  const promptTokens = prompts.reduce((total, { tokens }) => total + tokens.length, 0);
  checkLimits(writing, limits, { texts: prompts.length * n, toRead: promptTokens * n });
  const choices = prompts.flatMap((one) => Array.from({ length: n }, () => one));
  const seed = writing.seed ?? Math.floor(Math.random() * 2 ** 32);
  return {
    served,
    writing,
    promptTokens,
    texts: choices.map(({ tokens, healFrom }, k) =>
      textOf(served, writing, { prompt: tokens, healFrom, seed: seed + k, echo }),
    ),
    before: choices.map(({ tokens }) => (echo ? echoed(lm, tokens, writing) : [])),
  };
}

/** A text of a request. */
export function textOf(
  { lm }: Served,
  { max_tokens, temperature, top_p, top_k, min_p, presence_penalty, frequency_penalty, stop, logprobs }: Writing,
  {
    echo,
    ...about
  }: Pick<TextOptions<Piece>, "healFrom" | "seed" | "state" | "rest" | "goesOn"> & {
    readonly prompt: Int32Array;
    readonly echo?: boolean;
  },
): Text<Piece> {
  const describe =
    logprobs === undefined ? (text: string): Piece => ({ text }) : createDescriber(lm.tokenizer, logprobs);
  let rest: Uint8Array = decodeNext(lm.tokenizer, about.prompt[0] ?? 0).rest;
  const heard = (token: number, logits: Float32Array): Piece => {
    const before = rest;
    const decoded = decodeNext(lm.tokenizer, token, before);
    rest = decoded.rest;
    return describe(decoded.text, token, logits, before);
  };
  return createText<Piece>(lm, {
    ...about,
    ...{ length: max_tokens, temperature, topK: top_k, minP: min_p, stop, describe },
    // The smallest share leaves the likeliest token alone.
    topP: Math.max(top_p, Number.MIN_VALUE),
    ...{ presencePenalty: presence_penalty, frequencyPenalty: frequency_penalty },
    heard: echo === true && logprobs !== undefined ? heard : undefined,
  });
}

/** @throws ApiError for more than a request may ask for */
export function checkLimits(
  { max_tokens }: Writing,
  { maxTexts, maxPromptTokens, maxTokens }: Limits,
  { texts, toRead }: { readonly texts: number; readonly toRead: number },
): void {
  const check = (param: string, value: number, limit: number, what: string): void => {
    if (value <= limit) return;
    const [asked, allowed] = [value, limit].map((number) => number.toLocaleString("en-US"));
    throw new ApiError("invalid", `${param}: ${asked} ${what}, more than the ${allowed} of a request.`, param);
  };
  check("prompt", texts, maxTexts, "texts (prompts times n)");
  check("prompt", toRead, maxPromptTokens, "tokens to read");
  check("max_tokens", texts * max_tokens, maxTokens, "tokens to write, all texts together");
}

/** Tokens, and where they were made of text, from which on. */
type PromptTokens = { readonly tokens: Int32Array; readonly healFrom?: number };

function promptsOf({ tokenizer }: LanguageModel, prompt: Prompt): PromptTokens[] {
  const ofText = (text: string): PromptTokens => ({ tokens: encode(tokenizer, text), healFrom: 0 });
  if (typeof prompt === "string") return [ofText(prompt)];
  const [first] = prompt;
  if (typeof first === "string") return (prompt as readonly string[]).map(ofText);
  const lists = (typeof first === "number" ? [prompt] : prompt) as readonly (readonly number[])[];
  const size = vocabularySize(tokenizer);
  return lists.map((tokens) => {
    const wrong = tokens.find((token) => token < 0 || token >= size);
    if (wrong === undefined) return { tokens: Int32Array.from(tokens) };
    throw new ApiError("invalid", `prompt: the model's tokens go from 0 to ${size - 1}, got ${wrong}.`, "prompt");
  });
}

/**
 * The prompt as text, or where each token is told of, its first one: the others come as they are read. A character that it
 * ends within is whole in what is written.
 */
function echoed({ tokenizer }: LanguageModel, tokens: Int32Array, { logprobs, max_tokens }: Writing): readonly Piece[] {
  const [first] = tokens;
  if (first === undefined) return [];
  if (logprobs !== undefined) {
    const { text } = decodeNext(tokenizer, first);
    return [{ text, name: tokenName(tokenizer, first), token: first, logProbability: null, alternatives: [] }];
  }
  let [text, rest] = ["", new Uint8Array() as Uint8Array];
  for (const token of tokens) {
    const decoded = decodeNext(tokenizer, token, rest);
    text += decoded.text;
    rest = decoded.rest;
  }
  return [{ text: max_tokens > 0 ? text : text + decodeRest(rest) }];
}

/** What has come of one choice since the last time, and whether it has ended. */
type Delivery = { readonly pieces: Piece[]; ended: "stop" | "length" | undefined };

/** Pieces that wait for a slow reader before a text gives up its lane. */
const mostUnread = 256;

/**
 * The texts of an order as they are written: each time, by choice, what has come. Whoever asks slowly makes them wait; who
 * stops asking has to abort.
 * @throws ApiError queue_full, the reason of the signal, and what is wrong with a text
 */
async function* write(
  { served: { batcher }, texts, before, onWritten }: Order,
  client: string,
  signal: AbortSignal,
): AsyncGenerator<Deliveries, void> {
  signal.throwIfAborted();
  let failure: unknown;
  let wake = (): void => {};
  let left = texts.length;
  let unread = new Map<number, Delivery>();
  const deliver = (choice: number, pieces: readonly Piece[], ended: Delivery["ended"]): number => {
    const delivery = unread.get(choice) ?? { pieces: [], ended: undefined };
    unread.set(choice, delivery);
    delivery.ended = ended;
    return delivery.pieces.push(...pieces);
  };
  for (const [choice, pieces] of before.entries()) if (pieces.length > 0) deliver(choice, pieces, undefined);
  const jobs = texts.map((text, choice): Job<Piece> => {
    const job: Job<Piece> = {
      client,
      text,
      take(pieces, ended) {
        if (ended instanceof Error) failure = ended;
        else {
          const waiting = deliver(choice, pieces, ended);
          if (ended !== undefined) left--;
          else if (waiting > mostUnread) batcher.pause(job);
        }
        wake();
      },
    };
    return job;
  });
  const abort = (): void => {
    failure = signal.reason;
    for (const job of jobs) batcher.remove(job);
    wake();
  };
  batcher.add(jobs);
  signal.addEventListener("abort", abort);
  try {
    for (;;) {
      if (failure !== undefined) throw failure;
      if (unread.size > 0) {
        const all = unread;
        unread = new Map();
        for (const job of jobs) batcher.resume(job);
        yield all;
      } else if (left === 0) {
        onWritten?.();
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal.removeEventListener("abort", abort);
    for (const job of jobs) batcher.remove(job);
  }
}

type Choice = Completion["choices"][number];

/** Makes choices of pieces, each told where its text stands. */
function createTeller({ writing, texts }: Order) {
  const offsets = texts.map(() => 0);
  return (choice: number, pieces: readonly Piece[], ended: Choice["finish_reason"]): Choice => {
    const text = pieces.map((piece) => piece.text).join("");
    if (writing.logprobs === undefined) return { index: choice, text, finish_reason: ended, logprobs: null };
    const text_offset = pieces.map((piece) => {
      const at = offsets[choice] as number;
      offsets[choice] = at + [...piece.text].length;
      return at;
    });
    const tokens = pieces.map(tokenOf);
    const token_logprobs = pieces.map((piece) => finite(piece.logProbability ?? null));
    const top_logprobs = pieces.map((piece) => topOf(piece));
    return {
      index: choice,
      text,
      finish_reason: ended,
      logprobs: { tokens, token_logprobs, top_logprobs, text_offset },
    };
  };
}

/** OpenAI's stand-in for what cannot be: an unknown character of the prompt. JSON has no infinity. */
const finite = (nats: number | null): number | null => (nats === -Infinity ? -9999 : nats);

/** A token by its name, or what a stop string left of it. */
function tokenOf({ text, name = text }: Piece): string {
  const isPart = name.startsWith("bytes:") && !text.startsWith("bytes:");
  return text !== "" && name.startsWith(text) && !isPart ? text : name;
}

/** The likeliest tokens by their names, with the one that was written. Of those with the same name the likeliest. */
function topOf(piece: Piece): Record<string, number> | null {
  const { logProbability, alternatives = [] } = piece;
  if (logProbability === null || logProbability === undefined) return null;
  const top: Record<string, number> = Object.create(null);
  for (const { name, logProbability } of alternatives) top[name] ??= finite(logProbability) as number;
  top[tokenOf(piece)] ??= finite(logProbability) as number;
  return top;
}

/** What all answers to an order have. */
function envelope({ served, promptTokens, texts }: Order) {
  const common = {
    id: `cmpl-${randomUUID()}`,
    object: "text_completion" as const,
    created: Math.floor(Date.now() / 1000),
    model: served.name,
  };
  const usage = () => {
    const written = texts.reduce((total, text) => total + text.written, 0);
    return { prompt_tokens: promptTokens, completion_tokens: written, total_tokens: promptTokens + written };
  };
  return { common, usage };
}

/** Told of the first piece. */
type OnFirst = () => void;

/** The whole answer. */
export async function complete(
  order: Order,
  client: string,
  { signal, onFirst }: { readonly signal: AbortSignal; readonly onFirst: OnFirst },
): Promise<Completion> {
  const { common, usage } = envelope(order);
  const found = order.texts.map(() => ({ pieces: [] as Piece[], ended: "length" as "stop" | "length" }));
  for await (const deliveries of write(order, client, signal)) {
    onFirst();
    for (const [choice, { pieces, ended }] of deliveries) {
      const one = found[choice] as (typeof found)[number];
      one.pieces.push(...pieces);
      if (ended !== undefined) one.ended = ended;
    }
  }
  const tell = createTeller(order);
  const choices = found.map(({ pieces, ended }, choice) => tell(choice, pieces, ended));
  return { ...common, choices, usage: usage() };
}

/**
 * The answer as events: an object with what has come of a choice, one token or more, the usage where it was asked for, and at last [DONE];
 * what goes wrong on the way is an event too. Resolves with the first, so that what is wrong before it has a status.
 */
export async function completeAsEvents(
  order: Order,
  client: string,
  { signal, onFirst, onEnd }: { readonly signal: AbortSignal; readonly onFirst: OnFirst; readonly onEnd: () => void },
): Promise<AsyncGenerator<string, void>> {
  const answer = {
    order,
    ...envelope(order),
    tell: createTeller(order),
    deliveries: write(order, client, signal),
    onEnd,
  };
  const first = await answer.deliveries.next();
  onFirst();
  return events(first, answer);
}

type Deliveries = ReadonlyMap<number, Delivery>;
type Answer = ReturnType<typeof envelope> & {
  readonly order: Order;
  readonly tell: ReturnType<typeof createTeller>;
  readonly deliveries: AsyncGenerator<Deliveries, void>;
  readonly onEnd: () => void;
};
async function* events(first: IteratorResult<Deliveries, void>, answer: Answer): AsyncGenerator<string, void> {
  const { order, common, usage, tell, deliveries, onEnd } = answer;
  const include = order.writing.stream_options?.include_usage === true;
  const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
  try {
    for (let next = first; next.done !== true; next = await deliveries.next()) {
      let all = "";
      for (const [choice, { pieces, ended }] of next.value) {
        const choices = [tell(choice, pieces, ended ?? null)];
        all += event({ ...common, choices, ...(include && { usage: null }) });
      }
      yield all;
    }
    if (include) yield event({ ...common, choices: [], usage: usage() });
    yield "data: [DONE]\n\n";
  } catch (error) {
    yield event(apiErrorOf(error).body);
  } finally {
    onEnd();
  }
}
