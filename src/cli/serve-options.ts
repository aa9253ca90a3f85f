/** The options of `unrolled serve`, and what they say, checked before anything is read. */
import { basename } from "node:path";
import { readInput } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { isLoopback, type ListenOptions, loopback, maxConnections } from "../server/bind.ts";
import { isHost } from "../server/hosts.ts";
import {
  isBasePath,
  isKey,
  isOrigin,
  isSessionKey,
  isTemplate,
  type ServerOptions,
  serverDefaults,
  sessionKeyNeeds,
} from "../server/options.ts";
import { isTrustable, type TrustProxy } from "../server/proxies.ts";
import { inferenceOptions } from "./host-options.ts";
import { foreignOptions, foreignSides } from "./model-input.ts";
import type { Given, Options } from "./options.ts";

const count = { whole: true, min: 1 } as const;
const seconds = { min: 0.001, max: 86_400 } as const;
const { maxBodyBytes, maxTokens, maxPromptTokens, queue, sessions, sessionsPerKey } = serverDefaults;

export const serveOptions: Options = {
  workers: { value: "N", help: "processes that share the port [1]", number: { whole: true, min: 1, max: 256 } },
  host: { value: "ADDRESS", help: "address to listen on [127.0.0.1: this machine]" },
  port: { value: "N", help: "port to listen on; 0: any free one [8080]", number: { whole: true, min: 0, max: 65_535 } },
  "api-key": { value: "KEY", help: "required key; repeatable [$UNROLLED_API_KEY]", multiple: true },
  "session-key": {
    value: "KEY",
    help: "key that seals sessions; repeatable [$UNROLLED_SESSION_KEY]",
    multiple: true,
  },
  "session-key-file": { value: "FILE", help: "file with such keys, one a line" },
  cors: { value: "ORIGIN", help: "site whose pages may ask, or *; repeatable", multiple: true },
  "allow-host": {
    value: "NAME",
    help: "host name to accept; repeatable",
    multiple: true,
  },
  "trust-proxy": {
    value: "WHO",
    help: "proxy to trust; repeatable",
    multiple: true,
  },
  "base-path": { value: "PATH", help: "prefix of all paths, such as /llm" },
  "max-tokens": { value: "N", help: `most tokens generated for a request [${maxTokens}]`, number: count },
  "max-prompt-tokens": { value: "N", help: `most tokens in a prompt [${maxPromptTokens}]`, number: count },
  "max-body": { value: "BYTES", help: `largest request body [${maxBodyBytes}]`, number: count },
  memory: {
    value: "MB",
    help: "memory of all requests [a quarter of Node's heap]",
    number: { min: 1, max: 1e6 },
  },
  connections: { value: "N", help: `most connections [${maxConnections}]`, number: count },
  timeout: { value: "SECONDS", help: "time limit of a request [120]", number: seconds },
  stall: {
    value: "SECONDS",
    help: "time limit of a stalled client [30]",
    number: seconds,
  },
  "keep-alive": { value: "SECONDS", help: "interval of keep-alive lines in a stream [15]", number: seconds },
  drain: {
    value: "SECONDS",
    help: "how long /healthz returns 503 before the end [0]",
    number: { min: 0, max: 86_400 },
  },
  queue: { value: "N", help: `most texts waiting for each model [${queue}]`, number: count },
  sessions: { value: "N", help: `most sessions [${sessions}]`, number: { whole: true, min: 0 } },
  "sessions-per-key": {
    value: "N",
    help: `most sessions for each key or address [${sessionsPerKey}]`,
    number: { whole: true, min: 0 },
  },
  "session-minutes": { value: "N", help: "lifetime of an unused session [30]", number: { above: 0, max: 1e6 } },
  "chat-template": { value: "TEXT", help: 'format of a message: "{role}: {content}\\n"' },
  ...foreignOptions,
  ...foreignSides,
  ...inferenceOptions("for each step, on idle cores [1]"),
};

/** What `unrolled serve` is to do. */
export type ServeSettings = {
  readonly files: readonly string[];
  /** The names of the models, in the order of their files. */
  readonly names: readonly string[];
  readonly json: boolean;
  /** The number of processes. */
  readonly workers: number;
  readonly server: ServerOptions;
  readonly listening: ListenOptions;
  readonly basePath: string;
};

/** @throws InputError for an option that cannot be what it says */
export function serveSettings(given: Given): ServeSettings {
  const files = given.positionals;
  const names = namesOf(files);
  const host = given.text("host") ?? "127.0.0.1";
  const workers = given.number("workers") ?? 1;
  const apiKeys = keysOf(given);
  const basePath = basePathOf(given);
  const limits = limitsOf(given);
  if (workers > 1) checkStored(given);
  return {
    ...{ files, names, workers, basePath, json: given.flag("json") },
    server: {
      ...{ apiKeys, basePath, trustProxy: trustProxyOf(given), hosts: hostsOf(given, host) },
      ...{ cors: given.texts("cors").map(checkOrigin), sessionKeys: sessionKeysOf(given) },
      ...limits,
      chatTemplate: templateOf(given),
      // Each request may come to another process.
      ...(workers > 1 && { sessions: 0 }),
    },
    listening: {
      ...{ host, port: given.number("port") ?? 8080, drainMs: Math.round((given.number("drain") ?? 0) * 1000) },
      stallMs: limits.stallMs ?? serverDefaults.stallMs,
      maxConnections: given.number("connections") ?? maxConnections,
    },
  };
}

