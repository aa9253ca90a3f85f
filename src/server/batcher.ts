/**
 * Assign slots: the texts of many clients wait, take turns at one generation engine, and are paused while their readers
 * are slow. A client with many texts takes no slot from one with few.
 */

import type { InferenceOptions } from "../engines/engine.ts";
import { Disposable } from "../runtime/disposable.ts";
import {
  createGenerationEngine,
  type GenerationEngine,
  type Outcome,
  type Sequence,
} from "../tasks/generation-engine.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import type { SlotState } from "../tasks/slots.ts";
import { ApiError } from "./errors.ts";
import { yieldWhileBusy } from "./event-loop.ts";

/** The largest number of texts at once. */
export const maxSlots = 32;
/** The numbers of slots of the compiled programs. */
const sizes = [1, 4, 16, maxSlots] as const;
/** How long the engine runs before it yields. */
const stepsMs = 4;
/**
 * How long other events can run while there are any; and, if that was not enough, how long the next time: refusing
 * takes less time than answering, so refused requests soon make room for steps.
 */
const [othersMs, maxOthersMs] = [8, 32];

/** A text to generate for a client. */
export type Job<Piece> = {
  readonly client: string;
  readonly text: Sequence<Piece>;
  /** Called when it gets a slot, for the first time or again. */
  readonly scheduled?: () => void;
  /** Receives pieces and the end, within a step. */
  readonly take: (pieces: readonly Piece[], ended: Outcome<Piece>["ended"]) => void;
  /** When it has read `after` tokens, the other texts get a copy of its state, and begin. */
  readonly shares?: { readonly after: number; readonly texts: readonly Sequence<Piece>[] } | undefined;
  /** The text starts with the state of another job, and gets no slot before that. */
  readonly follows?: boolean;
};

const canBegin = <Piece>({ follows, text }: Job<Piece>): boolean => follows !== true || text.state !== undefined;

export const queueFull = (queue: number): ApiError =>
  new ApiError("queue_full", `the queue is full: ${queue} texts wait. Try again in a moment.`);

/**
 * Create a batcher for a model; later changes of the model do not affect it. @param queue the largest number of waiting
 * texts
 */
export async function createBatcher<Piece extends { readonly text: string }>(
  lm: LanguageModel,
  { queue, ...options }: InferenceOptions & { readonly queue: number },
): Promise<Batcher<Piece>> {
  return new Batcher(await createGenerationEngine<Piece>(lm, sizes, options), queue);
}

/** Owns the generation engine until it is disposed, and runs it as long as there are texts. */
export class Batcher<Piece extends { readonly text: string }> extends Disposable {
  private readonly engine: GenerationEngine<Piece>;
  private readonly queue: number;
  /** The jobs without a slot, by client, in the order of the clients' turns. */
  private readonly waiting = new Map<string, Job<Piece>[]>();
  /** The jobs with a slot, the one that has had it longest first. */
  private readonly scheduled = new Map<Sequence<Piece>, Job<Piece>>();
  private readonly paused = new Set<Job<Piece>>();
  private stepping = false;

  constructor(engine: GenerationEngine<Piece>, queue: number) {
    super();
    this.engine = engine;
    this.queue = queue;
  }

  get slotsInUse(): number {
    return this.scheduled.size;
  }
  get queueLength(): number {
    return [...this.waiting.values()].reduce((total, jobs) => total + jobs.length, 0);
  }

  /** Whether all slots are taken. */
  get isFull(): boolean {
    return this.slotsInUse >= this.engine.size;
  }

  /** Whether there is no text, not even one that waits for its reader. */
  get isIdle(): boolean {
    return this.scheduled.size + this.waiting.size + this.paused.size === 0;
  }

  dispose(): void {
    this.engine.dispose();
  }

  /** The recurrent state of a text, by layer and name. */
  named(state: SlotState | undefined): Record<string, Float32Array> {
    return this.engine.named(state);
  }

  /**
   * Add the texts of a request. If the queue is too short, texts are refused: the newest ones of the client with the
   * most waiting texts, which can be another client.
   * @throws ApiError `queue_full` if it is this client
   */
  add(jobs: readonly Job<Piece>[]): void {
    const [{ client }] = jobs as readonly [Job<Piece>];
    while (this.isShort(jobs.length)) {
      const newest = this.newestOfMost(client, jobs.length);
      if (newest === undefined) throw queueFull(this.queue);
      this.remove(newest);
      newest.take([], queueFull(this.queue));
    }
    for (const job of jobs) {
      job.text.sharedAfter = job.shares?.after ?? 0;
      this.enqueue(job);
    }
    void this.run();
  }

  /** Whether one more text of this client would be accepted. */
  hasRoom(client: string): boolean {
    return !this.isShort(1) || this.newestOfMost(client, 1) !== undefined;
  }

  /** Whether the queue is too short for this number of further texts. */
  private isShort(count: number): boolean {
    return this.queueLength + count > this.queue + this.engine.size - this.scheduled.size;
  }

