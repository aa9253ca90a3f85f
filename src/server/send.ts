/** Send answers to the client in pieces, as fast as they are read. */
import type { Context } from "hono";
import { ApiError } from "./errors.ts";
import { nextTurn } from "./event-loop.ts";
import { jsonPieces } from "./json.ts";
import type { Env } from "./request-context.ts";

type Pieces = AsyncIterator<string, void>;
type Sending = {
  readonly status?: 200 | 201;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the answer breaks off at the request's time limit; otherwise the pieces report it. */
  readonly breaksOff?: boolean;
  /** Called when everything has been sent, or the client has stopped reading. */
  readonly onEnd?: () => void;
};
/** Sends large answers; the request ends when everything has been read. */
export type Sender = {
  readonly pieces: (c: Context<Env>, pieces: Pieces, sending: Sending) => Response;
  /** Send a value as JSON, with its `LazyList`s item by item. */
  readonly json: (c: Context<Env>, value: object, status?: 200 | 201) => Response;
};

/** @param stallMs the longest time to wait for a reader */
export function createSender(stallMs: number): Sender {
  const send: Sender = {
    pieces(c, pieces, sending) {
      c.var.request.streaming = true;
      return c.body(streamOf(c, pieces, stallMs, sending), sending.status ?? 200, { ...sending.headers });
    },
    json(c, value, status = 200) {
      const all = jsonPieces(value);
      const [first, second] = [all.next(), all.next()];
      if (second.done === true) return c.body(String(first.value), status, json);
      return send.pieces(c, rest([String(first.value), second.value], all), { status, headers: json, breaksOff: true });
    },
  };
  return send;
}

const json = { "Content-Type": "application/json" };

/** Yield between pieces, because a socket can take all of them at once. */
async function* rest(begun: readonly string[], all: Iterator<string, void>): AsyncGenerator<string, void> {
  yield* begun;
  for (let next = all.next(); next.done !== true; next = all.next()) {
    yield next.value;
    await nextTurn();
  }
}

/** The pieces as bytes. A reader that is too slow is disconnected, and a reader that disconnects stops the work. */
function streamOf(
  c: Context<Env>,
  pieces: Pieces,
  stallMs: number,
  { breaksOff = false, onEnd = () => {} }: Sending,
): ReadableStream<Uint8Array> {
  const { request } = c.var;
  const { signal } = request.stop;
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hasEnded = false;
  const end = (): void => {
    clearTimeout(timer);
    if (hasEnded) return;
    hasEnded = true;
    signal.removeEventListener("abort", drop);
    onEnd();
    request.end();
  };
  const leave = (): void => {
    if (hasEnded) return;
    request.aborted = true;
    request.stop.abort(new ApiError("aborted", "the client disconnected."));
    void pieces.return?.();
    end();
  };
  let fail = (_: Error): void => {};
  const drop = (): void => {
    leave();
    if (c.env?.outgoing === undefined) fail(new Error("the reader was too slow"));
    else c.env.outgoing.destroy();
  };
  const wait = (): void => {
    timer = setTimeout(drop, stallMs);
  };
  const next = async (): Promise<IteratorResult<string, void>> => {
    try {
      return await pieces.next();
    } catch (error) {
      end();
      throw error;
    }
  };
  if (breaksOff) signal.addEventListener("abort", drop);
  return new ReadableStream(
    {
      start(controller) {
        fail = (error) => controller.error(error);
        // The body of a HEAD request is not read at all.
        wait();
      },
      async pull(controller) {
        clearTimeout(timer);
        const { value, done } = await next();
        if (hasEnded) return;
        if (done === true) {
          controller.close();
          // The last bytes are sent before the server can consider the connection idle.
          void nextTurn().then(end);
          return;
        }
        controller.enqueue(encoder.encode(value));
        wait();
      },
      cancel: leave,
    },
    // No piece is made before it is needed.
    { highWaterMark: 0 },
  );
}
