/**
 * The schemas of requests and answers. They check requests and make /openapi.json. A field of OpenAI's that this server
 * does not support is only accepted with its default.
 */
import { z } from "zod";
import { excerpt } from "../graph/excerpt.ts";
import { formatValue } from "../graph/schema.ts";
import { unixLineEnds } from "../text/line-ends.ts";
import { ApiError } from "./errors.ts";

/** The part of an error after the field's name. */
export const needs = (wanted: string) => ({
  error: ({ input }: { readonly input?: unknown }) => `needs ${wanted}, got ${formatGiven(input)}`,
});

/** Format a value from JSON, which can also be absent. */
const formatGiven = (value: unknown): string => (value === undefined ? "nothing" : formatValue(value));

export const text = (wanted = "text") => z.string(needs(wanted));
/** A text that a model reads, or stops before; its line ends become LF. */
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

/** A field that can be absent or null. */
export const optional = <T extends z.ZodType, D>(schema: T, otherwise: D, description: string) =>
  schema
    .nullish()
    .transform((value) => (value ?? otherwise) as NonNullable<z.output<T>> | D)
    .meta({ description, ...(otherwise === undefined ? {} : { default: otherwise }) });

/** A field of OpenAI's that only accepts its default. */
export const only = (isDefault: (value: unknown) => boolean, wanted: string, description: string) =>
  z
    .unknown()
    .refine((value) => value === null || value === undefined || isDefault(value), needs(wanted))
    .optional()
    .meta({ description });

/** A text, or a list of token ids. */
export type Prompt = string | readonly number[];
type Prompts = Prompt | readonly string[] | readonly (readonly number[])[];

/** This is checked by hand, because zod would try every member of a union on every token of a long list. */
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
  // One prompt or several; the result is a list.
  .transform((value): readonly Prompt[] =>
    Array.isArray(value) && typeof value[0] !== "number" ? value : [(value ?? "") as Prompt],
  )
  .meta({
    description:
      "The prompt or prompts to continue: texts or lists of token ids. Without it, the model continues from the end of a text or line. A text can end within a token; token ids are read as they are. Line ends are read as LF.",
    anyOf: [
      { type: "string" },
      { type: "array", items: { type: "string" }, minItems: 1 },
      { ...tokens, minItems: 1 },
      { type: "array", items: tokens, minItems: 1 },
      { type: "null" },
    ],
  });

const someText = text("text of at least one character").min(1, needs("text of at least one character"));
/** Clients for stories send dozens: the names of all speakers. */
const maxStops = 128;
const stop = z
  .union([text(), z.array(text()).max(maxStops)], needs(`text, or a list of at most ${maxStops} texts`))
  .nullish()
  .transform((value): readonly string[] => (typeof value === "string" ? [value] : (value ?? [])).map(unixLineEnds))
  .transform((stops) => stops.filter((one) => one !== ""))
  .meta({ description: `The text ends before any of these strings; at most ${maxStops}.` });

/** OpenAI's lowest bias excludes a token. */
const biasOf = (value: number): number => (value === -100 ? -Infinity : value);
const logitBias = optional(
  z
    .record(z.string().regex(/^\d+$/), between(-100, 100), {
      error: (issue) => needs("an object of numbers from -100 to 100 by token id").error(issue),
    })
    .transform((given) => Object.fromEntries(Object.entries(given).map(([id, value]) => [id, biasOf(value)]))),
  undefined,
  "Numbers that are added to the logits of tokens, by token id (see /tokenize); -100 excludes a token.",
);

const unlimited = (value: unknown): boolean => value === 0 || value === -1;
const topK = z
  .preprocess((value) => (unlimited(value) ? null : value), whole(1, most, "a whole number from 1").nullish())
  .transform((value) => value ?? undefined)
  .meta({
    description: "Draw only from this number of most likely tokens; 0 and -1 mean all.",
    anyOf: [{ type: "integer", minimum: -1, maximum: most }, { type: "null" }],
  });

/** A response format other than text. */
const isText = (value: unknown): boolean => (value as { type?: unknown }).type === "text";
const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const free = only((value) => value === "", "null: constrained text is not supported", "Only null.");
export const noTools = only(isEmpty, "null or []: tools are not supported", "Only null or [].");
/** The values of tool_choice without tools. */
const noChoice = only(
  (value) => value === "none" || value === "auto",
  '"none" or "auto": tools are not supported',
  'Only "none" or "auto".',
);
/** A way of sampling of other servers, with the number that turns it off. */
const off = (number: number, instead: string) =>
  only((value) => value === number, `${number}: use ${instead}`, `Only ${number}.`);
/**
 * Fields that other servers support. They are refused, because the answer would differ from what the client expects.
 */
