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
  too_large: [413, "invalid_request_error", "request_too_large"],
  media_type: [415, "invalid_request_error", "unsupported_media_type"],
  queue_full: [429, "rate_limit_error", "queue_full"],
  session_limit: [429, "rate_limit_error", "session_limit"],
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

/** An answer that is an error. `param` is the field of the request that is wrong, where it is one. */
export class ApiError extends Error {
  readonly kind: ErrorKind;
  readonly param: string | undefined;

  constructor(kind: ErrorKind, message: string, param?: string) {
    super(message);
    this.kind = kind;
    this.param = param;
  }

  get status(): ErrorStatus {
    return kinds[this.kind][0];
  }
  get body(): ErrorBody {
    const [, type, code] = kinds[this.kind];
    return { error: { message: this.message, type, param: this.param ?? null, code } };
  }
}

/** What a client is told of anything that was thrown. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof InputError) return new ApiError("invalid", error.message, /^(\w+): /.exec(error.message)?.[1]);
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError("internal", `internal: ${message.replace(/^internal: /, "")}`);
}

/** The statuses of these kinds. */
export const statusOf = (kind: ErrorKind): ErrorStatus => kinds[kind][0];
