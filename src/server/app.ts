/**
 * The server as one function from requests to answers: it combines access checks, routes and answers. `listen.ts`
 * handles the sockets.
 */
import { Hono } from "hono";
import { checkArguments, inRange, withDefaults } from "../graph/schema.ts";
import type { Content } from "../tasks/index.ts";
import { createAnswer } from "./answer.ts";
import { maxSlots } from "./batcher.ts";
import { sessionBytes } from "./costs.ts";
import type { ApiError } from "./errors.ts";
import { createIgnoredFields } from "./ignored-fields.ts";
import { type LoadedModels, loadModels } from "./loaded-models.ts";
import { guardLog } from "./log.ts";
import { MemoryBudget } from "./memory.ts";
import { createMetrics } from "./metrics.ts";
import { checkApiKey } from "./middleware/api-key.ts";
import { readClientAddress } from "./middleware/client-address.ts";
import { compress } from "./middleware/compress.ts";
import { allowOrigins } from "./middleware/cors.ts";
import { answerError, refuseUnknownPath } from "./middleware/errors.ts";
import { checkHost } from "./middleware/host.ts";
import { trackRequests } from "./middleware/request-context.ts";
import { refuseOnceClosing } from "./middleware/shutdown.ts";
import { modelsRule, type ServerOptions, serverArguments, serverDefaults } from "./options.ts";
import type { Gather } from "./own-metrics.ts";
import { createRecords } from "./records.ts";
import { type Connection, type Env, RequestContexts, type WaitForMemory } from "./request-context.ts";
import { requestIdOf } from "./request-id.ts";
import { addRoutes } from "./routes/add-routes.ts";
import { createBodyReader } from "./routes/body-reader.ts";
import { completionRoutes } from "./routes/completions.ts";
import { inspectionRoutes } from "./routes/inspections.ts";
import { modelRoutes } from "./routes/models.ts";
import { serviceRoutes } from "./routes/service.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { createIsOpen, type Handlers, serverRoutes } from "./routes/table.ts";
import { taskRoutes } from "./routes/task-routes.ts";
import { tokenRoutes } from "./routes/tokens.ts";
import { createSealing } from "./sealing.ts";
import { createSender } from "./send.ts";
import { createSealer } from "./session-token.ts";
import { Sessions } from "./sessions.ts";

/** A server of models, which runs until it is closed. */
export type Server = {
  /** Answer a request. `env` is the connection's data from Node's adapter. */
  readonly fetch: (request: Request, env?: Connection) => Promise<Response>;
  /** Answer an invalid request, which is logged and counted like a request. `client` is its address. */
  readonly refuse: (error: ApiError, client?: string) => Response;
  /** Serve these models from now on; running requests and sessions continue with the previous ones. */
  readonly replace: (models: Readonly<Record<string, Content>>) => Promise<void>;
  /** Return 503 at /healthz and answer all other requests as usual, so that clients send no more. */
  readonly drain: () => void;
  /** Accept no more requests, and resolve when all have ended; after the deadline, the others are aborted. */
  readonly close: (deadlineMs?: number) => Promise<void>;
};

type Settings = Required<ServerOptions>;

/**
 * Create a server for models by name: language models, and models of other tasks.
 * @throws InputError for a model that cannot generate text step by step, or is too large for the memory
 * @example
 * const server = await createServer({ "moby-dick": lm });
 * const answer = await server.fetch(new Request("http://localhost/v1/models"));
 */
export async function createServer(
  models: Readonly<Record<string, Content>>,
  options: ServerOptions = {},
): Promise<Server> {
  return createServerWith(models, options);
}

/**
 * The same for a server that is one of several processes.
 * @internal
 */
export async function createServerWith(
  models: Readonly<Record<string, Content>>,
  options: ServerOptions = {},
  gather: Gather = (own) => () => own.metrics(),
): Promise<Server> {
  checkArguments("createServer", { models, options }, serverArguments);
  const settings: Settings = withDefaults(serverDefaults, options);
  const parts = createParts(await loadModels(models, settings), settings);
  const app = createApp(parts, settings, gather(parts.metrics.registry));
  const { requests, records } = parts;
  return {
    fetch: async (request, env) => app.fetch(request, env ?? {}),
    refuse(error, client = "unknown") {
      const id = requestIdOf();
      records.refusal(error, { id, client });
      return Response.json(error.body, { status: error.status, headers: { "x-request-id": id, ...error.headers } });
    },
    async replace(models) {
      checkArguments("replace", { models }, { models: modelsRule });
      await parts.models.replace(models);
      parts.retire();
    },
    drain: () => requests.drain(),
    async close(deadlineMs = 30_000) {
      checkArguments("close", { deadlineMs }, { deadlineMs: inRange(0) });
      await requests.close(deadlineMs);
      parts.models.dispose();
    },
  };
}