export const refused = {
  suffix: only((value) => value === "", "null: a suffix is not supported", "Only null."),
  use_beam_search: only((value) => value === false, "false: beam search is not supported", "Only false."),
  response_format: only(isText, 'null or {"type": "text"}: other formats are not supported', 'Only {"type": "text"}.'),
  ...{ structured_outputs: free, guided_json: free, guided_regex: free, guided_choice: free, guided_grammar: free },
  ...{ json_schema: free, grammar: free },
  stop_token_ids: only(isEmpty, "null: use stop, which takes texts", "Only null."),
  min_tokens: only((value) => value === 0, "0: a minimum is not supported", "Only 0."),
  prompt_logprobs: only((value) => value === 0 || value === false, "null: use echo with logprobs", "Only null."),
  length_penalty: only((value) => value === 1, "1: beam search is not supported", "Only 1."),
  ...{ tools: noTools, tool_choice: noChoice, functions: noTools, function_call: noChoice },
  modalities: only(
    (value) => Array.isArray(value) && value.every((one) => one === "text"),
    '["text"]: other outputs are not supported',
    'Only ["text"].',
  ),
  audio: only(() => false, "null: audio is not supported", "Only null."),
  web_search_options: only(() => false, "null: web search is not supported", "Only null."),
  bad_words: only(isEmpty, "null: use logit_bias with -100", "Only null."),
  allowed_token_ids: only(isEmpty, "null: use logit_bias", "Only null."),
  truncate_prompt_tokens: only(() => false, "null: shorten the prompt", "Only null."),
  include_stop_str_in_output: only((value) => value === false, "false: stop strings are left out", "Only false."),
  ...{ typical_p: off(1, "top_p"), mirostat: off(0, "top_p"), dry_multiplier: off(0, "repetition_penalty") },
  ...{ xtc_probability: off(0, "temperature"), tfs_z: off(1, "top_p"), top_a: off(0, "min_p") },
};

export const tokensToWrite = whole(0, most, "a whole number from 0");

/** The options of generation, which completions and sessions share. */
export const writing = {
  max_tokens: optional(tokensToWrite, 16, "The largest number of tokens to generate."),
  max_completion_tokens: optional(tokensToWrite, undefined, "The same as max_tokens, and takes precedence."),
  temperature: optional(between(0, 2), 1, "The logits are divided by this number; 0 takes the most likely token."),
  top_p: optional(between(0, 1), 1, "Draw from the fewest most likely tokens that together have this probability."),
  top_k: topK,
  min_p: optional(between(0, 1), 0, "Draw from tokens whose probability is at least this share of the highest one."),
  presence_penalty: optional(between(-2, 2), 0, "Subtracted from a token's logit if the token was generated."),
  frequency_penalty: optional(
    between(-2, 2),
    0,
    "Subtracted from a token's logit for each time that the token was generated.",
  ),
  repetition_penalty: optional(
    z.number(needs("a number above 0")).gt(0, needs("a number above 0")),
    1,
    "For tokens in the prompt or the generated text, positive logits are divided by this number and negative ones multiplied by it.",
  ),
  logit_bias: logitBias,
  ignore_eos: optional(flag, false, "Never generate the end-of-text token."),
  stop,
  seed: optional(
    whole(-(2 ** 52), 2 ** 52),
    undefined,
    "The same seed gives the same text, whatever else the server does; -1 means no seed. Choice k uses seed + k.",
  ),
  logprobs: z
    .preprocess((value) => (typeof value === "boolean" ? (value ? 1 : null) : value), whole(0, 5).nullish())
    .transform((value) => value ?? undefined)
    .meta({
      description: "The number of most likely tokens to return for each position; false means none, true means 1.",
      anyOf: [{ type: "integer", minimum: 0, maximum: 5 }, { type: "boolean" }, { type: "null" }],
    }),
  stream: optional(flag, false, "Whether to stream the text as server-sent events."),
  stream_options: z
    .object(
      {
        include_usage: optional(flag, false, "Whether to send the usage in a last event without choices."),
        include_obfuscation: only((value) => value === false, "false", "Only false."),
      },
      needs("an object"),
    )
    .nullish(),
  user: optional(text(), undefined, "Ignored."),
};

