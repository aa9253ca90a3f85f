/** What is known of a request on its way: who asks, until when, what becomes of it. */
import type { Context } from "hono";
import type { CompletionRequest } from "./completions/request.ts";
import { ApiError } from "./errors.ts";
import type { LoadedModel } from "./loaded-models.ts";
import type { Holding, MemoryBudget } from "./memory.ts";
import { requestIdOf } from "./request-id.ts";

/** What Node knows about a connection. Of its `IncomingMessage` this much, so that the types need no package. */
export type Connection = {
  readonly incoming?: {
    readonly destroyed: boolean;
    readonly socket?: { readonly remoteAddress?: string | undefined };
  };
  readonly outgoing?: { readonly destroy: () => void };
};

/** A request that has not ended. */
export type RequestContext = {
  /** What it is called in its answer and in the log. */
  readonly id: string;
  readonly startMs: number;
  /** Aborted when the client has gone, the time is over or the server ends; the reason is an ApiError. */
  readonly stop: AbortController;
  client: string;
  /** What it holds of the memory for all requests, until it ends. */
  readonly holding: Holding;
  route: string | undefined;
  /** The model that works for it. */
  loaded: LoadedModel | undefined;
  /** What is read and written for it. */
  completion: CompletionRequest | undefined;
  /** Its answer ends later than its handler. */
  streaming: boolean;
  aborted: boolean;
  /** What its client was told, or was to be told, in place of an answer or of the rest of one. */
  error: ApiError | undefined;
  /** How long it waited for a slot, and until its first token was written. */
  queueMs: number | undefined;
  firstTokenMs: number | undefined;
  /** To be called when the answer has ended. */
  readonly end: () => void;
};
export type Env = { Bindings: Connection; Variables: { request: RequestContext } };
/** Waits until there is memory for so many bytes. */
export type WaitForMemory = (c: Context<Env>, bytes: number) => Promise<void>;

/** The requests of a server that have not ended. */
export class RequestContexts {
  readonly all = new Set<RequestContext>();
  private readonly timeoutMs: number;
  private readonly memory: MemoryBudget;
  private readonly onEnd: (c: Context<Env>, request: RequestContext) => void;
  private closed: (() => void) | undefined;
  private draining = false;

  /** `onEnd` is told of each request when its answer has ended. */
  constructor(timeoutMs: number, memory: MemoryBudget, onEnd: (c: Context<Env>, request: RequestContext) => void) {
    this.timeoutMs = timeoutMs;
    this.memory = memory;
    this.onEnd = onEnd;
  }

  get isClosing(): boolean {
    return this.closed !== undefined;
  }

  /** Whether it is about to end. */
  get isDraining(): boolean {
    return this.draining || this.isClosing;
  }
  drain(): void {
    this.draining = true;
  }

  /** Makes a request its context. */
  begin(c: Context<Env>): RequestContext {
    const { timeoutMs } = this;
    const { signal } = c.req.raw;
    const timer = setTimeout(() => {
      request.stop.abort(new ApiError("timeout", `this took longer than the ${timeoutMs / 1000} s of a request.`));
    }, timeoutMs);
    const gone = (): void => {
      request.aborted = true;
      request.stop.abort(new ApiError("aborted", "the client went away."));
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

  /** Resolves when all have ended; those that have not in time are ended. */
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
