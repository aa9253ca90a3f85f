/** The body of a request to a route, as far as there is memory for it. */
import type { Readable } from "node:stream";
import type { Context } from "hono";
import { readBody } from "../body.ts";
import type { LoadedModels } from "../loaded-models.ts";
import type { MemoryBudget } from "../memory.ts";
import type { Env } from "../request-context.ts";
import { maxStateBytes } from "../session-state.ts";

type Parts = {
  readonly models: LoadedModels;
  readonly memory: MemoryBudget;
  readonly maxBytes: number;
  /** How long a body may stand still. */
  readonly stallMs: number;
};

/** Reads a body as JSON, and counts its bytes on their way. */
export function createBodyReader({ models, memory, maxBytes, stallMs }: Parts) {
  return async (c: Context<Env>, name: string): Promise<unknown> => {
    const { holding, stop, client } = c.var.request;
    // Whom nothing in the body could help is told before it is read: to refuse takes far less than to answer.
    if (name === "complete" || name === "chat") models.checkRoom(client);
    const states = name === "writeSessionState" ? models.texts.map(maxStateBytes) : [];
    return readBody(c.req.raw, {
      ...{ maxBytes: Math.max(maxBytes, ...states), stallMs, signal: stop.signal },
      ...{ onBytes: (bytes) => memory.receive(holding, 2 * bytes), incoming: c.env?.incoming as Readable | undefined },
    }).finally(() => memory.received(holding));
  };
}
