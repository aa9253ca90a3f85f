/** Read the body of a request as JSON, with limits on its size and speed. */
import type { Readable } from "node:stream";
import { excerpt } from "../graph/excerpt.ts";
import { ApiError } from "./errors.ts";
import { noteArrival, startInTurn } from "./event-loop.ts";
import { isDamage, unpacked } from "./gzip.ts";

/** The size of a body, in characters, from which requests are started one at a time. */
const muchWork = 8192;

export type BodyLimits = {
  readonly maxBytes: number;
  /** The longest time without new data. */
  readonly stallMs: number;
  /** Stops the reading; the reason is an ApiError. */
  readonly signal: AbortSignal;
  /** Called before bytes are stored. @throws ApiError if there is no room for them */
  readonly onBytes: (bytes: number) => void;
  /** The source of the body in Node. */
  readonly incoming?: Readable | undefined;
};

/**
 * Read and parse the body.
 * @throws ApiError for another content type, too many bytes, invalid JSON, and a body that breaks off or stalls
 */
export async function readBody(request: Request, limits: BodyLimits): Promise<unknown> {
  const { headers } = request;
  const type = headers.get("content-type") ?? "none";
  // A page of another site can send other content types without a preflight request.
  if (!/^application\/json *(;|$)/i.test(type)) {
    throw new ApiError("media_type", `Content-Type: needs application/json, got ${excerpt(type, 60)}.`);
  }
  const charset = /; *charset *= *"?([^";]*)/i.exec(type)?.[1]?.trim() ?? "utf-8";
  if (!/^utf-?8$/i.test(charset)) {
    throw new ApiError("media_type", `Content-Type: needs the charset utf-8, got ${excerpt(charset, 60)}.`);
  }
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() || "identity";
  if (!["identity", "gzip", "x-gzip"].includes(encoding)) {
    throw new ApiError("content_encoding", `Content-Encoding: needs gzip, or none, got ${excerpt(encoding, 60)}.`);
  }
  const isPacked = encoding !== "identity";
  const text = await readText(request, limits, isPacked).catch((error: unknown) => {
    if (isPacked && isDamage(error))
      throw new ApiError("invalid", "the body is not valid gzip: it is damaged or cut off.");
    if (error instanceof TypeError && "code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA") {
      throw new ApiError("invalid", "the body is not valid UTF-8.");
    }
    throw error instanceof ApiError ? error : new ApiError("aborted", "the body is incomplete.");
  });
  if (text.length > muchWork) await startInTurn();
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError("invalid", `the body is not valid JSON: ${(error as Error).message}.`);
  }
}

/**
 * The limit applies to the received bytes and, if they are compressed, to the decompressed bytes: nothing is
 * decompressed beyond it.
 */
async function readText(request: Request, limits: BodyLimits, isPacked: boolean): Promise<string> {
  const { maxBytes, stallMs, signal, onBytes, incoming } = limits;
  const check = (bytes: number): void => {
    const limit = maxBytes.toLocaleString("en-US");
    if (bytes > maxBytes) throw new ApiError("too_large", `the body is longer than ${limit} bytes. See --max-body.`);
  };
  check(Number(request.headers.get("content-length") ?? 0));
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let [text, bytes] = ["", 0];
  const body = () => (request.body ?? []) as AsyncIterable<Uint8Array>;
  await within(stallMs, signal, (onProgress, stop) => {
    const take = (chunk: Uint8Array): void => {
      onProgress();
      bytes += chunk.length;
      check(bytes);
      onBytes(chunk.length);
      text += decoder.decode(chunk, { stream: true });
    };
    if (isPacked) return readChunks(unpacked(limited(body(), check, onProgress)), take, stop);
    return incoming === undefined ? readChunks(body(), take, stop) : readIncoming(incoming, take, stop);
  });
  return text + decoder.decode();
}

/** The same chunks, with `check` called with the number of bytes so far. */
async function* limited(
  chunks: AsyncIterable<Uint8Array>,
  check: (bytes: number) => void,
  onProgress: () => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    onProgress();
    bytes += chunk.length;
    check(bytes);
    yield chunk;
  }
}

type Take = (chunk: Uint8Array) => void;

/**
 * The part of a body that is read without pauses, and the number of bodies that are read further in one turn of the
 * loop.
 */
const [aheadBytes, maxInTurn] = [65_536, 4];
const paused = new Set<Readable>();

/** A paused body continues in its turn, so that large bodies, however many, take little time of a turn. */
function later(incoming: Readable): void {
  if (paused.size === 0) setImmediate(readOn);
  paused.add(incoming);
}
function readOn(): void {
  for (const incoming of [...paused].slice(0, maxInTurn)) {
    paused.delete(incoming);
    incoming.resume();
  }
  if (paused.size > 0) setImmediate(readOn);
}

/** Read from a socket until told to stop; rejects if the body is incomplete. */
function readIncoming(incoming: Readable, take: Take, stop: AbortSignal): Promise<void> {
  let read = 0;
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      incoming.off("data", onData).off("end", settle).off("close", broken).off("error", broken);
      stop.removeEventListener("abort", leave);
      paused.delete(incoming);
      if (error === undefined) resolve();
      else {
        // The rest is not read.
        incoming.pause();
        reject(error);
      }
    };
    const onData = (chunk: Uint8Array): void => {
      try {
        take(chunk);
        read += chunk.length;
        if (read < aheadBytes) return;
        incoming.pause();
        later(incoming);
      } catch (error) {
        settle(error);
      }
    };
    const broken = (error?: unknown): void => settle(error ?? new Error("the connection was closed"));
    const leave = (): void => settle(stop.reason);
    incoming.on("data", onData).on("end", settle).on("close", broken).on("error", broken);
    stop.addEventListener("abort", leave);
    if (incoming.destroyed) broken();
  });
}

async function readChunks(chunks: AsyncIterable<Uint8Array>, take: Take, stop: AbortSignal): Promise<void> {
  const stopped = new Promise<never>((_, reject) => {
    stop.addEventListener("abort", () => reject(stop.reason), { once: true });
  });
  stopped.catch(() => {});
  const all = (async () => {
    for await (const chunk of chunks) {
      stop.throwIfAborted();
      take(chunk);
    }
  })();
  all.catch(() => {});
  await Promise.race([all, stopped]);
}

/** Stop the reading if nothing arrives for `stallMs`, or the signal is aborted. */
async function within(
  stallMs: number,
  signal: AbortSignal,
  read: (onProgress: () => void, stop: AbortSignal) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const late = (): void => {
    stop.abort(new ApiError("request_timeout", `no more of the body arrived for ${stallMs / 1000} s.`));
  };
  let timer = setTimeout(late, stallMs);
  const abort = (): void => {
    const { reason } = signal;
    const isLate = reason instanceof ApiError && reason.kind === "timeout";
    stop.abort(isLate ? new ApiError("request_timeout", `the body arrived too slowly: ${reason.message}`) : reason);
  };
  signal.addEventListener("abort", abort);
  try {
    await read(() => {
      noteArrival();
      clearTimeout(timer);
      timer = setTimeout(late, stallMs);
    }, stop.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
