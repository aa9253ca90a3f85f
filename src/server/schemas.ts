/**
 * What requests and answers look like. The same schemas check requests and make /openapi.json; a value of OpenAI's that
 * nothing here can do is accepted at its default alone.
 */
import { z } from "zod";
import { excerpt } from "../graph/excerpt.ts";
import { formatValue } from "../graph/schema.ts";
import { unixLineEnds } from "../text/line-ends.ts";
import { ApiError } from "./errors.ts";

/** What is wrong with a value, after its name. */
export const needs = (wanted: string) => ({
  error: ({ input }: { readonly input?: unknown }) => `needs ${wanted}, got ${formatGiven(input)}`,
});

/** What came in JSON, where a field may also be absent. */
const formatGiven = (value: unknown): string => (value === undefined ? "nothing" : formatValue(value));

export const text = (wanted = "text") => z.string(needs(wanted));
/** What a model reads or ends before. */
const lines = (wanted = "text") => text(wanted).transform(unixLineEnds);
export const between = (least: number, most: number) => {
  const wanted = needs(`a number from ${least} to ${most}`);
  return z.number(wanted).min(least, wanted).max(most, wanted);
};
export const whole = (least: number, most: number, wanted = `a whole number from ${least} to ${most}`) =>
  z.number(needs(wanted)).int(needs(wanted)).min(least, needs(wanted)).max(most, needs(wanted));
export const flag = z.boolean(needs("true or false"));
const most = Number.MAX_SAFE_INTEGER;
export const count = z.int().min(0);

/** A field that may be left out, or null. */
export const optional = <T extends z.ZodType, D>(schema: T, otherwise: D, description: string) =>
  schema
    .nullish()
    .transform((value) => (value ?? otherwise) as NonNullable<z.output<T>> | D)
    .meta({ description, ...(otherwise === undefined ? {} : { default: otherwise }) });

/** A field of OpenAI's that has to stay at its default. */
export const only = (isDefault: (value: unknown) => boolean, wanted: string, description: string) =>
  z
    .unknown()
    .refine((value) => value === null || value === undefined || isDefault(value), needs(wanted))
    .optional()
    .meta({ description });

/** Text, or tokens. */
export type Prompt = string | readonly number[];
type Prompts = Prompt | readonly string[] | readonly (readonly number[])[];

/** Checked by hand: of a union, zod would try every member on every token of a long list. */
function isPrompt(value: unknown): value is Prompts | null | undefined {
  if (value === null || value === undefined || typeof value === "string") return true;
  const isToken = (item: unknown): boolean => Number.isInteger(item);
  if (!Array.isArray(value) || value.length === 0) return false;
  return (
    value.every((item) => typeof item === "string") ||
    value.every(isToken) ||
    value.every((item) => Array.isArray(item) && item.every(isToken))
  );
}
const tokens = { type: "array", items: { type: "integer", minimum: 0 } };
const prompt = z
  .custom<Prompts | null | undefined>(isPrompt, needs("text, a list of texts, tokens, or a list of lists of tokens"))
  .optional()
  // One, or several: behind this it is a list.
  .transform((value): readonly Prompt[] =>
    Array.isArray(value) && typeof value[0] !== "number" ? value : [(value ?? "") as Prompt],
  )
  .meta({
    description:
      "What to go on from: text or tokens, one or several. Without it, the end of a text or line. A text may end within a token, tokens are read as they are. Line ends are read as LF.",
    anyOf: [
      { type: "string" },
      { type: "array", items: { type: "string" }, minItems: 1 },
      { ...tokens, minItems: 1 },
      { type: "array", items: tokens, minItems: 1 },
      { type: "null" },
    ],
  });

const someText = text("text of at least one character").min(1, needs("text of at least one character"));
/** Dozens are sent by clients for stories: the names of all who speak. */
const maxStops = 128;
const stop = z
  .union([text(), z.array(text()).max(maxStops)], needs(`text, or a list of at most ${maxStops} texts`))
  .nullish()
  .transform((value): readonly string[] => (typeof value === "string" ? [value] : (value ?? [])).map(unixLineEnds))
  .transform((stops) => stops.filter((one) => one !== ""))
  .meta({ description: `The text ends before any of these; at most ${maxStops}.` });

/** OpenAI's least bias keeps a token out. */
const biasOf = (value: number): number => (value === -100 ? -Infinity : value);
const logitBias = optional(
  z
    .record(z.string().regex(/^\d+$/), between(-100, 100), {
      error: (issue) => needs("an object of numbers from -100 to 100 by token id").error(issue),
    })
    .transform((given) => Object.fromEntries(Object.entries(given).map(([id, value]) => [id, biasOf(value)]))),
  undefined,
  "Added to the logits of tokens, by their ids (/tokenize tells them); -100 keeps one out.",
);

