/** What is asked of sessions: to begin one, to go on with its text, to look at it, to end it. */
import type { Context } from "hono";
import { openFrom } from "../tasks/healing.ts";
import { decode, encode } from "../text/tokenizer.ts";
import type { Answer } from "./answer.ts";
import { checkLimits, type Limits, type Order, textOf } from "./completions.ts";
import type { Env } from "./context.ts";
import { ApiError } from "./errors.ts";
import type { LoadedModels } from "./loaded-models.ts";
import { type Handlers, routes } from "./openapi.ts";
import { check, type Writing } from "./schemas.ts";
import type { Session, Sessions } from "./sessions.ts";
import { warningsOf } from "./warnings.ts";

type Parts = {
  readonly models: LoadedModels;
  readonly sessions: Sessions;
  readonly limits: Limits;
  readonly answer: Answer;
  /** Whose sessions a request sees. */
  readonly ownerOf: (c: Context<Env>) => string;
};

export function sessionRoutes({ models, sessions, limits, answer, ownerOf }: Parts) {
  const sessionOf = (c: Context<Env>): Session => sessions.find(ownerOf(c), c.req.param("id") ?? "");

  async function complete(c: Context<Env>, session: Session, writing: Writing, prompt: string) {
    if (session.busy) throw new ApiError("session_busy", "another request is at this session. Wait for its end.");
    const order = orderOf(session, writing, prompt, limits);
    session.busy = true;
    return answer(c, order, () => {
      session.busy = false;
    });
  }

  return {
    async createSession(c, { model, prompt }) {
      const session = sessions.create(ownerOf(c), models.find(model));
      try {
        await complete(c, session, check(routes.completeSession.body, { max_tokens: 0 }), prompt);
      } catch (error) {
        sessions.delete(session);
        throw error;
      }
      const warnings = warningsOf(session.served.lm, { prompt: [prompt] });
      return c.json({ ...summary(session), ...(warnings.length > 0 && { warnings }) }, 201);
    },
    readSession(c) {
      const session = sessionOf(c);
      const named = session.served.batcher.named(session.state);
      const state = Object.fromEntries(Object.entries(named).map(([name, values]) => [name, [...values]]));
      return c.json({ ...summary(session), state });
    },
    completeSession: (c, body) => complete(c, sessionOf(c), body, body.prompt),
    deleteSession(c) {
      const session = sessionOf(c);
      sessions.delete(session);
      return c.json({ id: session.id, object: "session", deleted: true });
    },
  } satisfies Partial<Handlers>;
}

function summary({ id, served, created, expiresMs, tokens }: Session) {
  return { id, object: "session", model: served.name, created, expires: Math.ceil(expiresMs / 1000), tokens };
}

/**
 * A session's text: it goes on from all that was read and written, and the session goes on from its end. One that only reads
 * leaves what it may end within, and the token before it, which foretells it.
 */
function orderOf(session: Session, writing: Writing, prompt: string, limits: Limits): Order {
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
    warnings: warningsOf(session.served.lm, { prompt: [prompt], stop: writing.stop }),
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