/** The check of stream_options. */
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
    n: optional(whole(1, 128), 1, "The number of texts for each prompt."),
    echo: optional(flag, false, "Whether the text starts with the prompt, as it was sent."),
    best_of: optional(
      whole(1, 128),
      undefined,
      "The number of texts to generate for each prompt; the n texts whose tokens are most likely on average are returned, the best first.",
    ),
    ...refused,
  })
  .refine(({ best_of, n }) => best_of === undefined || best_of >= n, {
    path: ["best_of"],
    error: ({ input }) => {
      const { best_of, n } = input as { best_of: number; n: number };
      return `needs at least ${n} (n), or null, got ${best_of}`;
    },
  })
  .refine(({ best_of, n, stream }) => !stream || best_of === undefined || best_of <= n, {
    path: ["best_of"],
    error: ({ input }) =>
      `needs ${(input as { n: number }).n}, the same as n, in a stream, because the best texts are only known at the end`,
  })
  .refine(streamsOrHasNoOptions, needsStream)
  .meta({ id: "CompletionRequest" });

export const sessionRequest = z
  .object({
    model: text("the name of a model"),
    prompt: optional(lines(), "", "The text that the model reads first."),
    sealed: optional(
      flag,
      false,
      'Whether the session is not stored: its id is "sealed", and each answer has its whole state as a token, which the next request sends, to this or another server with the same key and model.',
    ),
    token: optional(text(), undefined, "The token of a sealed session, from whose state this one begins."),
  })
  .meta({ id: "SessionRequest" });

const one = only((value) => value === 1, "1: a session has one text", "Only 1.");
export const sessionCompletionRequest = z
  .object({
    prompt: optional(
      lines(),
      "",
      "The text that the model reads before it continues. It remembers everything that it has read and generated in this session.",
    ),
    model: optional(text(), undefined, "The model of the session, or nothing."),
    token: optional(
      text(),
      undefined,
      'For the session "sealed": the token of the answer to go on from. It stays valid until it expires, so a text can go on from it more than once.',
    ),
    ...writing,
    n: one,
    best_of: one,
    echo: only((value) => value === false, "false: a session only returns new text", "Only false."),
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
      "The names of the values to return; by default, those of all recurrent layers.",
    ),
  })
  .meta({ id: "InspectRequest" });

export const usage = z.object({ prompt_tokens: count, completion_tokens: count, total_tokens: count });

export const warnings = z
  .array(z.object({ code: z.literal("unknown_characters"), param: z.string(), message: z.string() }))
  .optional()
  .meta({ description: "Reasons why the answer is probably not what the client wanted; absent if there are none." });

/** The fields of a completion and of each event of a stream. */
const completionOf = <Ended extends z.ZodType, Used extends z.ZodType>(finish_reason: Ended, usage: Used) =>
  z.object({
    id: z.string(),
    object: z.literal("text_completion"),
    created: z.int().meta({ description: "Unix time in seconds." }),
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
              .meta({ description: "The most likely tokens of each position, the most likely first." }),
            text_offset: z
              .array(count)
              .meta({ description: "The position of each token in the choice's text, in code points." }),
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
  endings.nullable().meta({ description: "Null in all events of a choice but the last one." }),
  usage
    .nullish()
    .meta({ description: "Only with include_usage: null in all events but the last one, which has no choices." }),
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
    expires: z.int().meta({ description: "Unix time in seconds; each use extends it." }),
    tokens: count.meta({ description: "The number of tokens read and generated." }),
    token: z.string().optional().meta({ description: "The whole state of a sealed session; absent if it is stored." }),
    warnings,
  })
  .meta({ id: "Session" });
const sealedSession = session
  .omit({ warnings: true })
  .optional()
  .meta({ description: "The session after this answer, with its token; only if it is sealed." });
export const sessionCompletion = completion.extend({ session: sealedSession }).meta({ id: "SessionCompletion" });
export const sessionCompletionChunk = completionChunk
  .extend({ session: sealedSession })
  .meta({ id: "SessionCompletionChunk" });
export const sessionState = session
  .extend({
    state: z.record(z.string(), z.array(z.number())).meta({
      description:
        "The recurrent state by layer and name, after all tokens but the last ones, which the next text can still change.",
    }),
  })
  .meta({ id: "SessionState" });
/** The query of `GET /v1/unrolled/sessions`. */
export const sessionPage = z.strictObject({
  limit: z
    .string()
    .optional()
    .transform((value) => (value === undefined ? 20 : Number(value === "" ? "none" : value)))
    .pipe(whole(1, 100))
    .meta({
      description: "The largest number of sessions to return.",
      type: "integer",
      minimum: 1,
      maximum: 100,
      default: 20,
    }),
  after: z.string().optional().meta({ description: "The id of a session: only older sessions are returned." }),
});
export const sessionList = z
  .object({
    object: z.literal("list"),
    data: z.array(session),
    first_id: z.string().nullable(),
    last_id: z.string().nullable().meta({ description: "The value of `after` for the next page." }),
    has_more: z.boolean(),
  })
  .meta({ id: "SessionList" });

const base64 = z
  .string(needs("text in base64"))
  .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, needs("text in base64"))
  .meta({ contentEncoding: "base64" });