const unlimited = (value: unknown): boolean => value === 0 || value === -1;
const topK = z
  .preprocess((value) => (unlimited(value) ? null : value), whole(1, most, "a whole number from 1").nullish())
  .transform((value) => value ?? undefined)
  .meta({
    description: "Draw from this many most likely tokens only; 0 and -1 are all.",
    anyOf: [{ type: "integer", minimum: -1, maximum: most }, { type: "null" }],
  });

/** What demands a certain form of the text. */
const isText = (value: unknown): boolean => (value as { type?: unknown }).type === "text";
const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const free = only((value) => value === "", "null: texts are written freely", "Only null.");
/** What other servers can do: refused where it is asked for, for what came would not be what was meant. */
export const refused = {
  suffix: only((value) => value === "", "null: no text is written before a suffix", "Only null."),
  use_beam_search: only((value) => value === false, "false: the server draws tokens", "Only false."),
  response_format: only(isText, 'null or {"type": "text"}: texts are written freely', 'Only {"type": "text"}.'),
  ...{ structured_outputs: free, guided_json: free, guided_regex: free, guided_choice: free, guided_grammar: free },
  ...{ json_schema: free, grammar: free },
  stop_token_ids: only(isEmpty, "null: stop takes texts", "Only null."),
  min_tokens: only((value) => value === 0, "0: a text may end at once", "Only 0."),
  prompt_logprobs: only((value) => value === 0 || value === false, "null: echo with logprobs tells them", "Only null."),
  length_penalty: only((value) => value === 1, "1: the server draws tokens", "Only 1."),
};

export const tokensToWrite = whole(0, most, "a whole number from 0");

/** How a text is written: what completions and sessions share. */
export const writing = {
  max_tokens: optional(tokensToWrite, 16, "Most tokens to write."),
  max_completion_tokens: optional(tokensToWrite, undefined, "The same, and comes first."),
  temperature: optional(between(0, 2), 1, "Logits are divided by it; 0 takes the most likely token."),
  top_p: optional(between(0, 1), 1, "Draw from the fewest most likely tokens that together have this probability."),
  top_k: topK,
  min_p: optional(between(0, 1), 0, "Draw from tokens at least this times as likely as the likeliest."),
  presence_penalty: optional(between(-2, 2), 0, "Taken from a token's logit once it was written."),
  frequency_penalty: optional(between(-2, 2), 0, "Taken from a token's logit for each time it was written."),
  repetition_penalty: optional(
    z.number(needs("a number above 0")).gt(0, needs("a number above 0")),
    1,
    "Positive logits of tokens that were read or written are divided by it, negative ones multiplied.",
  ),
  logit_bias: logitBias,
  ignore_eos: optional(flag, false, "The end of a text is never written."),
  stop,
  seed: optional(
    whole(-(2 ** 52), 2 ** 52),
    undefined,
    "The same seed writes the same text, whatever else the server does; -1 is none. Choice k draws from seed + k.",
  ),
  logprobs: z
    .preprocess((value) => (typeof value === "boolean" ? (value ? 1 : null) : value), whole(0, 5).nullish())
    .transform((value) => value ?? undefined)
    .meta({
      description: "How many of the most likely tokens to tell in each place; false is none, true is 1.",
      anyOf: [{ type: "integer", minimum: 0, maximum: 5 }, { type: "boolean" }, { type: "null" }],
    }),
  stream: optional(flag, false, "Server-sent events: pieces as they are written."),
  stream_options: z
    .object(
      {
        include_usage: optional(flag, false, "A last piece without choices, with the usage."),
        include_obfuscation: only((value) => value === false, "false", "Only false."),
      },
      needs("an object"),
    )
    .nullish(),
  user: optional(text(), undefined, "Means nothing here."),
};

/** Of what may be streamed. */
export const streamsOrHasNoOptions = ({
  stream,
  stream_options,
}: {
  stream: boolean;
  stream_options?: unknown;
}): boolean => stream || stream_options == null;
export const needsStream = { path: ["stream_options"], error: "needs stream to be true" };

export const completionRequest = z
  .object({
    model: text("the name of a model"),
    prompt,
    ...writing,
    n: optional(whole(1, 128), 1, "Texts for each prompt."),
    echo: optional(flag, false, "The prompt comes first in the text, as it was sent."),
    best_of: optional(
      whole(1, 128),
      undefined,
      "Texts that are written for each prompt; the n whose tokens are likeliest on average are given, the best first.",
    ),
    ...refused,
  })
  .refine(({ best_of, n }) => best_of === undefined || best_of >= n, {
    path: ["best_of"],
    error: ({ input }) => {
      const { best_of, n } = input as { best_of: number; n: number };
      return `needs at least ${n}, as many as n, or null, got ${best_of}`;
    },
  })
  .refine(({ best_of, n, stream }) => !stream || best_of === undefined || best_of <= n, {
    path: ["best_of"],
    error: ({ input }) =>
      `needs ${(input as { n: number }).n}, as many as n, in a stream: which are best is known at the end`,
  })
  .refine(streamsOrHasNoOptions, needsStream)
  .meta({ id: "CompletionRequest" });

