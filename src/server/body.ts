/** A request's body as JSON, as far as it may be. */
import { excerpt } from "../graph/excerpt.ts";
import { ApiError } from "./errors.ts";

/**
 * What is in the body.
 * @throws ApiError for another type, more bytes than allowed, what is no JSON, and a body that breaks off
 */
export async function readBody(request: Request, maxBytes: number): Promise<unknown> {
  const { headers } = request;
  const type = headers.get("content-type") ?? "none";
  // A page of another site can send anything else without being asked.
  if (!/^application\/json *(;|$)/i.test(type)) {
    throw new ApiError("media_type", `Content-Type: needs application/json, got ${excerpt(type, 60)}.`);
  }
  const encoding = (headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  if (!["identity", "gzip", "x-gzip"].includes(encoding)) {
    throw new ApiError("content_encoding", `Content-Encoding: needs gzip, or none, got ${excerpt(encoding, 60)}.`);
  }
  const isPacked = encoding !== "identity";
  const text = await readText(request, maxBytes, isPacked).catch((error: unknown) => {
    if (isPacked && isDamage(error)) throw new ApiError("invalid", "the body is no gzip: it is damaged or cut off.");
    throw error instanceof ApiError ? error : new ApiError("aborted", "the body did not come to its end.");
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError("invalid", `the body is no JSON: ${(error as Error).message}.`);
  }
}

/** A limit for what comes and, where it is packed, for what becomes of it: nothing is unpacked beyond it. */
async function readText(request: Request, maxBytes: number, isPacked: boolean): Promise<string> {
  const check = (bytes: number): void => {
    const limit = maxBytes.toLocaleString("en-US");
    if (bytes > maxBytes) throw new ApiError("too_large", `the body is longer than ${limit} bytes.`);
  };
  const length = request.headers.get("content-length");
  if (length !== null) {
    check(Number(length));
    if (!isPacked) return request.text();
  }
  const body = request.body ?? new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
  const chunks = isPacked ? body.pipeThrough(unpacker()) : body;
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const chunk of chunks as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    check(bytes);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

const unpacker = () => new DecompressionStream("gzip") as unknown as TransformStream<Uint8Array, Uint8Array>;

/** Whether the unpacking failed, not the connection. */
function isDamage(error: unknown): boolean {
  const { code, cause } = error as { readonly code?: string; readonly cause?: { readonly code?: string } };
  return [code, cause?.code].some((one) => one?.startsWith("Z_") || one === "ERR_TRAILING_JUNK_AFTER_STREAM_END");
}
