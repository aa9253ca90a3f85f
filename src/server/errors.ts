/** What a client is told when something is wrong: OpenAI's shape, with its statuses and codes. */
import { InputError } from "../graph/input-error.ts";

/** Every kind of error: its status, and what OpenAI calls its type and its code. */
const kinds = {
  invalid: [400, "invalid_request_error", null],
  invalid_api_key: [401, "invalid_request_error", "invalid_api_key"],
  host_not_allowed: [403, "invalid_request_error", "host_not_allowed"],
  not_found: [404, "invalid_request_error", "not_found"],
  model_not_found: [404, "invalid_request_error", "model_not_found"],
  session_not_found: [404, "invalid_request_error", "session_not_found"],
  method_not_allowed: [405, "invalid_request_error", "method_not_allowed"],
  session_busy: [409, "invalid_request_error", "session_busy"],
  request_timeout: [408, "invalid_request_error", "request_timeout"],
  state_mismatch: [409, "invalid_request_error", "state_mismatch"],
  too_large: [413, "invalid_request_error", "request_too_large"],
  media_type: [415, "invalid_request_error", "unsupported_media_type"],
  content_encoding: [415, "invalid_request_error", "unsupported_content_encoding"],
  expectation_failed: [417, "invalid_request_error", "expectation_failed"],
  queue_full: [429, "rate_limit_error", "queue_full"],
  session_limit: [429, "rate_limit_error", "session_limit"],
  headers_too_large: [431, "invalid_request_error", "headers_too_large"],
  /** Nobody is told of it any more. */
  aborted: [499, "invalid_request_error", "aborted"],
  internal: [500, "server_error", "internal_error"],
  shutting_down: [503, "server_error", "shutting_down"],
  timeout: [503, "server_error", "timeout"],
} as const satisfies Record<string, readonly [number, string, string | null]>;

export type ErrorKind = keyof typeof kinds;
export type ErrorStatus = (typeof kinds)[ErrorKind][0];

/** `{"error":{"message","type","param","code"}}`. */
export type ErrorBody = {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
};

type ApiErrorOptions = ErrorOptions & { readonly retryAfter?: number };

/**
 * An answer that is an error. `param` is the field of the request that is wrong, where it is one; `retryAfter` in how many seconds
 * it may succeed, where that is known.
 */
export class ApiError extends Error {
  readonly kind: ErrorKind;
  readonly param: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(kind: ErrorKind, message: string, param?: string, { retryAfter, ...options }: ApiErrorOptions = {}) {
    super(message, options);
    this.kind = kind;
    this.param = param;
    this.retryAfter = retryAfter;
  }

  get status(): ErrorStatus {
    return kinds[this.kind][0];
  }
  get body(): ErrorBody {
    const [, type, code] = kinds[this.kind];
    return { error: { message: this.message, type, param: this.param ?? null, code } };
  }
}

/**
 * What a client is told of anything that was thrown. Of a fault of the server's it is told the request's id alone; what was
 * thrown is the `cause`.
 */
export function apiErrorOf(error: unknown, requestId: string): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof InputError) return new ApiError("invalid", error.message, /^(\w+): /.exec(error.message)?.[1]);
  const message = `internal: a fault of the server's. Its log says more, under the request's id, ${requestId}.`;
  return new ApiError("internal", message, undefined, { cause: error });
}

/** A thrown value with the calls that led to it, and what it came of. */
export function stackOf(error: unknown, depth = 4): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined || depth === 0 ? own : `${own}\ncaused by ${stackOf(error.cause, depth - 1)}`;
}

/** The statuses of these kinds. */
export const statusOf = (kind: ErrorKind): ErrorStatus => kinds[kind][0];
export const errorKinds = Object.keys(kinds) as readonly ErrorKind[];
