/**
 * Packs answers with gzip where the client takes it and it pays, and unpacks bodies. Streams of events are left as they are: each
 * is to come at once. Node's streams do it, byte for byte as they are read: a `CompressionStream` takes 16,384 chunks before it
 * makes anybody wait.
 */
import { Readable } from "node:stream";
import { createGunzip, createGzip, type Gunzip, type Gzip } from "node:zlib";
import type { MiddlewareHandler } from "hono";
import type { Env } from "./context.ts";

/** What is shorter fits in a packet or two as it is. */
const leastBytes = 2048;
const packable = /^(application\/json|text\/plain)\b/;

export const compressed: MiddlewareHandler<Env> = async (c, next) => {
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
  c.res = new Response(pulled(through(rest, createGzip())), c.res);
  c.header("Content-Encoding", "gzip");
  c.header("Content-Length", undefined);
};

/** Whether a header Accept-Encoding names gzip, or anything, and does not rule it out. */
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

/** All that there is, where it is short; else what there is, from its beginning. */
async function begin(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  for (let bytes = 0; bytes < leastBytes; ) {
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
    // Nothing where it has come to its end.
    await reader.cancel();
  }
}

/** Bytes that went through gzip; what breaks off on one side does so on the other. */
function through(source: AsyncIterable<Uint8Array>, gzip: Gzip | Gunzip): AsyncIterable<Uint8Array> {
  const read = Readable.from(source, { objectMode: true, highWaterMark: 1 });
  read.on("error", (error) => gzip.destroy(error));
  gzip.on("close", () => read.destroy());
  return read.pipe(gzip);
}

/** A stream that makes nothing before it is read. */
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

/** A body without its gzip. Whoever reads no further makes nothing more of it. */
export const unpacked = (body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => through(body, createGunzip());

/** Whether unpacking failed, and not what was to be unpacked. */
export const isDamage = (error: unknown): boolean => /^Z_/.test(String((error as { readonly code?: unknown })?.code));