export const sessionRequest = z
  .object({
    model: text("the name of a model"),
    prompt: optional(lines(), "", "What the model reads at once."),
  })
  .meta({ id: "SessionRequest" });

const one = only((value) => value === 1, "1: a session is one text", "Only 1.");
export const sessionCompletionRequest = z
  .object({
    prompt: optional(lines(), "", "What the model reads first. It goes on from all that it has read and written."),
    model: optional(text(), undefined, "The session's, or nothing."),
    ...writing,
    n: one,
    best_of: one,
    echo: only((value) => value === false, "false: a session tells what is new", "Only false."),
    ...refused,
  })
  .refine(streamsOrHasNoOptions, needsStream)
  .meta({ id: "SessionCompletionRequest" });

export const inspectRequest = z
  .object({
    model: text("the name of a model"),
    text: someText.transform(unixLineEnds),
    values: optional(
      z.array(text("the name of a value"), needs("a list of names")),
      [] as const,
      "The values to tell, by name; without it those of all layers that remember something.",
    ),
  })
  .meta({ id: "InspectRequest" });

export const usage = z.object({ prompt_tokens: count, completion_tokens: count, total_tokens: count });

export const warnings = z
  .array(z.object({ code: z.literal("unknown_characters"), param: z.string(), message: z.string() }))
  .optional()
  .meta({ description: "What was answered, and is yet likely not what was meant: absent where there is nothing." });

/** What a completion and each piece of one have. */
const completionOf = <Ended extends z.ZodType, Used extends z.ZodType>(finish_reason: Ended, usage: Used) =>
  z.object({
    id: z.string(),
    object: z.literal("text_completion"),
    created: z.int().meta({ description: "Seconds since 1970." }),
    model: z.string(),
    choices: z.array(
      z.object({
        index: count,
        text: z.string(),
        finish_reason,
        logprobs: z
          .object({
            tokens: z.array(z.string()),
            token_logprobs: z.array(z.number().nullable()),
            top_logprobs: z
              .array(z.record(z.string(), z.number()).nullable())
              .meta({ description: "The likeliest tokens of each place, the likeliest first." }),
            text_offset: z
              .array(count)
              .meta({ description: "Where a token begins in the choice's text, in code points." }),
          })
          .nullable(),
      }),
    ),
    usage,
    warnings,
  });
export const endings = z.enum(["stop", "length"]);
export const completion = completionOf(endings, usage).meta({ id: "Completion" });
export const completionChunk = completionOf(
  endings.nullable().meta({ description: "Null in all pieces but a choice's last one." }),
  usage
    .nullish()
    .meta({ description: "Where it was asked for: null in all pieces but the last one, which has no choices." }),
).meta({ id: "CompletionChunk" });

export const model = z
  .object({
    ...{ id: z.string(), object: z.literal("model"), created: z.int(), owned_by: z.string() },
    task: z.string().meta({ description: "What it is for: text, or another one, which has routes of its own." }),
  })
  .meta({ id: "Model" });
export const modelList = z.object({ object: z.literal("list"), data: z.array(model) }).meta({ id: "ModelList" });

export const session = z
  .object({
    id: z.string(),
    object: z.literal("session"),
    model: z.string(),
    created: z.int(),
    expires: z.int().meta({ description: "Seconds since 1970; each use puts it off." }),
    tokens: count.meta({ description: "Tokens read and written." }),
    warnings,
  })
  .meta({ id: "Session" });
export const sessionState = session
  .extend({
    state: z.record(z.string(), z.array(z.number())).meta({
      description:
        "By layer and name, what the model remembers of all tokens but the last ones, which what comes next may change.",
    }),
  })
  .meta({ id: "SessionState" });
/** What `GET /v1/unrolled/sessions` is asked for. */
export const sessionPage = z.strictObject({
  limit: z
    .string()
    .optional()
    .transform((value) => (value === undefined ? 20 : Number(value === "" ? "none" : value)))
    .pipe(whole(1, 100))
    .meta({ description: "Most of them.", type: "integer", minimum: 1, maximum: 100, default: 20 }),
  after: z.string().optional().meta({ description: "The id of a session: those that are older." }),
});
export const sessionList = z
  .object({
    object: z.literal("list"),
    data: z.array(session),
    first_id: z.string().nullable(),
    last_id: z.string().nullable().meta({ description: "What to ask for the next page after." }),
    has_more: z.boolean(),
  })
  .meta({ id: "SessionList" });

