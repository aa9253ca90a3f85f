/**
 * Limit the memory of all requests together. The estimate for a request is counted before it starts; if it does not
 * fit, the request waits, and clients take turns. Incoming bodies have a share of their own: a waiting request holds
 * its body, so with one share for both, bodies alone could fill it and wait for each other.
 */
import { ApiError, waitedFor } from "./errors.ts";

/** The shares of the whole: bodies of requests that have not started, sessions, and running requests. */
const shares = { bodies: 1 / 4, sessions: 1 / 8, work: 5 / 8 } as const;
/**
 * The part of the running requests' share that one client can hold while it asks for more; the rest stays free for
 * others.
 */
const maxOfOne = 3 / 4;

/** The memory of one request. */
export type Holding = {
  readonly client: string;
  /** Aborts the request, which then frees its memory. */
  readonly refuse: (reason: ApiError) => void;
  /** The bytes of its body, before it starts. */
  body: number;
  /** The estimated bytes of the running request. */
  work: number;
  /** The time when data of its body last arrived; undefined once the body is complete. */
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
  /** The waiting requests by client, in the order of the clients' turns. */
  private readonly waiting = new Map<string, Waiting[]>();

  /** @param maxWaiting the largest number of waiting requests */
  constructor({ maxBytes, maxWaiting }: { readonly maxBytes: number; readonly maxWaiting: number }) {
    this.maxBytes = maxBytes;
    this.maxWaiting = maxWaiting;
  }

  /** The number of bytes in use. */
  get bytes(): number {
    return this.bodyBytes + this.workBytes;
  }
  /** The number of waiting requests. */
  get waitingCount(): number {
    return [...this.waiting.values()].reduce((total, all) => total + all.length, 0);
  }
  /** The number of sessions of this size that fit. */
  sessionsOf(bytes: number): number {
    return Math.floor((this.maxBytes * shares.sessions) / bytes);
  }

  /**
   * Count arriving bytes of a body. If there is no room, a request of the client with the most bytes is aborted: the
   * one whose body has stalled for longest, or else its newest.
   * @throws ApiError `memory_full` if it is this request
   */
  receive(holding: Holding, bytes: number): void {
    const most = this.maxBytes * shares.bodies;
    holding.progressMs = performance.now();
    this.arriving.add(holding);
    holding.body += bytes;
    this.bodyBytes += bytes;
    while (this.bodyBytes > most) {
      const victim = this.heaviest(holding);
      const reason = new ApiError("memory_full", "too many requests are arriving. Try again in a moment.");
      this.leave(victim);
      if (victim === holding) throw reason;
      victim.refuse(reason);
    }
  }
  /** Note that the body is complete. */
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
   * Resolves when the request can start with this number of bytes; its body is no longer counted then.
   * @throws ApiError `invalid` for more bytes than can ever be available, `memory_full` if too many requests wait, and
   * the reason of the signal
   */
  async start(holding: Holding, bytes: number, signal: AbortSignal): Promise<void> {
    const most = this.maxBytes * shares.work;
    if (bytes > most) {
      const wrong = `this would take about ${formatBytes(bytes)} of memory, and the limit of a request is ${formatBytes(most)}`;
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

  /** Whether the request could start now, given the memory of its own client and of all clients. */
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

  /** Start requests in turn, as far as there is room. */
  private next(): void {
    for (let started = true; started; ) {
      started = false;
      for (const [client, all] of this.waiting) {
        const [first] = all as [Waiting];
        const fits = this.fits(client, first.bytes);
        // A large request is not skipped for ever.
        if (fits === "all") return;
        if (fits === "client") continue;
        this.forget(first);
        // It is the next client's turn.
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

  /** Its body is no longer counted. */
  private leave(holding: Holding): void {
    this.arriving.delete(holding);
    this.bodyBytes -= holding.body;
    holding.body = 0;
  }

  /** The request has ended: free its memory. */
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
