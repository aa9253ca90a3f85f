/** Sources that a decoder reads at once: those of like length, so many at a time. */
import type { InferenceOptions } from "../../engines/engine.ts";
import { createDecoder, type Decoder } from "../../train/decoder.ts";
import type { Translator } from "./settings.ts";

/** Sources whose lengths are rounded up to the same multiple of this share a program. */
const lengthStep = 8;
/** The steps that a source of these tokens is padded to. */
export const stepsFor = (ids: readonly number[]): number => lengthStep * Math.ceil(ids.length / lengthStep);
/** Sources as the decoder reads them: a step of each after the other, padded to so many. */
export const padded = (sources: readonly (readonly number[])[], steps: number): number[] =>
  Array.from({ length: steps }, (_, t) => sources.map((ids) => ids[t] ?? 0)).flat();

/** Answers that go on at the same time: more are made one group after the other. */
const mostAnswers = 256;

/** What a decoder has read, for so many answers to each: numbers of sources, of which a last group repeats its first one. */
export type Group = { readonly decoder: Decoder; readonly members: readonly number[]; readonly steps: number };

/**
 * Read sources, and act on each group of them.
 * @param sources their tokens, none of them empty
 * @param options the host's, and the decoder's `values`; `answers` to each source go on at the same time; after `signal` no group is read
 */
export async function inGroups(
  { model }: Pick<Translator, "model">,
  sources: readonly (readonly number[])[],
  {
    answers,
    signal,
    ...options
  }: InferenceOptions & {
    readonly answers: number;
    readonly values?: readonly string[];
    readonly signal?: AbortSignal | undefined;
  },
  act: (group: Group) => Promise<void>,
): Promise<void> {
  const groups = new Map<number, number[]>();
  sources.forEach((ids, k) => {
    const steps = stepsFor(ids);
    groups.set(steps, [...(groups.get(steps) ?? []), k]);
  });
  for (const [steps, all] of groups) {
    if (signal?.aborted) return;
    const atOnce = Math.min(all.length, Math.max(1, Math.floor(mostAnswers / answers)));
    const decoder = await createDecoder(model, { batch: atOnce * answers, questions: atOnce, steps, ...options });
    try {
      for (let from = 0; from < all.length && !signal?.aborted; from += atOnce) {
        const members = Array.from({ length: atOnce }, (_, q) => all[from + q] ?? (all[from] as number));
        await decoder.read({
          source: padded(
            members.map((k) => sources[k] as readonly number[]),
            steps,
          ),
        });
        await act({ decoder, members, steps });
      }
    } finally {
      decoder.dispose();
    }
  }
}
