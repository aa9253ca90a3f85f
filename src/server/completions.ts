/** A request for text, and what is answered: all at once, or as server-sent events. */
import { randomUUID } from "node:crypto";
import { excerpt } from "../graph/excerpt.ts";
import { createText, type Describe, type Text, type TextOptions } from "../tasks/desk.ts";
import { createDescriber, type LikelyToken } from "../tasks/generate.ts";
import { restAfter } from "../tasks/healing.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { unixLineEnds } from "../text/line-ends.ts";
import { decodeNext, decodeRest, encode, endOfText, hasUnknown, tokenName, vocabularySize } from "../text/tokenizer.ts";
import type { Batcher, Job } from "./batcher.ts";
import { ApiError, waitedFor } from "./errors.ts";
import { jsonOf, LazyList } from "./json.ts";
import { KeptChoice } from "./kept-choice.ts";
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
  /** How many tokens of the prompt it stands for, where it does: its name is one of its own then. */
  readonly replaces?: number;
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
  /** Which texts go on from what another one has read. */
  readonly shared?: readonly Shared[];
  /** Tokens of the prompts. */
  readonly promptTokens: number;
  readonly warnings: readonly Warning[];
  /** Without it all texts are given, in their order. */
  readonly best?: Best | undefined;
  readonly format: Format;
  /** Told when all texts have ended by themselves. */
  readonly onWritten?: () => void;
};

/** Of each prompt's texts, `of` in number, the `n` best are given. */
type Best = { readonly of: number; readonly n: number; readonly scores: readonly Score[] };
/** How likely the tokens are that were written of a text. */
type Score = { nats: number; tokens: number };

/** One text reads the beginning of a prompt, `after` tokens of it, for all that go on from it. */
type Shared = { readonly after: number; readonly first: number; readonly others: readonly number[] };

/** What to go on from, and in how many texts. */
export type Asked = {
  readonly prompt: Prompt;
  readonly n: number;
  readonly echo: boolean;
  readonly best_of?: number | undefined;
  readonly format?: Format;
  /** What the prompt comes from is called in a request. */
  readonly param?: string;
};

/**
 * What to write.
 * @throws ApiError for more than the limits, and for tokens that the model does not have
 */
export function placeOrder(
  served: Served,
  writing: Writing,
  limits: Limits,
  { prompt, n, echo, best_of, format = completionFormat, param = "prompt" }: Asked,
): Order {
  const { lm } = served;
  const prompts = promptsOf(lm, prompt);
  const promptTokens = prompts.reduce((total, { tokens }) => total + tokens.length, 0);
  const each = best_of ?? n;
  checkLimits(writing, limits, { texts: prompts.length * each, toRead: promptTokens });
  const seed = seedOf(writing);
  const scores = each > n ? Array.from({ length: prompts.length * each }, (): Score => ({ nats: 0, tokens: 0 })) : [];
  const [texts, before, shared]: [Text<Piece>[], (readonly Piece[])[], Shared[]] = [[], [], []];
  for (const one of prompts) {
    const first = texts.length;
    const group = textsOf(served, writing, one, {
      ...{ count: each, seed: seed + first, echo, scores: scores.slice(first) },
    });
    texts.push(...group.texts);
    const echoes = echo ? echoed(lm, one, writing) : [];
    before.push(...group.texts.map(() => echoes));
    const others = group.texts.slice(1).map((_, k) => first + 1 + k);
    if (group.after > 0 && others.length > 0) shared.push({ after: group.after, first, others });
  }
  return {
    ...{ served, writing, texts, before, shared, promptTokens, format },
    warnings: warningsOf(lm, { [param]: prompts.flatMap(({ sent }) => sent ?? []), stop: writing.stop }),
    best: each > n ? { of: each, n, scores } : undefined,
  };
}

/** Where none was given, any. */
export const seedOf = ({ seed }: Writing): number =>
  seed === undefined || seed === -1 ? Math.floor(Math.random() * 2 ** 32) : seed;

export type AskedWriting = Writing & { readonly max_completion_tokens?: number | undefined };
/** The newer name of the length comes first. */
export function withLength({ max_tokens, max_completion_tokens, ...rest }: AskedWriting): Writing {
  return { max_tokens: max_completion_tokens ?? max_tokens, ...rest };
}

/**
 * Texts that go on from one prompt, text k with the seed `seed + k`. The first reads all of it. What it remembers after `after`
 * tokens (0: there is nothing to share) the others begin with: they read the rest, whose end may lie within a token.
 */
