/**
 * `sweep`: train many language models, each with other settings, and keep the best. Hands jobs to workers, writes down what they give,
 * and says which trial goes on. Knows neither where the workers are nor how a trial is trained.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { HostOptions } from "../engines/engine.ts";
import { digestOf, writeFileAtomically } from "../formats/files.ts";
import type { Cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import { checkArguments } from "../graph/schema.ts";
import { version } from "../server/version.ts";
import type { Texts } from "../tasks/language-model.ts";
import { type GivenSettings, type Settings, settingsOf } from "../tasks/text-training.ts";
import { promotion, rungShares } from "./asha.ts";
import { type OpenFolder, openFolder, rungsIn, type SweepTrial } from "./folder.ts";
import { localWorkers } from "./local-workers.ts";
import { sweepArguments } from "./options.ts";
import { sweepPage } from "./page.ts";
import { bestOf } from "./results.ts";
import { type Point, pointsOf, type SamplerName } from "./samplers.ts";
import { readSpace, type SweepSpace } from "./space.ts";
import { createTrials, type Job, type Outcome, type TrialData, type TrialProgress } from "./trial.ts";
import { childProgram } from "./trial-process.ts";
import { Left, type Workers } from "./workers.ts";

/** The settings that all trials of a sweep have, by their names on the command line; those of the space are not among them. */
export type SweepTraining = Omit<GivenSettings, "minutes"> & {
  /** The length of a training in updates, instead of epochs. */
  readonly updates?: number;
};

/** Early stopping: how many trials go on at each rung, and how many rungs there are. */
export type SweepAsha = {
  /** One of so many trials goes on, and trains so many times as long. Default 3. */
  readonly reduction?: number;
  /**
   * The last rung is a whole training. Default 4, or fewer for less than 27 trials: with a reduction of 3, they are compared after 1/27,
   * 1/9 and 1/3 of it.
   */
  readonly rungs?: number;
};

/** What a sweep tells while it goes on. */
export type SweepEvent =
  | {
      readonly kind: "start";
      /** Of each trial that there will be, and of those that an earlier run has begun. */
      readonly points: number;
      readonly trials: readonly SweepTrial[];
      readonly tokens: number;
      readonly vocabulary: number;
      readonly rungs: number;
    }
  | { readonly kind: "trial"; readonly trial: SweepTrial; readonly trials: readonly SweepTrial[] }
  | ({ readonly kind: "progress"; readonly trial: number } & TrialProgress)
  | { readonly kind: "warning"; readonly message: string };

/** Options of `sweep`. */
export type SweepOptions = Pick<HostOptions, "engine" | "threads"> & {
  /** What is searched: by the name of a setting, a list of values or a range. */
  readonly space: SweepSpace;
  /** The folder of its files; it is made. */
  readonly folder: string;
  /** How many trials. By default all of a grid, else 20. */
  readonly trials?: number;
  /** How points of the space are chosen. Default "random". */
  readonly sampler?: SamplerName;
  /** The seed of the sampler. Default 0. */
  readonly seed?: number;
  /** What all trials share: `{ epochs: 3, units: 256 }`. */
  readonly training?: SweepTraining;
  /** Other texts to measure on, instead of the share `training.validation`. */
  readonly validationText?: Texts | undefined;
  /** Cells of your own, by the names that `space.cell` or `training.cell` has for them. */
  readonly cells?: Readonly<Record<string, Cell>>;
  /** Stop early what others do better than (ASHA). By default each trial is trained to its end. */
  readonly asha?: SweepAsha | undefined;
  /** How many processes of this machine train. By default one for each core, or as many as have `threads` each; 0 trains in this process. */
  readonly workers?: number;
  /** The address of a Redis whose workers train instead: see `sweepWorker`. */
  readonly redis?: string | undefined;
  /** Go on with the sweep in the folder. `trials` may be more than before; all else is the same. */
  readonly resume?: boolean;
  /** Replace the sweep in the folder. */
  readonly overwrite?: boolean;
  /** Ends it: what is under way is kept, and `resume` goes on with it. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each trial that comes to a rung, and of trainings that go on. */
  readonly onEvent?: ((event: SweepEvent) => void) | undefined;
  /** @internal The program of the processes that train. */
  readonly program?: URL;
  /** @internal How often a trial's checkpoint is written, in milliseconds. */
  readonly checkpointMs?: number;
};

/** What a sweep has found. */
export type SweepResult = {
  /** All trials that have begun, by their numbers. */
  readonly trials: readonly SweepTrial[];
  /** The one with the lowest loss, whose model is `best.safetensors`; undefined if none has been measured. */
  readonly best: SweepTrial | undefined;
  /** Updates of all trials together. */
  readonly updates: number;
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
};

