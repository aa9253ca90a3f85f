/** A job of the engine as a component needs it: with its progress, cancelled when it is not wanted any more. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useRounds } from "../../engine/engine.ts";
import type { Job } from "../../engine/remote.ts";
import { messageOf } from "../../loading.ts";

export type Work<Result> = {
  readonly value?: Result;
  readonly error?: string;
  /** The share that is done, 0 to 1, of work that is under way. */
  readonly share?: number;
  /** Whether the reader has cancelled it. */
  readonly cancelled?: boolean;
};
export type UsedWork<Result> = Work<Result> & { readonly cancel: () => void; readonly again: () => void };

/**
 * The result of a job for a key; undefined begins none. Another key cancels it and begins anew; the last result stays with
 * `keep` until the next one is there.
 */
export function useJob<Result>(
  key: string | undefined,
  begin: () => Job<number, Result>,
  { keep = false } = {},
): UsedWork<Result> {
  const { round, tell: tellOfDeath } = useRounds();
  const [asked, setAsked] = useState(0);
  const [{ of, work }, setWork] = useState<{ readonly of?: string; readonly work: Work<Result> }>({ work: {} });
  const end = useRef(() => {});
  useEffect(() => {
    if (key === undefined) return;
    let left = false;
    const tell = (next: (before: Work<Result>) => Work<Result>): void => {
      if (left) return;
      setWork(({ of, work }) => ({ of: key, work: next(of === key || keep ? work : {}) }));
    };
    const job = begin();
    const run = async (): Promise<void> => {
      tell(({ value }) => ({ ...(value !== undefined && { value }), share: 0 }));
      for (;;) {
        const { done, value } = await job.next();
        if (left) return void (await job.return(undefined as never));
        if (done) return tell(() => ({ value }));
        tell((before) => ({ ...before, share: value }));
      }
    };
    run().catch((error) => {
      if (left) return;
      tell(() => ({ error: messageOf(error) }));
      tellOfDeath(error);
    });
    end.current = () => {
      tell(() => ({ cancelled: true }));
      left = true;
    };
    return () => {
      left = true;
    };
  }, [key, asked, round]);
  const cancel = (): void => end.current();
  const again = (): void => setAsked((count) => count + 1);
  const isKept = of === key || (keep && key !== undefined);
  return { ...(isKept ? work : {}), cancel, again };
}