function textsOf(
  served: Served,
  writing: Writing,
  prompt: PromptTokens,
  {
    count,
    seed,
    echo,
    scores,
  }: { readonly count: number; readonly seed: number; readonly echo: boolean; readonly scores: readonly Score[] },
): { readonly texts: readonly Text<Piece>[]; readonly after: number } {
  const { tokens, healFrom } = prompt;
  const echoes = echo ? prompt : undefined;
  const first = textOf(served, writing, { prompt: tokens, healFrom, seed, echo: echoes, score: scores[0] });
  const after = Math.max(0, Math.min(first.healing?.from ?? tokens.length, tokens.length) - 1);
  const texts = [first];
  for (let k = 1; k < count; k++) {
    const text = textOf(served, writing, {
      ...{
        prompt: tokens.subarray(after),
        seed: seed + k,
        rest: first.rest,
        echo: echoes,
        from: after,
        score: scores[k],
      },
      healFrom: after === 0 ? healFrom : first.healing && 1,
    });
    // Those that another one reads count for the repetition penalty.
    for (const token of tokens.subarray(0, after)) text.sampler.read(token);
    texts.push(text);
  }
  return { texts, after };
}

/**
 * A text of a request.
 * @throws ApiError for a bias of tokens that there are not, or of all
 */
export function textOf(
  { lm }: Served,
  writing: Writing,
  {
    echo,
    from = 0,
    score,
    ...about
  }: Pick<TextOptions<Piece>, "healFrom" | "seed" | "state" | "rest" | "goesOn" | "retake"> & {
    readonly prompt: Int32Array;
    /** The prompt is told of, too: of its tokens those after `from`, the place where this text begins. */
    readonly echo?: PromptTokens | undefined;
    readonly from?: number;
    /** Of what is written, where it is wanted. */
    readonly score?: Score | undefined;
  },
): Text<Piece> {
  const { max_tokens, temperature, top_p, top_k, min_p, stop, logprobs } = writing;
  const describe: Describe<Piece> =
    logprobs === undefined ? (text: string): Piece => ({ text }) : createDescriber(lm.tokenizer, logprobs);
  const written = score === undefined ? describe : counted(lm, score, logprobs === undefined ? undefined : describe);
  let rest = restAfter(lm.tokenizer, echo?.tokens.subarray(0, from + 1) ?? about.prompt.subarray(0, 1));
  let place = from;
  const heard = (token: number, logits: Float32Array): Piece => {
    const before = rest;
    const decoded = decodeNext(lm.tokenizer, token, before);
    rest = decoded.rest;
    return asSent(describe(decoded.text, token, logits, before), echo?.shares?.()[++place]);
  };
  return createText<Piece>(lm, {
    ...about,
    ...{ length: max_tokens, temperature, topK: top_k, minP: min_p, stop, describe: written },
    // The smallest share leaves the likeliest token alone.
    topP: Math.max(top_p, Number.MIN_VALUE),
    ...{ presencePenalty: writing.presence_penalty, frequencyPenalty: writing.frequency_penalty },
    ...{ repetitionPenalty: writing.repetition_penalty, logitBias: biasOf(lm, writing) },
    heard: echo !== undefined && logprobs !== undefined ? heard : undefined,
  });
}

/** Describes as `describe` does, or by their text alone, tokens whose probabilities count for `score`. */
function counted({ tokenizer }: LanguageModel, score: Score, describe: Describe<Piece> | undefined): Describe<Piece> {
  const withNats = describe ?? createDescriber(tokenizer, 0);
  return (...token) => {
    const piece: Piece = withNats(...token);
    score.nats += piece.logProbability as number;
    score.tokens++;
    return describe === undefined ? { text: piece.text } : piece;
  };
}