/** The names of options in messages: those of the library, or those of a command. */
export type Names = {
  readonly space: string;
  readonly trials: string;
  readonly sampler: string;
  readonly asha: string;
  readonly epochs: string;
  readonly validation: string;
  readonly resume: string;
  readonly overwrite: string;
  /** Of a setting that all trials share. */
  readonly fixed: (name: string) => string;
};
const libraryNames: Names = {
  space: "sweep: space",
  trials: "sweep: trials",
  sampler: "sampler",
  asha: "sweep: asha",
  epochs: "training.epochs",
  validation: "sweep: training.validation",
  resume: "resume",
  overwrite: "overwrite",
  fixed: (name) => `sweep: training.${name}`,
};

/** The page is written this often at most, but for the last time. */
const pageEveryMs = 5000;

/**
 * Search settings of a language model: train one for each of many points of a space, and keep the best by validation loss. Writes a folder
 * with `best.safetensors`, a line for each trial in `results.jsonl`, their models, and a page of it all, `sweep.html`.
 *
 * The same seed gives the same trials with the same losses, however many workers train them. With `asha`, which trials go on depends on
 * the order in which they are measured, so with several workers on time.
 * @param text a text, or a list of separate texts
 * @param options `space` and `folder`; see `SweepOptions` for all and their defaults
 * @returns the trials and the best of them; losses in nats a token
 * @throws InputError for a space with mistakes, a text too short for a setting, a folder that has another sweep, and a Redis that cannot
 *   be reached
 * @example
 * const { best } = await sweep(text, {
 *   space: { units: [64, 128, 256], rate: { from: 1e-3, to: 3e-2, scale: "log" } },
 *   folder: "sweep",
 *   trials: 30,
 *   training: { epochs: 3 },
 *   asha: {},
 * });
 */
export const sweep = (text: Texts, options: SweepOptions): Promise<SweepResult> => sweepAs(libraryNames, text, options);

/**
 * `sweep` as a command, which has other names for its options.
 * @internal
 */
export async function sweepAs(names: Names, text: Texts, options: SweepOptions): Promise<SweepResult> {
  const { program = childProgram, checkpointMs = 10_000, ...checked } = options ?? {};
  checkArguments("sweep", { text, options: options === undefined ? undefined : checked }, sweepArguments);
  const { signal, onEvent = () => {}, redis } = options;
  const plan = planOf(names, text, options);
  const { points, data, shares } = plan;
  const { resume = false, overwrite = false } = options;
  // Before the folder is made: who cannot be reached leaves nothing behind.
  const far = redis === undefined ? undefined : await reach(redis, data, onEvent);
  let opened: OpenFolder;
  try {
    opened = openFolder(options.folder, plan.definition, { resume, overwrite }, names);
    if (opened.trials.length > points.length) {
      const begun = opened.trials.length;
      throw new InputError(
        `${names.trials}: ${begun} trials have begun, got ${points.length}. Give at least ${begun}.`,
      );
    }
  } catch (error) {
    await far?.leave();
    throw error;
  }
  const host = hostOf(options);
  const workers =
    far === undefined
      ? localWorkers({ ...placesOf(options), host, data, checkpointMs, program, signal })
      : await far.workers(opened.definition.id, signal);
  onEvent({
    ...{ kind: "start", points: points.length, trials: opened.trials, rungs: shares.length },
    ...plan.sizes,
  });
  return run(plan, opened, workers, { signal, onEvent });
}

/** Processes of their own have one thread each, so that as many as there are cores do not wait for each other. */
function hostOf({ engine, threads, workers }: SweepOptions): HostOptions {
  const own = threads ?? (workers === 0 ? undefined : 1);
  return { ...(engine && { engine }), ...(own && { threads: own }) };
}

/** As many processes as there are cores, each with one thread; or fewer with more. */
function placesOf({ workers, threads }: SweepOptions): { readonly workers: number } {
  return { workers: workers ?? Math.max(1, Math.floor(availableParallelism() / (threads ?? 1))) };
}

/** Connect to the workers of a Redis, and prepare the texts for them. */
async function reach(redis: string, data: TrialData, onEvent: (event: SweepEvent) => void) {
  const { connect, textsOf } = await import("./redis.ts");
  const { redisWorkers } = await import("./redis-workers.ts");
  const texts = textsOf(data);
  const warn = (message: string): void => onEvent({ kind: "warning", message });
  const connection = await connect(redis, warn);
  const onNobody = (): void => warn("Nobody takes the trials. Start workers: unrolled worker --redis URL");
  return {
    workers: (id: string, signal: AbortSignal | undefined): Promise<Workers> =>
      redisWorkers({ connection, sweep: id, version, texts, onNobody, signal }),
    leave: () => connection.close(),
  };
}

