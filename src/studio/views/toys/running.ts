/**
 * The runs of the Toy tasks view: the one that trains, those that wait, and those that are done. They last as long as the page, and
 * a training goes on in every view.
 */
import { type Engine, EngineDied, startEngine } from "../../engine/engine.ts";
import type { Wish } from "../../engine/remote.ts";
import type { ToyEnd, ToyReport, ToySettings } from "../../engine/toys.ts";
import type { Watched } from "../../engine/watching.ts";
import { reportFact } from "../../facts.ts";
import { messageOf } from "../../loading.ts";
import { createShared } from "../../shared.ts";

/** A point of a run's curves. */
export type ToyPoint = {
  readonly updates: number;
  readonly trainingLoss: number | undefined;
  readonly loss: number;
  readonly answers: number;
  readonly exact: number;
};

/** A run that is done. */
export type ToyRun = {
  readonly id: number;
  readonly settings: ToySettings;
  readonly points: readonly ToyPoint[];
  readonly latest: ToyReport;
  readonly end: ToyEnd;
  /** Whether it was stopped before its last update. */
  readonly stopped: boolean;
  /** The sweep that it is of. */
  readonly sweep: number | undefined;
};

export type LiveRun = {
  readonly settings: ToySettings;
  readonly points: readonly ToyPoint[];
  readonly looks: readonly (Watched & { readonly updates: number })[];
  readonly latest: ToyReport | undefined;
  /** Whether it trains, or is the last one that did. */
  readonly running: boolean;
  readonly stopping: boolean;
};

export type ToyStatus = {
  readonly live: LiveRun | undefined;
  /** How many runs of a sweep wait. */
  readonly waiting: number;
  readonly runs: readonly ToyRun[];
  /** The number of the last sweep. */
  readonly sweep: number | undefined;
  readonly problem: string | undefined;
};

const { get, set, use } = createShared<ToyStatus>({
  ...{ live: undefined, waiting: 0, runs: [], sweep: undefined, problem: undefined },
});

export { use as useToys };

const update = (change: Partial<ToyStatus>): void => set({ ...get(), ...change });
/** The numbers of the last run and the last sweep. */
let [lastRun, lastSweep] = [0, 0];
let engine: Engine | undefined;

/** Train one after the other; does nothing while something trains. */
export async function startToys(all: readonly ToySettings[], { isSweep = false } = {}): Promise<void> {
  if (get().live?.running) return;
  const sweep = isSweep ? ++lastSweep : undefined;
  update({ problem: undefined, waiting: all.length, ...(sweep !== undefined && { sweep }) });
  const own = startEngine();
  engine = own;
  try {
    for (const settings of all) {
      if (get().waiting === 0) break;
      update({ waiting: get().waiting - 1 });
      await train(own, settings, sweep);
    }
  } catch (error) {
    const isEnded = error instanceof EngineDied && get().live?.stopping;
    update({ problem: isEnded ? undefined : messageOf(error) });
  } finally {
    own.end();
    const { live } = get();
    update({ waiting: 0, live: live && { ...live, running: false, stopping: false } });
  }
}

/** Stop after the present update, and keep what there is; what waits is left out. */
export function stopToys(): void {
  const { live } = get();
  // Before the first report nothing can be kept.
  if (live?.latest === undefined) engine?.end();
  update({ waiting: 0, live: live && { ...live, stopping: true } });
}

/** @returns what brings it back */
export function forgetRun(id: number): () => void {
  const { runs } = get();
  const at = runs.findIndex((run) => run.id === id);
  const [run] = runs.slice(at, at + 1);
  update({ runs: runs.filter((one) => one.id !== id) });
  return () => {
    if (run !== undefined) update({ runs: [...get().runs, run].sort((a, b) => a.id - b.id) });
  };
}

async function train(own: Engine, settings: ToySettings, sweep: number | undefined): Promise<void> {
  let live: LiveRun = { settings, points: [], looks: [], latest: undefined, running: true, stopping: false };
  update({ live });
  const job = own.run("trainToy", settings);
  let wish: Wish;
  for (;;) {
    const { done, value } = await job.next(wish);
    const stopping = get().live?.stopping === true;
    if (done) {
      const { points, latest } = live;
      if (latest === undefined) return;
      const stopped = latest.updates < settings.updates;
      const run: ToyRun = { id: ++lastRun, settings, points, latest, end: value, stopped, sweep };
      update({ runs: [...get().runs, run] });
      reportFact({ kind: "toy", task: settings.task, whole: latest.held.exact });
      return;
    }
    const { updates, trainingLoss, loss, held, watched } = value;
    // The last report may be of the same updates as the one before, with more in it.
    const isSame = live.latest?.updates === updates;
    live = {
      ...live,
      points: isSame ? live.points : [...live.points, { updates, trainingLoss, loss, ...held }],
      looks: isSame ? live.looks : [...live.looks, { ...watched, updates }],
      latest: value,
      stopping,
    };
    update({ live });
    wish = stopping ? "finish" : undefined;
  }
}
