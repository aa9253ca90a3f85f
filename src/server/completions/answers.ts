/** The answer to a request for text: a whole answer, or server-sent events. */
import { randomUUID } from "node:crypto";
import type { ApiError } from "../errors.ts";
import { jsonOf } from "../json.ts";
import { bestOf } from "./best.ts";
import { formatChoice, formatKeptChoice, lengthOf } from "./choice.ts";
import { type Attended, type Deliveries, writeTexts } from "./deliveries.ts";
import { KeptChoice } from "./kept-choice.ts";
import type { CompletionRequest } from "./request.ts";

/** The fields of every answer. */
function envelope({ loaded, promptTokens, texts, format, writing }: CompletionRequest) {
  const common = {
    id: `${format.prefix}-${randomUUID()}`,
    object: writing.stream ? format.piece : format.whole,
    created: Math.floor(Date.now() / 1000),
    model: loaded.name,
  };
  const usage = () => {
    const written = texts.reduce((total, text) => total + text.written, 0);
    return { prompt_tokens: promptTokens, completion_tokens: written, total_tokens: promptTokens + written };
  };
  return { common, usage };
}

/** The warnings of the request, if there are any. */
export const warned = ({ warnings }: Pick<CompletionRequest, "warnings">) =>
  warnings.length === 0 ? {} : { warnings };

/** The whole answer; its log-probabilities are formatted while it is sent. */
export async function complete(completion: CompletionRequest, client: string, attended: Attended): Promise<object> {
  const { common, usage } = envelope(completion);
  const { loaded, writing, texts, best, format } = completion;
  const found = texts.map(() => {
    return { kept: new KeptChoice(loaded.lm.tokenizer, writing.logprobs), ended: "length" as "stop" | "length" };
  });
  for await (const deliveries of writeTexts(completion, client, attended)) {
    for (const [choice, { pieces, ended }] of deliveries) {
      const one = found[choice] as (typeof found)[number];
      for (const piece of pieces) one.kept.push(piece);
      if (ended !== undefined) one.ended = ended;
    }
  }
  const given = best === undefined ? found : bestOf(found, best);
  const choices = given.map(({ kept, ended }, index) =>
    format.wholeOf(formatKeptChoice(kept, { index, finish_reason: ended })),
  );
  return { ...common, choices, usage: usage(), ...completion.about?.(), ...warned(completion) };
}

type EventOptions = Attended & {
  readonly onEnd: () => void;
  /** Makes the error that the client receives. */
  readonly fail: (error: unknown) => ApiError;
};
type Events = AsyncGenerator<string, void>;

/**
 * The answer as events: each has new text of a choice, one token or more; then come the token of a sealed session and the
 * usage, if it was requested, and at last [DONE]. An error on the way is an event as well, made by `fail`. Resolves with the first event, so that
 * an earlier error gets a status. The warnings come with the first event.
 */
export async function completeAsEvents(
  completion: CompletionRequest,
  client: string,
  attended: EventOptions,
): Promise<Events> {
  const deliveries = writeTexts(completion, client, attended);
  const answer = { completion, ...envelope(completion), deliveries, ...attended };
  return events(await deliveries.next(), answer);
}

type Answer = ReturnType<typeof envelope> &
  EventOptions & {
    readonly completion: CompletionRequest;
    readonly deliveries: AsyncGenerator<Deliveries, void>;
  };
/** The approximate number of characters of events that are sent together. */
const maxTogether = 16_384;

async function* events(first: IteratorResult<Deliveries, void>, answer: Answer): Events {
  const { completion, common, usage, deliveries, onEnd, fail } = answer;
  const { format, writing, texts } = completion;
  const begun = new Set<number>();
  const include = writing.stream_options?.include_usage === true;
  const tells = writing.logprobs !== undefined;
  // Only log-probabilities need a fixed order.
  const json: (value: object) => string = tells ? jsonOf : JSON.stringify;
  const event = (data: object): string => `data: ${json(data)}\n\n`;
  /** The number of code points of each text that were sent. */
  const offsets = texts.map(() => 0);
  let also = warned(completion);
  try {
    for (let next = first; next.done !== true; next = await deliveries.next()) {
      let all = "";
      for (const [index, { pieces, ended }] of next.value) {
        const offset = offsets[index] as number;
        const part = formatChoice(pieces, { index, offset, finish_reason: ended ?? null }, tells);
        if (tells) offsets[index] = pieces.reduce((total, piece) => total + lengthOf(piece), offset);
        for (const choice of format.piecesOf(part, !begun.has(index))) {
          all += event({ ...common, choices: [choice], ...(include && { usage: null }), ...also });
          also = {};
        }
        begun.add(index);
        if (all.length < maxTogether) continue;
        yield all;
        all = "";
      }
      if (all !== "") yield all;
    }
    const about = completion.about?.();
    if (about !== undefined) yield event({ ...common, choices: [], ...(include && { usage: null }), ...about });
    if (include) yield event({ ...common, choices: [], usage: usage() });
    yield "data: [DONE]\n\n";
  } catch (error) {
    yield event(fail(error).body);
  } finally {
    onEnd();
  }
}
