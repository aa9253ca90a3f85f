/**
 * Store unfinished trainings while they run, so that a page that is opened after a crash or a reload can continue them.
 */
import type { TrainingSettings } from "../engine/training.ts";
import { messageOf } from "../loading.ts";
import { texts } from "../texts/texts.ts";
import { read, readAll, useKept, write } from "./database.ts";
import { readFacts } from "./kept-facts.ts";
import { type LossPoint, withoutRun } from "./model-store.ts";
import type { TrainingFacts } from "./training-facts.ts";

const own = texts.models.interrupted;

/** An unfinished training, without its checkpoint and its text. */
export type InterruptedRun = {
  readonly id: string;
  readonly place: "lab" | "small" | "learn";
  readonly name: string;
  readonly facts: TrainingFacts;
  readonly settings: TrainingSettings;
  readonly losses: readonly LossPoint[];
  readonly step: number;
  readonly epoch: number;
  /** 0 to 1. */
  readonly done: number;
  /** In milliseconds since 1970. */
  readonly savedMs: number;
};

const lockName = (id: string): string => `unrolled.training.${id}`;

/**
 * While a run is active, its page holds a lock, which tells other pages; and browsers do not suspend a page with a
 * lock. Returns a function that releases it and waits until it is released; undefined if another page holds it.
 */
export async function hold(id: string): Promise<(() => Promise<void>) | undefined> {
  let letGo = (): void => {};
  let gone: Promise<void> | undefined;
  const until = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const release = async (): Promise<void> => {
    letGo();
    await gone;
  };
  // Without https, away from this machine, and without storage there are no locks.
  const { locks } = navigator;
  if (locks === undefined) return release;
  return new Promise((resolve) => {
    const held = (lock: Lock | null): Promise<void> | undefined => {
      resolve(lock === null ? undefined : release);
      return lock === null ? undefined : until;
    };
    gone = locks.request(lockName(id), { ifAvailable: true }, held).then(
      () => {},
      () => resolve(release),
    );
  });
}

async function heldLocks(): Promise<ReadonlySet<string>> {
  const { held = [] } = (await navigator.locks?.query().catch(() => undefined)) ?? {};
  return new Set(held.map(({ name = "" }) => name));
}

/**
 * Store a run's checkpoints, one after the other; one that arrives during a write is skipped. After each, `tell`
 * receives the browser's reason for not storing it (undefined if it was stored), and whether an earlier one was stored.
 */
export function createKeeper(
  id: string,
  text: string,
  tell: (problem: string | undefined, stored: boolean) => void = () => {},
) {
  let writing: Promise<unknown> | undefined;
  let [hasText, stored] = [false, false];
  return {
    keep(run: Omit<InterruptedRun, "id" | "savedMs">, checkpoint: Uint8Array<ArrayBuffer>): void {
      if (writing !== undefined) return;
      const told: InterruptedRun = { ...run, id, savedMs: Date.now() };
      const changes = [
        { store: "runs", key: id, value: told },
        { store: "checkpoints", key: id, value: checkpoint },
        ...(hasText ? [] : [{ store: "texts", key: id, value: text } as const]),
      ] as const;
      // A checkpoint that cannot be stored stays in the page, in case the engine dies: see `write`.
      writing = write(() => changes, { quiet: true })
        .then(
          // A checkpoint in the browser is useless without its text.
          ({ inPage, problem }) => {
            hasText = !inPage;
            stored ||= !inPage;
            tell(inPage ? (problem ?? own.noStorage) : undefined, stored);
          },
          (error) => tell(messageOf(error), stored),
        )
        .finally(() => {
          writing = undefined;
        });
    },
    /** Wait until nothing is being written. */
    rest: async (): Promise<void> => void (await writing),
  };
}

/** @throws Error if it no longer exists */
export async function checkpointOf(id: string): Promise<{ file: Uint8Array<ArrayBuffer>; text: string }> {
  const [file, text] = await Promise.all([read("checkpoints", id), read("texts", id)]);
  if (file === undefined || text === undefined) throw new Error(own.gone);
  return { file, text };
}

export async function forgetRun(id: string): Promise<void> {
  await write(() => withoutRun(id));
}

/** Unfinished trainings that no page is running, the newest first. */
async function listInterrupted(): Promise<readonly InterruptedRun[]> {
  const [runs, held] = await Promise.all([readAll("runs"), heldLocks()]);
  return runs
    .map(({ value }) => ({ ...(value as InterruptedRun), facts: readFacts((value as InterruptedRun).facts) ?? {} }))
    .filter(({ id }, k, all) => !held.has(lockName(id)) && all.findIndex((other) => other.id === id) === k)
    .sort((a, b) => b.savedMs - a.savedMs);
}

export const useInterrupted = (): readonly InterruptedRun[] => useKept(listInterrupted) ?? [];
