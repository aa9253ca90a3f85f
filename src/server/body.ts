/** A request's body as JSON, as far as it may be. */
import { excerpt } from "../graph/excerpt.ts";
import { isDamage, unpacked } from "./compression.ts";
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
  const decoder = new TextDecoder();
  let text = "";
  const body = (request.body ?? []) as AsyncIterable<Uint8Array>;
  const chunks = isPacked ? unpacked(limited(body, check)) : body;
  for await (const chunk of limited(chunks, check)) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

/** The same chunks, `check`ed by how many bytes have come. */
async function* limited(chunks: AsyncIterable<Uint8Array>, check: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    check(bytes);
    yield chunk;
  }
}