  /** The client that loses texts to these further texts: the one with the most, unless it is this one. */
  private newestOfMost(client: string, count: number): Job<Piece> | undefined {
    const [most, theirs] = this.longest();
    const own = (this.waiting.get(client)?.length ?? 0) + count;
    return most === client || theirs.length <= own ? undefined : theirs.findLast(({ text }) => text.read === 0);
  }

  /** Remove a text that is no longer needed. */
  remove(job: Job<Piece>): void {
    this.paused.delete(job);
    if (this.scheduled.delete(job.text)) this.engine.evict(job.text);
    const jobs = this.waiting.get(job.client);
    const at = jobs?.indexOf(job) ?? -1;
    if (at >= 0) jobs?.splice(at, 1);
    if (jobs?.length === 0) this.waiting.delete(job.client);
  }

  /** Free the slot of a text until it is resumed. */
  pause(job: Job<Piece>): void {
    if (!this.scheduled.has(job.text)) return;
    this.remove(job);
    this.paused.add(job);
  }
  resume(job: Job<Piece>): void {
    if (!this.paused.delete(job)) return;
    this.enqueue(job, "first");
    // Resume at once, so that a fast reader always has a slot.
    this.guarded(() => this.schedule());
    void this.run();
  }

  private enqueue(job: Job<Piece>, place: "first" | "last" = "last"): void {
    const jobs = this.waiting.get(job.client);
    if (jobs === undefined) this.waiting.set(job.client, [job]);
    else if (place === "first") jobs.unshift(job);
    else jobs.push(job);
  }

  private longest(): readonly [string, readonly Job<Piece>[]] {
    return [...this.waiting].reduce((a, b) => (b[1].length > a[1].length ? b : a), ["", []]);
  }

  /** The clients with a text that can begin. */
  private clientsToSchedule(): string[] {
    return [...this.waiting].filter(([, jobs]) => jobs.some(canBegin)).map(([client]) => client);
  }

  /** Slots go to the clients with the fewest; one is taken from a client with two more than a waiting client. */
  private schedule(): void {
    if (this.waiting.size === 0) return;
    const slots = new Map<string, number>();
    for (const { client } of this.scheduled.values()) slots.set(client, (slots.get(client) ?? 0) + 1);
    for (;;) {
      const clients = this.clientsToSchedule();
      if (clients.length === 0) return;
      const poorest = clients.reduce((a, b) => ((slots.get(b) ?? 0) < (slots.get(a) ?? 0) ? b : a));
      if (this.engine.count === this.engine.size) {
        const [richest, most] = [...slots].reduce((a, b) => (b[1] > a[1] ? b : a));
        if ((slots.get(poorest) ?? 0) + 1 >= most) return;
        const oldest = [...this.scheduled.values()].find(({ client }) => client === richest) as Job<Piece>;
        this.remove(oldest);
        this.enqueue(oldest, "first");
        slots.set(richest, most - 1);
      }
      const jobs = this.waiting.get(poorest) as Job<Piece>[];
      const [job] = jobs.splice(jobs.findIndex(canBegin), 1) as [Job<Piece>];
      // Among clients with equal numbers of slots, they take turns.
      this.waiting.delete(poorest);
      if (jobs.length > 0) this.waiting.set(poorest, jobs);
      // This comes first, because only scheduled jobs are notified of a fault.
      this.scheduled.set(job.text, job);
      this.engine.admit(job.text);
      job.scheduled?.();
      slots.set(poorest, (slots.get(poorest) ?? 0) + 1);
    }
  }

  private async run(): Promise<void> {
    if (this.stepping) return;
    this.stepping = true;
    // Requests that arrive together begin together.
    await yieldWhileBusy(othersMs);
    let lastMs = performance.now();
    let forOthersMs: number = othersMs;
    // Texts can wait for a text whose reader is slow.
    while (this.scheduled.size > 0 || this.clientsToSchedule().length > 0) {
      this.step();
      if (performance.now() - lastMs < stepsMs) continue;
      forOthersMs = (await yieldWhileBusy(forOthersMs)) ? othersMs : Math.min(maxOthersMs, 2 * forOthersMs);
      lastMs = performance.now();
    }
    this.stepping = false;
  }

  /** The other texts share this state, and none of them changes it. */
  private share({ text }: Job<Piece>, others: readonly Sequence<Piece>[]): void {
    // A paused job has left already.
    const isHere = this.scheduled.has(text);
    if (isHere) this.engine.evict(text);
    for (const other of others) other.state = text.state;
    if (isHere) this.engine.admit(text);
  }

  private step(): void {
    this.guarded(() => {
      this.schedule();
      for (const { text, pieces, ended } of this.engine.step()) {
        const job = this.scheduled.get(text);
        if (ended !== undefined) this.scheduled.delete(text);
        if (pieces.length > 0 || ended !== undefined) job?.take(pieces, ended);
        if (job?.shares?.after === text.read && text.written === 0) this.share(job, job.shares.texts);
      }
    });
  }

  /** A fault in the server must not make the others wait for ever: every job with a slot is notified. */
  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      for (const job of [...this.scheduled.values()]) {
        job.take([], error as Error);
        try {
          this.remove(job);
        } catch {
          // It is the same fault; the state of the text is lost.
        }
      }
    }
  }
}
