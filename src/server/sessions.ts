/** Texts that are gone on with: what a model remembers between requests, each for a time. Knows nothing about HTTP. */
import { randomUUID } from "node:crypto";
import { excerpt } from "../graph/excerpt.ts";
import { ApiError } from "./errors.ts";
import type { LoadedModel, LoadedText } from "./loaded-models.ts";
import { nothing, type Remembered } from "./session-memory.ts";

export type Session = {
  readonly id: string;
  /** Whose it is. */
  readonly owner: string;
  /** Also where other models are served by now. */
  readonly loaded: LoadedText;
  /** Seconds since 1970. */
  readonly created: number;
  /** Its place among all that there ever were. */
  readonly number: number;
  remembered: Remembered;
  /** The larger, the later it was used. */
  used: number;
  expiresMs: number;
  /** When the request that is at it ends at the latest. */
  busyUntilMs: number | undefined;
};

export type SessionsOptions = {
  readonly max: number;
  /** Of one owner. */
  readonly maxEach: number;
  readonly lifeMs: number;
  /** Longest that a request may be at one. */
  readonly requestMs: number;
  /** Whether who knows its id may go on with one, be it another one's. */
  readonly shared: boolean;
};

/** Owns the sessions; those whose time is over go when another one is looked for or made. */
export class Sessions {
  private readonly all = new Map<string, Session>();
  private readonly options: SessionsOptions;
  private made = 0;
  private uses = 0;

  constructor(options: SessionsOptions) {
    this.options = options;
  }

  get count(): number {
    this.expire();
    return this.all.size;
  }

  /** A session, which is not among the others before it is added. */
  create(owner: string, loaded: LoadedText, remembered: Remembered = nothing): Session {
    return {
      ...{ id: `sess-${randomUUID()}`, owner, loaded, created: Math.floor(Date.now() / 1000), number: this.made++ },
      ...{ remembered, used: this.uses++, expiresMs: Date.now() + this.options.lifeMs, busyUntilMs: undefined },
    };
  }

  /**
   * There it is. Where its owner has as many as there may be, that one's least recently used goes, of those that no request is at.
   * @param kept one that may not go
   * @throws ApiError session_limit where none can go, and when there is a place as far as one can know
   */
  add(session: Session, kept?: Session): void {
    const { max, maxEach } = this.options;
    this.expire();
    const own = this.of(session.owner);
    if (own.length >= maxEach || this.all.size >= max) {
      const idle = own.filter((one) => one !== kept && one.busyUntilMs === undefined);
      if (Math.min(max, maxEach) < (kept === undefined ? 1 : 2)) throw never(Math.min(max, maxEach));
      if (idle.length === 0) throw this.full(own);
      this.delete(idle.reduce((a, b) => (b.used < a.used ? b : a)));
    }
    this.all.set(session.id, session);
  }

  private full(own: readonly Session[]): ApiError {
    const { max, maxEach, lifeMs } = this.options;
    // One's own makes room as soon as its request has ended; another one's once it is not used any more.
    const ends = own.map(({ busyUntilMs = 0 }) => busyUntilMs);
    const others = own.length >= maxEach ? [] : [...this.all.values()].filter((one) => !own.includes(one));
    for (const { expiresMs, busyUntilMs } of others)
      ends.push(busyUntilMs === undefined ? expiresMs : busyUntilMs + lifeMs);
    const whose = own.length >= maxEach ? `${maxEach} sessions of yours` : `${max} sessions`;
    const wrong = `there are ${whose}, as many as there may be, and none of yours is idle. Wait, or delete one.`;
    const next = ends.length === 0 ? lifeMs : Math.min(...ends) - Date.now();
    return new ApiError("session_limit", wrong, undefined, { retryAfter: Math.max(1, Math.ceil(next / 1000)) });
  }

  /**
   * The session, which lives on from now.
   * @throws ApiError session_not_found where there is none, or it is another one's
   */
  find(owner: string, id: string): Session {
    this.expire();
    const session = this.all.get(id);
    if (session === undefined || !(this.options.shared || session.owner === owner)) throw missing(id);
    this.used(session);
    return session;
  }

  /** A page of an owner's sessions, the newest first: `limit` of those that are older than the one of the id `after`. */
  list(owner: string, { limit, after }: { readonly limit: number; readonly after: string | undefined }) {
    this.expire();
    const own = this.of(owner).sort((a, b) => b.number - a.number);
    const last = after === undefined ? -1 : own.findIndex(({ id }) => id === after);
    if (after !== undefined && last < 0) throw missing(after, "after");
    const page = own.slice(last + 1, last + 1 + limit);
    return { page, hasMore: last + 1 + page.length < own.length };
  }

  /**
   * A request is at it until what this gives is called, for the first time.
   * @throws ApiError session_busy where another one is
   */
  enter(session: Session): () => void {
    if (session.busyUntilMs !== undefined) {
      throw new ApiError("session_busy", "another request is at this session. Wait for its end.");
    }
    session.busyUntilMs = Date.now() + this.options.requestMs;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      session.busyUntilMs = undefined;
      this.used(session);
    };
  }

  /** Whether one of them goes on with this model. */
  use(loaded: LoadedModel): boolean {
    this.expire();
    return [...this.all.values()].some((session) => session.loaded === loaded);
  }

  delete({ id }: Session): void {
    this.all.delete(id);
  }

  private of(owner: string): Session[] {
    return [...this.all.values()].filter((session) => session.owner === owner);
  }

  private used(session: Session): void {
    session.used = this.uses++;
    session.expiresMs = Date.now() + this.options.lifeMs;
  }

  private expire(): void {
    const now = Date.now();
    for (const session of this.all.values()) {
      if (session.expiresMs <= now && session.busyUntilMs === undefined) this.all.delete(session.id);
    }
  }
}

/** Where not even one more than the one that is copied may be. */
function never(max: number): ApiError {
  const wrong = max === 0 ? "this server keeps no sessions" : "you may have 1 session: there is no place for a copy";
  return new ApiError("session_limit", `${wrong}.`, undefined, { retryAfter: false });
}

const missing = (id: string, param?: string): ApiError =>
  new ApiError(
    "session_not_found",
    `${param === undefined ? "" : `${param}: `}there is no session "${excerpt(id, 60)}": it has ended, or never began.`,
    param,
  );
