/**
 * The routes of sessions: create, continue, show, copy and delete. A sealed session is made from its token for a request, and
 * is a session like another until that has ended.
 */
import type { Context } from "hono";
import { excerpt } from "../../graph/excerpt.ts";
import type { Answer } from "../answer.ts";
import { warned } from "../completions/answers.ts";
import type { Limits } from "../completions/limits.ts";
import { type CompletionRequest, createRequest, withLength } from "../completions/request.ts";
import { completionBytes, sealedBytes } from "../costs.ts";
import { ApiError } from "../errors.ts";
import { LazyList } from "../json.ts";
import type { LoadedModels } from "../loaded-models.ts";
import { customerOf } from "../proxies.ts";
import type { Env, WaitForMemory } from "../request-context.ts";
import { check, type Writing } from "../schemas.ts";
import type { Sender } from "../send.ts";
import { readOn, writeOn } from "../session-memory.ts";
import { rememberedOf, sessionMemoryOf } from "../session-state.ts";
import type { Sealer } from "../session-token.ts";
import type { Session, Sessions } from "../sessions.ts";
import { type Handlers, routes } from "./table.ts";

type Parts = {
  readonly models: LoadedModels;
  readonly sessions: Sessions;
  /** Undefined where the server has no key to seal sessions with. */
  readonly sealer: Sealer | undefined;
  readonly limits: Limits;
  readonly answer: Answer;
  readonly start: WaitForMemory;
  readonly send: Sender;
};

/** The id of every session that is not stored. */
const sealedId = "sealed";

