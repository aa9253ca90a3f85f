/** Deliver the texts of a request while they are generated, as fast as they are read. */
import type { Sequence } from "../../tasks/generation-engine.ts";
import type { Job } from "../batcher.ts";
import { ApiError, waitedFor } from "../errors.ts";
import type { Watch } from "../times.ts";
import type { Piece } from "./piece.ts";
import type { CompletionRequest } from "./request.ts";

/** The new pieces of one choice, and whether it has ended. */
type Delivery = { readonly pieces: Piece[]; ended: "stop" | "length" | undefined };
export type Deliveries = ReadonlyMap<number, Delivery>;

/** The signal that stops a request, and the observers of its progress. */
export type Attended = { readonly signal: AbortSignal; readonly watch: Watch };

/** The number of pieces that can wait for a slow reader before a text gives up its slot. */
export const maxUnread = (texts: number): number => Math.max(32, Math.min(256, Math.floor(4096 / texts)));

/**
 * The new pieces of a request's texts, by choice. A slow reader makes the texts wait; a reader that stops must abort
 * the request.
 * @throws ApiError `queue_full`, the reason of the signal, or the error of a text
 */
export async function* writeTexts(
  { loaded: { batcher }, texts, before, shared, onWritten }: CompletionRequest,
  client: string,
  { signal, watch }: Attended,
): AsyncGenerator<Deliveries, void> {
  signal.throwIfAborted();
  let failure: unknown;
  // Slots can become free at the very moment when this request's time is over, so what counts is how it began.
  const waits = batcher.isFull;
  let hadSlot = false;
  let wake = (): void => {};
  const left = new Set(texts.keys());
  let unread = new Map<number, Delivery>();
  const deliver = (choice: number, pieces: readonly Piece[], ended: Delivery["ended"]): number => {
    const delivery = unread.get(choice) ?? { pieces: [], ended: undefined };
    unread.set(choice, delivery);
    delivery.ended = ended;
    return delivery.pieces.push(...pieces);
  };
  const end = (choice: number, pieces: readonly Piece[], ended: "stop" | "length"): void => {
    left.delete(choice);
    deliver(choice, pieces, ended);
  };
  const sharedBy = new Map(shared.map((one) => [one.first, one]));
  const followers = new Set(shared.flatMap(({ others }) => others));
  for (const [choice, pieces] of before.entries()) if (pieces.length > 0) deliver(choice, pieces, undefined);
  const jobs = texts.map((text, choice): Job<Piece> => {
    const { after, others } = sharedBy.get(choice) ?? { after: 0, others: [] };
    const job: Job<Piece> = {
      client,
      text,
      scheduled: () => {
        hadSlot = true;
        watch.scheduled(choice);
      },
      shares: after > 0 ? { after, texts: others.map((other) => texts[other] as Sequence<Piece>) } : undefined,
      follows: followers.has(choice),
      take(pieces, ended) {
        // The pieces of the prompt, until the other texts read on themselves.
        if (text.read <= after) for (const other of others) deliver(other, pieces, undefined);
        if (ended instanceof Error) failure = ended;
        else {
          watch.came(choice, ended !== undefined);
          if (ended !== undefined) end(choice, pieces, ended);
          else if (deliver(choice, pieces, undefined) > maxUnread(texts.length)) batcher.pause(job);
        }
        wake();
      },
    };
    return job;
  });
  const abort = (): void => {
    const { reason } = signal;
    const isLate = reason instanceof ApiError && reason.kind === "timeout";
    // The text so far is the answer, and a session must remember exactly that.
    const isAnswer = isLate && texts.some(({ written }) => written > 0) && texts.every(isShownWhole);
    if (!isAnswer) failure = waits && !hadSlot ? waitedFor(reason) : reason;
    try {
      for (const job of jobs) batcher.remove(job);
      // No piece is held back any more.
      if (isAnswer) for (const choice of left) end(choice, heldBy(texts[choice] as Sequence<Piece>), "length");
    } catch (error) {
      failure ??= error;
    }
    wake();
  };
  batcher.add(jobs);
  signal.addEventListener("abort", abort);
  try {
    for (;;) {
      if (failure !== undefined) throw failure;
      if (unread.size > 0) {
        const all = unread;
        unread = new Map();
        for (const job of jobs) batcher.resume(job);
        yield all;
      } else if (left.size === 0) {
        onWritten?.();
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal.removeEventListener("abort", abort);
    for (const job of jobs) batcher.remove(job);
  }
}

/**
 * Whether a session would remember exactly what was returned: no unfinished character, and no text that was removed.
 */
const isShownWhole = ({ retake, again, rest }: Sequence<Piece>): boolean =>
  retake === undefined || (again === undefined && rest.length === 0);

/** The pieces that could be the beginning of a stop string. */
function heldBy({ stopBuffer: gate }: Sequence<Piece>): readonly Piece[] {
  const nothing: Piece = { text: "" };
  return gate.pass(nothing, true).pieces.filter((piece) => piece !== nothing);
}
