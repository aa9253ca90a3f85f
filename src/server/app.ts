/**
 * The server as one function from requests to answers: puts together who may ask, what is asked and who is told what. Knows
 * nothing about sockets; `listen.ts` does.
 */
import type { Readable } from "node:stream";
import { type Context, Hono } from "hono";
import { excerpt } from "../graph/excerpt.ts";
import { checkArguments, inRange, withDefaults } from "../graph/schema.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { checkHost, checkKey, createIsOpen, tellAddress } from "./access.ts";
import { createAnswer, createSender } from "./answer.ts";
import { mostLanes } from "./batcher.ts";
import { readBody } from "./body.ts";
import { chatAsked } from "./chat.ts";
import { type Asked, type AskedWriting, placeOrder, type Served, withLength } from "./completions.ts";
import { compressed } from "./compression.ts";
import { type Connection, type Env, type RequestContext, RequestContexts } from "./context.ts";
import { allowOrigins } from "./cors.ts";
import { completionBytes, inspectionBytes, sessionBytes } from "./costs.ts";
import { ApiError, apiErrorOf, stackOf } from "./errors.ts";
import { createIgnoredFields, type IgnoredFields } from "./ignored-fields.ts";
import { createInspections } from "./inspections.ts";
import { loadModels } from "./loaded-models.ts";
import { guardLog } from "./log.ts";
import { MemoryBudget } from "./memory.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { type Handlers, openapi, type Route, type RouteName, routes } from "./openapi.ts";
import { modelsRule, type ServerOptions, serverArguments, serverDefaults } from "./options.ts";
import { requestIdOf } from "./request-id.ts";
import { check } from "./schemas.ts";
import { sessionRoutes } from "./session-routes.ts";
import { mostStateBytes } from "./session-state.ts";
import { Sessions } from "./sessions.ts";
import { tokenRoutes } from "./token-routes.ts";

/** Answers requests for models, which goes on until it is closed. */
export type Server = {
  /** Answer a request. `env` is what Node's adapter knows about its connection. */
  readonly fetch: (request: Request, env?: Connection) => Promise<Response>;
  /** The answer to what makes no request, told to the log and counted as that of a request. `client`: its address. */
  readonly refuse: (error: ApiError, client?: string) => Response;
  /** Serve these from now on; what runs, and sessions, go on with those before. */
  readonly replace: (models: Readonly<Record<string, LanguageModel>>) => Promise<void>;
  /** Say at /healthz that it is about to end, and answer everything else as ever: nobody should send more. */
  readonly drain: () => void;
  /** Take no more requests, and resolve when all have ended; those that have not in time are ended. */
  readonly close: (deadlineMs?: number) => Promise<void>;
};

/** Texts that one request may ask for: OpenAI's limit of n. */
const maxTexts = 128;

/**
 * A server for models by their names.
 * @throws InputError for a model that cannot write text step by step, or too large for the memory
 * @example
 * const server = await createServer({ "moby-dick": lm });
 * const answer = await server.fetch(new Request("http://localhost/v1/models"));
 */