function biasOf({ tokenizer }: LanguageModel, { logit_bias, ignore_eos }: Writing): Record<number, number> | undefined {
  const end = endOfText(tokenizer);
  const bias: Record<number, number> = { ...logit_bias, ...(ignore_eos && end !== undefined && { [end]: -Infinity }) };
  const ids = Object.keys(bias);
  if (ids.length === 0) return undefined;
  const size = vocabularySize(tokenizer);
  const wrong = (message: string) => new ApiError("invalid", `logit_bias: ${message}.`, "logit_bias");
  const beyond = ids.find((id) => Number(id) >= size);
  if (beyond !== undefined) throw wrong(`the model's tokens go from 0 to ${size - 1}, got ${excerpt(beyond, 20)}`);
  const writable = ids.filter((id) => id !== "0" || !hasUnknown(tokenizer));
  const keptOut = writable.filter((id) => bias[Number(id)] === -Infinity).length;
  if (keptOut === size - Number(hasUnknown(tokenizer))) throw wrong("it keeps out every token that there is");
  return bias;
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

/** Pieces that wait for a slow reader before one of so many texts gives up its lane. */
export const mostUnread = (texts: number): number => Math.max(32, Math.min(256, Math.floor(4096 / texts)));

/**
 * The texts of an order as they are written: each time, by choice, what has come. Whoever asks slowly makes them wait; who
 * stops asking has to abort.
 * @throws ApiError queue_full, the reason of the signal, and what is wrong with a text
 */
async function* write(
  { served: { batcher }, texts, before, shared = [], onWritten }: Order,
  client: string,
  { signal, watch }: Attended,
): AsyncGenerator<Deliveries, void> {
  signal.throwIfAborted();
  let failure: unknown;
  let wake = (): void => {};
  const left = new Set(texts.keys());
  let unread = new Map<number, Delivery>();
  const deliver = (choice: number, pieces: readonly Piece[], ended: Delivery["ended"]): number => {
    const delivery = unread.get(choice) ?? { pieces: [], ended: undefined };
    unread.set(choice, delivery);
    delivery.ended = ended;
    return delivery.pieces.push(...pieces);
  };
  const end = (choice: number, pieces: readonly Piece[], ended: "stop" | "length"): void => {
    left.delete(choice);
    deliver(choice, pieces, ended);
  };
  const sharedBy = new Map(shared.map((one) => [one.first, one]));
  const followers = new Set(shared.flatMap(({ others }) => others));
  for (const [choice, pieces] of before.entries()) if (pieces.length > 0) deliver(choice, pieces, undefined);
  const jobs = texts.map((text, choice): Job<Piece> => {
    const { after, others } = sharedBy.get(choice) ?? { after: 0, others: [] };
    const job: Job<Piece> = {
      client,
      text,
      seated: () => watch.seated(choice),
      shares: after > 0 ? { after, texts: others.map((other) => texts[other] as Text<Piece>) } : undefined,
      follows: followers.has(choice),
      take(pieces, ended) {
        // What is told of the prompt, until the others read on by themselves.
        if (text.read <= after) for (const other of others) deliver(other, pieces, undefined);
        if (ended instanceof Error) failure = ended;
        else {
          watch.came(choice, ended !== undefined);
          if (ended !== undefined) end(choice, pieces, ended);
          else if (deliver(choice, pieces, undefined) > mostUnread(texts.length)) batcher.pause(job);
        }
        wake();
      },
    };
    return job;
  });
  const abort = (): void => {
    const { reason } = signal;
    const isLate = reason instanceof ApiError && reason.kind === "timeout";
    // What there is by then is the answer. A session has to remember just that.
    const isAnswer = isLate && texts.some(({ written }) => written > 0) && texts.every(isShownWhole);
    const hadNoLane = texts.every(({ read }) => read === 0) && batcher.isFull;
    if (!isAnswer) failure = hadNoLane ? waitedFor(reason) : reason;
    try {
      for (const job of jobs) batcher.remove(job);
      // Nothing that came is held back any more.
      if (isAnswer) for (const choice of left) end(choice, heldBy(texts[choice] as Text<Piece>), "length");
    } catch (error) {
      failure ??= error;
    }
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
      } else if (left.size === 0) {
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

/** Whether what is remembered of it, where it is a session's, is what was shown: nothing of a character, nothing taken back. */
const isShownWhole = ({ retake, again, rest }: Text<Piece>): boolean =>
  retake === undefined || (again === undefined && rest.length === 0);

/** Pieces that might have become a stop string. */
function heldBy({ gate }: Text<Piece>): readonly Piece[] {
  const nothing: Piece = { text: "" };
  return gate.pass(nothing, true).pieces.filter((piece) => piece !== nothing);
}

/** Something of each token in its place: a list, or one that is made when it is sent. */
type PerToken<T> = { readonly length: number; readonly at: (place: number) => T | undefined };
export type Choice = Omit<Completion["choices"][number], "finish_reason" | "logprobs"> & {
  readonly finish_reason: "stop" | "length" | null;
  readonly logprobs: {
    readonly tokens: PerToken<string>;
    readonly token_logprobs: PerToken<number | null>;
    readonly top_logprobs: PerToken<ReadonlyMap<string, number> | null>;
    readonly text_offset: PerToken<number>;
  } | null;
};

/** How OpenAI calls an answer, and what a choice looks like in it. */
export type Format = {
  readonly prefix: string;
  readonly whole: string;
  readonly piece: string;
  readonly wholeOf: (choice: Choice) => object;
  /** What has come of a choice, for the first time or again. */
  readonly piecesOf: (choice: Choice, isFirst: boolean) => readonly object[];
};
export const completionFormat: Format = {
  ...{ prefix: "cmpl", whole: "text_completion", piece: "text_completion" },
  wholeOf: (choice) => choice,
  piecesOf: (choice) => [choice],
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
function envelope({ served, promptTokens, texts, format, writing }: Order) {
  const common = {
    id: `${format.prefix}-${randomUUID()}`,
    object: writing.stream ? format.piece : format.whole,
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

/** The whole answer; what is told of its tokens is made when it is sent. */
export async function complete(order: Order, client: string, attended: Attended): Promise<object> {
  const { common, usage } = envelope(order);
  const { served, writing, texts } = order;
  const found = texts.map(() => {
    return { kept: new KeptChoice(served.lm.tokenizer, writing.logprobs), ended: "length" as "stop" | "length" };
  });
  for await (const deliveries of write(order, client, attended)) {
    for (const [choice, { pieces, ended }] of deliveries) {
      const one = found[choice] as (typeof found)[number];
      for (const piece of pieces) one.kept.push(piece);
      if (ended !== undefined) one.ended = ended;
    }
  }
  const given = order.best === undefined ? found : bestOf(found, order.best);
  const choices = given.map(({ kept, ended }, index) => order.format.wholeOf(wholeChoice(kept, index, ended)));
  return { ...common, choices, usage: usage(), ...warned(order) };
}

/** A choice as `createTeller` tells it, token by token while it is sent. */
function wholeChoice(kept: KeptChoice, index: number, finish_reason: Choice["finish_reason"]): Choice {
  const { text, pieceAt } = kept.read();
  if (!kept.tells) return { index, text, finish_reason, logprobs: null };
  const list = <T>(tell: (piece: Piece) => T) => new LazyList(kept.length, (place) => tell(pieceAt(place)));
  let offset = 0;
  const logprobs = {
    tokens: list(tokenOf),
    token_logprobs: list(({ logProbability }) => finite(logProbability ?? null)),
    top_logprobs: list(topOf),
    // They are written once, in order.
    text_offset: list((piece) => {
      const at = offset;
      offset += [...piece.text].length;
      return at;
    }),
  };
  return { index, text, finish_reason, logprobs };
}

/** Only what is told of tokens has an order to keep. */
const writerOf = ({ writing }: Order): ((value: object) => string) =>
  writing.logprobs === undefined ? JSON.stringify : jsonOf;

/** Its warnings, where there are any. */
export const warned = ({ warnings }: Pick<Order, "warnings">) => (warnings.length === 0 ? {} : { warnings });

/** Of each prompt's texts those whose written tokens are likeliest on average, the best first; of equals the first. */
function bestOf<T>(found: readonly T[], { of, n, scores }: Best): T[] {
  const means = scores.map(({ nats, tokens }) => (tokens === 0 ? -Infinity : nats / tokens));
  const ranked = [...found.keys()].sort((a, b) => {
    const [prompts, one, other] = [Math.floor(a / of) - Math.floor(b / of), means[a] as number, means[b] as number];
    return prompts || (one === other ? a - b : one > other ? -1 : 1);
  });
  return ranked.filter((_, place) => place % of < n).map((choice) => found[choice] as T);
}

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
/** Characters of events that are sent together, more or less. */
const mostTogether = 16_384;

async function* events(first: IteratorResult<Deliveries, void>, answer: Answer): Events {
  const { order, common, usage, tell, deliveries, onEnd, fail } = answer;
  const { format } = order;
  const begun = new Set<number>();
  const include = order.writing.stream_options?.include_usage === true;
  const json = writerOf(order);
  const event = (data: object): string => `data: ${json(data)}\n\n`;
  let also = warned(order);
  try {
    for (let next = first; next.done !== true; next = await deliveries.next()) {
      let all = "";
      for (const [index, { pieces, ended }] of next.value) {
        for (const choice of format.piecesOf(tell(index, pieces, ended ?? null), !begun.has(index))) {
          all += event({ ...common, choices: [choice], ...(include && { usage: null }), ...also });
          also = {};
        }
        begun.add(index);
        if (all.length < mostTogether) continue;
        yield all;
        all = "";
      }
      if (all !== "") yield all;
    }
    if (include) yield event({ ...common, choices: [], usage: usage() });
    yield "data: [DONE]\n\n";
  } catch (error) {
    yield event(fail(error).body);
  } finally {
    onEnd();
  }
}
