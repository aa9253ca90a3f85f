/**
 * The server as one function from requests to answers: who may ask, what is asked, who is told what. Knows nothing about
 * sockets; `listen.ts` does.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import type { z } from "zod";
import { excerpt } from "../graph/excerpt.ts";
import { checkArguments, inRange, withDefaults } from "../graph/schema.ts";
import { openFrom } from "../tasks/healing.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { decode, encode } from "../text/tokenizer.ts";
import { createBatcher, mostLanes } from "./batcher.ts";
import { readBody } from "./body.ts";
import {
  checkLimits,
  complete,
  completeAsEvents,
  type Order,
  type Piece,
  placeOrder,
  type Served,
  textOf,
} from "./completions.ts";
import { ApiError, apiErrorOf } from "./errors.ts";
import { createInspections } from "./inspections.ts";
import { createMetrics } from "./metrics.ts";
import { openapi, type Route, type RouteName, routes } from "./openapi.ts";
import { modelsRule, type ServerOptions, serverArguments, serverDefaults } from "./options.ts";
import { check, type Writing } from "./schemas.ts";
import { type Session, Sessions } from "./sessions.ts";

/** Answers requests for models, which goes on until it is closed. */
export type Server = {
  /** Answer a request. `env` is what Node's adapter knows about its connection. */
  readonly fetch: (request: Request, env?: Connection) => Promise<Response>;
  /** Serve these from now on; what runs, and sessions, go on with those before. */
  readonly replace: (models: Readonly<Record<string, LanguageModel>>) => Promise<void>;
  /** Take no more requests, and resolve when all have ended; those that have not in time are ended. */
  readonly close: (deadlineMs?: number) => Promise<void>;
};

/** What Node knows about a connection. */
type Connection = {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined } };
  readonly outgoing?: { readonly destroy: () => void };
};

/** What is known of a request on its way. */
type Visit = {
  readonly startMs: number;
  readonly stop: AbortController;
  client: string;
  route: string | undefined;
  /** What is read and written for it. */
  order: Order | undefined;
  streaming: boolean;
  aborted: boolean;
  /** To be called when the answer has ended. */
  readonly end: () => void;
};
type Env = { Bindings: Connection; Variables: { visit: Visit } };
type BodyOf<K extends RouteName> = (typeof routes)[K] extends { readonly body: infer S extends z.ZodType }
  ? z.output<S>
  : undefined;