export async function createServer(
  models: Readonly<Record<string, LanguageModel>>,
  options: ServerOptions = {},
): Promise<Server> {
  checkArguments("createServer", { models, options }, serverArguments);
  const settings: Required<ServerOptions> = withDefaults(serverDefaults, options);
  const { apiKeys, hosts, maxTokens, maxPromptTokens, basePath, chatTemplate } = settings;
  const isOpen = createIsOpen(basePath);
  // More texts than there are places would be refused for ever.
  const limits = { maxTokens, maxPromptTokens, maxTexts: Math.min(maxTexts, settings.queue + mostLanes) };
  const loaded = await loadModels(models, settings);
  const memory = new MemoryBudget({ maxBytes: settings.maxMemoryBytes, maxWaiting: settings.queue + mostLanes });
  const room = Math.min(...loaded.all.map((served) => memory.sessionsOf(sessionBytes(served))));
  const sessions = new Sessions({
    ...{ most: Math.min(settings.sessions, room), mostEach: settings.sessionsPerKey, lifeMs: settings.sessionMs },
    ...{ requestMs: settings.timeoutMs, shared: apiKeys.length === 0 },
  });
  const metrics = createMetrics({
    sessions: () => sessions.count,
    memory: () => memory,
    batchers: () =>
      loaded.all.map(({ name, batcher }) => {
        return { model: name, queued: batcher.queueLength, lanes: batcher.lanesInUse };
      }),
  });
  const log = guardLog(settings.log);
  const requests = new RequestContexts(settings.timeoutMs, memory, (c, request) => {
    tell(c, request, metrics, log);
    retire();
  });
  const retire = (): void =>
    loaded.retire((one) => sessions.use(one) || [...requests.all].some(({ order }) => order?.served === one));

  const app = new Hono<Env>();
  app.use(requests.middleware);
  app.use(compressed);
  app.use(tellAddress(settings.trustProxy));
  if (settings.cors.length > 0) app.use(allowOrigins(settings.cors));
  if (hosts !== undefined) app.use(checkHost(hosts));
  app.use(checkKey(apiKeys, isOpen));
  app.use(async (c, next) => {
    if (requests.isClosing && !isOpen(c)) throw new ApiError("shutting_down", "the server is shutting down.");
    return next();
  });

  const send = createSender(settings.stallMs);
  const answer = createAnswer(metrics, send, settings.keepAliveMs);
  /** Waits until there is memory for so many bytes. */
  const start = (c: Context<Env>, bytes: number): Promise<void> =>
    memory.start(c.var.request.holding, bytes, c.var.request.stop.signal);
  async function write(c: Context<Env>, asked: Asked & AskedWriting & { readonly model: string }): Promise<Response> {
    const served = loaded.find(asked.model);
    const writing = withLength(asked);
    await start(c, completionBytes(served, writing, asked));
    return answer(c, placeOrder(served, writing, limits, asked));
  }
  const inspections = createInspections(limits);
  const document = openapi({ keys: apiKeys.length > 0, hosts: hosts !== undefined });
  const readJson = async (c: Context<Env>, name: RouteName): Promise<unknown> => {
    const { holding, stop, client } = c.var.request;
    // Whom nothing in the body could help is told before it is read: to refuse takes far less than to answer.
    if (name === "complete" || name === "chat") loaded.checkRoom(client);
    const states = name === "writeSessionState" ? loaded.all.map(mostStateBytes) : [];
    return readBody(c.req.raw, {
      ...{ maxBytes: Math.max(settings.maxBodyBytes, ...states), stallMs: settings.stallMs, signal: stop.signal },
      ...{ onBytes: (bytes) => memory.receive(holding, 2 * bytes), incoming: c.env?.incoming as Readable | undefined },
    }).finally(() => memory.received(holding));
  };
  addRoutes(
    app,
    { readJson, basePath, ignored: createIgnoredFields(settings.warn) },
    {
      complete: write,
      chat: (c, body) => write(c, chatAsked(body, chatTemplate)),
      ...tokenRoutes({ models: loaded, limits, chatTemplate, start, send }),
      listModels: (c) => c.json({ object: "list", data: loaded.all.map(about) }),
      readModel: (c) => c.json(about(loaded.find(c.req.param("id") ?? ""))),
      async inspect(c, body) {
        const served = loaded.find(body.model);
        const plan = inspections.plan(served, body);
        await start(c, inspectionBytes(plan.ids.length, plan.size));
        return send.json(c, await inspections.inspect(served, plan, c.var.request.stop.signal));
      },
      ...sessionRoutes({ models: loaded, sessions, limits, answer, start, send }),
      health: (c) => (requests.isDraining ? c.json({ status: "shutting down" }, 503) : c.json({ status: "ok" })),
      metrics: async (c) =>
        c.body(await metrics.registry.metrics(), 200, { "Content-Type": metrics.registry.contentType }),
      openapi: (c) => c.json(document(c.req.path.slice(0, -routes.openapi.path.length))),
    },
  );

  return {
    fetch: async (request, env) => app.fetch(request, env ?? {}),
    refuse(error, client = "unknown") {
      const { status, body } = error;
      const id = requestIdOf();
      metrics.requests.inc({ route: "other", status });
      metrics.refusals.inc({ reason: error.kind });
      log({
        ...{ time: new Date().toISOString(), id, method: "-", path: "-", status, ms: 0 },
        ...{ promptTokens: 0, completionTokens: 0, client, error: error.kind },
        ...(error.kind === "internal" && { stack: stackOf(error.cause) }),
      });
      return Response.json(body, { status, headers: { "x-request-id": id, ...error.headers } });
    },
    async replace(models) {
      checkArguments("replace", { models }, { models: modelsRule });
      await loaded.replace(models);
      retire();
    },
    drain: () => requests.drain(),
    async close(deadlineMs = 30_000) {
      checkArguments("close", { deadlineMs }, { deadlineMs: inRange(0) });
      await requests.close(deadlineMs);
      loaded.dispose();
    },
  };
}

