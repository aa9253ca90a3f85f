/** The context of a request while it is being answered: its client, its deadline, its outcome. */
import type { Context } from "hono";
import type { CompletionRequest } from "./completions/request.ts";
import { ApiError } from "./errors.ts";
import type { LoadedModel } from "./loaded-models.ts";
import type { Holding, MemoryBudget } from "./memory.ts";
import { requestIdOf } from "./request-id.ts";

/**
 * Node's data about a connection. Only these fields of `IncomingMessage` are declared, so that the types need no
 * package.
 */
export type Connection = {
  readonly incoming?: {
    readonly destroyed: boolean;
    readonly socket?: { readonly remoteAddress?: string | undefined };
  };
  readonly outgoing?: { readonly destroy: () => void };
};

/** A request that is being answered. */
export type RequestContext = {
  /** The id of the request in its answer and in the log. */
  readonly id: string;
  readonly startMs: number;
  /** Aborted if the client disconnects, the time limit passes or the server shuts down; the reason is an ApiError. */
  readonly stop: AbortController;
  client: string;
  /** The SHA-256 of the API key that it came with; undefined where none is required. */
  keyDigest: Uint8Array | undefined;
  /** The request's part of the memory for all requests, until it ends. */
  readonly holding: Holding;
  route: string | undefined;
  /** The model that answers it. */
  loaded: LoadedModel | undefined;
  /** The texts that are read and generated for it. */
  completion: CompletionRequest | undefined;
  /** Whether the answer ends later than the handler. */
  streaming: boolean;
  aborted: boolean;
  /** The error that was sent, or should have been sent, instead of the answer or its rest. */
  error: ApiError | undefined;
  /** The time that it waited for a slot, and the time until its first token. */
  queueMs: number | undefined;
  firstTokenMs: number | undefined;
  /** Must be called when the answer has ended. */
  readonly end: () => void;
};
export type Env = { Bindings: Connection; Variables: { request: RequestContext } };
/** Waits until this number of bytes of memory is available. */
export type WaitForMemory = (c: Context<Env>, bytes: number) => Promise<void>;

/** The requests that a server is answering. */
export class RequestContexts {
  readonly all = new Set<RequestContext>();
  private readonly timeoutMs: number;
  private readonly memory: MemoryBudget;
  private readonly onEnd: (c: Context<Env>, request: RequestContext) => void;
  private closed: (() => void) | undefined;
  private draining = false;

  /** @param onEnd receives each request when its answer has ended */
  constructor(timeoutMs: number, memory: MemoryBudget, onEnd: (c: Context<Env>, request: RequestContext) => void) {
    this.timeoutMs = timeoutMs;
    this.memory = memory;
    this.onEnd = onEnd;
  }

  get isClosing(): boolean {
    return this.closed !== undefined;
  }

  /** Whether the server is draining. */
  get isDraining(): boolean {
    return this.draining || this.isClosing;
  }
  drain(): void {
    this.draining = true;
  }

  /** Make the context of a request. */
  begin(c: Context<Env>): RequestContext {
    const { timeoutMs } = this;
    const { signal } = c.req.raw;
    const timer = setTimeout(() => {
      request.stop.abort(new ApiError("timeout", `the request took longer than the limit of ${timeoutMs / 1000} s.`));
    }, timeoutMs);
    const gone = (): void => {
      request.aborted = true;
      request.stop.abort(new ApiError("aborted", "the client disconnected."));
    };
    const holding: Holding = {
      ...{ body: 0, work: 0, progressMs: undefined },
      get client() {
        return request.client;
      },
      refuse: (reason) => request.stop.abort(reason),
    };
    const request: RequestContext = {
      ...{ startMs: performance.now(), stop: new AbortController(), client: "unknown", route: undefined },
      keyDigest: undefined,
      ...{
        id: requestIdOf(c.req.header("x-request-id")),
        loaded: undefined,
        completion: undefined,
        streaming: false,
        aborted: false,
      },
      ...{ error: undefined, queueMs: undefined, firstTokenMs: undefined, holding },
      end: () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", gone);
        this.all.delete(request);
        this.memory.release(holding);
        this.onEnd(c, request);
        if (this.all.size === 0) this.closed?.();
      },
    };
    signal.addEventListener("abort", gone);
    request.stop.signal.addEventListener("abort", () => clearTimeout(timer));
    c.set("request", request);
    this.all.add(request);
    return request;
  }

  /** Resolves when all requests have ended; after the deadline, the others are aborted. */
  async close(deadlineMs: number): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.closed = resolve;
    });
    if (this.all.size === 0) return;
    const timer = setTimeout(() => {
      const reason = new ApiError("shutting_down", "the server is shutting down.");
      for (const { stop } of this.all) stop.abort(reason);
    }, deadlineMs);
    await ended;
    clearTimeout(timer);
  }
}