type Handlers = { readonly [K in RouteName]: (c: Context<Env>, body: BodyOf<K>) => Response | Promise<Response> };

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
  given: ServerOptions = {},
): Promise<Server> {
  checkArguments("createServer", { models, options: given }, serverArguments);
  const options: Required<ServerOptions> = withDefaults(serverDefaults, given);
  const { apiKeys, hosts, maxBodyBytes, maxPromptTokens, timeoutMs, stallMs } = options;
  // More texts than there are places would be refused for ever.
  const texts = Math.min(maxTexts, options.queue + mostLanes);
  const limits = { maxTokens: options.maxTokens, maxPromptTokens, maxTexts: texts };
  const keys = apiKeys.map(digest);
  let served = await serve(models);
  const sessions = new Sessions({ most: options.sessions, lifeMs: options.sessionMs });
  const metrics = createMetrics({
    sessions: () => sessions.count,
    batchers: () =>
      [...served.values()].map(({ name, batcher }) => {
        return { model: name, queued: batcher.queueLength, lanes: batcher.lanesInUse };
      }),
  });
  const visits = new Set<Visit>();
  let closing: (() => void) | undefined;
  const inspect = createInspections(limits);

  async function serve(models: Readonly<Record<string, LanguageModel>>): Promise<ReadonlyMap<string, Served>> {
    const created = Math.floor(Date.now() / 1000);
    const all = new Map<string, Served>();
    try {
      for (const [name, lm] of Object.entries(models)) {
        const batcher = await createBatcher<Piece>(lm, { queue: options.queue, threads: options.threads });
        all.set(name, { name, lm, batcher, created });
      }
    } catch (error) {
      for (const { batcher } of all.values()) batcher.dispose();
      throw error;
    }
    return all;
  }

  /** Models that are not served any more: each gives its memory back when the last session and request have left it. */
  const replaced = new Set<Served>();
  function retire(): void {
    for (const one of replaced) {
      const asked = [...visits].some(({ order }) => order?.served === one);
      if (asked || !one.batcher.isIdle || sessions.use(one)) continue;
      one.batcher.dispose();
      replaced.delete(one);
    }
  }

  function find(name: string): Served {
    const found = served.get(name);
    if (found !== undefined) return found;
    const names = [...served.keys()].join(", ");
    throw new ApiError(
      "model_not_found",
      `model: there is no model "${excerpt(name, 60)}". There are ${names}.`,
      "model",
    );
  }

  /** Whose request it is: the place of its key, or its address. */
  function clientOf(c: Context<Env>, open: boolean): string {
    const address = c.env?.incoming?.socket?.remoteAddress ?? "unknown";
    if (keys.length === 0) return address;
    const [, key] = /^Bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "") ?? [];
    const got = digest(key ?? "");
    // All are compared, so that the time tells nothing.
    const at = keys.reduce((found, one, k) => (timingSafeEqual(one, got) ? k : found), -1);
    if (key !== undefined && at >= 0) return `key ${at + 1}`;
    if (open) return address;
    const wrong = key === undefined ? "there is no API key" : "the API key is not known";
    throw new ApiError("invalid_api_key", `${wrong}. Send one in the header Authorization: Bearer KEY.`);
  }

  const app = new Hono<Env>();

  app.use(async (c, next) => {
    const visit: Visit = {
      ...{ startMs: performance.now(), stop: new AbortController(), client: "unknown", route: undefined },
      ...{ order: undefined, streaming: false, aborted: false },
      end() {
        clearTimeout(timer);
        c.req.raw.signal.removeEventListener("abort", gone);
        visits.delete(visit);
        tell(c, visit);
        retire();
        if (visits.size === 0) closing?.();
      },
    };
    c.set("visit", visit);
    visits.add(visit);
    const timer = setTimeout(() => {
      visit.stop.abort(new ApiError("timeout", `this took longer than the ${timeoutMs / 1000} s of a request.`));
    }, timeoutMs);
    const gone = (): void => {
      visit.aborted = true;
      visit.stop.abort(new ApiError("aborted", "the client went away."));
    };
    c.req.raw.signal.addEventListener("abort", gone);
    visit.stop.signal.addEventListener("abort", () => clearTimeout(timer));
    await next();
    if (closing !== undefined) c.header("Connection", "close");
    if (!visit.streaming) visit.end();
  });

  /** Count a request, and log it. */
  function tell(c: Context<Env>, visit: Visit): void {
    const ms = performance.now() - visit.startMs;
    const { status } = c.res;
    const { order, route, client, aborted } = visit;
    const texts = order?.texts ?? [];
    const promptTokens = texts.reduce((total, text) => total + text.read, 0);
    const completionTokens = texts.reduce((total, text) => total + text.written, 0);
    metrics.requests.inc({ route: route ?? "other", status });
    metrics.duration.observe({ route: route ?? "other" }, ms / 1000);
    if (order !== undefined) {
      metrics.tokens.inc({ model: order.served.name, kind: "read" }, promptTokens);
      metrics.tokens.inc({ model: order.served.name, kind: "written" }, completionTokens);
    }
    options.log({
      ...{ time: new Date().toISOString(), method: c.req.method, path: route ?? excerpt(c.req.path, 200), status },
      ...{ ms: Math.round(ms * 10) / 10, promptTokens, completionTokens, client },
      ...(aborted && { aborted }),
    });
  }

  app.use(async (c, next) => {
    const host = c.req.header("host")?.replace(/:\d*$/, "").toLowerCase();
    if (hosts !== undefined && !(host !== undefined && hosts.includes(host))) {
      throw new ApiError("host_not_allowed", `host: needs one of ${hosts.join(", ")}. See --host.`);
    }
    return next();
  });
  if (options.cors.length > 0) {
    app.use(cors({ origin: [...options.cors], allowMethods: ["GET", "POST", "DELETE"], maxAge: 600 }));
  }
  app.use(async (c, next) => {
    const open = Object.values<Route>(routes).some((route) => route.open && route.path === c.req.path);
    c.var.visit.client = clientOf(c, open);
    if (closing !== undefined && !open) throw new ApiError("shutting_down", "the server is shutting down.");
    return next();
  });

  /** Answer an order at once or as events. `onEnd` is told in any case. */
  async function answer(c: Context<Env>, order: Order, onEnd = (): void => {}): Promise<Response> {
    const { visit } = c.var;
    visit.order = order;
    const { signal } = visit.stop;
    let isFirst = true;
    const onFirst = (): void => {
      if (isFirst) metrics.firstToken.observe((performance.now() - visit.startMs) / 1000);
      isFirst = false;
    };
    if (!order.writing.stream) {
      return c.json(await complete(order, visit.client, { signal, onFirst }).finally(onEnd));
    }
    const ended = (): void => {
      onEnd();
      visit.end();
    };
    const events = await completeAsEvents(order, visit.client, { signal, onFirst, onEnd: ended }).catch((error) => {
      onEnd();
      throw error;
    });
    visit.streaming = true;
    return new Response(streamOf(c, events), {
      headers: { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache" },
    });
  }

  /** Events as bytes. A reader that is too slow is left, and one that leaves ends the work. */
  function streamOf(c: Context<Env>, events: AsyncGenerator<string, void>): ReadableStream<Uint8Array> {
    const { visit } = c.var;
    const encoder = new TextEncoder();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = (): void => {
      clearTimeout(timer);
      visit.aborted = true;
      visit.stop.abort(new ApiError("aborted", "the client went away."));
      void events.return();
    };
    return new ReadableStream({
      async pull(controller) {
        clearTimeout(timer);
        const { value, done } = await events.next();
        if (done === true) return controller.close();
        controller.enqueue(encoder.encode(value));
        timer = setTimeout(() => {
          leave();
          if (c.env?.outgoing === undefined) controller.error(new Error("the reader was too slow"));
          else c.env.outgoing.destroy();
        }, stallMs);
      },
      cancel: leave,
    });
  }

  /**
   * A session's text: it goes on from all that was read and written, and the session goes on from its end. One that only reads
   * leaves what it may end within, and the token before it, which foretells it.
   */
  function orderOf(session: Session, writing: Writing, prompt: string): Order {
    const { tokenizer } = session.served.lm;
    const tokens = encode(tokenizer, session.open + prompt);
    const [promptTokens, opened] = [encode(tokenizer, prompt).length, encode(tokenizer, session.open).length];
    const toRead = Int32Array.from([...session.pending, ...tokens]);
    const onlyReads = writing.max_tokens === 0;
    const healFrom = session.pending.length;
    const open = onlyReads ? openFrom(tokenizer, tokens) : tokens.length;
    const read = toRead.subarray(0, onlyReads ? Math.max(0, healFrom + open - 1) : toRead.length);
    const seed = writing.seed ?? Math.floor(Math.random() * 2 ** 32);
    checkLimits(writing, limits, { texts: 1, toRead: promptTokens });
    const text = textOf(session.served, writing, {
      ...{ prompt: read, healFrom, seed, state: session.state, goesOn: true },
      ...(tokens.length === 0 && { rest: session.rest }),
    });
    return {
      ...{ served: session.served, writing, texts: [text], before: [[]], promptTokens },
      onWritten() {
        if (text.read > 0) session.state = text.state;
        session.pending = onlyReads ? toRead.slice(read.length, healFrom + open) : Int32Array.of(text.latest);
        session.open = decode(tokenizer, tokens.subarray(open));
        // What it is given ends with a whole character.
        if (!onlyReads) session.rest = text.rest;
        else if (tokens.length > 0) session.rest = new Uint8Array();
        session.tokens += tokens.length - opened + text.written - text.replaced;
      },
    };
  }

  async function completeSession(c: Context<Env>, session: Session, writing: Writing, prompt: string) {
    if (session.busy) throw new ApiError("session_busy", "another request is at this session. Wait for its end.");
    const order = orderOf(session, writing, prompt);
    session.busy = true;
    return answer(c, order, () => {
      session.busy = false;
    });
  }

  const summary = ({ id, served, created, expiresMs, tokens }: Session) => {
    return { id, object: "session", model: served.name, created, expires: Math.ceil(expiresMs / 1000), tokens };
  };
  const sessionOf = (c: Context<Env>): Session =>
    sessions.find(keys.length === 0 ? "" : c.var.visit.client, c.req.param("id") ?? "");
  const about = ({ name, created }: Served) => ({ id: name, object: "model", created, owned_by: "unrolled" });
  const document = openapi();

  const handlers: Handlers = {
    complete: (c, body) => answer(c, placeOrder(find(body.model), body, limits, body)),
    listModels: (c) => c.json({ object: "list", data: [...served.values()].map(about) }),
    readModel: (c) => c.json(about(find(c.req.param("id") ?? ""))),
    inspect: async (c, body) => c.json(await inspect(find(body.model), body, c.var.visit.stop.signal)),
    async createSession(c, { model, prompt }) {
      const owner = keys.length === 0 ? "" : c.var.visit.client;
      const session = sessions.create(owner, find(model));
      try {
        await completeSession(c, session, check(routes.completeSession.body, { max_tokens: 0 }), prompt);
      } catch (error) {
        sessions.delete(session);
        throw error;
      }
      return c.json(summary(session), 201);
    },
    readSession(c) {
      const session = sessionOf(c);
      const named = session.served.batcher.named(session.state);
      const state = Object.fromEntries(Object.entries(named).map(([name, values]) => [name, [...values]]));
      return c.json({ ...summary(session), state });
    },
    completeSession: (c, body) => completeSession(c, sessionOf(c), body, body.prompt),
    deleteSession(c) {
      const session = sessionOf(c);
      sessions.delete(session);
      return c.json({ id: session.id, object: "session", deleted: true });
    },
    health: (c) => (closing === undefined ? c.json({ status: "ok" }) : c.json({ status: "shutting down" }, 503)),
    metrics: async (c) =>
      c.body(await metrics.registry.metrics(), 200, { "Content-Type": metrics.registry.contentType }),
    openapi: (c) => c.json(document),
  };

  for (const name of Object.keys(routes) as RouteName[]) {
    const route: Route = routes[name];
    const handler = handlers[name] as (c: Context<Env>, body: unknown) => Response | Promise<Response>;
    app.on(route.method.toUpperCase(), route.path, async (c) => {
      c.var.visit.route = route.path;
      const body = route.body === undefined ? undefined : check(route.body, await readBody(c.req.raw, maxBodyBytes));
      return handler(c, body);
    });
  }
  for (const { path } of Object.values(routes)) {
    app.all(path, (c) => {
      const methods = Object.values(routes)
        .filter((route) => route.path === path)
        .map(({ method }) => method.toUpperCase());
      c.var.visit.route = path;
      c.header("Allow", methods.join(", "));
      throw new ApiError("method_not_allowed", `${path} takes ${methods.join(" and ")}, got ${c.req.method}.`);
    });
  }
  app.notFound(() => {
    throw new ApiError("not_found", "there is nothing here. GET /openapi.json lists what there is.");
  });
  app.onError((error, c) => {
    const told = apiErrorOf(error);
    if (told.kind === "queue_full" || told.kind === "session_limit") c.header("Retry-After", "1");
    if (told.kind === "aborted") c.var.visit.aborted = true;
    // Nobody reads the rest of the body.
    if (told.kind === "too_large") c.header("Connection", "close");
    if (told.kind === "invalid_api_key") c.header("WWW-Authenticate", "Bearer");
    return c.json(told.body, told.status as 400);
  });

  return {
    fetch: async (request, env) => app.fetch(request, env ?? {}),
    async replace(models) {
      checkArguments("replace", { models }, { models: modelsRule });
      const before = served;
      served = await serve(models);
      for (const one of before.values()) replaced.add(one);
      retire();
    },
    async close(deadlineMs = 30_000) {
      checkArguments("close", { deadlineMs }, { deadlineMs: inRange(0) });
      const ended = new Promise<void>((resolve) => {
        closing = resolve;
      });
      if (visits.size > 0) {
        const timer = setTimeout(() => {
          const reason = new ApiError("shutting_down", "the server is shutting down.");
          for (const { stop } of visits) stop.abort(reason);
        }, deadlineMs);
        await ended;
        clearTimeout(timer);
      }
      for (const { batcher } of [...served.values(), ...replaced]) batcher.dispose();
    },
  };
}

const digest = (key: string): Buffer => createHash("sha256").update(key).digest();
