/** vLLM's two routes: the tokens of a text, and the text of tokens. */
import { unixLineEnds } from "../../text/line-ends.ts";
import { decode, decodeNext, encode } from "../../text/tokenizer.ts";
import { conversationOf } from "../completions/chat.ts";
import type { Limits } from "../completions/limits.ts";
import { LazyList } from "../json.ts";
import type { LoadedModels } from "../loaded-models.ts";
import type { WaitForMemory } from "../request-context.ts";
import type { Sender } from "../send.ts";
import { checkTokens } from "../token-ids.ts";
import type { Handlers } from "./table.ts";

type Parts = {
  readonly models: LoadedModels;
  readonly limits: Limits;
  readonly chatTemplate: string | undefined;
  readonly start: WaitForMemory;
  readonly send: Sender;
};

/** The bytes of a token in an answer: its text, its id, and temporary objects. */
const tokenBytes = 32;

export function tokenRoutes({ models, limits, chatTemplate, start, send }: Parts) {
  return {
    async tokenize(c, { model, prompt, messages, return_token_strs }) {
      const { tokenizer } = models.findText(model).lm;
      const text = prompt === undefined ? conversationOf(messages ?? [], chatTemplate).prompt : unixLineEnds(prompt);
      await start(c, tokenBytes * Buffer.byteLength(text));
      const tokens = encode(tokenizer, text);
      let rest: Uint8Array | undefined;
      // The items are written once, in order.
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
      const { tokenizer } = models.findText(model).lm;
      checkTokens("tokens", tokenizer, tokens);
      await start(c, tokenBytes * tokens.length);
      return send.json(c, { prompt: decode(tokenizer, tokens) });
    },
  } satisfies Partial<Handlers>;
}
