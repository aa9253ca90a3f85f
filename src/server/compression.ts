/** Packs answers with gzip where the client takes it and it pays. Streams of events are left as they are: each is to come at once. */
import type { MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import type { Env } from "./context.ts";

/** What is shorter fits in a packet or two as it is. */
const leastBytes = 2048;
const pack = compress({ encoding: "gzip", threshold: leastBytes });

export const compressed: MiddlewareHandler<Env> = (c, next) =>
  pack(c, async () => {
    await next();
    if (c.req.method !== "HEAD" && /gzip|\*/i.test(c.req.header("accept-encoding") ?? "")) c.res = await measure(c.res);
  });

/** The same answer, with its length if it is short. What is long goes on as it comes. */
async function measure(answer: Response): Promise<Response> {
  const { body, headers } = answer;
  if (body === null || headers.has("content-length") || headers.get("content-type")?.startsWith("text/event-stream")) {
    return answer;
  }
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < leastBytes) {
    const { value, done } = await reader.read();
    if (done) {
      headers.set("Content-Length", String(bytes));
      return new Response(Buffer.concat(chunks), answer);
    }
    chunks.push(value);
    bytes += value.length;
  }
  const rest = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = chunks.length > 0 ? { value: chunks.shift(), done: false } : await reader.read();
        if (done || value === undefined) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return new Response(rest, answer);
}
