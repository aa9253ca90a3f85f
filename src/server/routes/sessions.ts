/** The routes of sessions: create, continue, show, copy and delete. */
import type { Context } from "hono";
import { excerpt } from "../../graph/excerpt.ts";
import type { Answer } from "../answer.ts";
import { warned } from "../completions/answers.ts";
import type { Limits } from "../completions/limits.ts";
import { type CompletionRequest, createRequest, withLength } from "../completions/request.ts";
import { completionBytes } from "../costs.ts";
import { ApiError } from "../errors.ts";
import { LazyList } from "../json.ts";
import type { LoadedModels } from "../loaded-models.ts";
import { customerOf } from "../proxies.ts";
import type { Env, WaitForMemory } from "../request-context.ts";
import { check, type Writing } from "../schemas.ts";
import type { Sender } from "../send.ts";
import { readOn, writeOn } from "../session-memory.ts";
import { rememberedOf, sessionMemoryOf } from "../session-state.ts";
import type { Session, Sessions } from "../sessions.ts";
import { type Handlers, routes } from "./table.ts";

type Parts = {
  readonly models: LoadedModels;
  readonly sessions: Sessions;
  readonly limits: Limits;
  readonly answer: Answer;
  readonly start: WaitForMemory;
  readonly send: Sender;
};

export function sessionRoutes({ models, sessions, limits, answer, start, send }: Parts) {
  const ownerOf = (c: Context<Env>): string => customerOf(c.var.request.client);
  const sessionOf = (c: Context<Env>): Session => sessions.find(ownerOf(c), c.req.param("id") ?? "");
  const startText = (c: Context<Env>, { loaded, remembered }: Session, writing: Writing, prompt: string) => {
    const { open } = remembered.part ?? remembered.memory;
    return start(c, completionBytes(loaded, writing, { prompt: [open + prompt], n: 1, echo: false }));
  };

  return {
    async createSession(c, { model, prompt }) {
      const session = sessions.create(ownerOf(c), models.findText(model));
      c.var.request.loaded = session.loaded;
      const onlyReads = check(routes.completeSession.body, { max_tokens: 0 });
      await startText(c, session, onlyReads, prompt);
      const completion = requestOf(session, onlyReads, prompt, limits);
      const leave = sessions.enter(session);
      sessions.add(session);
      try {
        await answer(c, completion, leave);
      } catch (error) {
        sessions.delete(session);
        throw error;
      }
      return c.json({ ...summary(session), ...warned(completion) }, 201);
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
      const copy = sessions.create(ownerOf(c), session.loaded, session.remembered);
      sessions.add(copy, session);
      return c.json(summary(copy), 201);
    },
    async completeSession(c, { model, ...body }) {
      const session = sessionOf(c);
      if (model !== undefined && model !== session.loaded.name) {
        throw new ApiError(
          "invalid",
          `model: the session's is ${session.loaded.name}, got ${excerpt(model, 60)}.`,
          "model",
        );
      }
      const leave = sessions.enter(session);
      try {
        const writing = withLength(body);
        await startText(c, session, writing, body.prompt);
        return await answer(c, requestOf(session, writing, body.prompt, limits), leave);
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

const lazy = (values: Float32Array) => new LazyList(values.length, (at) => values[at] as number);

function summary({ id, loaded, created, expiresMs, remembered: { memory, part } }: Session) {
  const { tokens } = part ?? memory;
  return { id, object: "session", model: loaded.name, created, expires: Math.ceil(expiresMs / 1000), tokens };
}

/**
 * The text of a session: it continues from everything that was read and returned, and the session continues from its
 * end.
 */
function requestOf(session: Session, writing: Writing, prompt: string, limits: Limits): CompletionRequest {
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
  });
}
