/**
 * Who gets a slot: texts of many clients wait, take turns at one generation engine and are paused while nobody reads them. A client with
 * many texts keeps no slot from one with few. Knows nothing about HTTP.
 */

import type { HostOptions } from "../engines/engine.ts";
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

/** Most texts at once. */
export const maxSlots = 32;
/** Slots of the programs. */
const sizes = [1, 4, 16, maxSlots] as const;
/** How long it steps before others get their turn. */
const stepsMs = 4;
/**
 * How long they may go on while there is something for them to do; and where that was not enough, the next time: to refuse takes
 * less than to answer, so who is refused soon makes room for the steps.
 */
const [othersMs, maxOthersMs] = [8, 32];

/** A text that a client wants. */
export type Job<Piece> = {
  readonly client: string;
  readonly text: Sequence<Piece>;
  /** Told that it has a slot, for the first time or again. */
  readonly scheduled?: () => void;
  /** Told, within a step, of pieces and of the end. */
  readonly take: (pieces: readonly Piece[], ended: Outcome<Piece>["ended"]) => void;
  /** Once it has read so many tokens, these texts get a copy of what it remembers, and begin. */
  readonly shares?: { readonly after: number; readonly texts: readonly Sequence<Piece>[] } | undefined;
  /** Its text begins with what another job shares, and has no slot before. */
  readonly follows?: boolean;
};

const canBegin = <Piece>({ follows, text }: Job<Piece>): boolean => follows !== true || text.state !== undefined;

export const queueFull = (queue: number): ApiError =>
  new ApiError("queue_full", `the queue is full: ${queue} texts wait. Try again in a moment.`);

/** A batcher for a model, whose later changes do not reach it; `queue` texts may wait. */
export async function createBatcher<Piece extends { readonly text: string }>(
  lm: LanguageModel,
  { queue, ...options }: HostOptions & { readonly queue: number },
): Promise<Batcher<Piece>> {
  return new Batcher(await createGenerationEngine<Piece>(lm, sizes, options), queue);
}

/** Owns the generation engine until it is disposed of. It steps as long as there is a text. */
export class Batcher<Piece extends { readonly text: string }> extends Disposable {
  private readonly engine: GenerationEngine<Piece>;
  private readonly queue: number;
  /** Jobs without a slot, by client; the client whose turn is next comes first. */
  private readonly waiting = new Map<string, Job<Piece>[]>();
  /** Jobs with a slot, the one that has had it longest first. */
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

  /** Whether no text is here, not even one that waits for its reader. */
  get isIdle(): boolean {
    return this.scheduled.size + this.waiting.size + this.paused.size === 0;
  }

  dispose(): void {
    this.engine.dispose();
  }

  /** What a text remembers, by layer and name. */
  named(state: SlotState | undefined): Record<string, Float32Array> {
    return this.engine.named(state);
  }

  /**
   * Take on the texts of a request. Where the queue is too short, those that wait longest in number are refused: the newest
   * of the client that has most, be it another one.
   * @throws ApiError queue_full, where that client is this one
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

  /** Whether one more text of this client would be taken on. */
  hasRoom(client: string): boolean {
    return !this.isShort(1) || this.newestOfMost(client, 1) !== undefined;
  }

  /** Whether the queue is too short for so many more. */
  private isShort(count: number): boolean {
    return this.queueLength + count > this.queue + this.engine.size - this.scheduled.size;
  }

  /** Whom so many more texts of a client may push out: of the one that has most, unless that is this one. */
  private newestOfMost(client: string, count: number): Job<Piece> | undefined {
    const [most, theirs] = this.longest();
    const own = (this.waiting.get(client)?.length ?? 0) + count;
    return most === client || theirs.length <= own ? undefined : theirs.findLast(({ text }) => text.read === 0);
  }

  /** Nobody wants this text any more. */
  remove(job: Job<Piece>): void {
    this.paused.delete(job);
    if (this.scheduled.delete(job.text)) this.engine.evict(job.text);
    const jobs = this.waiting.get(job.client);
    const at = jobs?.indexOf(job) ?? -1;
    if (at >= 0) jobs?.splice(at, 1);
    if (jobs?.length === 0) this.waiting.delete(job.client);
  }

  /** Its slot is for others until it is resumed. */
  pause(job: Job<Piece>): void {
    if (!this.scheduled.has(job.text)) return;
    this.remove(job);
    this.paused.add(job);
  }
  resume(job: Job<Piece>): void {
    if (!this.paused.delete(job)) return;
    this.enqueue(job, "first");
    // At once: a reader that keeps up has a slot whenever one looks.
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

  /** Who has a text that can begin. */
  private clientsToSchedule(): string[] {
    return [...this.waiting].filter(([, jobs]) => jobs.some(canBegin)).map(([client]) => client);
  }

  /** Slots go to the clients that have fewest; one is taken from a client that has two more than one that waits. */
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
      // Of clients with as many slots the next one has its turn.
      this.waiting.delete(poorest);
      if (jobs.length > 0) this.waiting.set(poorest, jobs);
      // Before anything can go wrong with it: who is scheduled is told of a fault.
      this.scheduled.set(job.text, job);
      this.engine.admit(job.text);
      job.scheduled?.();
      slots.set(poorest, (slots.get(poorest) ?? 0) + 1);
    }
  }

  private async run(): Promise<void> {
    if (this.stepping) return;
    this.stepping = true;
    // Requests that come together begin together.
    await yieldWhileBusy(othersMs);
    let lastMs = performance.now();
    let forOthersMs: number = othersMs;
    // Texts may wait for one whose reader is slow.
    while (this.scheduled.size > 0 || this.clientsToSchedule().length > 0) {
      this.step();
      if (performance.now() - lastMs < stepsMs) continue;
      forOthersMs = (await yieldWhileBusy(forOthersMs)) ? othersMs : Math.min(maxOthersMs, 2 * forOthersMs);
      lastMs = performance.now();
    }
    this.stepping = false;
  }

  /** What a text remembers goes to others, too, none of which changes it. */
  private share({ text }: Job<Piece>, others: readonly Sequence<Piece>[]): void {
    // One that is paused has left already.
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

  /** A fault of ours must not keep the others waiting for ever: each that has a slot is told of it. */
  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      for (const job of [...this.scheduled.values()]) {
        job.take([], error as Error);
        try {
          this.remove(job);
        } catch {
          // The same fault; what the text remembers is lost with it.
        }
      }
    }
  }
}