type Plan = {
  readonly definition: OpenFolder["definition"];
  readonly points: readonly Point[];
  readonly shares: readonly number[];
  readonly reduction: number;
  readonly data: TrialData;
  readonly sizes: { readonly tokens: number; readonly vocabulary: number };
  /** The settings of a point and the updates of a whole training. */
  readonly of: (point: Point) => { readonly settings: Settings; readonly of: number };
  readonly scales: Readonly<Record<string, boolean | null>>;
};

/** Everything that can be checked before a trial begins. */
function planOf(names: Names, text: Texts, options: SweepOptions): Plan {
  const { training = {}, sampler = "random", seed = 0, asha, validationText } = options;
  const space = readSpace(options.space, names.space);
  for (const { name } of space) {
    if (training[name as keyof SweepTraining] === undefined) continue;
    throw new InputError(`${names.fixed(name)}: is searched as well, in ${names.space}. Leave out one of the two.`);
  }
  const { updates, ...fixed } = training;
  const searchesEpochs = space.some(({ name }) => name === "epochs");
  if (updates !== undefined && (fixed.epochs !== undefined || searchesEpochs)) {
    throw new InputError(
      `${names.fixed("updates")}: is the length of a training, and so are epochs. Give one of the two.`,
    );
  }
  if (asha !== undefined && searchesEpochs) {
    throw new InputError(
      `${names.asha}: compares trials of the same length, and ${names.space} searches epochs. Leave out one.`,
    );
  }
  if (validationText === undefined && fixed.validation === 0) {
    throw new InputError(`${names.validation}: trials are compared by their validation loss. Give a share above 0.`);
  }
  const points = pointsOf(space, { sampler, seed, trials: options.trials }, names);
  const { reduction = 3 } = asha ?? {};
  const rungs = asha === undefined ? 1 : rungsOf(names, options, reduction, points.length);
  const shares = rungShares(rungs, reduction);
  const cells = Object.fromEntries(Object.entries(options.cells ?? {}).map(([name, { source }]) => [name, source]));
  const data: TrialData = { texts: text, validation: validationText, cells };

  const trials = createTrials(data);
  const perPass = new Map<string, number>();
  const complete = (point: Point, epochs?: number): Settings =>
    settingsOf({ ...fixed, ...point, ...(epochs !== undefined && { epochs }) } as GivenSettings, {
      validationFile: validationText !== undefined,
    });
  const of = (point: Point) => {
    const settings = complete(point);
    const key = JSON.stringify([settings.batch, settings.steps, settings.cell]);
    let count = perPass.get(key);
    if (count === undefined) {
      trials.check(settings);
      count = trials.updatesPerPass(settings);
      perPass.set(key, count);
    }
    const length = updates ?? Math.max(1, Math.round((settings.epochs as number) * count));
    if (length * (shares[0] as number) < 1) {
      throw new InputError(
        `${names.asha}: the first of ${shares.length} rungs is ${((shares[0] as number) * length).toFixed(2)} of an update. Give fewer rungs or longer trainings.`,
      );
    }
    return { settings: complete(point, length / count), of: length };
  };
  for (const point of points) of(point);
  const definition = {
    id: randomBytes(6).toString("hex"),
    ...{ unrolled: version, text: digestOf(new TextEncoder().encode(JSON.stringify(text))) },
    ...(validationText !== undefined && {
      validationText: digestOf(new TextEncoder().encode(JSON.stringify(validationText))),
    }),
    ...{ sampler, seed, space: options.space, training, asha: asha === undefined ? null : { reduction, rungs } },
    ...(Object.keys(cells).length > 0 && { cells }),
  };
  const sizes = trials.sizes(complete(points[0] as Point));
  const scales = Object.fromEntries(space.map((axis) => [axis.name, axis.kind === "range" ? axis.log : null]));
  return { definition, points, shares, reduction, data, sizes, of, scales };
}

/** As many rungs as so many trials fill, so that one is trained to its end; 4 at most, unless more are asked for. */
function rungsOf(names: Names, { asha, folder, resume }: SweepOptions, reduction: number, trials: number): number {
  const filled = 1 + Math.floor(Math.log(trials) / Math.log(reduction) + 1e-9);
  const kept = resume === true ? rungsIn(folder) : undefined;
  const rungs = asha?.rungs ?? kept ?? Math.max(2, Math.min(4, filled));
  if (rungs <= filled) return rungs;
  const wanted = reduction ** (rungs - 1);
  throw new InputError(
    `${names.asha}: of ${trials} trials none is trained to its end: ${rungs} rungs, of which one of ${reduction} goes on, need ${wanted}. ` +
      "Give more trials, or fewer rungs.",
  );
}

type Hooks = { readonly signal: AbortSignal | undefined; readonly onEvent: (event: SweepEvent) => void };

