/** `unrolled serve`: models over HTTP, as OpenAI's completions. */
import { basename } from "node:path";
import { readInput } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { isLoopback, loopback, maxConnections } from "../server/bind.ts";
import { stackOf } from "../server/errors.ts";
import { isHost } from "../server/hosts.ts";
import { isBasePath, isKey, isOrigin, isTemplate, serverDefaults } from "../server/options.ts";
import { isTrustable, type TrustProxy } from "../server/proxies.ts";
import { type Content, openAnyModel, taskOf } from "../tasks/index.ts";
import { hostOf, hostOptions } from "./host-options.ts";
import { logTo } from "./log-lines.ts";
import type { Command, Given, Options } from "./options.ts";
import { isTerminal, printable, styled, writeJson } from "./output.ts";

const count = { whole: true, min: 1 } as const;
const seconds = { min: 0.001, max: 86_400 } as const;
const { maxBodyBytes, maxTokens, maxPromptTokens, queue, sessions, sessionsPerKey } = serverDefaults;

const options: Options = {
  host: { value: "ADDRESS", help: "where it listens [127.0.0.1: this machine alone]" },
  port: { value: "N", help: "0 is any free one [8080]", number: { whole: true, min: 0, max: 65_535 } },
  "api-key": { value: "KEY", help: "asked for; again for several [$UNROLLED_API_KEY]", multiple: true },
  cors: { value: "ORIGIN", help: "a site whose pages may ask, or *; again for several", multiple: true },
  "allow-host": {
    value: "NAME",
    help: "a name it may be asked by; again for several",
    multiple: true,
  },
  "trust-proxy": {
    value: "WHO",
    help: "a proxy that is believed; again for several",
    multiple: true,
  },
  "base-path": { value: "PATH", help: "what all paths begin with, as /llm" },
  "max-tokens": { value: "N", help: `tokens that a request may have written [${maxTokens}]`, number: count },
  "max-prompt-tokens": { value: "N", help: `tokens that a request may have read [${maxPromptTokens}]`, number: count },
  "max-body": { value: "BYTES", help: `longest body of a request [${maxBodyBytes}]`, number: count },
  memory: {
    value: "MB",
    help: "all requests' memory [a quarter of Node's heap]",
    number: { min: 1, max: 1e6 },
  },
  connections: { value: "N", help: `most connections [${maxConnections}]`, number: count },
  timeout: { value: "SECONDS", help: "longest that a request may take [120]", number: seconds },
  stall: {
    value: "SECONDS",
    help: "longest that a client may stand still [30]",
    number: seconds,
  },
  "keep-alive": { value: "SECONDS", help: "longest that a stream is silent [15]", number: seconds },
  drain: {
    value: "SECONDS",
    help: "how long /healthz says that it will end [0]",
    number: { min: 0, max: 86_400 },
  },
  queue: { value: "N", help: `texts that may wait for each model [${queue}]`, number: count },
  sessions: { value: "N", help: `most sessions [${sessions}]`, number: { whole: true, min: 0 } },
  "sessions-per-key": {
    value: "N",
    help: `most sessions of one key, or address [${sessionsPerKey}]`,
    number: { whole: true, min: 0 },
  },
  "session-minutes": { value: "N", help: "how long one lives unused [30]", number: { above: 0, max: 1e6 } },
  "chat-template": { value: "TEXT", help: 'each message, as "{role}: {content}\\n"' },
  ...hostOptions("that share a step, on idle cores [1]"),
};

export const serve: Command = {
  name: "serve",
  usage: "serve MODEL.safetensors... [options]",
  summary: "answer over HTTP, as OpenAI's completions",
  details: [
    "POST /v1/completions, /v1/chat/completions, GET /v1/models; /openapi.json lists",
    "the rest. A model's name is its file's, without ending. Each request is a line",
    "of JSON on standard error.",
    "",
    "A file that is replaced changes nothing until SIGHUP reads all of them anew.",
    "SIGTERM and SIGINT end it once all is answered, at most 30 seconds later; with",
    "--drain SECONDS more: as long, all is answered as ever, but /healthz says 503.",
    "",
    "Behind a proxy: --allow-host is the name that it passes on (llm.example.org,",
    "*.example.org, localhost:8443), --base-path what paths begin with (/llm), and",
    "--trust-proxy whose word counts for who asks (X-Forwarded-For, Forwarded): an",
    "address, a network (10.0.0.0/8), loopback, private, or how many proxies.",
    "",
    "A session is its key's, or without keys whose id is known. Who has as many as",
    "--sessions-per-key loses with the next one that which was not used for longest.",
  ].join("\n"),
  examples: ["serve model.safetensors", "serve small.safetensors large.safetensors --port 0 --json"],
  arguments: [1, 100],
  outlivesReader: true,
  options,
  async run(given) {
    const files = given.positionals;
    const names = namesOf(files);
    const host = given.text("host") ?? "127.0.0.1";
    const apiKeys = keysOf(given);
    const json = given.flag("json");
    // One that comes before there is a server asks for what it reads anyway.
    const ignore = (): void => {};
    process.on("SIGHUP", ignore);
    // What other commands need not load.
    const [{ createServer }, { listen }] = await Promise.all([
      import("../server/app.ts"),
      import("../server/listen.ts"),
    ]);
    const basePath = basePathOf(given);
    const limits = limitsOf(given);
    const writeLine = logTo(process.stderr);
    const models = read(files);
    const server = await createServer(models, {
      ...{ apiKeys, basePath, trustProxy: trustProxyOf(given), hosts: hostsOf(given, host) },
      cors: given.texts("cors").map(checkOrigin),
      ...limits,
      ...hostOf(given),
      chatTemplate: templateOf(given),
      ...{ log: writeLine, warn: writeLine },
    });
    const { url: root, close } = await listen(server, {
      ...{ host, port: given.number("port") ?? 8080, drainMs: Math.round((given.number("drain") ?? 0) * 1000) },
      stallMs: limits.stallMs ?? serverDefaults.stallMs,
      maxConnections: given.number("connections") ?? maxConnections,
    });
    const url = root + basePath;
    if (json) writeJson({ event: "listening", url, baseUrl: `${url}/v1`, models: names });
    else process.stdout.write(welcome(url, models, apiKeys.length > 0));
    if (!isLoopback(host) && apiKeys.length === 0) {
      warn(`--host: ${host} is in reach of others, and no --api-key is asked for.`, json);
    }

    process.off("SIGHUP", ignore).on("SIGHUP", () => {
      reload().then(
        () => warn("SIGHUP: the files were read anew.", json),
        (error: unknown) => {
          // A fault of the program's is said with where it was.
          const problem = error instanceof InputError ? error.message : `internal: ${stackOf(error)}.`;
          warn(`SIGHUP: ${problem} The models before it go on.`, json);
        },
      );
    });
    const reload = async (): Promise<void> => server.replace(read(files));
    const signal = await new Promise<string>((resolve) => {
      for (const name of ["SIGTERM", "SIGINT"]) process.once(name, resolve);
    });
    for (const name of ["SIGTERM", "SIGINT"]) process.once(name, () => process.exit(130));
    warn(`${signal}: what was asked is answered, then it ends. Again, and it ends at once.`, json);
    await close();
    // A thread of a model's may be waiting for work.
    process.exit(0);
  },
};

