/** The routes of completions and chats. */
import type { Context } from "hono";
import type { Answer } from "../answer.ts";
import { completionOfChat } from "../completions/chat.ts";
import type { Limits } from "../completions/limits.ts";
import { readPrompt } from "../completions/prompt.ts";
import { createRequest, type Wanted, withLength } from "../completions/request.ts";
import { completionBytes } from "../costs.ts";
import type { LoadedModels } from "../loaded-models.ts";
import type { Env, WaitForMemory } from "../request-context.ts";
import type { Prompt } from "../schemas.ts";
import type { Handlers } from "./table.ts";

type Parts = {
  readonly models: LoadedModels;
  readonly limits: Limits;
  readonly chatTemplate: string | undefined;
  readonly start: WaitForMemory;
  readonly answer: Answer;
};
type Asked = Parameters<typeof withLength>[0] &
  Omit<Wanted, "prompts" | "onWritten"> & { readonly model: string; readonly prompt: readonly Prompt[] };

export function completionRoutes({ models, limits, chatTemplate, start, answer }: Parts) {
  async function write(c: Context<Env>, asked: Asked): Promise<Response> {
    const loaded = models.findText(asked.model);
    c.var.request.loaded = loaded;
    const writing = withLength(asked);
    await start(c, completionBytes(loaded, writing, asked));
    const prompts = asked.prompt.map((one) => readPrompt(loaded.lm, one));
    return answer(c, createRequest(loaded, writing, limits, { prompts, ...asked }));
  }
  return {
    complete: write,
    chat: (c, body) => write(c, completionOfChat(body, chatTemplate)),
  } satisfies Partial<Handlers>;
}