const base64 = z
  .string(needs("text in base64"))
  .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, needs("text in base64"))
  .meta({ contentEncoding: "base64" });
const memory = {
  tokens: whole(0, most).meta({ description: "Tokens read and written." }),
  pending: z
    .array(whole(0, most), needs("a list of tokens"))
    .max(1, needs("a list of at most one token"))
    .meta({ description: "The last token, which the model reads first when it goes on." }),
  state: z.record(z.string(), base64, needs("an object")).nullable().meta({
    description:
      "By layer and name, what the model remembers of all tokens before that: 32-bit floats, little-endian, in base64. Null of none.",
  }),
};
export const sessionMemory = z
  .strictObject(
    {
      object: z.literal("session.state", needs('"session.state"')).optional(),
      model: text("the name of a model").meta({
        description: "Its name when this was read; it may be another one now.",
      }),
      fingerprint: text("the fingerprint of a model").meta({ description: "Only the same model takes this back." }),
      ...memory,
      open: text().meta({ description: "What follows that token, and may be the beginning of a longer one." }),
      part: z
        .strictObject(
          { ...memory, rest: base64.meta({ description: "The bytes of the character, three at most." }) },
          needs("an object or null"),
        )
        .nullable()
        .meta({
          description:
            "Where the text ends within a character, which was not shown: the same of all that was written. Without a prompt the model goes on from there.",
        }),
    },
    needs("an object"),
  )
  .meta({ id: "SessionMemory" });
export const deleted = z
  .object({ id: z.string(), object: z.literal("session"), deleted: z.literal(true) })
  .meta({ id: "Deleted" });

export const inspection = z
  .object({
    object: z.literal("inspection"),
    model: z.string(),
    tokens: z.array(
      z.object({
        token: z.string(),
        values: z.record(z.string(), z.array(z.number())),
        loss: z.number().nullable(),
        next: z.array(z.object({ token: z.string(), probability: z.number() })),
      }),
    ),
    warnings,
  })
  .meta({ id: "Inspection" });

export const health = z.object({ status: z.enum(["ok", "shutting down"]) }).meta({ id: "Health" });

export const tokenList = z
  .object({
    count,
    max_model_len: count.meta({ description: "Most tokens that a request may have read; the model has no limit." }),
    tokens: z.array(count),
    token_strs: z.array(z.string()).nullable(),
  })
  .meta({ id: "TokenList" });
export const detokenizeRequest = z
  .object({
    model: text("the name of a model"),
    tokens: z.array(whole(0, most, "tokens, whole numbers from 0"), needs("a list of tokens")),
  })
  .meta({ id: "DetokenizeRequest" });
export const detokenized = z.object({ prompt: z.string() }).meta({ id: "Detokenized" });

export const errorBody = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: "Error" });

/** The data of an event of a stream. */
export const completionEvent = z.union([completionChunk, errorBody]).meta({
  id: "CompletionEvent",
  description:
    "The data of each event: a piece, or the error that ends the stream in its place. The last event's is [DONE]. Comments may stand between events.",
});

/** How a text is to be written. */
export type Writing = Omit<
  z.output<typeof sessionCompletionRequest>,
  "prompt" | "model" | "n" | "best_of" | "echo" | keyof typeof refused | "max_completion_tokens" | "user"
>;
export type Completion = z.output<typeof completion>;
export type Warning = NonNullable<Completion["warnings"]>[number];
export type SessionMemory = z.output<typeof sessionMemory>;

/**
 * A request's body, checked; `onUnknown` is told of the fields that the schema does not have, which mean nothing.
 * @throws ApiError invalid, which names the first field that is wrong
 */
export function check<T extends z.ZodObject>(
  schema: T,
  body: unknown,
  onUnknown: (names: readonly string[]) => void = () => {},
): z.output<T> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new ApiError("invalid", `the body needs a JSON object, got ${formatGiven(body)}.`);
  }
  const result = schema.safeParse(body);
  if (result.success) {
    const unknown = Object.keys(body).filter((name) => !Object.hasOwn(schema.shape, name));
    if (unknown.length > 0) onUnknown(unknown);
    return result.data;
  }
  const [issue] = result.error.issues as [z.core.$ZodIssue];
  if (issue.code === "unrecognized_keys") {
    const name = excerpt([...issue.path, issue.keys[0]].join("."), 100);
    throw new ApiError("invalid", `${name}: there is no such field. Leave it out.`, name);
  }
  const param = issue.path.join(".");
  throw new ApiError("invalid", `${param}: ${issue.message}.`, param);
}
