/** What chat completions look like, as OpenAI has them: requests, answers and the pieces of a stream. */
import { z } from "zod";
import {
  count,
  endings,
  errorBody,
  flag,
  needs,
  needsStream,
  only,
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

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const noTools = only(isEmpty, "null or []: no tools are called", "Only null or [].");
/** What a client may say where it gives no tools. */
const noChoice = only(
  (value) => value === "none" || value === "auto",
  '"none" or "auto": no tools are called',
  'Only "none" or "auto".',
);

const part = z
  .object(
    {
      type: z.enum(["text", "refusal"], needs('"text": pictures, sounds and files are not read')),
      text: text().optional(),
      refusal: text().optional(),
    },
    needs('an object as {"type": "text", "text": "..."}'),
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
/** Text is one part. Parts are joined as other servers join them. */
const content = z
  .preprocess(
    (value) => (typeof value === "string" ? [{ type: "text", text: value }] : value),
    z.array(part, needs("text, or a list of parts")).nullish(),
  )
  .transform((value): string => (value ?? []).join("\n"))
  .meta({
    description: "Text, or parts that are text, each a line.",
    anyOf: [{ type: "string" }, parts, { type: "null" }],
  });

const role = "a role as system, user or assistant";
export const messages = z
  .array(
    z.object({ role: text(role).min(1, needs(role)), content, tool_calls: noTools }, needs("a message")),
    needs("a list of messages"),
  )
  .min(1, needs("at least one message"))
  .meta({ description: "What was said, in order." });

/** Tokens of an answer where their number is not given: a text that learned no end would go on for ever. */
const defaultTokens = 256;

const { max_tokens: _, max_completion_tokens: __, logprobs: ___, ...sampling } = writing;
export const chatRequest = z
  .object({
    model: text("the name of a model"),
    messages,
    max_completion_tokens: optional(
      tokensToWrite,
      undefined,
      `Most tokens to write; without it and max_tokens ${defaultTokens}.`,
    ),
    max_tokens: optional(tokensToWrite, defaultTokens, "Its older name."),
    ...sampling,
    logprobs: optional(flag, false, "The log-probability of each token."),
    top_logprobs: optional(whole(0, 20), undefined, "How many of the most likely tokens to tell in each place."),
    n: optional(whole(1, 128), 1, "Answers."),
    ...{ tools: noTools, tool_choice: noChoice, functions: noTools, function_call: noChoice },
    modalities: only(
      (value) => Array.isArray(value) && value.every((one) => one === "text"),
      '["text"]: nothing else is written',
      'Only ["text"].',
    ),
    audio: only(() => false, "null: no sound is made", "Only null."),
    web_search_options: only(() => false, "null: nothing is searched", "Only null."),
    ...refused,
  })
  .refine(({ logprobs, top_logprobs = 0 }) => logprobs || top_logprobs === 0, {
    path: ["top_logprobs"],
    error: "needs logprobs to be true",
  })
  .refine(streamsOrHasNoOptions, needsStream)
  .meta({ id: "ChatCompletionRequest" });

/** vLLM's: a text, or messages as a chat's. */
export const tokenizeRequest = z
  .object({
    model: text("the name of a model"),
    prompt: text().optional(),
    messages: messages.optional(),
    add_special_tokens: optional(flag, true, "Means nothing here: there are none."),
    return_token_strs: optional(flag, false, "What each token adds to the text, too."),
  })
  .refine(({ prompt, messages }) => (prompt === undefined) !== (messages === undefined), {
    path: ["prompt"],
    error: "needs text, or messages in its place",
  })
  .meta({ id: "TokenizeRequest" });

const tokenLogprob = z.object({
  token: z.string(),
  logprob: z.number().meta({ description: "In nats; -9999 stands for what cannot be." }),
  bytes: z.array(count),
});
const logprobs = z
  .object({ content: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) })), refusal: z.null() })
  .nullable();
const common = { id: z.string(), created: z.int().meta({ description: "Seconds since 1970." }), model: z.string() };

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
        finish_reason: endings.nullable().meta({ description: "Null in all pieces but a choice's last one." }),
      }),
    ),
    usage: usage.nullish(),
    warnings,
  })
  .meta({ id: "ChatCompletionChunk" });
export const chatCompletionEvent = z.union([chatCompletionChunk, errorBody]).meta({
  id: "ChatCompletionEvent",
  description:
    "The data of each event: a piece, or the error that ends the stream in its place. The last event's is [DONE]. Comments may stand between events.",
});

export type ChatRequest = z.output<typeof chatRequest>;
export type Message = z.output<typeof messages>[number];
