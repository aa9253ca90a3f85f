/** What tokens a model reads of a text, and what text tokens are: vLLM's two routes. */

import type { Context } from "hono";
import { unixLineEnds } from "../text/line-ends.ts";
import { decode, decodeNext, encode, vocabularySize } from "../text/tokenizer.ts";
import type { Sender } from "./answer.ts";
import { conversationOf } from "./chat.ts";
import type { Limits } from "./completions.ts";
import type { Env } from "./context.ts";
import { ApiError } from "./errors.ts";
import { LazyList } from "./json.ts";
import type { LoadedModels } from "./loaded-models.ts";
import type { Handlers } from "./openapi.ts";

type Parts = {
  readonly models: LoadedModels;
  readonly limits: Limits;
  readonly chatTemplate: string | undefined;
  /** Waits until there is memory for so many bytes. */
  readonly start: (c: Context<Env>, bytes: number) => Promise<void>;
  readonly send: Sender;
};

/** Of a token: its text, its id, and what is made of both on the way. */
const tokenBytes = 32;

export function tokenRoutes({ models, limits, chatTemplate, start, send }: Parts) {
  return {
    async tokenize(c, { model, prompt, messages, return_token_strs }) {
      const { tokenizer } = models.find(model).lm;
      const text = prompt === undefined ? conversationOf(messages ?? [], chatTemplate).prompt : unixLineEnds(prompt);
      await start(c, tokenBytes * Buffer.byteLength(text));
      const tokens = encode(tokenizer, text);
      let rest: Uint8Array | undefined;
      // They are written once, in order.
      const strings = new LazyList(tokens.length, (place) => {
        const decoded = decodeNext(tokenizer, tokens[place] as number, rest);
        rest = decoded.rest;
        return decoded.text;
      });
      return send.json(c, {
        ...{ count: tokens.length, max_model_len: limits.maxPromptTokens },
        tokens: new LazyList(tokens.length, (place) => tokens[place] as number),
        token_strs: return_token_strs ? strings : null,
      });
    },
    async detokenize(c, { model, tokens }) {
      const { tokenizer } = models.find(model).lm;
      const size = vocabularySize(tokenizer);
      const wrong = tokens.find((token) => token >= size);
      if (wrong === undefined) {
        await start(c, tokenBytes * tokens.length);
        return send.json(c, { prompt: decode(tokenizer, tokens) });
      }
      throw new ApiError("invalid", `tokens: the model's tokens go from 0 to ${size - 1}, got ${wrong}.`, "tokens");
    },
  } satisfies Partial<Handlers>;
}