/** @throws InputError where two have the same name */
function namesOf(files: readonly string[]): readonly string[] {
  const names = files.map((file) => basename(file).replace(/\.[^.]+$/, ""));
  const again = names.findIndex((name, k) => names.indexOf(name) < k);
  if (again >= 0) {
    const [name, first] = [names[again] as string, files[names.indexOf(names[again] as string)]];
    throw new InputError(`${files[again]}: its name, ${name}, is that of ${first} too. Rename one of the files.`);
  }
  return names;
}

type Models = Readonly<Record<string, Content>>;

/** Models of any task, which the server knows how to serve or refuses. */
function read(files: readonly string[]): Models {
  const names = namesOf(files);
  return Object.fromEntries(
    files.map((file, k) => [names[k], openAnyModel(readInput(file), file).content() as Content]),
  );
}

/** Those of the command line, or the one of the environment, which is not in the list of processes. */
function keysOf(given: Given): readonly string[] {
  const fromEnvironment = process.env.UNROLLED_API_KEY ?? "";
  const [where, keys] =
    given.texts("api-key").length > 0 || fromEnvironment === ""
      ? ["--api-key", given.texts("api-key")]
      : ["UNROLLED_API_KEY", [fromEnvironment]];
  if (keys.every(isKey)) return [...new Set(keys)];
  throw new InputError(`${where}: needs characters of ASCII, without spaces.`);
}

function checkOrigin(origin: string): string {
  if (isOrigin(origin)) return origin;
  throw new InputError(`--cors: needs an origin as https://example.org, without a path, or *, got "${origin}".`);
}

/** On loopback the names of this machine, and those that were given; elsewhere any, or those that were given. */
function hostsOf(given: Given, host: string): readonly string[] | undefined {
  const more = given.texts("allow-host");
  const odd = more.find((name) => !isHost(name));
  if (odd !== undefined) {
    throw new InputError(`--allow-host: needs a name as example.org, *.example.org or example.org:8080, got "${odd}".`);
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
    `--trust-proxy: needs an address, a network as 10.0.0.0/8, loopback, private, or a number of proxies, got "${odd}".`,
  );
}

function basePathOf(given: Given): string {
  const path = (given.text("base-path") ?? "").replace(/\/+$/, "");
  if (isBasePath(path)) return path;
  throw new InputError(`--base-path: needs a path as /llm, got "${path}".`);
}

/** A shell has no easy way to write a line end. */
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
  // What is absent keeps its default.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Partial<
    Record<keyof typeof all, number>
  >;
}

const warn = (message: string, json: boolean): void => {
  process.stderr.write(
    json ? `${JSON.stringify({ time: new Date().toISOString(), warning: message })}\n` : `${printable(message)}\n`,
  );
};

/** Where it listens; in a terminal, what to try as well. */
function welcome(url: string, models: Models, withKey: boolean): string {
  const names = Object.keys(models);
  const first = `Listening at ${url}/v1 with ${printable(names.join(", "))}.\n`;
  const model = names.find((name) => taskOf(models[name])?.kind === "text");
  if (!isTerminal(process.stdout) || model === undefined) return first;
  const body = JSON.stringify({ model, prompt: "The ", max_tokens: 100 }).replaceAll("'", "\\u0027");
  const key = withKey ? ` -H "Authorization: Bearer $UNROLLED_API_KEY"` : "";
  const curl = `curl ${url}/v1/completions${key} -H "Content-Type: application/json" \\\n    -d '${body}'`;
  return `${styled(first, "bold", process.stdout)}Ctrl-C ends it. Try, in another terminal:\n\n  ${printable(curl)}\n\n`;
}
