/** Who may ask a server, how much, and what is told of it: plain data. */
import { getHeapStatistics } from "node:v8";
import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  callable,
  checkValue,
  either,
  isPlain,
  listOf,
  options as optionsOf,
  type Rule,
  recordOf,
  type Schema,
  someText,
  wholeNumber,
} from "../graph/schema.ts";
import { aContent } from "../tasks/index.ts";
import { isHost } from "./hosts.ts";
import { isTrustable, type TrustProxy } from "./proxies.ts";

/** Who may ask, and how much. */
export type ServerOptions = HostOptions & {
  /** Keys, one of which a request has to bring; without any, none is asked for. Each is a client of its own. */
  readonly apiKeys?: readonly string[];
  /** Origins of pages that may ask (`https://example.org`); `*` is every page. */
  readonly cors?: readonly string[];
  /**
   * Names by which it may be asked: `localhost` at any port, `example.org:8080` at that one, `*.example.org` whatever is before
   * it, `*`; without it, any. Of a server on loopback give `loopback`: it keeps out pages that have a name of their own for
   * this machine (DNS rebinding).
   */
  readonly hosts?: readonly string[] | undefined;
  /**
   * Proxies that are believed when they say whom they ask for (`X-Forwarded-For`, `Forwarded`), by address (`10.0.0.7`), network
   * (`10.0.0.0/8`) or name (`loopback`, `private`); or how many there are between a client and this server. What nobody trusted
   * wrote is not read; where the two headers disagree, neither is.
   */
  readonly trustProxy?: TrustProxy;
  /** What all routes begin with (`/llm`), where a proxy passes on no more than that. */
  readonly basePath?: string;
  readonly maxBodyBytes?: number;
  /**
   * Most bytes that requests may hold together, as they are estimated before each begins: its body, its prompts, what is kept of
   * its texts, its answer. Others wait for them, or are refused. By default a quarter of the heap that Node may use.
   */
  readonly maxMemoryBytes?: number;
  /** Most tokens to write in one request, all its texts together. */
  readonly maxTokens?: number;
  /** Most tokens to read in one request. */
  readonly maxPromptTokens?: number;
  /** Longest that a request may take: what was written of its texts by then is its answer. */
  readonly timeoutMs?: number;
  /** Longest that a reader of an answer, or a writer of a body, may keep the server waiting. */
  readonly stallMs?: number;
  /** How long a stream is silent before it says with a comment that it goes on, so that no proxy takes it for dead. */
  readonly keepAliveMs?: number;
  /** Texts that may wait for each model. */
  readonly queue?: number;
  /** Most sessions; fewer where no more fit in an eighth of the memory. */
  readonly sessions?: number;
  /**
   * Most sessions of one key, or without keys of one address: where there is another one, the one that was not used for longest
   * goes. Without keys, who knows a session's id may go on with it from any address.
   */
  readonly sessionsPerKey?: number;
  /** How long a session lives without being used. */
  readonly sessionMs?: number;
  /** Told of each request when its answer has ended. */
  readonly log?: (line: LogLine) => void;
  /** Told of what is odd and no error: a field of a request that is ignored, the first time that it comes. */
  readonly warn?: (line: WarningLine) => void;
  /**
   * What becomes of each message of a chat, with `{content}` and, where wanted, `{role}`: `"{role}: {content}\n"`. The answer
   * goes on from what stands before its content, and ends before what follows it. Without one, the contents are lines of one
   * text, and the answer goes on from its end.
   */
  readonly chatTemplate?: string | undefined;
};

/** A quarter of the heap: what is made on the way and dropped has room beside it. */
const maxMemoryBytes: number = Math.floor(getHeapStatistics().heap_size_limit / 4);

/** What is used where an option is not given. */
export const serverDefaults = {
  ...{ apiKeys: [], cors: [], hosts: undefined, trustProxy: [], basePath: "" },
  // More threads pay where cores have nothing else to do: they wait for each other in each step.
  ...{ engine: undefined, fma: undefined, threads: 1 },
  ...{ log: () => {}, warn: () => {}, chatTemplate: undefined, maxMemoryBytes },
  ...{ maxBodyBytes: 1_000_000, maxTokens: 16_384, maxPromptTokens: 65_536, queue: 1024 },
  ...{
    timeoutMs: 120_000,
    stallMs: 30_000,
    keepAliveMs: 15_000,
    sessions: 1000,
    sessionsPerKey: 100,
    sessionMs: 30 * 60_000,
  },
} as const satisfies Required<ServerOptions>;

