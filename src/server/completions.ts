/** A request for text, and what is answered: all at once, or as server-sent events. */
import { randomUUID } from "node:crypto";
import { createText, type Text, type TextOptions } from "../tasks/desk.ts";
import { createDescriber, type LikelyToken } from "../tasks/generate.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { unixLineEnds } from "../text/line-ends.ts";
import { decodeNext, decodeRest, encode, tokenName, vocabularySize } from "../text/tokenizer.ts";
import type { Batcher, Job } from "./batcher.ts";
import { ApiError } from "./errors.ts";
import { jsonOf } from "./json.ts";
import type { Completion, Prompt, Warning, Writing } from "./schemas.ts";
import { sentShares } from "./sent-text.ts";
import type { Watch } from "./times.ts";
import { warningsOf } from "./warnings.ts";

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
  /** Of its layers, values and tokenizer: what one remembers is nothing to another. */
  readonly fingerprint: string;
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
  readonly warnings: readonly Warning[];
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
    warnings: warningsOf(lm, { prompt: prompts.flatMap(({ sent }) => sent ?? []), stop: writing.stop }),
    texts: choices.map((one, k) =>
      textOf(served, writing, {
        prompt: one.tokens,
        healFrom: one.healFrom,
        seed: seed + k,
        ...(echo && { echo: one }),
      }),
    ),
    before: choices.map((one) => (echo ? echoed(lm, one, writing) : [])),
  };
}

