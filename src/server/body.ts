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
  const text = await readText(request, maxBytes).catch((error: unknown) => {
    throw error instanceof ApiError ? error : new ApiError("aborted", "the body did not come to its end.");
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError("invalid", `the body is no JSON: ${(error as Error).message}.`);
  }
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const check = (bytes: number): void => {
    const limit = maxBytes.toLocaleString("en-US");
    if (bytes > maxBytes) throw new ApiError("too_large", `the body is longer than ${limit} bytes.`);
  };
  const length = request.headers.get("content-length");
  if (length !== null) {
    check(Number(length));
    return request.text();
  }
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    check(bytes);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
