/** Chat completions: turn messages into one text for a language model to continue, and its output into a message. */
import { unixLineEnds } from "../../text/line-ends.ts";
import type { ChatRequest, Message } from "../chat-schemas.ts";
import { LazyList } from "../json.ts";
import type { AnswerFormat, Choice } from "./choice.ts";

/** The prompt for a list of messages, and the strings that end an answer. */
export type Conversation = { readonly prompt: string; readonly stop: readonly string[] };

/**
 * Turn messages into a prompt. Without a template, the contents are the lines of one text, and an answer continues that
 * text. With a template, each message is formatted with it, then the beginning of an answer up to its content; the text
 * after the content ends the answer.
 * @example conversationOf([{ role: "user", content: "Call me" }], "{role}: {content}\n")
 * // { prompt: "user: Call me\nassistant: ", stop: ["\n"] }
 */
export function conversationOf(messages: readonly Message[], template: string | undefined): Conversation {
  if (template === undefined) {
    return { prompt: unixLineEnds(messages.map(({ content }) => content).join("\n")), stop: [] };
  }
  const [before, after] = template.split("{content}") as [string, string];
  const withRole = (text: string, role: string): string => text.replaceAll("{role}", () => role);
  const said = messages.map(({ role, content }) => `${withRole(before, role)}${content}${withRole(after, role)}`);
  const end = withRole(after, "assistant");
  return {
    prompt: unixLineEnds(said.join("") + withRole(before, "assistant")),
    stop: end === "" ? [] : [unixLineEnds(end)],
  };
}

/** The completion request of a chat. */
export function completionOfChat(
  { messages, n, stop, logprobs, top_logprobs = 0, ...rest }: ChatRequest,
  template: string | undefined,
) {
  const { prompt, stop: ends } = conversationOf(messages, template);
  return {
    ...rest,
    ...{ prompt: [prompt], n, echo: false, stop: [...stop, ...ends], logprobs: logprobs ? top_logprobs : undefined },
    ...{ format: createChatFormat(top_logprobs), param: "messages" },
  };
}

/** @param count the number of most likely tokens for each position */
function createChatFormat(count: number): AnswerFormat {
  return {
    ...{ prefix: "chatcmpl", whole: "chat.completion", piece: "chat.completion.chunk" },
    wholeOf: ({ index, text, logprobs, finish_reason }) => ({
      index,
      message: { role: "assistant", content: text, refusal: null },
      logprobs: told(logprobsOf(logprobs, count)),
      finish_reason,
    }),
    piecesOf({ index, text, logprobs, finish_reason }, isFirst) {
      const begin = { index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null };
      const delta = text === "" ? {} : { content: text };
      const piece = { index, delta, logprobs: told(logprobsOf(logprobs, count)?.all() ?? null), finish_reason };
      return isFirst ? [begin, piece] : [piece];
    },
  };
}

/**
 * The log-probabilities in the format of a chat, by token; the generated token is only included if it is among the most
 * likely ones.
 */
function logprobsOf(logprobs: Choice["logprobs"], count: number) {
  if (logprobs === null) return null;
  const { tokens, token_logprobs, top_logprobs } = logprobs;
  return new LazyList(tokens.length, (place) => {
    const top = [...(top_logprobs.at(place) ?? [])].map(([name, nats]) => logprobOf(name, nats));
    const likeliest = top.sort((a, b) => b.logprob - a.logprob).slice(0, count);
    const own = logprobOf(tokens.at(place) as string, token_logprobs.at(place) as number);
    return { ...own, top_logprobs: likeliest };
  });
}
const told = (content: unknown): object | null => (content === null ? null : { content, refusal: null });

function logprobOf(token: string, logprob: number) {
  return { token, logprob, bytes: bytesOf(token) };
}

/** The bytes that a token's name stands for (`bytes:\xe2\x82`). */
function bytesOf(name: string): number[] {
  if (!/^bytes:(\\x[\da-f]{2})+$/.test(name)) return [...new TextEncoder().encode(name)];
  return [...name.matchAll(/[\da-f]{2}/g)].map(([hex]) => Number.parseInt(hex, 16));
}