async function run(plan: Plan, folder: OpenFolder, workers: Workers, { signal, onEvent }: Hooks): Promise<SweepResult> {
  const { points, shares, reduction, of } = plan;
  const { files } = folder;
  const trials: SweepTrial[] = [...folder.trials];
  /** Trials that an earlier run had under way: they go on first. */
  const left = trials.filter(({ sent, rungs }) => sent > rungs.length).map(({ trial }) => trial);
  let [running, pageMs] = [0, -Infinity];
  let kept = "";

  const jobOf = (trial: number, rung: number): Job => {
    const { settings, of: updates } = of(points[trial - 1] as Point);
    const until = rung === shares.length - 1 ? updates : Math.round(updates * (shares[rung] as number));
    return { trial, rung, rungs: shares.length, settings, until, of: updates };
  };
  const put = (trial: SweepTrial): void => {
    trials[trial.trial - 1] = trial;
    folder.save(trials);
  };
  /** The next job: what was under way, then what is due for its next rung, then a new trial. */
  function next(): Job | undefined {
    const again = left.shift();
    if (again !== undefined) return jobOf(again, (trials[again - 1] as SweepTrial).rungs.length);
    const standings = trials.map(({ rungs, sent }) => ({ losses: rungs.map(([, loss]) => loss ?? Number.NaN), sent }));
    const due = promotion(standings, shares.length, reduction);
    if (due !== undefined) {
      const trial = trials[due] as SweepTrial;
      put({ ...trial, status: "running", sent: trial.sent + 1 });
      return jobOf(trial.trial, trial.rungs.length);
    }
    const point = points[trials.length];
    if (point === undefined) return undefined;
    const trial = trials.length + 1;
    const job = jobOf(trial, 0);
    put({
      ...{
        trial,
        status: "running",
        options: point,
        loss: null,
        updates: 0,
        of: job.of,
        sent: 1,
        rungs: [],
        curve: [],
      },
    });
    return job;
  }
  function note(job: Job, outcome: Exclude<Outcome, { kind: "interrupted" }>): SweepTrial {
    const { message: _, ...before } = trials[job.trial - 1] as SweepTrial;
    const { updates, curve } = outcome;
    const known = {
      ...before,
      updates: Math.max(updates, before.updates),
      curve: curve.length > 0 ? curve : before.curve,
    };
    if (outcome.kind === "measured") {
      const { loss, parameters } = outcome;
      const status = job.rung === job.rungs - 1 ? "finished" : "stopped";
      return { ...known, status, loss, parameters, rungs: [...before.rungs, [updates, loss]] };
    }
    const { kind, message } = outcome;
    return { ...known, status: kind, loss: null, message, rungs: [...before.rungs, [known.updates, null]] };
  }
  /** Copy the model of the best trial, if it is another than before. */
  function keepBest(): void {
    const best = bestOf(trials);
    const key = best === undefined ? "" : `${best.trial} ${best.updates}`;
    if (best === undefined || key === kept || !existsSync(files.model(best.trial))) return;
    writeFileAtomically(files.best, readFileSync(files.model(best.trial)));
    kept = key;
  }
  function writePage(): void {
    pageMs = performance.now();
    const facts = { title: `Sweep ${folder.folder}`, scales: plan.scales, rungs: shares.length, points: points.length };
    writeFileAtomically(files.page, new TextEncoder().encode(sweepPage(trials, facts)));
  }

  keepBest();
  let finished = false;
  try {
    for (;;) {
      while (signal?.aborted !== true && workers.want()) {
        const job = next();
        if (job === undefined) break;
        const model = files.model(job.trial);
        await workers.start(job, existsSync(model) ? new Uint8Array(readFileSync(model)) : undefined);
        running++;
      }
      if (running === 0 || (signal?.aborted === true && workers.goOn)) break;
      const event = await workers.next();
      if (event === undefined) continue;
      if (event.kind === "broken") throw event.error;
      if (event.kind === "progress") onEvent({ ...{ kind: "progress", trial: event.trial }, ...event.progress });
      else if (event.kind === "checkpoint") writeFileAtomically(files.model(event.trial), event.bytes);
      else {
        running--;
        const { job, outcome, model } = event;
        // The model first: what is known of a trial is never ahead of it.
        if (model !== undefined) writeFileAtomically(files.model(job.trial), model);
        if (outcome.kind === "interrupted") continue;
        const trial = note(job, outcome);
        put(trial);
        keepBest();
        await workers.forget(job);
        onEvent({ kind: "trial", trial, trials });
        if (performance.now() - pageMs > pageEveryMs) writePage();
      }
    }
    finished = signal?.aborted !== true;
    writePage();
  } catch (error) {
    // Who leaves need not wait until the connection is there again.
    if (!(error instanceof Left)) throw error;
    writePage();
  } finally {
    await workers.end(finished);
  }
  return {
    ...{ trials, best: bestOf(trials), stopped: !finished },
    updates: trials.reduce((sum, { updates }) => sum + updates, 0),
  };
}
