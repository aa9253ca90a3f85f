/** `unrolled studio`: serve the studio's page to a local browser. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Hono } from "hono";
import { writeModel } from "../formats/model-file.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { bind, isLoopback, loopback } from "../server/bind.ts";
import { openAnyModel } from "../tasks/index.ts";
import { ours } from "../tasks/open-model.ts";
import { type TaskFacts, taskFacts } from "../tasks/task.ts";
import { foreignOptions, foreignSides, readModelAt, withTask } from "./model-input.ts";
import type { Command, Given } from "./options.ts";
import { styled, warn, writeJson } from "./output.ts";

const usualPort = 4747;

export const studio: Command = {
  name: "studio",
  usage: "studio [MODEL.safetensors ...] [options]",
  summary: "open the page to learn, build, train and inspect",
  details: "Everything runs in the browser. The given models appear in it. Ctrl-C ends it.",
  examples: ["studio", "studio models/moby-dick.safetensors --port 8000"],
  arguments: [0, 100],
  options: {
    port: {
      value: "N",
      help: `port to listen on, 0: any free one [${usualPort}, or any if taken]`,
      number: { whole: true, min: 0, max: 65535 },
    },
    host: { value: "ADDRESS", help: "address to listen on [127.0.0.1: this machine]" },
    ...foreignOptions,
    ...foreignSides,
  },
  async run(given) {
    const folder = fileURLToPath(new URL("../studio", import.meta.url));
    if (!existsSync(join(folder, "index.html"))) throw new Error("the page is missing in this installation");
    const models = await describeAll(given);
    const same = models.find(({ id }, k) => models.findIndex((other) => other.id === id) < k);
    if (same !== undefined) {
      throw new InputError(`${same.path}: there is another model named "${same.id}". Rename one of the two.`);
    }
    const host = given.text("host") ?? "127.0.0.1";
    const address = `${await listen(await studioPage(folder, models, host), host, given.number("port"))}/`;
    if (given.flag("json")) writeJson({ event: "listening", address });
    else {
      const line = `The studio is at ${styled(address, "bold", process.stderr)}  (Ctrl-C ends it)\n`;
      process.stderr.write(line);
    }
  },
};

type GivenModel = {
  readonly path: string;
  /** The model as a file of ours. */
  readonly file: () => Uint8Array<ArrayBuffer>;
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  readonly task: TaskFacts;
};

/** Describe the models that can be shown, with a warning for each other one. @throws InputError if none is left */
async function describeAll(given: Given): Promise<GivenModel[]> {
  const problems: InputError[] = [];
  const models: GivenModel[] = [];
  for (const path of given.positionals) {
    try {
      models.push(await described(path, given));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(error);
    }
  }
  if (models.length === 0 && problems[0] !== undefined) throw problems[0];
  for (const { message } of problems) warn(`${message} Left out.`, given.flag("json"));
  return models;
}

/** A model as the page lists it. @throws InputError for a file that is not a model of a known task */
async function described(path: string, given: Given): Promise<GivenModel> {
  const read = await readModelAt(path, given, { others: given.positionals.length > 1 });
  const { task, file, content } = openAnyModel(withTask(read, path), path);
  const facts = taskFacts(task, content());
  checkFiniteValues(file.model, path);
  const name = basename(path, extname(path));
  if (read.source === ours) {
    const bytes = () => new Uint8Array(readFileSync(path));
    return { path, file: bytes, id: name, name, bytes: statSync(path).size, task: facts };
  }
  const bytes = writeModel(file);
  return { path, file: () => bytes, id: name, name, bytes: bytes.length, task: facts };
}

/** Serve the page's files and the models. The headers allow threads, and keep other sites from reading the models. */
async function studioPage(folder: string, models: readonly GivenModel[], host: string): Promise<Hono> {
  const [{ Hono }, { secureHeaders }, { serveStatic }] = await Promise.all([
    import("hono"),
    import("hono/secure-headers"),
    import("@hono/node-server/serve-static"),
  ]);
  const app = new Hono();
  const names = [...loopback, host.toLowerCase()];
  app.use(async (c, next) => {
    // A page of another site can use a name that resolves to this machine (DNS rebinding); it must not read the models.
    const name = (c.req.header("host") ?? "").replace(/:\d+$/, "").toLowerCase();
    if (isLoopback(host) && !names.includes(name)) return c.text(`Open it as ${loopback[0]}.`, 403);
    await next();
  });
  app.use(
    secureHeaders({
      crossOriginOpenerPolicy: "same-origin",
      crossOriginEmbedderPolicy: "require-corp",
      crossOriginResourcePolicy: "same-origin",
      strictTransportSecurity: false, // This machine has no certificate.
    }),
  );
  // Another version has other files at the same address.
  app.use(async (c, next) => {
    await next();
    c.header("Cache-Control", "no-cache");
  });
  app.get("/models.json", (c) => c.json(models.map(({ path: _, file: __, ...model }) => model)));
  app.get("/models/:file", (c) => {
    const model = models.find(({ id }) => `${id}.safetensors` === c.req.param("file"));
    if (model === undefined) return c.notFound();
    return c.body(model.file(), 200, { "Content-Type": "application/octet-stream" });
  });
  app.use(serveStatic({ root: folder }));
  return app;
}

/** Listen, and return the address. @throws InputError for a port or an address that is not available */
async function listen(app: Hono, host: string, wanted: number | undefined): Promise<string> {
  const { getRequestListener } = await import("@hono/node-server");
  const at = (port: number): Promise<string> => bind(createServer(getRequestListener(app.fetch)), { host, port });
  if (wanted !== undefined) return at(wanted);
  return at(usualPort).catch(() => at(0));
}
