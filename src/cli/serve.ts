/** `unrolled serve`: serve models over HTTP with OpenAI's completions API, in one process or in several. */
import { InputError } from "../graph/input-error.ts";
import { isLoopback } from "../server/bind.ts";
import { stackOf } from "../server/errors.ts";
import type { Command, Given } from "./options.ts";
import { isTerminal, printable, styled, writeJson } from "./output.ts";
import { type ServeSettings, serveOptions, serveSettings } from "./serve-options.ts";
import { prepare } from "./serve-process.ts";
import { serveAsWorker } from "./serve-worker.ts";
import { type Started, startWorkers, workerNumber } from "./serve-workers.ts";

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
    "With --session-key, a session can be sealed instead: each answer has all of it",
    "as a token, from which any server with that key and model goes on. The first",
    "key seals, all open. --workers N serves with N processes on the port, each with",
    "the limits above; their sessions are sealed, by a random key if none is given.",
  ].join("\n"),
  examples: [
    "serve model.safetensors",
    "serve small.safetensors large.safetensors --port 0 --json",
    "serve model.safetensors --workers 4 --session-key-file keys.txt",
  ],
  arguments: [1, 100],
  outlivesReader: true,
  options: serveOptions,
  async run(given) {
    const settings = serveSettings(given);
    if (workerNumber() !== undefined) return serveAsWorker(given, settings);
    const { json } = settings;
    // A SIGHUP before the server runs needs no action, because the files are being read anyway.
    const ignore = (): void => {};
    process.on("SIGHUP", ignore);
    const started = settings.workers > 1 ? await startWorkers(settings, say) : await start(given, settings);
    tell(settings, started);
    process.off("SIGHUP", ignore).on("SIGHUP", () => {
      started.reload().then(
        () => say("SIGHUP: the files were read again."),
        (error: unknown) => {
          // A fault in the program is reported with its stack.
          const problem = error instanceof InputError ? error.message : `internal: ${stackOf(error)}.`;
          say(`SIGHUP: ${problem} The server keeps the previous models.`);
        },
      );
    });
    const signal = await new Promise<string>((resolve) => {
      for (const name of ["SIGTERM", "SIGINT"]) process.once(name, resolve);
    });
    for (const name of ["SIGTERM", "SIGINT"]) process.once(name, () => started.kill(130));
    say(`${signal}: the server answers open requests, then ends. Send it again to end at once.`);
    await started.close();
    // A thread of a model can be waiting for work.
    process.exit(0);

    function say(message: string): void {
      const line = { time: new Date().toISOString(), warning: message };
      process.stderr.write(json ? `${JSON.stringify(line)}\n` : `${printable(message)}\n`);
    }
    function tell({ basePath, names, workers, server, listening: { host } }: ServeSettings, started: Started): void {
      const url = started.url + basePath;
      const { engine } = started;
      const also = workers > 1 ? { workers } : {};
      if (json) writeJson({ event: "listening", url, baseUrl: `${url}/v1`, models: names, engine, ...also });
      else process.stdout.write(welcome(url, settings, started));
      if (!isLoopback(host) && server.apiKeys?.length === 0) {
        say(`--host: other machines can reach ${host}, and no --api-key is required.`);
      }
    }
  },
};

/** Serve in this process. */
async function start(given: Given, settings: ServeSettings): Promise<Started> {
  const prepared = await prepare(given, settings);
  const { url, close } = await prepared.listen();
  const { engine, texts } = prepared;
  return {
    ...{ url, engine, texts, close },
    kill: (code) => process.exit(code),
    reload: async () => void (await prepared.reload()),
  };
}

/** The address and the engine; in a terminal, also a command to try. */
function welcome(url: string, { names, workers, server }: ServeSettings, { engine, texts }: Started): string {
  const several = workers > 1 ? `; ${workers} workers` : "";
  const first = `Listening at ${url}/v1 with ${printable(names.join(", "))}; engine ${engine}${several}.\n`;
  const [model] = texts;
  if (!isTerminal(process.stdout) || model === undefined) return first;
  const body = JSON.stringify({ model, prompt: "The ", max_tokens: 100 }).replaceAll("'", "\\u0027");
  const key = server.apiKeys?.length === 0 ? "" : ` -H "Authorization: Bearer $UNROLLED_API_KEY"`;
  const curl = `curl ${url}/v1/completions${key} -H "Content-Type: application/json" \\\n    -d '${body}'`;
  return `${styled(first, "bold", process.stdout)}Ctrl-C ends it. Try, in another terminal:\n\n  ${printable(curl)}\n\n`;
}
