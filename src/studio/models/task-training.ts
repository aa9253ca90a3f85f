/**
 * Trainings of seconds, of models of a task other than text: one of a kind at a time, in a worker of its own. It goes on in
 * every view, and its model is stored; a page that is closed meanwhile has lost it, so the browser asks before.
 */
import { type Engine, EngineDied, startEngine } from "../engine/engine.ts";
import type { Job, Wish } from "../engine/remote.ts";
import { messageOf } from "../loading.ts";
import { createShared } from "../shared.ts";
import { fill, texts } from "../texts/texts.ts";
import { askBeforeLeaving } from "./leaving.ts";
import { keepModel, type StoredModel } from "./model-store.ts";

/** What a training gives: a model's file, and what its view tells of it. */
type File = { readonly bytes: Uint8Array<ArrayBuffer> };

export type TaskTraining<Report, Result extends File> = {
  readonly running?: { readonly reports: readonly Report[]; readonly stopping: boolean };
  /** The stored model; whether its view has gone to it. */
  readonly trained?: { readonly id: string; readonly result: Omit<Result, "bytes">; readonly isShown: boolean };
  readonly failed?: string;
};

/** @param task what its models are for, as their files say */
export function createTaskTraining<Report, Result extends File>(task: NonNullable<StoredModel["task"]>) {
  const { get, set, use } = createShared<TaskTraining<Report, Result>>({});
  let stopWanted = false;
  return {
    use,
    /** Train and store the model under this name. Does nothing while another training runs. */
    async train(name: string, begin: (engine: Engine) => Job<Report, Result>): Promise<void> {
      if (get().running !== undefined) return;
      stopWanted = false;
      set({ running: { reports: [], stopping: false } });
      const leave = askBeforeLeaving();
      let engine: Engine | undefined;
      try {
        engine = startEngine();
        const job = begin(engine);
        let wish: Wish;
        for (;;) {
          const { done, value } = await job.next(wish);
          if (done) {
            const { bytes, ...result } = value;
            const { id } = await keepModel({ name, task }, bytes);
            set({ trained: { id, result, isShown: false } });
            return;
          }
          wish = stopWanted ? "finish" : undefined;
          const { reports } = get().running ?? { reports: [] };
          set({ running: { reports: [...reports, value], stopping: stopWanted } });
        }
      } catch (error) {
        set({
          failed:
            error instanceof EngineDied
              ? fill(texts.models.taskTraining.again, { problem: error.message })
              : messageOf(error),
        });
      } finally {
        engine?.end();
        leave();
      }
    },
    /** End the training after the present epoch, and keep the best values so far. */
    stop(): void {
      stopWanted = true;
      const { running } = get();
      if (running !== undefined) set({ running: { ...running, stopping: true } });
    },
    /** Forget how the last training ended; one that runs goes on. */
    dismiss(): void {
      if (get().running === undefined) set({});
    },
    /** The view has gone to the trained model. */
    showed(): void {
      const { trained } = get();
      if (trained !== undefined) set({ trained: { ...trained, isShown: true } });
    },
  };
}
