/** The errors that a client receives, with OpenAI's format, statuses and codes. */
import { InputError } from "../graph/input-error.ts";
import { BrokenModel } from "../nn/finite-values.ts";

/**
 * Every kind of error: its status, OpenAI's type and code, and the number of seconds after which the same request can
 * succeed; false if it never will, null if the client cannot ask again.
 */
const kinds = {
  invalid: [400, "invalid_request_error", null, false],
  invalid_api_key: [401, "invalid_request_error", "invalid_api_key", false],
  host_not_allowed: [403, "invalid_request_error", "host_not_allowed", false],
  not_found: [404, "invalid_request_error", "not_found", false],
  model_not_found: [404, "invalid_request_error", "model_not_found", false],
  session_not_found: [404, "invalid_request_error", "session_not_found", false],
  /** The server has no key to seal sessions with. */
  no_session_key: [400, "invalid_request_error", "no_session_key", false],
  /** What is sent as the token of a session is none, or a part of one. */
  session_token_malformed: [400, "invalid_request_error", "session_token_malformed", false],
  session_token_version: [400, "invalid_request_error", "session_token_version", false],
  /** It was sealed with a key that this server does not have. */
  session_token_key: [400, "invalid_request_error", "session_token_key", false],
  session_token_altered: [400, "invalid_request_error", "session_token_altered", false],
  session_token_model: [400, "invalid_request_error", "session_token_model", false],
  /** It was sealed for the API key of another client. */
  session_token_client: [403, "invalid_request_error", "session_token_client", false],
  session_token_expired: [410, "invalid_request_error", "session_token_expired", false],
  session_token_too_long: [413, "invalid_request_error", "session_token_too_long", false],
  method_not_allowed: [405, "invalid_request_error", "method_not_allowed", false],
  session_busy: [409, "invalid_request_error", "session_busy", 1],
  state_mismatch: [409, "invalid_request_error", "state_mismatch", false],
  /** The request arrived too slowly, which can be temporary. */
  request_timeout: [408, "invalid_request_error", "request_timeout", 1],
  too_large: [413, "invalid_request_error", "request_too_large", false],
  media_type: [415, "invalid_request_error", "unsupported_media_type", false],
  content_encoding: [415, "invalid_request_error", "unsupported_content_encoding", false],
  expectation_failed: [417, "invalid_request_error", "expectation_failed", false],
  queue_full: [429, "rate_limit_error", "queue_full", 1],
  memory_full: [429, "rate_limit_error", "memory_full", 1],
  session_limit: [429, "rate_limit_error", "session_limit", 1],
  headers_too_large: [431, "invalid_request_error", "headers_too_large", false],
  /** The client is gone, so nobody receives this. */
  aborted: [499, "invalid_request_error", "aborted", null],
  /** The same request would cause the same fault. */
  internal: [500, "server_error", "internal_error", false],
  /** What it gives is no number. */
  model_broken: [500, "server_error", "model_broken", false],
  too_many_connections: [503, "server_error", "too_many_connections", 1],
  shutting_down: [503, "server_error", "shutting_down", 1],
  /** The time limit passed before it had a slot. */
  overloaded: [503, "server_error", "overloaded", 5],
  /** The time limit passed while the prompt was read, before the first token: the same request would take as long. */
  timeout: [503, "server_error", "timeout", false],
} as const satisfies Record<string, readonly [number, string, string | null, number | false | null]>;

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

type ApiErrorOptions = ErrorOptions & { readonly retryAfter?: number | false };

/**
 * An error as an answer. `param` is the invalid field of the request, if there is one; `retryAfter` is the number of
 * seconds after which the request can succeed, if known, or false if it never will.
 */
export class ApiError extends Error {
  readonly kind: ErrorKind;
  readonly param: string | undefined;
  readonly retryAfter: number | false | undefined;

  constructor(kind: ErrorKind, message: string, param?: string, { retryAfter, ...options }: ApiErrorOptions = {}) {
    super(message, options);
    this.kind = kind;
    this.param = param;
    this.retryAfter = retryAfter;
  }

  get status(): ErrorStatus {
    return kinds[this.kind][0];
  }
  /** The headers that tell clients whether to retry: OpenAI's own clients check `x-should-retry` before the status. */
  get headers(): Readonly<Record<string, string>> {
    const retry = this.retryAfter ?? retryOf(this.kind);
    if (retry === null) return {};
    return { "x-should-retry": String(retry !== false), ...(retry !== false && { "Retry-After": String(retry) }) };
  }
  get body(): ErrorBody {
    const [, type, code] = kinds[this.kind];
    return { error: { message: this.message, type, param: this.param ?? null, code } };
  }
}

/**
 * The error that a client receives for anything that was thrown. For a fault in the server it only contains the
 * request's id; the thrown value is the `cause`.
 */
export function apiErrorOf(error: unknown, requestId: string): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof BrokenModel) return new ApiError("model_broken", error.message, undefined, { cause: error });
  if (error instanceof InputError)
    return new ApiError("invalid", error.message, /^(\w+(?:\.\d+)?): /.exec(error.message)?.[1]);
  const message = `internal: a fault in the server. See its log for the request id ${requestId}.`;
  return new ApiError("internal", message, undefined, { cause: error });
}

/** The error if the time limit of a request passed while it waited for others, which can be temporary. */
export function waitedFor(reason: unknown): unknown {
  if (!(reason instanceof ApiError && reason.kind === "timeout")) return reason;
  return new ApiError("overloaded", `${reason.message} It was waiting for other requests all the time.`);
}

/** A thrown value with its stack and its causes. */
export function stackOf(error: unknown, depth = 4): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined || depth === 0 ? own : `${own}\ncaused by ${stackOf(error.cause, depth - 1)}`;
}

/**
 * The number of seconds after which the same request can succeed; false if it never will, null if the client cannot ask
 * again.
 */
export const retryOf = (kind: ErrorKind): number | false | null => kinds[kind][3];
/** The statuses of these kinds. */
export const statusOf = (kind: ErrorKind): ErrorStatus => kinds[kind][0];
export const errorKinds = Object.keys(kinds) as readonly ErrorKind[];