/** One request: nothing of its text, and no key. */
export type LogLine = {
  /** ISO 8601. */
  readonly time: string;
  /** Its `x-request-id`: the client's own or a new one, and the answer's. */
  readonly id: string;
  /** `-` of what is no request. */
  readonly method: string;
  /** The route (`/v1/models/:id`); of one that there is not, what was asked for. */
  readonly path: string;
  /** 499 where the client went before there was one. */
  readonly status: number;
  readonly ms: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Its address, or the place of its key among the keys. */
  readonly client: string;
  /** Of what a model was asked for. */
  readonly model?: string;
  /** How long its first text waited for a slot. */
  readonly queueMs?: number;
  /** From the request to the first token that was written. */
  readonly firstTokenMs?: number;
  /** The kind of what went wrong, also in the middle of a stream: `queue_full`, `invalid`, `internal`, ... */
  readonly error?: string;
  /** Of a fault of the server's: what was thrown, and where. */
  readonly stack?: string;
  /** The answer did not come to its end. */
  readonly aborted?: true;
};

/** Beside the lines of requests. */
export type WarningLine = {
  /** ISO 8601. */
  readonly time: string;
  readonly warning: string;
};

const aHost: Rule = {
  expected: "a host as example.org, example.org:8080 or *.example.org",
  accepts: (value) => typeof value === "string" && isHost(value),
};
const proxyRule: Rule = {
  expected: "an address, a network as 10.0.0.0/8, loopback or private",
  accepts: (value) => typeof value === "string" && isTrustable(value),
};
const trustProxyRule: Rule = either(wholeNumber(0), listOf(proxyRule));
const aPath: Rule = {
  expected: "a path as /llm, without a slash at its end, or nothing",
  accepts: (value) => typeof value === "string" && isBasePath(value),
};
/** Nothing that a router takes for a pattern. */
export const isBasePath = (path: string): boolean => /^(\/[\w.~-]+)*$/.test(path) && !/\/\.{1,2}(\/|$)/.test(path);

const count = wholeNumber(1);
const template: Rule = {
  expected: 'a text with "{content}" in it, once',
  accepts: (value) => typeof value === "string" && isTemplate(value),
};
export const isTemplate = (text: string): boolean => text.split("{content}").length === 2;
/** As long as a timer can wait. */
const duration = wholeNumber(1, 2 ** 31 - 1);

const keys = listOf(someText);
/** What a header can hold. */
export const isKey = (key: string): boolean => /^[\x21-\x7e]+$/.test(key);
/** Each once: two that are the same would be one client. No message shows one. */
const apiKeys: Rule = {
  ...{ expected: `${keys.expected}, ASCII without blanks`, accepts: keys.accepts },
  look(where, value) {
    keys.look?.(where, value);
    for (const [k, key] of (value as string[]).entries()) {
      if (!isKey(key)) throw new InputError(`${where}[${k}] must be ASCII without blanks`);
      if ((value as string[]).indexOf(key) < k) {
        throw new InputError(`${where}[${k}] is the same as one before it. Leave it out.`);
      }
    }
  },
};
const origin: Rule = {
  expected: 'an origin, as "https://example.org": without a path, and without the port that is usual, or "*"',
  accepts: (value) => typeof value === "string" && isOrigin(value),
};
export const isOrigin = (text: string): boolean =>
  text === "*" || (URL.canParse(text) && new URL(text).origin === text);
/** Of UTF-8 that is still one text. */
const maxBytes = 2 ** 29 - 24;

export const serverRules: Schema<ServerOptions> = {
  ...hostRules,
  apiKeys: alias(apiKeys, "apiKey", "keys"),
  cors: alias(listOf(origin), "origins"),
  hosts: alias(listOf(aHost, 1), "host", "allowedHosts"),
  trustProxy: alias(trustProxyRule, "trustedProxies"),
  basePath: alias(aPath, "prefix", "apiPrefix", "rootPath"),
  maxBodyBytes: wholeNumber(1, maxBytes),
  maxMemoryBytes: alias(wholeNumber(1_000_000), "memory", "maxMemory"),
  maxTokens: count,
  maxPromptTokens: count,
  timeoutMs: alias(duration, "timeout"),
  stallMs: duration,
  keepAliveMs: duration,
  queue: wholeNumber(0),
  sessions: wholeNumber(0),
  sessionsPerKey: wholeNumber(0),
  sessionMs: duration,
  log: alias(callable, "logger", "onLog"),
  warn: alias(callable, "onWarning"),
  chatTemplate: template,
};

const modelName: Rule = {
  expected: "from 1 to 200 characters that a path can hold: no control characters, and neither . nor ..",
  accepts: (value) => typeof value === "string" && value.length <= 200 && /^(?!\.{1,2}$)[^\p{Cc}\p{Cs}]+$/u.test(value),
};
const models = recordOf(aContent);
export const modelsRule: Rule = {
  expected: "models by name, at least one",
  accepts: (value) => isPlain(value) && Object.keys(value).length > 0,
  look(where, value) {
    for (const name of Object.keys(value as object)) checkValue(`${where}: a name`, name, modelName);
    models.look?.(where, value);
  },
};
export const serverArguments: Arguments = { models: modelsRule, options: optionsOf<ServerOptions>(serverRules) };