export function sessionRoutes({ models, sessions, sealer, limits, answer, start, send }: Parts) {
  const ownerOf = (c: Context<Env>): string => customerOf(c.var.request.client);
  /** @throws ApiError for a session that is not stored here */
  function sessionOf(c: Context<Env>): Session {
    const id = c.req.param("id") ?? "";
    if (id !== sealedId) return sessions.find(ownerOf(c), id);
    const wrong = "a sealed session is not stored, its token is all that there is of it";
    const instead = 'POST /v1/unrolled/sessions with its "token" stores it, POST .../sealed/completions continues it.';
    throw new ApiError("session_not_found", `${wrong}. ${instead}`);
  }
  /** @throws ApiError `no_session_key` */
  function sealing(param: "sealed" | "token"): Sealer {
    if (sealer !== undefined) return sealer;
    const wrong = "this server has no --session-key (sessionKeys), so it seals no sessions and opens none";
    const instead =
      param === "sealed"
        ? "Leave it out: the session is then stored"
        : "Send it to a server with the key of the first one";
    throw new ApiError("no_session_key", `${param}: ${wrong}. ${instead}.`, param);
  }
  /** The session that goes on from a token. */
  function opened(c: Context<Env>, token: string, model: string | undefined): Session {
    const { loaded, ...known } = sealing("token").open(token, c.var.request.keyDigest, model);
    return sessions.create(ownerOf(c), loaded, { ...known, id: sealedId });
  }
  /** The session that a request continues: one that is stored, or that of its token. */
  function continued(c: Context<Env>, token: string | undefined, model: string | undefined): Session {
    const isSealed = c.req.param("id") === sealedId;
    if (!isSealed && token === undefined) return sessionOf(c);
    const wrong = isSealed
      ? "needs the token of the session's last answer, got nothing"
      : `only the session "${sealedId}" takes one, this one is stored. Leave it out`;
    if (!isSealed || token === undefined) throw new ApiError("invalid", `token: ${wrong}.`, "token");
    return opened(c, token, model);
  }
  /** What an answer says of a session: its token too, if it is sealed. */
  function told(c: Context<Env>, session: Session) {
    if (session.id !== sealedId) return summary(session);
    sessions.renew(session);
    return { ...summary(session), token: sealing("sealed").seal(session, c.var.request.keyDigest) };
  }
  const startText = (c: Context<Env>, { id, loaded, remembered }: Session, writing: Writing, asked: Asked) => {
    const { prompt, token } = asked;
    const { open } = remembered.part ?? remembered.memory;
    const text = completionBytes(loaded, writing, { prompt: [open + prompt], n: 1, echo: false });
    return start(c, text + (id === sealedId || token !== undefined ? sealedBytes(loaded, token) : 0));
  };

  return {
    async createSession(c, { model, prompt, sealed, token }) {
      if (sealed) sealing("sealed");
      const loaded = models.findText(model);
      const from = token === undefined ? undefined : opened(c, token, model);
      if (from !== undefined) checkModel(from, model);
      const remembered = from?.remembered;
      const session = sessions.create(ownerOf(c), loaded, {
        ...(sealed && { id: sealedId }),
        ...(remembered && { remembered }),
      });
      c.var.request.loaded = loaded;
      const onlyReads = check(routes.completeSession.body, { max_tokens: 0 });
      await startText(c, session, onlyReads, { prompt, token });
      const completion = requestOf(session, onlyReads, prompt, limits);
      const leave = sessions.enter(session);
      if (!sealed) sessions.add(session);
      try {
        await answer(c, completion, leave);
      } catch (error) {
        sessions.delete(session);
        throw error;
      }
      return c.json({ ...told(c, session), ...warned(completion) }, 201);
    },
    listSessions(c, { limit, after }) {
      const { page, hasMore } = sessions.list(ownerOf(c), { limit, after });
      const [first_id, last_id] = [page[0]?.id ?? null, page.at(-1)?.id ?? null];
      return c.json({ object: "list", data: page.map(summary), first_id, last_id, has_more: hasMore });
    },
    readSession(c) {
      const session = sessionOf(c);
      const named = session.loaded.batcher.named(session.remembered.memory.state);
      const state = Object.fromEntries(Object.entries(named).map(([name, values]) => [name, lazy(values)]));
      return send.json(c, { ...summary(session), state });
    },
    readSessionState: (c) => send.json(c, sessionMemoryOf(sessionOf(c))),
    writeSessionState(c, body) {
      const session = sessionOf(c);
      const remembered = rememberedOf(session.loaded, body, limits);
      sessions.enter(session)();
      session.remembered = remembered;
      return c.json(summary(session));
    },
    forkSession(c) {
      const session = sessionOf(c);
      const copy = sessions.create(ownerOf(c), session.loaded, { remembered: session.remembered });
      sessions.add(copy, session);
      return c.json(summary(copy), 201);
    },
    async completeSession(c, { model, token, ...body }) {
      const session = continued(c, token, model);
      if (model !== undefined) checkModel(session, model);
      const about = session.id === sealedId ? () => ({ session: told(c, session) }) : undefined;
      const leave = sessions.enter(session);
      try {
        const writing = withLength(body);
        await startText(c, session, writing, { prompt: body.prompt, token });
        return await answer(c, requestOf(session, writing, body.prompt, limits, about), leave);
      } catch (error) {
        leave();
        throw error;
      }
    },
    deleteSession(c) {
      const session = sessionOf(c);
      sessions.delete(session);
      return c.json({ id: session.id, object: "session", deleted: true });
    },
  } satisfies Partial<Handlers>;
}

type Asked = { readonly prompt: string; readonly token: string | undefined };

/** @throws ApiError `invalid` if a request names another model than the session's */
function checkModel({ loaded }: Session, model: string): void {
  if (model === loaded.name) return;
  throw new ApiError("invalid", `model: the session's is ${loaded.name}, got ${excerpt(model, 60)}.`, "model");
}

const lazy = (values: Float32Array) => new LazyList(values.length, (at) => values[at] as number);

function summary({ id, loaded, created, expiresMs, remembered: { memory, part } }: Session) {
  const { tokens } = part ?? memory;
  return { id, object: "session", model: loaded.name, created, expires: Math.ceil(expiresMs / 1000), tokens };
}

/**
 * The text of a session: it continues from everything that was read and returned, and the session continues from its
 * end.
 */
function requestOf(
  session: Session,
  writing: Writing,
  prompt: string,
  limits: Limits,
  about?: () => object,
): CompletionRequest {
  const { loaded, remembered } = session;
  const { after, prompt: start } = (writing.max_tokens === 0 ? readOn : writeOn)(
    loaded.lm.tokenizer,
    remembered,
    prompt,
  );
  return createRequest(loaded, writing, limits, {
    ...{ prompts: [start], n: 1, echo: false },
    onWritten(text) {
      session.remembered = after(text);
    },
    about,
  });
}
