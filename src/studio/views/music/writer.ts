/** Music as it is written: its notes so far, and every value of each step that is written. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { GridNote } from "../../../tasks/music/settings.ts";
import type { MusicFacts, MusicQuestion } from "../../engine/composing.ts";
import { useRounds } from "../../engine/engine.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { said } from "./messages.ts";

export type Written = {
  readonly notes: readonly GridNote[];
  /** How many steps are written, and how many are to be, or were, once it has ended. */
  readonly steps: number;
  readonly of: number;
  /** Of so many steps, from the first on, the values are known: (of,size) each, filled as they come. */
  readonly seen: number;
  readonly values: readonly Float32Array[];
  readonly ended: boolean;
};

/** So many numbers are 80 MB. */
const mostNumbers = 20_000_000;

/** Write what is asked for; a question with another key is a new one. */
export function useWriter(
  model: OpenModel,
  { values: shown }: MusicFacts,
  question: Omit<MusicQuestion, "seen"> | undefined,
  key: string,
) {
  const [answer, setAnswer] = useState<{ readonly of?: string; readonly written?: Written; readonly error?: string }>(
    {},
  );
  const { round, tell: tellOfDeath } = useRounds();
  const stop = useRef(() => {});
  useEffect(() => {
    if (question === undefined) return;
    let [left, stopped] = [false, false];
    const show = (told: { readonly written?: Written; readonly error?: string }): void => {
      if (!left) setAnswer((before) => ({ ...(before.of === key && before), of: key, ...told }));
    };
    stop.current = () => {
      stopped = true;
    };
    const work = async (): Promise<void> => {
      const most = Math.floor(mostNumbers / shown.reduce((sum, { size }) => sum + size, 1));
      const pieces = model.run("writeMusic", { ...question, seen: most });
      let written: Written | undefined;
      let values: readonly Float32Array[] = [];
      for await (const { notes, steps, of, values: rows } of pieces) {
        if (left) break;
        const known = Math.min(of, most);
        if (values.length === 0) values = shown.map(({ size }) => new Float32Array(known * size));
        const at = written?.seen ?? 0;
        rows.forEach((own, k) => {
          values[k]?.set(own, at * (shown[k]?.size ?? 1));
        });
        written = { notes, steps, of, seen: Math.min(steps, known), values, ended: false };
        show({ written });
        if (stopped) break;
      }
      if (written !== undefined) show({ written: { ...written, of: written.steps, ended: true } });
    };
    work().catch((error: unknown) => {
      show({ error: said(error) });
      if (!left) tellOfDeath(error);
    });
    return () => {
      left = true;
    };
  }, [model, key, question === undefined, round]);
  // Until it begins, nothing of another one is shown.
  const { written, error } = answer.of === key && question !== undefined ? answer : {};
  return { written, error, stop: () => stop.current() };
}
