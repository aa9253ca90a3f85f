/** The training of a forecaster, which goes on in every view: one at a time, in a worker of its own. Its model is stored. */
import { type Engine, EngineDied, startEngine } from "../../engine/engine.ts";
import type { CsvText, ForecastReport, ForecastTraining } from "../../engine/forecasting.ts";
import type { Wish } from "../../engine/remote.ts";
import { messageOf } from "../../loading.ts";
import { keepModel } from "../../models/model-store.ts";
import { createShared } from "../../shared.ts";

export type Trained = {
  readonly id: string;
  readonly epoch: number;
  readonly epochs: number;
  readonly isShown: boolean;
};
export type TrainerStatus = {
  readonly running?: { readonly reports: readonly ForecastReport[]; readonly stopping: boolean };
  readonly trained?: Trained;
  readonly failed?: string;
};

const status = createShared<TrainerStatus>({});
export const useTrainer = status.use;
let stopWanted = false;

/** Train and store the model. Does nothing while another training runs. */
export async function train(name: string, table: CsvText, settings: ForecastTraining): Promise<void> {
  if (status.get().running !== undefined) return;
  stopWanted = false;
  status.set({ running: { reports: [], stopping: false } });
  let engine: Engine | undefined;
  try {
    engine = startEngine();
    const job = engine.run("trainForecaster", table, settings);
    let wish: Wish;
    for (;;) {
      const { done, value } = await job.next(wish);
      if (done) {
        const { bytes, epoch, epochs } = value;
        const task = { kind: "forecast", title: "a forecaster" };
        const { id } = await keepModel({ name, task }, bytes);
        status.set({ trained: { id, epoch, epochs, isShown: false } });
        return;
      }
      wish = stopWanted ? "finish" : undefined;
      const { reports } = status.get().running ?? { reports: [] };
      status.set({ running: { reports: [...reports, value], stopping: stopWanted } });
    }
  } catch (error) {
    status.set({ failed: error instanceof EngineDied ? `${error.message} Train again.` : messageOf(error) });
  } finally {
    engine?.end();
  }
}

/** End the training after the present epoch, and keep the best values so far. */
export function stop(): void {
  stopWanted = true;
  const { running } = status.get();
  if (running !== undefined) status.set({ running: { ...running, stopping: true } });
}

/** Forget how the last training ended. */
export const dismiss = (): void => status.set({});

/** The view has gone to the trained model. */
export function showed(): void {
  const { trained } = status.get();
  if (trained !== undefined) status.set({ trained: { ...trained, isShown: true } });
}
