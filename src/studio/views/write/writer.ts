/** A text while it is written: as far as it is wanted, and on from there when more is. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { GeneratedToken } from "../../../tasks/generate.ts";
import { useRounds } from "../../engine/engine.ts";
import type { OpenModel } from "../../models/open-model.ts";
import type { Choice, Plan } from "./settings.ts";

export type Written = {
  /** After the prompt; there may be more than the plan wants. */
  readonly tokens: readonly GeneratedToken[];
  /** Whether the model has ended it. */
  readonly ended: boolean;
  readonly tokensPerSecond: number | undefined;
  readonly error: string | undefined;
};
const none: readonly GeneratedToken[] = [];
const nothing: Written = { tokens: none, ended: false, tokensPerSecond: undefined, error: undefined };

/** What tells two texts apart: all but their length. */
export const nameOf = ({ settings, choices }: Plan): string => JSON.stringify([settings, choices]);

/** The beginning of a text that is known before it is written. */
export type Known = { readonly name: string; readonly tokens: readonly GeneratedToken[] };

/** Write what is planned. A plan that is the same but for its length goes on, or waits, where it is. */
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
        // The first piece waits for the model to be compiled and the prompt to be read.
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
      // One that waits for more to be wanted ends too.
      wake.current();
    };
  }, [model, name, round]);
  if (name === undefined) return nothing;
  // Until it is begun, what is known of it: never what was written before it.
  return of === name ? written : { ...nothing, tokens: knownOf(name) };
}

/** The text, some tokens at a time, from after `known`. */
async function* write(
  model: OpenModel,
  { settings, choices }: Plan,
  known: readonly GeneratedToken[],
): AsyncGenerator<readonly GeneratedToken[], void> {
  const ids = known.map(({ token }) => token);
  let replaces = known[0]?.replaces;
  // A copy: what is sent is read when the job begins.
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

/** What stands in a place once another token was chosen for it. @throws Error for one that could not be chosen there */
export function takenAt({ alternatives }: GeneratedToken, { place, token }: Choice): GeneratedToken {
  const taken = alternatives.find((other) => other.token === token);
  if (taken !== undefined) return { ...taken, alternatives };
  throw new Error(`The link takes token ${token} at place ${place}, which this model does not offer there.`);
}
