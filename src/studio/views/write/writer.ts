/** Generate a text as far as requested, and continue from there when more is requested. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { GeneratedToken } from "../../../tasks/generate.ts";
import { useRounds } from "../../engine/engine.ts";
import type { OpenModel } from "../../models/open-model.ts";
import { fill, texts } from "../../texts/texts.ts";
import type { Choice, Plan } from "./settings.ts";

export type Written = {
  /** The tokens after the prompt; there can be more than the plan needs. */
  readonly tokens: readonly GeneratedToken[];
  /** Whether the model has ended it. */
  readonly ended: boolean;
  readonly tokensPerSecond: number | undefined;
  readonly error: string | undefined;
};
const none: readonly GeneratedToken[] = [];
const nothing: Written = { tokens: none, ended: false, tokensPerSecond: undefined, error: undefined };

/** The key of a text: everything but its length. */
export const nameOf = ({ settings, choices }: Plan): string => JSON.stringify([settings, choices]);

/** The beginning of a text that is known before it is generated. */
export type Known = { readonly name: string; readonly tokens: readonly GeneratedToken[] };

/** Generate the planned text. A plan that only differs in length continues, or waits, at the current position. */
export function useWriter(
  model: OpenModel,
  plan: Plan | undefined,
  known: { readonly current: Known | undefined },
): Written {
  const [{ of, written }, setWritten] = useState<{ readonly of?: string; readonly written: Written }>({
    written: nothing,
  });
  const { round, tell: tellOfDeath } = useRounds();
  const wanted = useRef(0);
  const wake = useRef(() => {});
  wanted.current = plan?.length ?? 0;
  const name = plan === undefined ? undefined : nameOf(plan);
  const knownOf = (name: string) => (known.current?.name === name ? known.current.tokens : none);
  useEffect(() => wake.current(), [plan?.length]);
  useEffect(() => {
    if (plan === undefined || name === undefined) return;
    const tokens = knownOf(name);
    let present: Written = { ...nothing, tokens };
    const tell = (next: Partial<Written>): void => {
      present = { ...present, ...next };
      if (!left) setWritten({ of: name, written: present });
    };
    let left = false;
    const work = async (): Promise<void> => {
      let all = tokens;
      let [drawn, workMs] = [0, 0];
      const pieces = write(model, plan, tokens);
      while (!left) {
        if (all.length >= wanted.current) {
          await new Promise<void>((resolve) => {
            wake.current = resolve;
          });
          continue;
        }
        const startMs = performance.now();
        const { done, value } = await pieces.next();
        if (left) break;
        if (done) return tell({ ended: true });
        // The first piece takes longer, because the model is compiled and the prompt is read.
        if (all.length > tokens.length) {
          drawn += value.length;
          workMs += performance.now() - startMs;
        }
        all = [...all, ...value];
        tell({ tokens: all, tokensPerSecond: drawn > 0 ? (1000 * drawn) / workMs : undefined });
      }
      await pieces.return();
    };
    work().catch((error: Error) => {
      tell({ error: error.message });
      if (!left) tellOfDeath(error);
    });
    return () => {
      left = true;
      // A text that waits for a longer plan ends as well.
      wake.current();
    };
  }, [model, name, round]);
  if (name === undefined) return nothing;
  // Until it starts, show its known beginning, never the previous text.
  return of === name ? written : { ...nothing, tokens: knownOf(name) };
}

/** The text after `known`, a few tokens at a time. */
async function* write(
  model: OpenModel,
  { settings, choices }: Plan,
  known: readonly GeneratedToken[],
): AsyncGenerator<readonly GeneratedToken[], void> {
  const ids = known.map(({ token }) => token);
  let replaces = known[0]?.replaces;
  // A copy, because the arguments are read when the job starts.
  const goOn = () => model.run("write", settings, [...ids], replaces);
  for (const choice of choices.filter(({ place }) => place >= known.length)) {
    for await (const piece of goOn()) {
      const before = piece.slice(0, choice.place - ids.length);
      const there = piece[before.length];
      if (ids.length === 0) replaces = before[0]?.replaces;
      ids.push(...before.map(({ token }) => token));
      yield before;
      if (there === undefined) continue;
      const taken = takenAt(there, choice);
      if (ids.length === 0) replaces = taken.replaces;
      ids.push(taken.token);
      yield [taken];
      break;
    }
  }
  yield* goOn();
}

/**
 * The token at a position after another token was chosen for it. @throws Error for a token that is not available there
 */
export function takenAt({ alternatives }: GeneratedToken, { place, token }: Choice): GeneratedToken {
  const taken = alternatives.find((other) => other.token === token);
  if (taken !== undefined) return { ...taken, alternatives };
  throw new Error(fill(texts.write.notOffered, { token, place }));
}
