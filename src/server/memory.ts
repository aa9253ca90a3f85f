/**
 * Bytes that requests may hold together. What is estimated for a request is counted before it starts; where it does not fit it
 * waits its turn, and clients take turns. Bodies on their way have a share of their own: a request that waits for work holds its
 * body, so with one share for both, bodies alone could fill it and wait for each other. Knows nothing about HTTP.
 */
import { ApiError, waitedFor } from "./errors.ts";

/** Of the whole: bodies before their work has begun, sessions, and the work itself. */
const shares = { bodies: 1 / 4, sessions: 1 / 8, work: 5 / 8 } as const;
/** How much of the work's share one client may hold while it asks for more: the rest is there for others. */
const maxOfOne = 3 / 4;

/** What one request holds. */
export type Holding = {
  readonly client: string;
  /** Ends the request, which then gives up what it holds. */
  readonly refuse: (reason: ApiError) => void;
  /** Of its body, before its work begins. */
  body: number;
  /** Of its work. */
  work: number;
  /** When something of its body came last; undefined once all is there. */
  progressMs: number | undefined;
};

type Waiting = { readonly holding: Holding; readonly bytes: number; readonly start: () => void };

const formatBytes = (bytes: number): string => `${Math.ceil(bytes / 1e6).toLocaleString("en-US")} MB`;

export class MemoryBudget {
  readonly maxBytes: number;
  private readonly maxWaiting: number;
  private readonly arriving = new Set<Holding>();
  private bodyBytes = 0;
  private workBytes = 0;
  private readonly byClient = new Map<string, number>();
  /** By client, the one whose turn is next first. */
  private readonly waiting = new Map<string, Waiting[]>();

  /** `maxWaiting`: requests that may wait for others to end. */
  constructor({ maxBytes, maxWaiting }: { readonly maxBytes: number; readonly maxWaiting: number }) {
    this.maxBytes = maxBytes;
    this.maxWaiting = maxWaiting;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.bodyBytes + this.workBytes;
  }
  /** Requests that wait. */
  get waitingCount(): number {
    return [...this.waiting.values()].reduce((total, all) => total + all.length, 0);
  }
  /** Sessions of this size that there is room for. */
  sessionsOf(bytes: number): number {
    return Math.floor((this.maxBytes * shares.sessions) / bytes);
  }

  /**
   * Count bytes of a body that come. Where there is no room, the client that has most loses one: the body that has stood still
   * for longest, or else its newest.
   * @throws ApiError memory_full, where that is this one
   */
  receive(holding: Holding, bytes: number): void {
    const most = this.maxBytes * shares.bodies;
    holding.progressMs = performance.now();
    this.arriving.add(holding);
    holding.body += bytes;
    this.bodyBytes += bytes;
    while (this.bodyBytes > most) {
      const victim = this.heaviest(holding);
      const reason = new ApiError("memory_full", "too many requests are on their way. Try again in a moment.");
      this.leave(victim);
      if (victim === holding) throw reason;
      victim.refuse(reason);
    }
  }
  /** All of its body is there. */
  received(holding: Holding): void {
    holding.progressMs = undefined;
  }

  private heaviest(newest: Holding): Holding {
    const bytes = new Map<string, number>();
    for (const { client, body } of this.arriving) bytes.set(client, (bytes.get(client) ?? 0) + body);
    const [heaviest] = [...bytes].reduce((a, b) => (b[1] > a[1] ? b : a));
    const theirs = [...this.arriving].filter(({ client }) => client === heaviest);
    const coming = theirs.filter((one) => one !== newest && one.progressMs !== undefined);
    if (coming.length === 0) return theirs.includes(newest) ? newest : (theirs.at(-1) as Holding);
    return coming.reduce((a, b) => ((b.progressMs as number) < (a.progressMs as number) ? b : a));
  }