/** Create the parts that live as long as the server. */
function createParts(models: LoadedModels, settings: Settings) {
  const memory = new MemoryBudget({ maxBytes: settings.maxMemoryBytes, maxWaiting: settings.queue + maxSlots });
  const room = Math.min(...models.texts.map((loaded) => memory.sessionsOf(sessionBytes(loaded))));
  const sessions = new Sessions({
    ...{ max: Math.min(settings.sessions, room), maxEach: settings.sessionsPerKey, lifeMs: settings.sessionMs },
    ...{ requestMs: settings.timeoutMs, shared: settings.apiKeys.length === 0 },
    seals: settings.sessionKeys.length > 0,
  });
  const metrics = createMetrics({
    sessions: () => sessions.count,
    memory: () => memory,
    batchers: () =>
      models.texts.map(({ name, batcher }) => {
        return { model: name, queued: batcher.queueLength, slots: batcher.slotsInUse };
      }),
  });
  const records = createRecords(metrics, guardLog(settings.log));
  const requests = new RequestContexts(settings.timeoutMs, memory, (c, request) => {
    records.request(c, request);
    retire();
  });
  /** Replaced models are freed once nothing uses them. */
  const retire = (): void =>
    models.retire((one) => sessions.use(one) || [...requests.all].some(({ loaded }) => loaded === one));
  return { models, memory, sessions, metrics, records, requests, retire };
}
type Parts = ReturnType<typeof createParts>;

/** The largest number of texts in one request: OpenAI's limit of n. */
const maxTexts = 128;

/** Create the application: the middleware in order, then the routes. */
function createApp(
  { models, memory, sessions, metrics, requests }: Parts,
  settings: Settings,
  allMetrics: () => Promise<string>,
): Hono<Env> {
  const { apiKeys, cors, hosts, maxTokens, maxPromptTokens, basePath, chatTemplate } = settings;
  const isOpen = createIsOpen(basePath);
  const app = new Hono<Env>();
  app.use(trackRequests(requests));
  app.use(compress);
  app.use(readClientAddress(settings.trustProxy));
  if (cors.length > 0) app.use(allowOrigins(cors));
  if (hosts !== undefined) app.use(checkHost(hosts));
  app.use(checkApiKey(apiKeys, isOpen));
  app.use(refuseOnceClosing(requests, isOpen));

  // A request with more texts than the queue can hold would always be refused.
  const limits = { maxTokens, maxPromptTokens, maxTexts: Math.min(maxTexts, settings.queue + maxSlots) };
  const send = createSender(settings.stallMs);
  const answer = createAnswer(metrics, send, settings.keepAliveMs);
  const start: WaitForMemory = (c, bytes) => memory.start(c.var.request.holding, bytes, c.var.request.stop.signal);
  const described = { keys: apiKeys.length > 0, hosts: hosts !== undefined };
  const sealer =
    settings.sessionKeys.length === 0 ? undefined : createSealer(createSealing(settings.sessionKeys), models);
  const { maxBodyBytes: maxBytes, stallMs } = settings;
  const readJson = createBodyReader({ models, memory, maxBytes, stallMs, seals: sealer !== undefined });
  const routes = Object.assign({}, ...[...models.servings.values()].map(({ routes }) => routes), serverRoutes);
  const handlers: Handlers = {
    ...completionRoutes({ models, limits, chatTemplate, start, answer }),
    ...tokenRoutes({ models, limits, chatTemplate, start, send }),
    ...modelRoutes(models),
    ...inspectionRoutes({ models, limits, start, send }),
    ...sessionRoutes({ models, sessions, sealer, limits, answer, start, send }),
    ...serviceRoutes({ requests, allMetrics, routes, described }),
  };
  const checks = { readJson, basePath, ignored: createIgnoredFields(settings.warn) };
  addRoutes(app, routes, { ...handlers, ...taskRoutes({ models, start, send }) }, checks);
  app.notFound(refuseUnknownPath(basePath));
  app.onError(answerError);
  return app;
}
