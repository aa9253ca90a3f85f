/** Read the body of a request to a route, within the limits of memory. */
import type { Readable } from "node:stream";
import type { Context } from "hono";
import { readBody } from "../body.ts";
import type { LoadedModels } from "../loaded-models.ts";
import type { MemoryBudget } from "../memory.ts";
import type { Env } from "../request-context.ts";
import { maxStateBytes } from "../session-state.ts";
import { maxTokenLength } from "../session-token.ts";

type Parts = {
  readonly models: LoadedModels;
  readonly memory: MemoryBudget;
  readonly maxBytes: number;
  /** The longest time without new data of a body. */
  readonly stallMs: number;
  /** Whether sessions can be sealed. */
  readonly seals: boolean;
};

/** Create a function that reads a body as JSON and counts its bytes while they arrive. */
export function createBodyReader({ models, memory, maxBytes, stallMs, seals }: Parts) {
  return async (c: Context<Env>, name: string): Promise<unknown> => {
    const { holding, stop, client } = c.var.request;
    // A request that no body could save is refused before the body is read: refusing takes far less time than
    // answering.
    if (name === "complete" || name === "chat") models.checkRoom(client);
    const states = name === "writeSessionState" ? models.texts.map(maxStateBytes) : [];
    // A token comes beside the prompt.
    const token = seals && (name === "createSession" || name === "completeSession") ? maxTokenLength(models.texts) : 0;
    return readBody(c.req.raw, {
      ...{ maxBytes: Math.max(maxBytes + token, ...states), stallMs, signal: stop.signal },
      ...{ onBytes: (bytes) => memory.receive(holding, 2 * bytes), incoming: c.env?.incoming as Readable | undefined },
    }).finally(() => memory.received(holding));
  };
}
