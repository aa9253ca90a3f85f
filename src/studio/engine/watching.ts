/** Look inside a language model's training while it goes on: on some sequences of its text, now and then. */
import { countParameters } from "../../nn/model.ts";
import type { LanguageModel } from "../../tasks/language-model.ts";
import { encode } from "../../text/tokenizer.ts";
import type { Callback } from "../../train/callbacks.ts";
import type { Saturation, UpdateInspection } from "../../train/inspect-update.ts";

/** What an update is like inside: see `UpdateInspection`. */
export type Watched = Pick<UpdateInspection, "layers" | "reach" | "gates"> & {
  /** How many updates were looked at since the last look, and how many of them were clipped; undefined where none was. */
  readonly clipped?: Clips | undefined;
};
export type Clips = { readonly updates: number; readonly clipped: number };
export type { Saturation };

export type Watcher = {
  /** Counts updates that were clipped, of some of them. */
  readonly callback: Callback;
  /** What a look finds in the model's present values, if it is time for one. */
  readonly lookAfter: (elapsedMs: number, milestone: boolean) => Promise<Watched | undefined>;
  readonly dispose: () => void;
};

/** Sequences that a look reads, their largest number of steps, and characters for a token. */
const [parts, maxSteps, charactersEach] = [8, 128, 16];
/** A look needs gradients of its own, of as many numbers as there are parameters. */
const maxParameters = 5_000_000;
/** The least time between two looks, in milliseconds, and as a multiple of the time that one takes. */
const [everyMs, times] = [1500, 25];
/** The norm of one in so many updates is read. */
const clipsEvery = 8;

/** Undefined for a model that is too large for it, and a text that is too short. */
export async function createWatcher(
  lm: LanguageModel,
  text: string,
  { steps, clipNorm }: { readonly steps: number; readonly clipNorm: number },
): Promise<Watcher | undefined> {
  const { model } = lm;
  const sequences = sequencesOf(lm, text, Math.min(steps, maxSteps));
  if (sequences === undefined || countParameters(model) > maxParameters) return undefined;
  const { inputs, targets, ...sizes } = sequences;
  const { createUpdateInspector } = await import("../../train/inspect-update.ts");
  const inspector = await createUpdateInspector(model, { ...sizes, threads: 1 });
  let clips: Clips = { updates: 0, clipped: 0 };
  let [lookedMs, pauseMs] = [-Infinity, 0];
  return {
    callback: {
      onBatchEnd(_, run) {
        if (run.step % clipsEvery !== 0) return;
        const clipped = run.gradientNorm() > clipNorm ? 1 : 0;
        clips = { updates: clips.updates + 1, clipped: clips.clipped + clipped };
      },
    },
    async lookAfter(elapsedMs, milestone) {
      if (!milestone && elapsedMs - lookedMs < pauseMs) return undefined;
      const fromMs = performance.now();
      const { layers, reach, gates } = await inspector.look(inputs, targets);
      [lookedMs, pauseMs] = [elapsedMs, Math.max(everyMs, times * (performance.now() - fromMs))];
      const found = { layers, reach, gates, ...(clips.updates > 0 && { clipped: clips }) };
      clips = { updates: 0, clipped: 0 };
      return found;
    },
    dispose: () => inspector.dispose(),
  };
}

/** Sequences from evenly spaced places of a text, and their next tokens (T,B), time first. */
function sequencesOf({ tokenizer }: LanguageModel, text: string, steps: number) {
  const length = Math.min(text.length, charactersEach * (steps + 1));
  const found: Int32Array[] = [];
  for (let k = 0; k < parts; k++) {
    const from = Math.round((k * (text.length - length)) / (parts - 1));
    const ids = encode(tokenizer, text.slice(from, from + length).replace(/^[\udc00-\udfff]/, ""));
    if (ids.length > steps) found.push(ids);
  }
  const batch = found.length;
  if (batch === 0) return undefined;
  const inputs = new Int32Array(steps * batch);
  const targets = new Int32Array(steps * batch);
  for (const [b, ids] of found.entries()) {
    for (let t = 0; t < steps; t++) {
      inputs[t * batch + b] = ids[t] as number;
      targets[t * batch + b] = ids[t + 1] as number;
    }
  }
  return { inputs, targets, batch, steps };
}