const memory = {
  tokens: whole(0, most).meta({ description: "The number of tokens read and generated." }),
  pending: z
    .array(whole(0, most), needs("a list of tokens"))
    .max(1, needs("a list of at most one token"))
    .meta({ description: "The last token, which the model has not read yet and reads first." }),
  state: z.record(z.string(), base64, needs("an object")).nullable().meta({
    description:
      "The recurrent state by layer and name, after all tokens before that: 32-bit floats, little-endian, in base64. Null if there are no such tokens.",
  }),
};
export const sessionMemory = z
  .strictObject(
    {
      object: z.literal("session.state", needs('"session.state"')).optional(),
      model: text("the name of a model").meta({
        description: "The name of the model when the state was taken; it can have another name now.",
      }),
      fingerprint: text("the fingerprint of a model").meta({
        description: "Only a model with this fingerprint accepts the state.",
      }),
      ...memory,
      open: text().meta({ description: "The text after that token, which can be the beginning of a longer token." }),
      part: z
        .strictObject(
          { ...memory, rest: base64.meta({ description: "The bytes of the character, at most three." }) },
          needs("an object or null"),
        )
        .nullable()
        .meta({
          description:
            "If the text ends within a character, which was not returned: the state including that part. Without a prompt, the model continues from there.",
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
    max_model_len: count.meta({
      description: "The largest number of tokens in a prompt; the model itself has no limit.",
    }),
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

/** The data of an event in a stream. */
export const completionEvent = z.union([completionChunk, errorBody]).meta({
  id: "CompletionEvent",
  description:
    "The data of each event: a part of the completion, or an error, which ends the stream. The last event is [DONE]. There can be comments between events.",
});

export const sessionCompletionEvent = z.union([sessionCompletionChunk, errorBody]).meta({
  id: "SessionCompletionEvent",
  description:
    "The data of each event: a part of the completion, or an error, which ends the stream. The token of a sealed session comes after the text, in an event without choices. The last event is [DONE]. There can be comments between events.",
});

/** The options of generation. */
export type Writing = Omit<
  z.output<typeof sessionCompletionRequest>,
  "prompt" | "model" | "token" | "n" | "best_of" | "echo" | keyof typeof refused | "max_completion_tokens" | "user"
>;
export type Completion = z.output<typeof completion>;
export type Warning = NonNullable<Completion["warnings"]>[number];
export type SessionMemory = z.output<typeof sessionMemory>;

/** What fields of each type need, in words. */
const typeWords: Readonly<Record<string, string>> = {
  ...{ string: "text", number: "a number", int: "a whole number", boolean: "true or false" },
  ...{ array: "a list", object: "an object", record: "an object" },
};
/** What a field needs whose schema has no words of its own, such as those that tasks bring. */
function wordsOf(issue: z.core.$ZodRawIssue): string | undefined {
  const wanted = wantedBy(issue);
  return wanted === undefined ? undefined : needs(wanted).error(issue);
}
function wantedBy(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type") {
    // JSON has numbers that are too large for 64 bits.
    return issue.input === Infinity || issue.input === -Infinity ? "a finite number" : typeWords[issue.expected];
  }
  if (issue.code !== "too_small" && issue.code !== "too_big") return undefined;
  if (issue.inclusive === false) {
    return issue.code === "too_small" ? `a number above ${issue.minimum}` : `a number below ${issue.maximum}`;
  }
  const limit = issue.code === "too_small" ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
  return issue.origin === "array"
    ? `a list of ${limit}`
    : issue.origin === "string"
      ? `text of ${limit} characters`
      : `a number of ${limit}`;
}

/**
 * Check the body of a request; `onUnknown` receives the fields that the schema does not have, which are ignored.
 * @throws ApiError `invalid`, which names the first field that is wrong
 */
export function check<T extends z.ZodObject>(
  schema: T,
  body: unknown,
  onUnknown: (names: readonly string[]) => void = () => {},
): z.output<T> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new ApiError("invalid", `the body needs a JSON object, got ${formatGiven(body)}.`);
  }
  const result = schema.safeParse(body, { error: wordsOf });
  if (result.success) {
    const unknown = Object.keys(body).filter((name) => !Object.hasOwn(schema.shape, name));
    if (unknown.length > 0) onUnknown(unknown);
    return result.data;
  }
  const [issue] = result.error.issues as [z.core.$ZodIssue];
  if (issue.code === "unrecognized_keys") {
    const name = excerpt([...issue.path, issue.keys[0]].join("."), 100);
    throw new ApiError("invalid", `${name}: unknown field. Leave it out.`, name);
  }
  const param = issue.path.join(".");
  throw new ApiError("invalid", `${param}: ${issue.message}.`, param);
}
