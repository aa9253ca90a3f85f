/** The schemas of OpenAI's chat completions: requests, answers and the events of a stream. */
import { z } from "zod";
import {
  count,
  endings,
  errorBody,
  flag,
  needs,
  needsStream,
  noTools,
  optional,
  refused,
  streamsOrHasNoOptions,
  text,
  tokensToWrite,
  usage,
  warnings,
  whole,
  writing,
} from "./schemas.ts";

const part = z
  .object(
    {
      type: z.enum(["text", "refusal"], needs('"text": images, audio and files are not supported')),
      text: text().optional(),
      refusal: text().optional(),
    },
    needs('an object such as {"type": "text", "text": "..."}'),
  )
  .refine((one) => one[one.type] !== undefined, {
    error: ({ input }) => `needs "${(input as { readonly type: string }).type}", got nothing`,
  })
  .transform((one): string => one[one.type] ?? "");
const parts = {
  type: "array",
  items: {
    type: "object",
    properties: { type: { const: "text" }, text: { type: "string" } },
    required: ["type", "text"],
  },
};
/** A text counts as one part. Parts are joined as in other servers. */
const content = z
  .preprocess(
    (value) => (typeof value === "string" ? [{ type: "text", text: value }] : value),
    z.array(part, needs("text, or a list of parts")).nullish(),
  )
  .transform((value): string => (value ?? []).join("\n"))
  .meta({
    description: "A text, or a list of text parts, each of which is a line.",
    anyOf: [{ type: "string" }, parts, { type: "null" }],
  });

const role = "a role such as system, user or assistant";
export const messages = z
  .array(
    z.object({ role: text(role).min(1, needs(role)), content, tool_calls: noTools }, needs("a message")),
    needs("a list of messages"),
  )
  .min(1, needs("at least one message"))
  .meta({ description: "The messages of the conversation, in order." });

/** The default length of an answer: a model that learned no end of a text would never stop. */
const defaultTokens = 256;

const { max_tokens: _, max_completion_tokens: __, logprobs: ___, ...sampling } = writing;
export const chatRequest = z
  .object({
    model: text("the name of a model"),
    messages,
    max_completion_tokens: optional(
      tokensToWrite,
      undefined,
      `The largest number of tokens to generate; the default is max_tokens or ${defaultTokens}.`,
    ),
    max_tokens: optional(tokensToWrite, defaultTokens, "The older name of max_completion_tokens."),
    ...sampling,
    logprobs: optional(flag, false, "Whether to return the log-probability of each token."),
    top_logprobs: optional(whole(0, 20), undefined, "The number of most likely tokens to return for each position."),
    n: optional(whole(1, 128), 1, "Answers."),
    ...refused,
  })
  .refine(({ logprobs, top_logprobs = 0 }) => logprobs || top_logprobs === 0, {
    path: ["top_logprobs"],
    error: "needs logprobs to be true",
  })
  .refine(streamsOrHasNoOptions, needsStream)
  .meta({ id: "ChatCompletionRequest" });

/** vLLM's request: a text, or messages as in a chat. */
export const tokenizeRequest = z
  .object({
    model: text("the name of a model"),
    prompt: text().optional(),
    messages: messages.optional(),
    add_special_tokens: optional(flag, true, "Ignored: there are no special tokens."),
    return_token_strs: optional(flag, false, "Whether to return the text of each token as well."),
  })
  .refine(({ prompt, messages }) => (prompt === undefined) !== (messages === undefined), {
    path: ["prompt"],
    error: "needs text, or messages instead",
  })
  .meta({ id: "TokenizeRequest" });

const tokenLogprob = z.object({
  token: z.string(),
  logprob: z.number().meta({ description: "In nats; -9999 means that the token is impossible." }),
  bytes: z.array(count),
});
const logprobs = z
  .object({ content: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) })), refusal: z.null() })
  .nullable();
const common = { id: z.string(), created: z.int().meta({ description: "Unix time in seconds." }), model: z.string() };

export const chatCompletion = z
  .object({
    ...common,
    object: z.literal("chat.completion"),
    choices: z.array(
      z.object({
        index: count,
        message: z.object({ role: z.literal("assistant"), content: z.string(), refusal: z.null() }),
        logprobs,
        finish_reason: endings,
      }),
    ),
    usage,
    warnings,
  })
  .meta({ id: "ChatCompletion" });

export const chatCompletionChunk = z
  .object({
    ...common,
    object: z.literal("chat.completion.chunk"),
    choices: z.array(
      z.object({
        index: count,
        delta: z.object({ role: z.literal("assistant").optional(), content: z.string().optional() }),
        logprobs,
        finish_reason: endings.nullable().meta({ description: "Null in all events of a choice but the last one." }),
      }),
    ),
    usage: usage.nullish(),
    warnings,
  })
  .meta({ id: "ChatCompletionChunk" });
export const chatCompletionEvent = z.union([chatCompletionChunk, errorBody]).meta({
  id: "ChatCompletionEvent",
  description:
    "The data of each event: a part of the answer, or an error, which ends the stream. The last event is [DONE]. There can be comments between events.",
});

export type ChatRequest = z.output<typeof chatRequest>;
export type Message = z.output<typeof messages>[number];