  /**
   * Resolves when the request may start with this many bytes; its body counts no more then.
   * @throws ApiError invalid for more than there can ever be, memory_full where too many wait, and the reason of the signal
   */
  async start(holding: Holding, bytes: number, signal: AbortSignal): Promise<void> {
    const most = this.maxBytes * shares.work;
    if (bytes > most) {
      const wrong = `this would take about ${formatBytes(bytes)} of memory, more than the ${formatBytes(most)} that a request may have`;
      const hint =
        "Ask for a shorter prompt, fewer tokens (max_tokens), texts (n) or log-probabilities, or stream the answer.";
      throw new ApiError("invalid", `${wrong}. ${hint}`);
    }
    signal.throwIfAborted();
    if (this.waiting.size === 0 && this.fits(holding.client, bytes) === "yes") return this.admit(holding, bytes);
    await this.wait(holding, bytes, signal);
  }

  private async wait(holding: Holding, bytes: number, signal: AbortSignal): Promise<void> {
    while (this.waitingCount >= this.maxWaiting) {
      const [client, all] = [...this.waiting].reduce((a, b) => (b[1].length > a[1].length ? b : a), ["", []]);
      const own = this.waiting.get(holding.client)?.length ?? 0;
      const reason = new ApiError("memory_full", `${this.maxWaiting} requests wait for memory. Try again in a moment.`);
      if (client === holding.client || all.length <= own + 1) throw reason;
      all.at(-1)?.holding.refuse(reason);
    }
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.forget(waiting);
        reject(waitedFor(signal.reason));
        this.next();
      };
      const waiting: Waiting = {
        holding,
        bytes,
        start: () => {
          signal.removeEventListener("abort", abort);
          this.admit(holding, bytes);
          resolve();
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      const all = this.waiting.get(holding.client);
      if (all === undefined) this.waiting.set(holding.client, [waiting]);
      else all.push(waiting);
      this.next();
    });
  }

  /** Whether it could start now: not for what its own client holds, or for what all hold. */
  private fits(client: string, bytes: number): "yes" | "client" | "all" {
    const most = this.maxBytes * shares.work;
    const own = this.byClient.get(client) ?? 0;
    if (own > 0 && own + bytes > maxOfOne * most) return "client";
    return this.workBytes + bytes > most ? "all" : "yes";
  }

  private admit(holding: Holding, bytes: number): void {
    this.leave(holding);
    holding.work += bytes;
    this.workBytes += bytes;
    this.byClient.set(holding.client, (this.byClient.get(holding.client) ?? 0) + bytes);
  }

  /** Those whose turn it is start, as far as there is room. */
  private next(): void {
    for (let started = true; started; ) {
      started = false;
      for (const [client, all] of this.waiting) {
        const [first] = all as [Waiting];
        const fits = this.fits(client, first.bytes);
        // One that is large is not passed over for ever.
        if (fits === "all") return;
        if (fits === "client") continue;
        this.forget(first);
        // The next client has its turn.
        if (this.waiting.delete(client) && all.length > 0) this.waiting.set(client, all);
        first.start();
        started = true;
        break;
      }
    }
  }

  private forget(waiting: Waiting): void {
    const { client } = waiting.holding;
    const all = this.waiting.get(client);
    const at = all?.indexOf(waiting) ?? -1;
    if (at >= 0) all?.splice(at, 1);
    if (all?.length === 0) this.waiting.delete(client);
  }

  /** It has no body any more. */
  private leave(holding: Holding): void {
    this.arriving.delete(holding);
    this.bodyBytes -= holding.body;
    holding.body = 0;
  }

  /** The request has ended: all that it held is there for others. */
  release(holding: Holding): void {
    this.leave(holding);
    const { client, work } = holding;
    if (work === 0) return;
    this.workBytes -= work;
    holding.work = 0;
    const left = (this.byClient.get(client) ?? 0) - work;
    if (left > 0) this.byClient.set(client, left);
    else this.byClient.delete(client);
    this.next();
  }
}