/** @throws InputError for options of sessions that are stored */
function checkStored(given: Given): void {
  const odd = ["sessions", "sessions-per-key"].find((name) => given.number(name) !== undefined);
  if (odd === undefined) return;
  const why = "with --workers no session is stored, because its next request may come to another process";
  throw new InputError(`--${odd}: ${why}; sessions are sealed. Leave it out.`);
}

/** @throws InputError if two models have the same name */
function namesOf(files: readonly string[]): readonly string[] {
  const names = files.map((file) => basename(file).replace(/\.[^.]+$/, ""));
  const again = names.findIndex((name, k) => names.indexOf(name) < k);
  if (again >= 0) {
    const [name, first] = [names[again] as string, files[names.indexOf(names[again] as string)]];
    throw new InputError(`${files[again]}: its name, ${name}, is also the name of ${first}. Rename one of the files.`);
  }
  return names;
}

/** The keys of the command line, or else the one in the environment, which the list of processes does not show. */
function keysOf(given: Given): readonly string[] {
  const fromEnvironment = process.env.UNROLLED_API_KEY ?? "";
  const [where, keys] =
    given.texts("api-key").length > 0 || fromEnvironment === ""
      ? ["--api-key", given.texts("api-key")]
      : ["UNROLLED_API_KEY", [fromEnvironment]];
  if (keys.every(isKey)) return [...new Set(keys)];
  throw new InputError(`${where}: needs ASCII characters without spaces.`);
}

/** The variable of the environment with the keys that seal sessions, between blanks. */
export const sessionKeyVariable = "UNROLLED_SESSION_KEY";

/** The keys that seal sessions: of the command line, or of a file, or else of the environment. No message shows one. */
function sessionKeysOf(given: Given): readonly string[] {
  const [direct, file] = [given.texts("session-key"), given.text("session-key-file")];
  if (direct.length > 0 && file !== undefined) {
    throw new InputError("--session-key-file: is not to be given together with --session-key. Leave one of them out.");
  }
  const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== "");
  const [where, keys] =
    direct.length > 0
      ? ["--session-key", direct]
      : file !== undefined
        ? [file, words(new TextDecoder().decode(readInput(file)))]
        : [sessionKeyVariable, words(process.env[sessionKeyVariable] ?? "")];
  if (file !== undefined && keys.length === 0) throw new InputError(`${file}: has no key. Write one a line.`);
  if (keys.every(isSessionKey)) return [...new Set(keys)];
  throw new InputError(`${where}: a key needs ${sessionKeyNeeds}.`);
}

function checkOrigin(origin: string): string {
  if (isOrigin(origin)) return origin;
  throw new InputError(`--cors: needs an origin such as https://example.org, without a path, or *, got "${origin}".`);
}

/**
 * On loopback, the names of this machine and the given names are accepted; on other addresses the given names, or all
 * names if none is given.
 */
function hostsOf(given: Given, host: string): readonly string[] | undefined {
  const more = given.texts("allow-host");
  const odd = more.find((name) => !isHost(name));
  if (odd !== undefined) {
    throw new InputError(
      `--allow-host: needs a name such as example.org, *.example.org or example.org:8080, got "${odd}".`,
    );
  }
  if (!isLoopback(host)) return more.length > 0 ? more : undefined;
  return [...new Set([...loopback, host === "::1" ? "[::1]" : host.toLowerCase(), ...more])];
}

function trustProxyOf(given: Given): TrustProxy {
  const all = given.texts("trust-proxy");
  const [first = ""] = all;
  if (all.length === 1 && /^\d+$/.test(first)) return Number(first);
  const odd = all.find((one) => !isTrustable(one));
  if (odd === undefined) return all;
  throw new InputError(
    `--trust-proxy: needs an address, a network such as 10.0.0.0/8, loopback, private, or a number of proxies, got "${odd}".`,
  );
}

function basePathOf(given: Given): string {
  const path = (given.text("base-path") ?? "").replace(/\/+$/, "");
  if (isBasePath(path)) return path;
  throw new InputError(`--base-path: needs a path such as /llm, got "${path}".`);
}

/** Escapes are read, because it is hard to type a line end in a shell. */
function templateOf(given: Given): string | undefined {
  const template = given.text("chat-template")?.replaceAll("\\n", "\n");
  if (template === undefined || isTemplate(template)) return template;
  throw new InputError(`--chat-template: needs {content} once, as in "{role}: {content}\\n".`);
}

const atLeastOne = (value: number): number => Math.max(1, Math.round(value));

function limitsOf(given: Given) {
  const scaled = (name: string, factor: number, round = atLeastOne): number | undefined => {
    const value = given.number(name);
    return value === undefined ? undefined : round(value * factor);
  };
  const all = {
    maxTokens: given.number("max-tokens"),
    maxPromptTokens: given.number("max-prompt-tokens"),
    maxBodyBytes: given.number("max-body"),
    maxMemoryBytes: scaled("memory", 1e6, Math.floor),
    queue: given.number("queue"),
    sessions: given.number("sessions"),
    sessionsPerKey: given.number("sessions-per-key"),
    timeoutMs: scaled("timeout", 1000),
    stallMs: scaled("stall", 1000),
    keepAliveMs: scaled("keep-alive", 1000),
    sessionMs: scaled("session-minutes", 60_000),
  };
  // Absent options keep their defaults.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Partial<
    Record<keyof typeof all, number>
  >;
}
