/** Sessions: the state of a model between requests, kept for a limited time. */
import { randomUUID } from "node:crypto";
import { excerpt } from "../graph/excerpt.ts";
import { ApiError } from "./errors.ts";
import type { LoadedModel, LoadedText } from "./loaded-models.ts";
import { nothing, type Remembered } from "./session-memory.ts";

export type Session = {
  /** `sealed` for a session that is not stored: its token is all that there is of it. */
  readonly id: string;
  /** The client that owns the session. */
  readonly owner: string;
  /** The session's model, even if it is no longer served. */
  readonly loaded: LoadedText;
  /** Unix time in seconds. */
  readonly created: number;
  /** The number of the session among all sessions of the server so far. */
  readonly number: number;
  remembered: Remembered;
  /** A larger number means a later use. */
  used: number;
  expiresMs: number;
  /** The time at which the request that uses the session ends at the latest. */
  busyUntilMs: number | undefined;
};

export type SessionsOptions = {
  readonly max: number;
  /** The largest number of sessions of one owner. */
  readonly maxEach: number;
  readonly lifeMs: number;
  /** The longest time that a request can use a session. */
  readonly requestMs: number;
  /** Whether anyone who knows the id of a session can use it. */
  readonly shared: boolean;
  /** Whether sessions can be sealed, which need no room. */
  readonly seals: boolean;
};

/** What is known of a session that is not new. */
type Known = { readonly id?: string; readonly created?: number; readonly remembered?: Remembered };

/** Owns the sessions; expired ones are removed when another one is looked up or created. */
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

  /** Make a session; it is not in the store until it is added. */
  create(owner: string, loaded: LoadedText, { remembered = nothing, ...known }: Known = {}): Session {
    const { id = `sess-${randomUUID()}`, created = Math.floor(Date.now() / 1000) } = known;
    return {
      ...{ id, owner, loaded, created, number: this.made++, remembered },
      ...{ used: this.uses++, expiresMs: Date.now() + this.options.lifeMs, busyUntilMs: undefined },
    };
  }

  /**
   * Add a session. If its owner has reached the limit, the least recently used session of that owner is removed, among
   * those that no request is using.
   * @param kept a session that must not be removed
   * @throws ApiError `session_limit` if none can be removed, with an estimate of when there will be room
   */
  add(session: Session, kept?: Session): void {
    const { max, maxEach, seals } = this.options;
    this.expire();
    const own = this.of(session.owner);
    if (own.length >= maxEach || this.all.size >= max) {
      const idle = own.filter((one) => one !== kept && one.busyUntilMs === undefined);
      if (Math.min(max, maxEach) < (kept === undefined ? 1 : 2)) throw never(Math.min(max, maxEach), seals);
      if (idle.length === 0) throw this.full(own);
      this.delete(idle.reduce((a, b) => (b.used < a.used ? b : a)));
    }
    this.all.set(session.id, session);
  }

  private full(own: readonly Session[]): ApiError {
    const { max, maxEach, lifeMs } = this.options;
    // A session of the same owner can be removed when its request has ended; one of another owner only when it expires.
    const ends = own.map(({ busyUntilMs = 0 }) => busyUntilMs);
    const others = own.length >= maxEach ? [] : [...this.all.values()].filter((one) => !own.includes(one));
    for (const { expiresMs, busyUntilMs } of others)
      ends.push(busyUntilMs === undefined ? expiresMs : busyUntilMs + lifeMs);
    const whose = own.length >= maxEach ? `${maxEach} sessions of yours` : `${max} sessions`;
    const wrong = `the limit of ${whose} is reached, and none of yours is idle. Wait, or delete one.`;
    const next = ends.length === 0 ? lifeMs : Math.min(...ends) - Date.now();
    return new ApiError("session_limit", wrong, undefined, { retryAfter: Math.max(1, Math.ceil(next / 1000)) });
  }

  /**
   * Find a session, and extend its lifetime.
   * @throws ApiError `session_not_found` if there is no such session, or it belongs to another owner
   */
  find(owner: string, id: string): Session {
    this.expire();
    const session = this.all.get(id);
    if (session === undefined || !(this.options.shared || session.owner === owner)) throw missing(id);
    this.renew(session);
    return session;
  }

  /** List an owner's sessions, the newest first: at most `limit` sessions that are older than the session `after`. */
  list(owner: string, { limit, after }: { readonly limit: number; readonly after: string | undefined }) {
    this.expire();
    const own = this.of(owner).sort((a, b) => b.number - a.number);
    const last = after === undefined ? -1 : own.findIndex(({ id }) => id === after);
    if (after !== undefined && last < 0) throw missing(after, "after");
    const page = own.slice(last + 1, last + 1 + limit);
    return { page, hasMore: last + 1 + page.length < own.length };
  }

  /**
   * Mark a session as used by a request, until the returned function is called.
   * @throws ApiError `session_busy` if another request is using it
   */
  enter(session: Session): () => void {
    if (session.busyUntilMs !== undefined) {
      throw new ApiError("session_busy", "another request is using this session. Wait for it to end.");
    }
    session.busyUntilMs = Date.now() + this.options.requestMs;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      session.busyUntilMs = undefined;
      this.renew(session);
    };
  }

  /** Whether a session uses this model. */
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

  /** A session was used: its lifetime begins again. */
  renew(session: Session): void {
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

/** The error if the limit does not allow a copy. */
function never(max: number, seals: boolean): ApiError {
  const wrong = max === 0 ? "this server stores no sessions" : "the limit is 1 session, so there is no room for a copy";
  const instead = seals
    ? ' Create it with "sealed": true: then each answer has a token, which the next request sends.'
    : "";
  return new ApiError("session_limit", `${wrong}.${instead}`, undefined, { retryAfter: false });
}

const missing = (id: string, param?: string): ApiError =>
  new ApiError(
    "session_not_found",
    `${param === undefined ? "" : `${param}: `}there is no session "${excerpt(id, 60)}". It has expired, or never existed.`,
    param,
  );
