/**
 * Compress answers with gzip if the client accepts it and it is worthwhile. Streams of events are not compressed,
 * because each event must arrive at once.
 */
import type { MiddlewareHandler } from "hono";
import { packed } from "../gzip.ts";
import type { Env } from "../request-context.ts";

/** A shorter answer fits into one or two packets without compression. */
const minBytes = 2048;
const packable = /^(application\/json|text\/plain)\b/;

export const compress: MiddlewareHandler<Env> = async (c, next) => {
  await next();
  const { headers, body } = c.res;
  if (body === null || c.req.method === "HEAD" || !packable.test(headers.get("content-type") ?? "")) return;
  c.header("Vary", "Accept-Encoding", { append: true });
  if (!takesGzip(c.req.header("accept-encoding"))) return;
  const { start, rest } = await begin(c.res.body as typeof body);
  if (rest === undefined) {
    c.res = new Response(start, c.res);
    return c.header("Content-Length", String(start.length));
  }
  c.res = new Response(pulled(packed(rest)), c.res);
  c.header("Content-Encoding", "gzip");
  c.header("Content-Length", undefined);
};

/** Whether a header Accept-Encoding allows gzip, or any encoding. */
function takesGzip(accept = ""): boolean {
  const weights = new Map(
    accept.split(",").map((one) => {
      const [name = "", ...parameters] = one.toLowerCase().split(";");
      const weight = parameters.find((parameter) => /^\s*q=/.test(parameter))?.split("=")[1] ?? "1";
      return [name.trim(), Number(weight)];
    }),
  );
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}

/** The whole body if it is short; otherwise a stream of it from the beginning. */
async function begin(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  for (let bytes = 0; bytes < minBytes; ) {
    const { value, done } = await reader.read();
    if (done) return { start: Buffer.concat(chunks), rest: undefined };
    chunks.push(value);
    bytes += value.length;
  }
  return { start: Buffer.alloc(0), rest: readOn(chunks, reader) };
}
async function* readOn(chunks: readonly Uint8Array[], reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    yield* chunks;
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    // Undefined at the end.
    await reader.cancel();
  }
}

/** A stream that produces nothing before it is read. */
function pulled(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => void (await iterator.return?.()),
    },
    { highWaterMark: 0 },
  );
}