/** A text of a request. */
export function textOf(
  { lm }: Served,
  { max_tokens, temperature, top_p, top_k, min_p, presence_penalty, frequency_penalty, stop, logprobs }: Writing,
  {
    echo,
    ...about
  }: Pick<TextOptions<Piece>, "healFrom" | "seed" | "state" | "rest" | "goesOn" | "retake"> & {
    readonly prompt: Int32Array;
    /** The prompt is told of, too. */
    readonly echo?: PromptTokens;
  },
): Text<Piece> {
  const describe =
    logprobs === undefined ? (text: string): Piece => ({ text }) : createDescriber(lm.tokenizer, logprobs);
  let rest: Uint8Array = decodeNext(lm.tokenizer, about.prompt[0] ?? 0).rest;
  let place = 0;
  const heard = (token: number, logits: Float32Array): Piece => {
    const before = rest;
    const decoded = decodeNext(lm.tokenizer, token, before);
    rest = decoded.rest;
    return asSent(describe(decoded.text, token, logits, before), echo?.shares?.()[++place]);
  };
  return createText<Piece>(lm, {
    ...about,
    ...{ length: max_tokens, temperature, topK: top_k, minP: min_p, stop, describe },
    // The smallest share leaves the likeliest token alone.
    topP: Math.max(top_p, Number.MIN_VALUE),
    ...{ presencePenalty: presence_penalty, frequencyPenalty: frequency_penalty },
    heard: echo !== undefined && logprobs !== undefined ? heard : undefined,
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

/** Tokens, and where they were made of text, from which on, that text as it was sent, and what each token is of it. */
type PromptTokens = {
  readonly tokens: Int32Array;
  readonly healFrom?: number;
  readonly sent?: string;
  readonly shares?: () => readonly string[];
};

function promptsOf({ tokenizer }: LanguageModel, prompt: Prompt): PromptTokens[] {
  const ofText = (sent: string): PromptTokens => {
    const tokens = encode(tokenizer, unixLineEnds(sent));
    let shares: readonly string[] | undefined;
    return { tokens, healFrom: 0, sent, shares: () => (shares ??= sentShares(tokenizer, tokens, sent)) };
  };
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
 * The prompt as it was sent, or where each token is told of, its first one: the others come as they are read. A character that
 * tokens end within is whole in what is written.
 */
function echoed(
  { tokenizer }: LanguageModel,
  { tokens, sent, shares }: PromptTokens,
  { logprobs, max_tokens }: Writing,
): readonly Piece[] {
  const [first] = tokens;
  if (first === undefined) return [];
  if (logprobs !== undefined) {
    const { text } = decodeNext(tokenizer, first);
    const piece = { text, name: tokenName(tokenizer, first), token: first, logProbability: null, alternatives: [] };
    return [asSent(piece, shares?.()[0])];
  }
  if (sent !== undefined) return [{ text: sent }];
  let [text, rest] = ["", new Uint8Array() as Uint8Array];
  for (const token of tokens) {
    const decoded = decodeNext(tokenizer, token, rest);
    text += decoded.text;
    rest = decoded.rest;
  }
  return [{ text: max_tokens > 0 ? text : text + decodeRest(rest) }];
}

/** A token of a prompt, called what was sent where the model reads something else. */
const asSent = (piece: Piece, sent = piece.text): Piece =>
  sent === piece.text ? piece : Object.assign(piece, { text: sent, name: sent });

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
  { signal, watch }: Attended,
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
      seated: () => watch.seated(choice),
      take(pieces, ended) {
        if (ended instanceof Error) failure = ended;
        else {
          watch.came(choice, ended !== undefined);
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

type Choice = Omit<Completion["choices"][number], "finish_reason" | "logprobs"> & {
  readonly finish_reason: "stop" | "length" | null;
  readonly logprobs: object | null;
};

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

/** The likeliest tokens by their names, the likeliest first, with the one that was written. Of those with the same name the likeliest. */
function topOf(piece: Piece): ReadonlyMap<string, number> | null {
  const { token, logProbability, alternatives = [] } = piece;
  if (logProbability === null || logProbability === undefined) return null;
  const own = tokenOf(piece);
  const top = new Map<string, number>();
  for (const one of alternatives) {
    const name = one.token === token && one.logProbability === logProbability ? own : one.name;
    if (!top.has(name)) top.set(name, finite(one.logProbability) as number);
  }
  if (!top.has(own)) top.set(own, finite(logProbability) as number);
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

/** Until when an order is worked at, and who is told how it goes. */
export type Attended = { readonly signal: AbortSignal; readonly watch: Watch };

/** The whole answer, as JSON. */
export async function complete(order: Order, client: string, attended: Attended): Promise<string> {
  const { common, usage } = envelope(order);
  const found = order.texts.map(() => ({ pieces: [] as Piece[], ended: "length" as "stop" | "length" }));
  for await (const deliveries of write(order, client, attended)) {
    for (const [choice, { pieces, ended }] of deliveries) {
      const one = found[choice] as (typeof found)[number];
      one.pieces.push(...pieces);
      if (ended !== undefined) one.ended = ended;
    }
  }
  const tell = createTeller(order);
  const choices = found.map(({ pieces, ended }, choice) => tell(choice, pieces, ended));
  return writerOf(order)({ ...common, choices, usage: usage(), ...warned(order) });
}

/** Only what is told of tokens has an order to keep. */
const writerOf = ({ writing }: Order): ((value: object) => string) =>
  writing.logprobs === undefined ? JSON.stringify : jsonOf;

const warned = ({ warnings }: Order) => (warnings.length === 0 ? {} : { warnings });

/**
 * The answer as events: an object with what has come of a choice, one token or more, the usage where it was asked for, and at last [DONE];
 * what goes wrong on the way is an event too, as `fail` makes it. Resolves with the first, so that what is wrong before it has a
 * status. Warnings come with the first.
 */
export async function completeAsEvents(order: Order, client: string, attended: EventOptions): Promise<Events> {
  const deliveries = write(order, client, attended);
  const answer = { order, ...envelope(order), tell: createTeller(order), deliveries, ...attended };
  return events(await deliveries.next(), answer);
}

type EventOptions = Attended & {
  readonly onEnd: () => void;
  /** What a client is told of a fault. */
  readonly fail: (error: unknown) => ApiError;
};
type Events = AsyncGenerator<string, void>;
type Deliveries = ReadonlyMap<number, Delivery>;
type Answer = ReturnType<typeof envelope> &
  EventOptions & {
    readonly order: Order;
    readonly tell: ReturnType<typeof createTeller>;
    readonly deliveries: AsyncGenerator<Deliveries, void>;
  };
async function* events(first: IteratorResult<Deliveries, void>, answer: Answer): Events {
  const { order, common, usage, tell, deliveries, onEnd, fail } = answer;
  const include = order.writing.stream_options?.include_usage === true;
  const json = writerOf(order);
  const event = (data: object): string => `data: ${json(data)}\n\n`;
  let also = warned(order);
  try {
    for (let next = first; next.done !== true; next = await deliveries.next()) {
      let all = "";
      for (const [choice, { pieces, ended }] of next.value) {
        const choices = [tell(choice, pieces, ended ?? null)];
        all += event({ ...common, choices, ...(include && { usage: null }), ...also });
        also = {};
      }
      yield all;
    }
    if (include) yield event({ ...common, choices: [], usage: usage() });
    yield "data: [DONE]\n\n";
  } catch (error) {
    yield event(fail(error).body);
  } finally {
    onEnd();
  }
}