const about = ({ name, created }: Served) => ({ id: name, object: "model", created, owned_by: "unrolled" });

/** Handlers at their routes; everything else is an error. */
function addRoutes(
  app: Hono<Env>,
  {
    readJson,
    basePath,
    ignored,
  }: {
    readonly readJson: (c: Context<Env>, name: RouteName) => Promise<unknown>;
    readonly basePath: string;
    readonly ignored: IgnoredFields;
  },
  handlers: Handlers,
): void {
  for (const name of Object.keys(routes) as RouteName[]) {
    const route: Route = routes[name];
    const handler = handlers[name] as (c: Context<Env>, body: unknown) => Response | Promise<Response>;
    app.on(route.method.toUpperCase(), basePath + route.path, async (c) => {
      c.var.request.route = route.path;
      const onUnknown = (names: readonly string[]): void => ignored(route.path, names);
      try {
        if (route.body === undefined) return await handler(c, route.query && check(route.query, c.req.query()));
        return await handler(c, check(route.body, await readJson(c, name), onUnknown));
      } catch (thrown) {
        // Hono lets anything else pass.
        throw thrown instanceof Error ? thrown : new Error(`thrown: ${String(thrown)}`);
      }
    });
  }
  for (const { path } of Object.values(routes)) {
    app.all(basePath + path, (c) => {
      const methods = Object.values(routes)
        .filter((route) => route.path === path)
        .map(({ method }) => method.toUpperCase());
      c.var.request.route = path;
      c.header("Allow", methods.join(", "));
      throw new ApiError(
        "method_not_allowed",
        `${basePath}${path} takes ${methods.join(" and ")}, got ${c.req.method}.`,
      );
    });
  }
  app.notFound((c) => {
    const wrong = `there is nothing at ${excerpt(c.req.path, 100)}. GET ${basePath}/openapi.json lists what there is.`;
    throw new ApiError("not_found", wrong);
  });
  app.onError((error, c) => {
    const { request } = c.var;
    const told = apiErrorOf(error, request.id);
    request.error = told;
    for (const [name, value] of Object.entries(told.headers)) c.header(name, value);
    if (told.kind === "aborted") request.aborted = true;
    // Nobody reads the rest of the body.
    if (["too_large", "memory_full", "request_timeout"].includes(told.kind)) c.header("Connection", "close");
    if (told.kind === "content_encoding") c.header("Accept-Encoding", "gzip");
    if (told.kind === "invalid_api_key") c.header("WWW-Authenticate", "Bearer");
    return c.json(told.body, told.status as 400);
  });
}

/** Count a request that has ended, and log it. */
function tell(c: Context<Env>, request: RequestContext, metrics: Metrics, log: Required<ServerOptions>["log"]): void {
  const ms = performance.now() - request.startMs;
  const { status } = c.res;
  const { id, order, route, client, aborted, error, queueMs, firstTokenMs } = request;
  const texts = order?.texts ?? [];
  const promptTokens = texts.reduce((total, text) => total + text.read, 0);
  const completionTokens = texts.reduce((total, text) => total + text.written, 0);
  metrics.requests.inc({ route: route ?? "other", status });
  metrics.duration.observe({ route: route ?? "other" }, ms / 1000);
  if (error !== undefined) metrics.refusals.inc({ reason: error.kind });
  if (order !== undefined) {
    metrics.tokens.inc({ model: order.served.name, kind: "read" }, promptTokens);
    metrics.tokens.inc({ model: order.served.name, kind: "written" }, completionTokens);
  }
  log({
    ...{ time: new Date().toISOString(), id, method: c.req.method, path: route ?? excerpt(c.req.path, 200), status },
    ...{ ms: tenths(ms), promptTokens, completionTokens, client },
    ...(order && { model: order.served.name }),
    ...(queueMs !== undefined && { queueMs: tenths(queueMs) }),
    ...(firstTokenMs !== undefined && { firstTokenMs: tenths(firstTokenMs) }),
    ...(error && { error: error.kind }),
    ...(error?.kind === "internal" && { stack: stackOf(error.cause) }),
    ...(aborted && { aborted }),
  });
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;
