/** Texts that are gone on with: what a model remembers between requests, each for a time. Knows nothing about HTTP. */
import { randomUUID } from "node:crypto";
import { excerpt } from "../graph/excerpt.ts";
import type { LaneState } from "../tasks/lanes.ts";
import type { Served } from "./completions.ts";
import { ApiError } from "./errors.ts";

export type Session = {
  readonly id: string;
  /** Whose it is: others do not find it. */
  readonly owner: string;
  /** Also where other models are served by now. */
  readonly served: Served;
  /** Seconds since 1970. */
  readonly created: number;
  /** What the model remembers of all tokens but those that follow: of none where absent. */
  state: LaneState | undefined;
  /** The last token, which the model reads first when it goes on; none in the beginning. */
  pending: Int32Array;
  /** The end of what it was given, after that token, where it may end within one: it is read with what comes next. */
  open: string;
  /** Bytes at the end of what was written that begin a character. */
  rest: Uint8Array;
  /** Read and written. */
  tokens: number;
  expiresMs: number;
  /** A request is at it. */
  busy: boolean;
};

/** Owns the sessions; those whose time is over go when another one is looked for or made. */
export class Sessions {
  private readonly all = new Map<string, Session>();
  private readonly most: number;
  private readonly lifeMs: number;

  constructor({ most, lifeMs }: { readonly most: number; readonly lifeMs: number }) {
    this.most = most;
    this.lifeMs = lifeMs;
  }

  get count(): number {
    this.expire();
    return this.all.size;
  }

  /** @throws ApiError session_limit where there are as many as there may be */
  create(owner: string, served: Served): Session {
    this.expire();
    if (this.all.size >= this.most) {
      throw new ApiError("session_limit", `there are ${this.most} sessions, as many as there may be. Delete one.`);
    }
    const session: Session = {
      ...{ id: `sess-${randomUUID()}`, owner, served, created: Math.floor(Date.now() / 1000) },
      ...{ state: undefined, pending: new Int32Array(), open: "", rest: new Uint8Array() },
      ...{ tokens: 0, expiresMs: Date.now() + this.lifeMs, busy: false },
    };
    this.all.set(session.id, session);
    return session;
  }

  /**
   * The session, which lives on from now.
   * @throws ApiError session_not_found where there is none, or it is another one's
   */
  find(owner: string, id: string): Session {
    this.expire();
    const session = this.all.get(id);
    if (session === undefined || session.owner !== owner) {
      throw new ApiError(
        "session_not_found",
        `there is no session "${excerpt(id, 60)}": it has ended, or never began.`,
      );
    }
    session.expiresMs = Date.now() + this.lifeMs;
    return session;
  }

  /** Whether one of them goes on with this model. */
  use(served: Served): boolean {
    this.expire();
    return [...this.all.values()].some((session) => session.served === served);
  }

  delete({ id }: Session): void {
    this.all.delete(id);
  }

  private expire(): void {
    const now = Date.now();
    for (const session of this.all.values()) {
      if (session.expiresMs <= now && !session.busy) this.all.delete(session.id);
    }
  }
}
