/** `unrolled serve`: serve models over HTTP with OpenAI's completions API. */
import { basename } from "node:path";
import { InputError } from "../graph/input-error.ts";
import { engineNameFor } from "../runtime/engine-name.ts";
import { isLoopback, loopback, maxConnections } from "../server/bind.ts";
import { stackOf } from "../server/errors.ts";
import { isHost } from "../server/hosts.ts";
import { isBasePath, isKey, isOrigin, isTemplate, serverDefaults } from "../server/options.ts";
import { isTrustable, type TrustProxy } from "../server/proxies.ts";
import { type Content, openAnyModel, taskOf } from "../tasks/index.ts";
import { inferenceOptions, usableHostOf } from "./host-options.ts";
import { logTo } from "./log-lines.ts";
import { foreignOptions, foreignSides, readModelAt, withTask } from "./model-input.ts";
import type { Command, Given, Options } from "./options.ts";
import { isTerminal, printable, styled, writeJson } from "./output.ts";

const count = { whole: true, min: 1 } as const;
const seconds = { min: 0.001, max: 86_400 } as const;
const { maxBodyBytes, maxTokens, maxPromptTokens, queue, sessions, sessionsPerKey } = serverDefaults;

const options: Options = {
  host: { value: "ADDRESS", help: "address to listen on [127.0.0.1: this machine]" },
  port: { value: "N", help: "port to listen on; 0: any free one [8080]", number: { whole: true, min: 0, max: 65_535 } },
  "api-key": { value: "KEY", help: "required key; repeatable [$UNROLLED_API_KEY]", multiple: true },
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

export const serve: Command = {
  name: "serve",
  usage: "serve MODEL.safetensors... [options]",
  summary: "serve models over HTTP, with OpenAI's completions API",
  details: [
    "POST /v1/completions, /v1/chat/completions, GET /v1/models; /openapi.json lists",
    "the rest. A model is named after its file, without extension. Writes a line of",
    "JSON to standard error for each request.",
    "",
    "SIGHUP reads all files again; before it, a replaced file has no effect.",
    "SIGTERM and SIGINT end it when all requests are answered, within 30 seconds.",
    "With --drain, it first serves as usual for SECONDS, but /healthz returns 503.",
    "",
    "Behind a proxy: --allow-host is the name that it forwards (llm.example.org,",
    "*.example.org, localhost:8443), --base-path the prefix of all paths (/llm), and",
    "--trust-proxy who may name the client (X-Forwarded-For, Forwarded): an",
    "address, a network (10.0.0.0/8), loopback, private, or a number of proxies.",
    "",
    "A session belongs to its key or, without keys, to anyone who knows its id. A",
    "client with --sessions-per-key sessions loses its least recently used one.",
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
    // A SIGHUP before the server runs needs no action, because the files are being read anyway.
    const ignore = (): void => {};
    process.on("SIGHUP", ignore);
    // Imported here, because other commands do not need it.
    const [{ createServer }, { listen }] = await Promise.all([
      import("../server/app.ts"),
      import("../server/listen.ts"),
    ]);
    const basePath = basePathOf(given);
    const limits = limitsOf(given);
    const writeLine = logTo(process.stderr);
    const engineHost = await usableHostOf(given);
    const models = await read(files, given);
    const engine = await engineNameFor(engineHost);
    const server = await createServer(models, {
      ...{ apiKeys, basePath, trustProxy: trustProxyOf(given), hosts: hostsOf(given, host) },
      cors: given.texts("cors").map(checkOrigin),
      ...limits,
      ...engineHost,
      chatTemplate: templateOf(given),
      ...{ log: writeLine, warn: writeLine },
    });
    const { url: root, close } = await listen(server, {
      ...{ host, port: given.number("port") ?? 8080, drainMs: Math.round((given.number("drain") ?? 0) * 1000) },
      stallMs: limits.stallMs ?? serverDefaults.stallMs,
      maxConnections: given.number("connections") ?? maxConnections,
    });
    const url = root + basePath;
    if (json) writeJson({ event: "listening", url, baseUrl: `${url}/v1`, models: names, engine });
    else process.stdout.write(welcome(url, { models, engine, withKey: apiKeys.length > 0 }));
    if (!isLoopback(host) && apiKeys.length === 0) {
      warn(`--host: other machines can reach ${host}, and no --api-key is required.`, json);
    }

    process.off("SIGHUP", ignore).on("SIGHUP", () => {
      reload().then(
        () => warn("SIGHUP: the files were read again.", json),
        (error: unknown) => {
          // A fault in the program is reported with its stack.
          const problem = error instanceof InputError ? error.message : `internal: ${stackOf(error)}.`;
          warn(`SIGHUP: ${problem} The server keeps the previous models.`, json);
        },
      );
    });
    const reload = async (): Promise<void> => server.replace(await read(files, given));
    const signal = await new Promise<string>((resolve) => {
      for (const name of ["SIGTERM", "SIGINT"]) process.once(name, resolve);
    });
    for (const name of ["SIGTERM", "SIGINT"]) process.once(name, () => process.exit(130));
    warn(`${signal}: the server answers open requests, then ends. Send it again to end at once.`, json);
    await close();
    // A thread of a model can be waiting for work.
    process.exit(0);
  },
};

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

type Models = Readonly<Record<string, Content>>;

/** Models of any task, which the server knows how to serve or refuses. */
async function read(files: readonly string[], given: Given): Promise<Models> {
  const names = namesOf(files);
  const models: Record<string, Content> = {};
  for (const [k, file] of files.entries()) {
    const content = withTask(await readModelAt(file, given, { others: files.length > 1 }), file);
    models[names[k] as string] = openAnyModel(content, file).content() as Content;
  }
  return models;
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

const warn = (message: string, json: boolean): void => {
  process.stderr.write(
    json ? `${JSON.stringify({ time: new Date().toISOString(), warning: message })}\n` : `${printable(message)}\n`,
  );
};

/** The address and the engine; in a terminal, also a command to try. */
function welcome(
  url: string,
  { models, engine, withKey }: { models: Models; engine: string; withKey: boolean },
): string {
  const names = Object.keys(models);
  const first = `Listening at ${url}/v1 with ${printable(names.join(", "))}; engine ${engine}.\n`;
  const model = names.find((name) => taskOf(models[name])?.kind === "text");
  if (!isTerminal(process.stdout) || model === undefined) return first;
  const body = JSON.stringify({ model, prompt: "The ", max_tokens: 100 }).replaceAll("'", "\\u0027");
  const key = withKey ? ` -H "Authorization: Bearer $UNROLLED_API_KEY"` : "";
  const curl = `curl ${url}/v1/completions${key} -H "Content-Type: application/json" \\\n    -d '${body}'`;
  return `${styled(first, "bold", process.stdout)}Ctrl-C ends it. Try, in another terminal:\n\n  ${printable(curl)}\n\n`;
}
