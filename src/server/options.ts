/** Who may ask a server, how much, and what is told of it: plain data. */
import {
  type Arguments,
  alias,
  callable,
  listOf,
  options as optionsOf,
  recordOf,
  type Schema,
  someText,
  wholeNumber,
} from "../graph/schema.ts";
import { hostRules } from "../runtime/program.ts";
import { aLanguageModel } from "../tasks/checks.ts";

/** Who may ask, and how much. */
export type ServerOptions = {
  /** Keys, one of which a request has to bring; without any, none is asked for. Each is a client of its own. */
  readonly apiKeys?: readonly string[];
  /** Origins of pages that may ask (`https://example.org`). */
  readonly cors?: readonly string[];
  /**
   * Names by which it may be asked (`localhost`), without port; without it, any. Of a server on loopback give `loopback`: it
   * keeps out pages that have a name of their own for this machine (DNS rebinding).
   */
  readonly hosts?: readonly string[] | undefined;
  readonly maxBodyBytes?: number;
  /** Most tokens to write in one request, all its texts together. */
  readonly maxTokens?: number;
  /** Most tokens to read in one request. */
  readonly maxPromptTokens?: number;
  /** Longest that a request may take. */
  readonly timeoutMs?: number;
  /** Longest that a reader of a stream may keep the server waiting. */
  readonly stallMs?: number;
  /** Texts that may wait for each model. */
  readonly queue?: number;
  /** Most sessions. */
  readonly sessions?: number;
  /** How long a session lives without being used. */
  readonly sessionMs?: number;
  /**
   * Threads that share a step; answers are the same for any number. More than one pays where cores have nothing else to do:
   * threads wait for each other in each step.
   */
  readonly threads?: number;
  /** Told of each request when its answer has ended. */
  readonly log?: (line: LogLine) => void;
};

/** What is used where an option is not given. */
export const serverDefaults = {
  ...{ apiKeys: [], cors: [], hosts: undefined, threads: 1, log: () => {} },
  ...{ maxBodyBytes: 1_000_000, maxTokens: 16_384, maxPromptTokens: 65_536, queue: 1024 },
  ...{ timeoutMs: 120_000, stallMs: 30_000, sessions: 1000, sessionMs: 30 * 60_000 },
} as const satisfies Required<ServerOptions>;

/** One request: nothing of its text, and no key. */
export type LogLine = {
  /** ISO 8601. */
  readonly time: string;
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
  /** The answer did not come to its end. */
  readonly aborted?: true;
};

const count = wholeNumber(1);
/** As long as a timer can wait. */
const duration = wholeNumber(1, 2 ** 31 - 1);
export const serverRules: Schema<ServerOptions> = {
  apiKeys: alias(listOf(someText), "apiKey", "keys"),
  cors: alias(listOf(someText), "origins"),
  hosts: alias(listOf(someText), "host", "allowedHosts"),
  maxBodyBytes: count,
  maxTokens: count,
  maxPromptTokens: count,
  timeoutMs: alias(duration, "timeout"),
  stallMs: duration,
  queue: wholeNumber(0),
  sessions: wholeNumber(0),
  sessionMs: duration,
  threads: hostRules.threads,
  log: alias(callable, "logger", "onLog"),
};
export const modelsRule = { ...recordOf(aLanguageModel), expected: "language models by name" };
export const serverArguments: Arguments = { models: modelsRule, options: optionsOf<ServerOptions>(serverRules) };
