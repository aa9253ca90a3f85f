/** A job of the engine that a chapter goes through step by step, at a pace that can be followed. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Job } from "../../engine/remote.ts";
import { messageOf } from "../../loading.ts";

export type JobSteps<Step, End> = {
  /** The last step so far, and the end once it is reached. */
  readonly step: Step | undefined;
  readonly end: End | undefined;
  readonly playing: boolean;
  /** Why it failed; empty if it did not. */
  readonly failed: string;
  /** Go on: one step, or until the end. */
  readonly goOn: (once: boolean) => void;
  readonly stop: () => void;
  /** Reset to the state before the first step. */
  readonly forget: () => void;
};

/** Whether the reader asked for no movement. */
export const isStill = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * @param begin starts the job; called when the first step is asked for
 * @param paceMs the pause after the n-th step, from 1
 */
export function useJobSteps<Step, End>(
  begin: () => Job<Step, End>,
  onStep: (step: Step) => void,
  paceMs: (count: number) => number,
): JobSteps<Step, End> {
  const [step, setStep] = useState<Step>();
  const [end, setEnd] = useState<End>();
  const [playing, setPlaying] = useState(false);
  const [failed, setFailed] = useState("");
  const run = useRef<Job<Step, End> | undefined>(undefined);
  const count = useRef(0);
  const going = useRef(false);
  const stop = (): void => {
    going.current = false;
    setPlaying(false);
  };
  const forget = (): void => {
    stop();
    run.current?.return(undefined as never).catch(() => {}); // Of an engine that died.
    run.current = undefined;
    count.current = 0;
    setFailed("");
    setStep(undefined);
    setEnd(undefined);
  };
  useEffect(() => forget, []);
  const goOn = (once: boolean): void => {
    setFailed("");
    pull(once).catch((error) => {
      run.current = undefined;
      stop();
      setFailed(messageOf(error));
    });
  };
  const pull = async (once: boolean): Promise<void> => {
    run.current ??= begin();
    const mine = run.current;
    going.current = !once;
    setPlaying(!once);
    do {
      const { done, value } = await mine.next();
      if (run.current !== mine) return;
      if (done) {
        setEnd(() => value);
        break;
      }
      count.current++;
      setStep(() => value);
      onStep(value);
      if (!once) await new Promise((resolve) => setTimeout(resolve, isStill() ? 0 : paceMs(count.current)));
    } while (going.current && run.current === mine);
    if (run.current === mine) stop();
  };
  return { step, end, playing, failed, goOn, stop, forget };
}
