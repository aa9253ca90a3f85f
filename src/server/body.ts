/** A request's body as JSON, as far as it may be, and as fast as it has to come. */
import type { Readable } from "node:stream";
import { excerpt } from "../graph/excerpt.ts";
import { ApiError } from "./errors.ts";
import { noteArrival, startInTurn } from "./event-loop.ts";
import { isDamage, unpacked } from "./gzip.ts";

/** Characters of a body from which on the work for it is begun one at a time. */
const muchWork = 8192;

export type BodyLimits = {
  readonly maxBytes: number;
  /** How long it may stand still. */
  readonly stallMs: number;
  /** Ends the reading, with an ApiError for its reason. */
  readonly signal: AbortSignal;
  /** Told of bytes before they are kept. @throws ApiError where there is no room for them */
  readonly onBytes: (bytes: number) => void;
  /** Where the body comes from in Node, without a detour. */
  readonly incoming?: Readable | undefined;
};

/**
 * What is in the body.
 * @throws ApiError for another type, more bytes than allowed, what is no JSON, and a body that breaks off or stands still
 */
export async function readBody(request: Request, limits: BodyLimits): Promise<unknown> {
  const { headers } = request;
  const type = headers.get("content-type") ?? "none";
  // A page of another site can send anything else without being asked.
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
    if (isPacked && isDamage(error)) throw new ApiError("invalid", "the body is no gzip: it is damaged or cut off.");
    if (error instanceof TypeError && "code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA") {
      throw new ApiError("invalid", "the body is no UTF-8.");
    }
    throw error instanceof ApiError ? error : new ApiError("aborted", "the body did not come to its end.");
  });
  if (text.length > muchWork) await startInTurn();
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError("invalid", `the body is no JSON: ${(error as Error).message}.`);
  }
}

/** A limit for what comes and, where it is packed, for what becomes of it: nothing is unpacked beyond it. */
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

/** The same chunks, `check`ed by how many bytes have come. */
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

/** How much of a body is read as fast as it comes, and of how many bodies a turn of the loop reads on beyond that. */
const [aheadBytes, maxInTurn] = [65_536, 4];
const paused = new Set<Readable>();

/** It is read on when it is its turn: large bodies, however many, take little of a turn. */
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

/** What comes from a socket, until it is told to stop; rejects where it does not come to its end. */
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

/** Ends the reading where nothing comes for `stallMs`, or the signal is aborted. */
async function within(
  stallMs: number,
  signal: AbortSignal,
  read: (onProgress: () => void, stop: AbortSignal) => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const late = (): void => {
    stop.abort(new ApiError("request_timeout", `nothing more of the body came for ${stallMs / 1000} s.`));
  };
  let timer = setTimeout(late, stallMs);
  const abort = (): void => {
    const { reason } = signal;
    const isLate = reason instanceof ApiError && reason.kind === "timeout";
    stop.abort(isLate ? new ApiError("request_timeout", `the body came too slowly: ${reason.message}`) : reason);
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
