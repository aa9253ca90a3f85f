/** What tokens a model reads of a text, and what text tokens are: vLLM's two routes. */

import { unixLineEnds } from "../text/line-ends.ts";
import { decode, decodeNext, encode, vocabularySize } from "../text/tokenizer.ts";
import { conversationOf } from "./chat.ts";
import type { Limits } from "./completions.ts";
import { ApiError } from "./errors.ts";
import type { LoadedModels } from "./loaded-models.ts";
import type { Handlers } from "./openapi.ts";

type Parts = { readonly models: LoadedModels; readonly limits: Limits; readonly chatTemplate: string | undefined };

export function tokenRoutes({ models, limits, chatTemplate }: Parts) {
  return {
    tokenize(c, { model, prompt, messages, return_token_strs }) {
      const { tokenizer } = models.find(model).lm;
      const text = prompt === undefined ? conversationOf(messages ?? [], chatTemplate).prompt : unixLineEnds(prompt);
      const tokens = encode(tokenizer, text);
      let rest: Uint8Array | undefined;
      const strings = Array.from(return_token_strs ? tokens : [], (token) => {
        const decoded = decodeNext(tokenizer, token, rest);
        rest = decoded.rest;
        return decoded.text;
      });
      return c.json({
        ...{ count: tokens.length, max_model_len: limits.maxPromptTokens, tokens: [...tokens] },
        token_strs: return_token_strs ? strings : null,
      });
    },
    detokenize(c, { model, tokens }) {
      const { tokenizer } = models.find(model).lm;
      const size = vocabularySize(tokenizer);
      const wrong = tokens.find((token) => token >= size);
      if (wrong === undefined) return c.json({ prompt: decode(tokenizer, tokens) });
      throw new ApiError("invalid", `tokens: the model's tokens go from 0 to ${size - 1}, got ${wrong}.`, "tokens");
    },
  } satisfies Partial<Handlers>;
}
